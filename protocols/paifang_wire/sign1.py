"""COSE_Sign1 (RFC 9052 section 4.2) with ES256, in the one shape that is taken.

`[<< {1: -7, 4: key id} >>, {}, payload, signature]`, untagged; the payload is null where it lies beside (section 4.1).
What is signed is bound to its site and its purpose by the external_aad. The arithmetic is `p256` on a node.
"""

import hashlib

from . import cbor, messages
from .errors import SHAPE, WireError
from .keys import VERSION

COMMAND = "command"
APPROVAL = "approval"
DELEGATION = "delegation"
KEYSET = "keyset"
EPOCH = "epoch"
SITE_RECORD = "site-record"

KEY_ID_LENGTH = 8

_PROTECTED_START = b"\xa2\x01\x26\x04\x48"
"""The protected header up to the 8 bytes of the key id: alg ES256 (-7), then kid."""


def key_id(public: bytes) -> bytes:
    """Return the 8 bytes by which a public key (64 bytes, x and y) is named."""
    return hashlib.sha256(public).digest()[:KEY_ID_LENGTH]


def pack(kid: bytes, payload: "bytes | None", signature: bytes) -> bytes:
    """Return the COSE_Sign1; a `payload` of None says that it lies beside."""
    return cbor.encode([_PROTECTED_START + kid, {}, payload, signature])


def split(data: bytes) -> "tuple[bytes, bytes | None, bytes]":
    """Return (key id, payload or None, signature) of a COSE_Sign1, **not yet verified**.

    Raises WireError: NOT_CBOR, TOO_LONG; SHAPE for another algorithm, header or length.
    """
    fields = cbor.decode(data)
    if not messages.fits_row("yvYg", fields) or fields[1]:
        raise WireError(SHAPE, "not a COSE_Sign1 without unprotected headers")
    protected, _, payload, signature = fields
    start = len(_PROTECTED_START)
    if protected[:start] != _PROTECTED_START or len(protected) != start + KEY_ID_LENGTH:
        raise WireError(SHAPE, "not an ES256 signature with a key id")
    return protected[start:], payload, signature


def signed_bytes(kid: bytes, site: str, purpose: str, payload: bytes) -> bytes:
    """Return the Sig_structure (RFC 9052 section 4.4) that the signature covers."""
    context = cbor.encode([VERSION, site, purpose])
    return cbor.encode(["Signature1", _PROTECTED_START + kid, context, payload])


def digest(kid: bytes, site: str, purpose: str, payload: bytes) -> bytes:
    """Return the SHA-256 of `signed_bytes`: what ES256 signs; without a copy of the payload, which may be long."""
    start = bytearray(b"\x84")
    for part in ("Signature1", _PROTECTED_START + kid, cbor.encode([VERSION, site, purpose])):
        cbor.append(start, part)
    cbor.append_head(start, 2, len(payload))
    hashed = hashlib.sha256(start)
    hashed.update(payload)
    return hashed.digest()
