"""HMAC-SHA-256 (RFC 2104) and HKDF (RFC 5869) from nothing but SHA-256, which is all that stock firmware has."""

import hashlib

try:
    from hmac import compare_digest as equal  # pyright: ignore[reportAssignmentType, reportUnusedImport]
except ImportError:

    def equal(left: bytes, right: bytes) -> bool:
        """Compare two tags in time that depends on their length only."""
        if len(left) != len(right):
            return False
        difference = 0
        for index in range(len(left)):
            difference |= left[index] ^ right[index]
        return difference == 0


try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from typing import Any

_BLOCK_LENGTH = 64
_DIGEST_LENGTH = 32


class Hmac256:
    """HMAC-SHA-256 under one key. The padded key blocks are kept: MicroPython's hashes cannot be copied."""

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK_LENGTH:
            key = hashlib.sha256(key).digest()
        key = key + bytes(_BLOCK_LENGTH - len(key))
        self._inner = bytes([byte ^ 0x36 for byte in key])
        self._outer = bytes([byte ^ 0x5C for byte in key])

    def digest(self, *parts: bytes) -> bytes:
        """Return the 32-byte tag of the parts put together."""
        inner = self.start()
        for part in parts:
            inner.update(part)
        return self.finish(inner)

    def start(self) -> "Any":
        """Return a hash to be given the message with `update`, in pieces as they lie, and then to `finish`."""
        return hashlib.sha256(self._inner)

    def finish(self, inner: "Any") -> bytes:
        """Return the 32-byte tag of what `inner` was given."""
        outer = hashlib.sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()


def hkdf(key: bytes, salt: bytes, info: bytes, length: int = _DIGEST_LENGTH) -> bytes:
    """Return `length` bytes of HKDF-SHA-256 (RFC 5869 sections 2.2 and 2.3); at most 255 * 32."""
    if length > 255 * _DIGEST_LENGTH:
        raise ValueError("too long")
    expand = Hmac256(Hmac256(salt).digest(key))
    out = block = b""
    counter = 1
    while len(out) < length:
        block = expand.digest(block, info, bytes((counter,)))
        out += block
        counter += 1
    return out[:length]
