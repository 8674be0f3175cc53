"""ES256 on a node: the same verdicts as OpenSSL's, on both interpreters, in steps no longer than two doublings."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import cbor2
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from portable import signatures
from portable.vectors import flipped, signature_of, twin

from paifang_wire import p256, sign1

from .conftest import SMALL_HEAP, load_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .conftest import MicroPython

Triple = tuple[bytes, bytes, bytes]
"""(public, digest, signature)."""
PREHASHED = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
SIGNATURE_FILES = ("rfc6979_p256_sha256", "wycheproof_p256_sha256", "p256_edges")
LONGEST_STEPS = 420


def key(dice: random.Random) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(dice.randrange(1, p256.N), ec.SECP256R1())


def public_of(private: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = private.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def low(signature: bytes) -> bytes:
    """The one of the two twins that is taken."""
    other = twin(signature)
    assert other
    return min(signature, other, key=lambda one: one[32:])


def signed(private: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    r, s = utils.decode_dss_signature(private.sign(digest, PREHASHED))
    return low(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def good(dice: random.Random) -> Triple:
    private, digest = key(dice), dice.randbytes(32)
    return public_of(private), digest, signed(private, digest)


def openssl_says(public: bytes, digest: bytes, signature: bytes) -> bool:
    """The verdict of ECDSA, whatever the size of s."""
    if len(signature) != 64 or len(public) != 64 or len(digest) != 32:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + public)
        point.verify(utils.encode_dss_signature(r, s), digest, PREHASHED)
    except (InvalidSignature, ValueError):
        return False
    return True


def line(words: Iterable[bytes]) -> str:
    return " ".join(word.hex() for word in words)


def asked(micropython: MicroPython, lines: list[str]) -> list[bool]:
    return [answer == "1" for answer in micropython.run("signatures", "\n".join(lines).encode(), SMALL_HEAP)]


@pytest.mark.parametrize("name", SIGNATURE_FILES)
def test_openssl_agrees_with_the_vectors(name: str) -> None:
    for case in load_cases(name):
        public, digest, signature = signature_of(case)
        assert openssl_says(public, digest, signature) == case["standard"], case["id"]
        assert case["ours"] == (case["standard"] and signature == low(signature)), case["id"]


def test_random_signatures(micropython: MicroPython, tier_size: Callable[[int, int], int]) -> None:
    dice = random.Random(1)
    triples = [good(dice) for _ in range(tier_size(60, 3_000))]
    assert all(openssl_says(*triple) for triple in triples)
    assert all(p256.verify(*triple) for triple in triples)
    assert all(asked(micropython, [line(triple) for triple in triples]))


def test_strangers(micropython: MicroPython, tier_size: Callable[[int, int], int]) -> None:
    """Another's key, another's hash, another's signature, the twin: none passes."""
    dice = random.Random(2)
    wrong: list[Triple] = []
    for _ in range(tier_size(15, 500)):
        (public, digest, signature), (others, another, stranger) = good(dice), good(dice)
        other = twin(signature)
        assert other
        assert openssl_says(public, digest, other)
        wrong += [(others, digest, signature), (public, another, signature), (public, digest, stranger)]
        wrong.append((public, digest, other))
    assert not any(p256.verify(*triple) for triple in wrong)
    assert not any(asked(micropython, [line(triple) for triple in wrong]))


def test_every_bit_counts(micropython: MicroPython, tier_size: Callable[[int, int], int]) -> None:
    """One bit turned in r, s, key or hash, and the signature is refused."""
    dice = random.Random(3)
    wrong: list[Triple] = []
    for _ in range(tier_size(1, 8)):
        public, digest, signature = good(dice)
        wrong += [(flipped(public, bit), digest, signature) for bit in range(512)]
        wrong += [(public, flipped(digest, bit), signature) for bit in range(256)]
        wrong += [(public, digest, flipped(signature, bit)) for bit in range(512)]
    assert not any(p256.verify(*triple) for triple in wrong)
    assert not any(asked(micropython, [line(triple) for triple in wrong]))


