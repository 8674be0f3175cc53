"""What each kind of vector must do. A check takes one case as a dict and raises AssertionError with the reason."""

import hashlib

from paifang_wire import cbor, p256, sign1
from paifang_wire.cose import HMAC_256_64, Mac0
from paifang_wire.errors import BAD_MAC, NOT_CBOR, SHAPE
from paifang_wire.mac import Hmac256, equal, hkdf

from .plain import fingerprint, refusal, restore

_MAC0_TAG = b"\xd1"
"""CBOR tag 17, COSE_Mac0 (RFC 9052 table 1)."""
_SIGN1_TAG = b"\xd2"
"""CBOR tag 18, COSE_Sign1 (RFC 9052 table 1)."""
_ES256 = -7


def check_cbor(case):
    """A case with "value" is accepted and written back; one with "refuse" is not strict CBOR."""
    data = bytes.fromhex(case["hex"])
    if "refuse" in case:
        expect(refusal(cbor.decode, data), NOT_CBOR)
        return
    value = restore(case["value"])
    expect(fingerprint(cbor.decode(data)), fingerprint(value))
    expect(cbor.encode(value), data)
    for length in range(len(data)):
        expect(refusal(cbor.decode, data[:length]), NOT_CBOR)
    expect(refusal(cbor.decode, data + b"\x00"), NOT_CBOR)


def check_hmac(case):
    """HMAC-SHA-256 of "data" under "key" starts with "tag"."""
    tag = bytes.fromhex(case["tag"])
    digest = Hmac256(bytes.fromhex(case["key"])).digest(bytes.fromhex(case["data"]))
    expect(len(digest), 32)
    expect(digest[: len(tag)], tag)


def check_hkdf(case):
    """HKDF-SHA-256 gives "okm", and its first step "prk"."""
    key, salt, info, okm = [bytes.fromhex(case[name]) for name in ("key", "salt", "info", "okm")]
    expect(Hmac256(salt).digest(key).hex(), case["prk"])
    expect(hkdf(key, salt, info, case["length"]), okm)


def check_cose_example(case):
    """What a plain COSE_Mac0 verifier finds, by our CBOR and HMAC; then that our frame profile refuses it."""
    message = bytes.fromhex(case["message"])
    key = bytes.fromhex(case["key"])
    external_aad = bytes.fromhex(case["external_aad"])
    expect(plain_mac0(key, external_aad, message), case["primitive"])
    for alg in (4, 5):
        for form in (message, untagged(message, _MAC0_TAG)):
            expect(refusal(Mac0(key, external_aad, alg).split, form), SHAPE)


def plain_mac0(key, external_aad, message):
    """Verify as RFC 9052 section 6.3 says and no stricter. Returns "verifies" or what is wrong."""
    if message[:1] != _MAC0_TAG and message[:1] != b"\x84":
        return "wrong CBOR tag"
    protected, unprotected, payload, tag = cbor.decode(untagged(message, _MAC0_TAG))
    headers = cbor.decode(protected) if protected else {}
    if headers.get(1, unprotected.get(1)) not in (4, 5):
        return "no algorithm of ours"
    structure = mac_structure(protected if headers else b"", external_aad, payload)
    if not equal(Hmac256(key).digest(structure)[: len(tag)], tag):
        return "wrong tag"
    return "verifies"


def untagged(message, tag):
    """Return the message without its one-byte CBOR tag, which the strict codec does not take."""
    return message[1:] if message[:1] == tag else message


def mac_structure(protected, external_aad, payload):
    """Return the MAC_structure of RFC 9052 section 6.3 for context "MAC0"."""
    return cbor.encode(["MAC0", protected, external_aad, payload])


def check_mac_structure(case):
    """The structure that the example's author authenticated, rebuilt from its parts, is the same to the byte."""
    structure = bytes.fromhex(case["mac_structure"])
    context, protected, external_aad, payload = cbor.decode(structure)
    expect(context, "MAC0")
    expect(external_aad.hex(), case["external_aad"])
    expect(mac_structure(protected, external_aad, payload), structure)


def check_signature(case):
    """ECDSA says "standard", we say "ours": of a good signature and its twin (r, n - s) one is taken, the low one."""
    public, digest, signature = signature_of(case)
    expect(p256.verify(public, digest, signature), case["ours"])
    other = twin(signature)
    if other:
        expect(p256.verify(public, digest, other), case["standard"] and not case["ours"])


