"""COSE_Mac0 (RFC 9052 section 6.2) in the one shape that the wire allows.

`[<< {1: alg, 6: Partial IV} >>, {}, payload, tag]`, untagged; the Partial IV is the transport counter in the fewest
bytes. Because the shape is fixed, a frame is checked by slicing: its own encoded strings are what the MAC covers.
"""

from . import cbor
from .errors import BAD_MAC, SHAPE, WireError
from .mac import Hmac256, equal

HMAC_256_64 = 4
HMAC_256_256 = 5
COUNTER_LIMIT = 1 << 32

_MAC_START = b"\x84\x64MAC0"
"""Head of the MAC_structure and its context string, encoded."""


class Mac0:
    """Seals and opens frames under one key, for one direction, in one context.

    `external_aad` is bound but not sent. `alg` is HMAC_256_64 or HMAC_256_256.
    """

    def __init__(self, key: bytes, external_aad: bytes, alg: int = HMAC_256_64) -> None:
        self._hmac = Hmac256(key)
        self._aad = cbor.byte_string(external_aad)
        self._header = bytes((0xA2, 0x01, alg, 0x06))
        self._tag_head, self._tag_length = (b"\x48", 8) if alg == HMAC_256_64 else (b"\x58\x20", 32)

    def seal(self, counter: int, payload: "bytes | bytearray") -> bytes:
        """Return the frame of `payload` with transport counter `counter` (0..2**32-1)."""
        protected = self._protected(counter)
        body_head = bytearray()
        cbor.append_head(body_head, 2, len(payload))
        inner = self._hmac.start()
        inner.update(_MAC_START)
        inner.update(protected)
        inner.update(self._aad)
        inner.update(body_head)
        inner.update(payload)
        tag = self._hmac.finish(inner)
        frame = bytearray(b"\x84")
        frame.extend(protected)
        frame.append(0xA0)
        frame.extend(body_head)
        frame.extend(payload)
        frame.extend(self._tag_head)
        for index in range(self._tag_length):
            frame.append(tag[index])
        return bytes(frame)

    def split(self, frame: bytes) -> "tuple[int, bytes]":
        """Return (counter, payload) of a frame of the right shape, **not yet verified**.

        Raises WireError(SHAPE): another algorithm, header, length or encoding.
        """
        body = _body_start(frame, self._header)
        start, end = _payload_span(frame, body)
        tail = len(frame) - self._tag_length
        if frame[end:tail] != self._tag_head:
            raise WireError(SHAPE, "not a Mac0")
        return int.from_bytes(frame[7 : body - 1], "big"), frame[start:end]

    def verify(self, frame: bytes) -> None:
        """Check the tag of a frame that `split` has accepted. Raises WireError(BAD_MAC)."""
        body = frame[1] - 0x40 + 3
        tail = len(frame) - self._tag_length
        # The encoded strings of the MAC_structure stand in the frame as they are: protected, then the payload.
        tag = self._hmac.digest(_MAC_START, frame[1 : body - 1], self._aad, frame[body : tail - len(self._tag_head)])
        if not equal(tag[: self._tag_length], frame[tail:]):
            raise WireError(BAD_MAC)

    def _protected(self, counter: int) -> bytearray:
        """Return the protected header as an encoded byte string, with the counter in the fewest bytes."""
        length = 1
        while counter >> (8 * length):
            length += 1
        protected = bytearray()
        protected.append(0x45 + length)
        protected.extend(self._header)
        protected.append(0x40 + length)
        while length:
            length -= 1
            protected.append(counter >> (8 * length) & 0xFF)
        return protected


def _body_start(frame: bytes, header: bytes) -> int:
    """Return where the payload's byte string starts: after array head, protected and empty unprotected."""
    if len(frame) < 18 or frame[0] != 0x84 or frame[2:6] != header:
        raise WireError(SHAPE, "not a Mac0")
    length = frame[6] - 0x40
    body = 8 + length
    if not 1 <= length <= 4 or frame[1] != 0x45 + length or frame[body - 1] != 0xA0:
        raise WireError(SHAPE, "not a Mac0")
    if length > 1 and frame[7] == 0:
        raise WireError(SHAPE, "long form")
    return body


def _payload_span(frame: bytes, body: int) -> "tuple[int, int]":
    """Return (start, end) of the payload, whose byte string must have the shortest head."""
    length = frame[body] - 0x40
    if 0 <= length < 24:
        return body + 1, body + 1 + length
    if length == 24 and frame[body + 1] >= 24:
        return body + 2, body + 2 + frame[body + 1]
    length = frame[body + 1] << 8 | frame[body + 2]
    if frame[body] != 0x59 or length < 256:
        raise WireError(SHAPE, "not a Mac0")
    return body + 3, body + 3 + length