def test_signed_orders_cross_the_wire(micropython: MicroPython, tier_size: Callable[[int, int], int]) -> None:
    """Signed by `cryptography` over a structure that cbor2 wrote, packed by the wire, opened by both interpreters."""
    dice = random.Random(4)
    lines: list[str] = []
    wanted: list[bool] = []
    for _ in range(tier_size(10, 300)):
        private, payload = key(dice), dice.randbytes(dice.randrange(1, 300))
        public = public_of(private)
        kid = sign1.key_id(public)
        protected = cbor2.dumps({1: -7, 4: kid}, canonical=True)
        context = cbor2.dumps(["paifang/1", "ward-1", sign1.COMMAND])
        structure = cbor2.dumps(["Signature1", protected, context, payload])
        assert sign1.signed_bytes(kid, "ward-1", sign1.COMMAND, payload) == structure
        message = sign1.pack(kid, payload, signed(private, hashlib.sha256(structure).digest()))
        assert message == cbor2.dumps([protected, {}, payload, message[-64:]])
        changed = flipped(message, dice.randrange(8 * len(message)))
        for site, purpose, sent in (
            ("ward-1", sign1.COMMAND, message),
            ("ward-2", sign1.COMMAND, message),
            ("ward-1", sign1.APPROVAL, message),
            ("ward-1", sign1.COMMAND, changed),
            ("ward-1", sign1.COMMAND, b"\xd2" + message),
        ):
            lines.append(f"{site} {purpose} {public.hex()} {sent.hex()}")
            wanted.append((site, purpose, sent) == ("ward-1", sign1.COMMAND, message))
    assert [signatures.verdict(words.split()) for words in lines] == wanted
    assert asked(micropython, lines) == wanted


def test_the_base_points_table() -> None:
    for index in range(1 << (p256._BASE_WIDTH - 2)):
        numbers = ec.derive_private_key(2 * index + 1, ec.SECP256R1()).public_key().public_numbers()
        assert p256._base_multiple(index) == (numbers.x, numbers.y)


def test_a_step_is_at_most_two_doublings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: an addition is less than two doublings and is never joined by another or by a doubling."""
    counts = {"_double": 0, "_add": 0}

    def counted(name: str) -> None:
        plain = getattr(p256, name)

        def count(*arguments: object) -> object:
            counts[name] += 1
            return plain(*arguments)

        monkeypatch.setattr(p256, name, count)

    counted("_double")
    counted("_add")
    seen: set[tuple[int, int]] = set()
    for case in load_cases("p256_edges"):
        verification = p256.Verification(*signature_of(case))
        steps, more = 0, True
        while more:
            counts.update(_double=0, _add=0)
            more = verification.step()
            seen.add((counts["_double"], counts["_add"]))
            steps += 1
        assert verification.valid == case["ours"]
        assert steps <= LONGEST_STEPS
    # The one addition with a doubling inside is that of a point to itself, which ends where the addition proper begins.
    assert seen == {(0, 0), (1, 0), (0, 1), (1, 1)}


MALFORMED = ("key-p", "key-0", "key-off", "key-other-curve", "key-x-p", "key-y-above-p", "zeros-", "sig-", "s-high")
OUT_OF_RANGE = (
    "r-0",
    "s-0",
    "r-n",
    "s-n",
    "r-s-0",
    "r-s-n",
    "r-ones",
    "s-ones",
    "r-plus-n",
    "s-plus-n",
    "s-above-half",
)


def test_what_is_malformed_costs_no_step() -> None:
    """Among them r = 0 and r = n, which no key and hash could make pass the arithmetic either."""
    cases = {case["id"]: case for case in load_cases("p256_edges")}
    malformed = [cases[name] for name in cases if name.startswith(MALFORMED)] + [cases[name] for name in OUT_OF_RANGE]
    for case in malformed:
        verification = p256.Verification(*signature_of(case))
        assert not verification.step(), case["id"]
        assert not verification.valid


def test_nothing_is_valid_before_the_end() -> None:
    verification = p256.Verification(*good(random.Random(5)))
    while True:
        assert not verification.valid
        if not verification.step():
            break
    assert verification.valid
    assert not verification.step()
    assert verification.valid


def test_verifications_side_by_side() -> None:
    """Two under way at once, one of them bad: neither knows of the other."""
    dice = random.Random(6)
    public, digest, signature = good(dice)
    pair = [p256.Verification(public, digest, signature), p256.Verification(public, flipped(digest, 9), signature)]
    while [True for one in pair if one.step()]:
        pass
    assert [one.valid for one in pair] == [True, False]
