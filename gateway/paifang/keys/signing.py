"""ES256 (RFC 9053 section 2.1) on the gateway and on operators' machines; nodes check it in their own arithmetic.

A public key is 64 bytes, x and y; a signature is 64 bytes, r and s, with s in the lower half of the curve's order: of
(r, s) and (r, n - s) exactly one is taken, so that nobody can make a second signature out of a first.
"""

from __future__ import annotations

import functools
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from paifang_wire import sign1
from paifang_wire.p256 import N as _ORDER

PUBLIC_LENGTH = 64
SECRET_LENGTH = 32
_HALF = 32
_UNCOMPRESSED = b"\x04"
_ES256 = ec.ECDSA(hashes.SHA256())
_ES256_OF_DIGEST = ec.ECDSA(Prehashed(hashes.SHA256()))
_CACHED_KEYS = 4_096


class SigningKey:
    """A private key in RAM. `public` is its 64 bytes, `kid` the 8 bytes that name it."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        numbers = private.public_key().public_numbers()
        self._private = private
        self.public = numbers.x.to_bytes(_HALF, "big") + numbers.y.to_bytes(_HALF, "big")
        self.kid = sign1.key_id(self.public)

    @classmethod
    def new(cls) -> SigningKey:
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def of_secret(cls, secret: bytes) -> SigningKey:
        """The key of a 32-byte scalar. Raises ValueError unless it is from 1 to n - 1."""
        value = int.from_bytes(secret, "big")
        if len(secret) != SECRET_LENGTH or not 0 < value < _ORDER:
            raise ValueError("not a private key of P-256")
        return cls(ec.derive_private_key(value, ec.SECP256R1()))

    @property
    def secret(self) -> bytes:
        return self._private.private_numbers().private_value.to_bytes(SECRET_LENGTH, "big")

    def sign(self, message: bytes) -> bytes:
        """64 bytes, low s."""
        r, s = decode_dss_signature(self._private.sign(message, _ES256))
        return r.to_bytes(_HALF, "big") + min(s, _ORDER - s).to_bytes(_HALF, "big")

    def sign1(self, site: str, purpose: str, payload: bytes, *, detached: bool = False) -> bytes:
        """The COSE_Sign1 of `payload` for one purpose on one site; detached, the payload lies beside it."""
        signature = self.sign(sign1.signed_bytes(self.kid, site, purpose, payload))
        return sign1.pack(self.kid, None if detached else payload, signature)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is of `message`; False also for a high s and for a point that is not on the curve."""
    return verify_digest(public, hashlib.sha256(message).digest(), signature)


def verify_digest(public: bytes, digest: bytes, signature: bytes) -> bool:
    """`verify` for a message of which the SHA-256 is known; the counterpart of a node's `p256.verify`."""
    if len(signature) != 2 * _HALF:
        return False
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    if not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
        return False
    try:
        _loaded(public).verify(encode_dss_signature(r, s), digest, _ES256_OF_DIGEST)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify1(public: bytes, site: str, purpose: str, payload: bytes, signature: bytes) -> bool:
    """Whether `signature` is the one of a COSE_Sign1 over `payload` by this key, for this purpose on this site."""
    return verify(public, sign1.signed_bytes(sign1.key_id(public), site, purpose, payload), signature)


def on_curve(public: bytes) -> bool:
    """Whether these bytes are a public key at all."""
    try:
        _loaded(public)
    except ValueError:
        return False
    return True


@functools.lru_cache(_CACHED_KEYS)
def _loaded(public: bytes) -> ec.EllipticCurvePublicKey:
    """ValueError unless it is a point on the curve, and 64 bytes long."""
    if len(public) != PUBLIC_LENGTH:
        raise ValueError("not 64 bytes")
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _UNCOMPRESSED + public)
