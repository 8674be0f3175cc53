"""AES-CCM with a tag of 4 bytes, as sensors seal their advertisements."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from paifang.bridges.errors import FrameError

KEY_LENGTH = 16
TAG_LENGTH = 4


def opened(key: bytes, nonce: bytes, sealed: bytes, associated: bytes | None = None) -> bytes:
    """The plain bytes of `sealed`, which ends with its tag; FrameError "key" if this key does not open it."""
    if len(key) != KEY_LENGTH:
        raise FrameError("key", f"a key has {KEY_LENGTH} bytes, this one {len(key)}")
    try:
        return AESCCM(key, TAG_LENGTH).decrypt(nonce, sealed, associated)
    except InvalidTag as error:
        raise FrameError("key", "wrong key, wrong address, or bytes that somebody changed") from error
