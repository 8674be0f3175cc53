"""Whoever holds a private key: persons with their keys, and the roots. Made with `cryptography` and `cbor2` alone.

Nothing here comes from the code under test, so what it signs and what it calls genuine is an opinion of its own.
Signatures are deterministic (RFC 6979): the same seed plays the same game.
"""

from __future__ import annotations

import functools
import hashlib

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

SITE = "ward-1"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""n of P-256 (SP 800-186 section 3.2.1.3)."""
COMMAND, APPROVAL, KEYSET, EPOCH = "command", "approval", "keyset", "epoch"
ACTIVE, RETIRING, REVOKED = 0, 1, 2
EVERY_OP = 0b11111
EVERYWHERE = (("*", "*"),)

_DETERMINISTIC = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_PREHASHED = ec.ECDSA(Prehashed(hashes.SHA256()))


class Key:
    """The private key of a number. `public` is x || y, `kid` what names it."""

    def __init__(self, number: int) -> None:
        secret = int.from_bytes(hashlib.sha256(b"key %d" % number).digest(), "big") % ORDER
        self._private = ec.derive_private_key(secret, ec.SECP256R1())
        numbers = self._private.public_key().public_numbers()
        self.public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        self.kid = key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """R || s, low s."""
        r, s = decode_dss_signature(self._private.sign(message, _DETERMINISTIC))
        return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")

    def sign1(self, purpose: str, payload: bytes, *, detached: bool = False, site: str = SITE) -> bytes:
        signature = self.sign(signed_bytes(self.kid, purpose, payload, site))
        return pack(self.kid, None if detached else payload, signature)


def key_id(public: bytes) -> bytes:
    return hashlib.sha256(public).digest()[:8]


def protected(kid: bytes) -> bytes:
    return cbor2.dumps({1: -7, 4: kid})


def pack(kid: bytes, payload: bytes | None, signature: bytes) -> bytes:
    return cbor2.dumps([protected(kid), {}, payload, signature])


def signed_bytes(kid: bytes, purpose: str, payload: bytes, site: str = SITE) -> bytes:
    """The Sig_structure of RFC 9052 section 4.4."""
    return cbor2.dumps(["Signature1", protected(kid), cbor2.dumps(["paifang/1", site, purpose]), payload])


def twin(data: bytes) -> bytes:
    """The same COSE_Sign1 with (r, n - s): it satisfies the curve's equation as well."""
    head, unprotected, payload, signature = cbor2.loads(data)
    s = ORDER - int.from_bytes(signature[32:], "big")
    return cbor2.dumps([head, unprotected, payload, signature[:32] + s.to_bytes(32, "big")])


@functools.lru_cache(65_536)
def is_genuine(public: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether `signature` (r || s, low s) is of `digest`; False for a point that is not on the curve."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not 0 < r < ORDER or not 0 < s <= ORDER // 2:
        return False
    loaded = _loaded(public)
    if loaded is None:
        return False
    try:
        loaded.verify(encode_dss_signature(r, s), digest, _PREHASHED)
    except InvalidSignature:
        return False
    return True


@functools.lru_cache(1_024)
def _loaded(public: bytes) -> ec.EllipticCurvePublicKey | None:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
    except ValueError:
        return None


class QuickVerification:
    """Stands in for `p256.Verification` where speed counts: same arguments, same steps to take, same answer."""

    STEPS = 3

    def __init__(self, public: bytes, digest: bytes, signature: bytes) -> None:
        self._asked = public, digest, signature
        self._left = self.STEPS
        self.valid = False

    def step(self) -> bool:
        if self._left == 0:
            return False
        self._left -= 1
        if self._left == 0:
            self.valid = is_genuine(*self._asked)
        return self._left > 0


class Person:
    """Somebody with one or more keys."""

    def __init__(self, name: str, *keys: Key) -> None:
        self.name = name
        self.keys = list(keys)


def row(key: Key, person: str, key_class: int = 3, state: int = ACTIVE, **scope: object) -> list[object]:
    """One key of a key set."""
    pairs = [list(pair) for pair in scope.get("scope", EVERYWHERE)]  # type: ignore[attr-defined]
    return [key.public, person, key_class, state, scope.get("ops", EVERY_OP), pairs]


ROOTS = (Key(11), Key(12), Key(13))
IMPOSTORS = (Key(21), Key(22))
"""Keys in the hands of whoever stole the gateway: nobody ever signed them."""


def rooted(purpose: str, payload: bytes, signers: tuple[Key, Key] = ROOTS[:2]) -> tuple[bytes, bytes, bytes]:
    """(payload, signature, signature) as they stand in a message."""
    first, second = [key.sign1(purpose, payload, detached=True) for key in signers]
    return payload, first, second
