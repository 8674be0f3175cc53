"""Signed notes with Ed25519 (C2SP signed-note): the text of a checkpoint, and lines that sign it.

    <text, ends in a newline>
    <empty line>
    — <key name> <base64 of key id (4 bytes) and signature>

A public key is written as "name+hash+base64" (vkey), a private one as "PRIVATE+KEY+name+hash+base64" of its seed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04
"""Key types: of a log, and of a witness (C2SP tlog-cosignature)."""
NOTE_LIMIT = 64 * 1024

_ID_LENGTH = 4
_TIME_LENGTH = 8
_KEY_LENGTH = 32
_PRIVATE = "PRIVATE+KEY+"


class NoteError(ValueError):
    """A note or a key that is not one, or a signature that does not fit."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """Somebody's public key under its name; `kind` is ED25519 or COSIGNATURE."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes((self.kind,)) + self.public).digest()[:_ID_LENGTH]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes((self.kind,)) + self.public)}"

    def is_good(self, text: str, signature: bytes) -> bool:
        """Whether `signature`, without its key id, is one of this key under `text`."""
        message = text.encode()
        if self.kind == COSIGNATURE:
            if len(signature) < _TIME_LENGTH:
                return False
            time_s = int.from_bytes(signature[:_TIME_LENGTH], "big")
            message, signature = _cosigned(time_s, text), signature[_TIME_LENGTH:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under its name."""

    name: str
    kind: int
    seed: bytes

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self.kind, self._key.public_key().public_bytes_raw())

    @property
    def skey(self) -> str:
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{_base64(bytes((self.kind,)) + self.seed)}"

    def line(self, text: str, time_s: int = 0) -> str:
        """The line that signs `text`; a witness signs the time, in seconds, with it."""
        if self.kind == COSIGNATURE:
            signature = time_s.to_bytes(_TIME_LENGTH, "big") + self._key.sign(_cosigned(time_s, text))
        else:
            signature = self._key.sign(text.encode())
        return f"\u2014 {self.name} {_base64(self.verifier.key_id + signature)}\n"

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it, as (name, key id, signature); nothing is verified by this."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    def is_signed_by(self, verifier: Verifier) -> bool:
        """Whether there is a signature of that key, and each one of it is good."""
        found = [mark for name, key_id, mark in self.signatures if (name, key_id) == (verifier.name, verifier.key_id)]
        return bool(found) and all(verifier.is_good(self.text, mark) for mark in found)


def new_signer(name: str, kind: int, seed: bytes) -> Signer:
    """A key of 32 random bytes. Raises NoteError for a name that cannot stand in a note."""
    if not name or "+" in name or not name.isprintable() or any(each.isspace() for each in name):
        raise NoteError(f"{name!r} cannot be the name of a key: no spaces, no +")
    if len(seed) != _KEY_LENGTH:
        raise NoteError("a key of another length")
    return Signer(name, kind, seed)


def sign(text: str, *signers: Signer) -> str:
    """The note of `text` under these keys."""
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def parse(data: bytes) -> Note:
    """The note of its bytes: exactly those that would be written for it. Raises NoteError."""
    if len(data) > NOTE_LIMIT:
        raise NoteError("too long for a note")
    try:
        text, gap, lines = data.decode().rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise NoteError("not UTF-8") from error
    if not gap or not lines.endswith("\n"):
        raise NoteError("not a signed note")
    if any(each < " " and each != "\n" for each in text):
        raise NoteError("a control character in a note")
    return Note(text + "\n", tuple(_signature(line) for line in lines[:-1].split("\n")))


def verifier_of(vkey: str) -> Verifier:
    """The public key of its text "name+hash+base64". Raises NoteError."""
    name, key = _named_key(vkey.strip())
    found = Verifier(name, key[0], key[1:])
    if found.vkey != vkey.strip():
        raise NoteError("not a public key: its hash is not that of name and key")
    return found


def signer_of(skey: str) -> Signer:
    """The private key of its text. Raises NoteError."""
    given = skey.strip()
    if not given.startswith(_PRIVATE):
        raise NoteError("not a private key")
    name, key = _named_key(given.removeprefix(_PRIVATE))
    found = Signer(name, key[0], key[1:])
    if found.skey != given:
        raise NoteError("not a private key: its hash is not that of name and key")
    return found


def _named_key(text: str) -> tuple[str, bytes]:
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    key = _bytes(encoded)
    if not name or len(key) != 1 + _KEY_LENGTH or key[0] not in {ED25519, COSIGNATURE}:
        raise NoteError('not a key: "name+hash+base64" of an Ed25519 key')
    return name, key


def _signature(line: str) -> tuple[str, bytes, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not parts[1]:
        raise NoteError("a line that is no signature")
    signature = _bytes(parts[2])
    if len(signature) <= _ID_LENGTH:
        raise NoteError("a signature that is too short")
    return parts[1], signature[:_ID_LENGTH], signature[_ID_LENGTH:]


def _cosigned(time_s: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    """Strictly: other spellings of the same bytes are refused."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise NoteError("not base64") from error
    if _base64(data) != text:
        raise NoteError("not the one base64 spelling")
    return data