def signature_of(case):
    """Return (public, digest, signature); the digest is given, or that of the "message"."""
    public, signature = bytes.fromhex(case["public"]), bytes.fromhex(case["signature"])
    if "message" in case:
        return public, hashlib.sha256(bytes.fromhex(case["message"])).digest(), signature
    return public, bytes.fromhex(case["digest"]), signature


def twin(signature):
    """Return (r, n - s), or None where s is out of range or the signature is not 64 bytes."""
    s = int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not 0 < s < p256.N:
        return None
    return signature[:32] + (p256.N - s).to_bytes(32, "big")


def check_sign1_example(case):
    """What a plain COSE_Sign1 verifier finds, by our CBOR and P-256; then that our profile refuses it."""
    message = bytes.fromhex(case["message"])
    public = bytes.fromhex(case["public"])
    expect(plain_sign1(public, bytes.fromhex(case["external_aad"]), message), case["primitive"])
    for form in (message, untagged(message, _SIGN1_TAG)):
        expect(refusal(sign1.split, form), SHAPE if form[:1] == b"\x84" else NOT_CBOR)


def plain_sign1(public, external_aad, message):
    """Verify as RFC 9052 section 4.4 says and, but for s, no stricter. Returns "verifies" or what is wrong."""
    if message[:1] != _SIGN1_TAG and message[:1] != b"\x84":
        return "wrong CBOR tag"
    protected, unprotected, payload, signature = cbor.decode(untagged(message, _SIGN1_TAG))
    headers = cbor.decode(protected)
    if headers.get(1, unprotected.get(1)) != _ES256:
        return "no algorithm of ours"
    structure = cbor.encode(["Signature1", protected if headers else b"", external_aad, payload])
    digest = hashlib.sha256(structure).digest()
    if p256.verify(public, digest, signature):
        return "verifies"
    return "high s" if p256.verify(public, digest, twin(signature)) else "wrong signature"


def check_sig_structure(case):
    """The structure that the example's author signed, rebuilt from its parts, is the same to the byte."""
    structure = bytes.fromhex(case["sig_structure"])
    context, protected, external_aad, payload = cbor.decode(structure)
    expect(context, "Signature1")
    expect(external_aad.hex(), case["external_aad"])
    expect(cbor.encode([context, protected, external_aad, payload]), structure)


def check_frame(case):
    """A frame of our profile: sealed to the byte, or refused by the step that "refuse" names."""
    mac0 = Mac0(bytes.fromhex(case["key"]), bytes.fromhex(case["external_aad"]), case.get("alg", HMAC_256_64))
    frame = bytes.fromhex(case["frame"])
    if "refuse" in case:
        expect(frame_refusal(mac0, frame), case["reason"])
        return
    payload = bytes.fromhex(case["payload"])
    expect(mac0.seal(case["counter"], payload), frame)
    expect(mac0.split(frame), (case["counter"], payload))
    mac0.verify(frame)
    for length in range(len(frame)):
        expect(frame_refusal(mac0, frame[:length]), SHAPE)
    expect(frame_refusal(mac0, frame + b"\x00"), SHAPE)
    for bit in range(8 * len(frame)):
        expect(frame_refusal(mac0, flipped(frame, bit)) in (SHAPE, BAD_MAC), True)


def frame_refusal(mac0, frame):
    """Return the reason with which the two steps of opening a frame refuse it, or None."""
    return refusal(mac0.split, frame) or refusal(mac0.verify, frame)


def flipped(frame, bit):
    """Return `frame` with one bit turned; bit 0 is the highest of the first byte."""
    out = bytearray(frame)
    out[bit >> 3] ^= 0x80 >> (bit & 7)
    return bytes(out)


def expect(got, wanted):
    """Raise AssertionError unless the two are equal (an assert statement would vanish from optimised bytecode)."""
    if got != wanted:
        raise AssertionError("got " + repr(got) + ", wanted " + repr(wanted))


CHECKS = {
    "cbor": (check_cbor,),
    "hmac": (check_hmac,),
    "hkdf": (check_hkdf,),
    "cose": (check_cose_example, check_mac_structure),
    "frame": (check_frame,),
    "signature": (check_signature,),
    "sign1": (check_sign1_example, check_sig_structure),
}
"""Kind of a vector file -> what each of its cases goes through."""


def check(kind, case):
    """Run every check of `kind` on one case. Raises AssertionError."""
    for one in CHECKS[kind]:
        one(case)
