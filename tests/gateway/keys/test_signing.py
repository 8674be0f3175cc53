"""ES256 of the host: the vectors that nodes are held to, one signature out of two, and agreement with a node."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from paifang.keys import signing
from paifang.keys.signing import SigningKey
from paifang_wire import p256, sign1

VECTORS = Path(__file__).parents[3] / "protocols" / "vectors"
CASES = [
    pytest.param(case, id=case["id"])
    for name in ("rfc6979_p256_sha256", "wycheproof_p256_sha256", "p256_edges")
    for case in json.loads((VECTORS / f"{name}.json").read_text())["cases"]
]


@pytest.mark.parametrize("case", CASES)
def test_vectors(case):
    public, signature = bytes.fromhex(case["public"]), bytes.fromhex(case["signature"])
    given = case.get("digest")
    digest = bytes.fromhex(given) if given is not None else hashlib.sha256(bytes.fromhex(case["message"])).digest()
    assert signing.verify_digest(public, digest, signature) is case["ours"]


def test_a_signature_is_low_and_good_on_a_node(tier_size):
    key = SigningKey.new()
    for number in range(tier_size(200, 5_000)):
        message = b"order %d" % number
        signature = key.sign(message)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        assert s <= p256.N // 2
        assert signing.verify(key.public, message, signature)
        twin = r.to_bytes(32, "big") + (p256.N - s).to_bytes(32, "big")
        assert not signing.verify(key.public, message, twin)
        if number % 20 == 0:
            assert p256.verify(key.public, hashlib.sha256(message).digest(), signature)


def test_every_turned_bit_is_found():
    key = SigningKey.new()
    signature = key.sign(b"order")
    for bit in range(512):
        turned = bytearray(signature)
        turned[bit // 8] ^= 1 << bit % 8
        assert not signing.verify(key.public, b"order", bytes(turned))
    assert not signing.verify(key.public, b"ordes", signature)
    assert not signing.verify(SigningKey.new().public, b"order", signature)
    assert not signing.verify(key.public, b"order", signature + b"\0")
    assert not signing.verify(key.public[:-1], b"order", signature)


def test_a_sign1_holds_for_its_site_and_purpose_only():
    key = SigningKey.new()
    kid, payload, signature = sign1.split(key.sign1("ward-1", sign1.COMMAND, b"payload"))
    assert (kid, payload) == (key.kid, b"payload")
    assert signing.verify1(key.public, "ward-1", sign1.COMMAND, b"payload", signature)
    assert not signing.verify1(key.public, "ward-2", sign1.COMMAND, b"payload", signature)
    assert not signing.verify1(key.public, "ward-1", sign1.APPROVAL, b"payload", signature)
    assert sign1.split(key.sign1("ward-1", sign1.KEYSET, b"payload", detached=True))[1] is None


def test_a_secret_is_a_scalar_of_the_curve():
    key = SigningKey.new()
    assert SigningKey.of_secret(key.secret).public == key.public
    for secret in (bytes(32), p256.N.to_bytes(32, "big"), b"\xff" * 32, key.secret[1:], b""):
        with pytest.raises(ValueError, match="not a private key"):
            SigningKey.of_secret(secret)
