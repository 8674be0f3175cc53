"""A key file: a private key under a passphrase, with its public half and what made the sealing beside it.

JSON; scrypt (RFC 7914) makes a 256-bit key of the passphrase, AES-GCM (NIST SP 800-38D) seals the scalar, and all that
can be read without the passphrase is bound by the seal. The file is for its owner's eyes: mode 0600 or it is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paifang.errors import EXIT_USAGE, PaifangError, bad_argument
from paifang.keys import files
from paifang.keys.roots import check_public
from paifang.keys.signing import SECRET_LENGTH, SigningKey
from paifang_wire import cbor, messages, sign1

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "paifang-key/1"
PUBLIC_FORMAT = "paifang-public-key/1"
_READABLE = (PUBLIC_FORMAT, FORMAT)
SUFFIX = ".key"
PUBLIC_SUFFIX = ".pub"
KINDS = ("person", "service", "root")
PASSPHRASE_LEAST = 8
_SCRYPT = (1 << 15, 8, 3)
"""n, r, p: 32 MB and 0.2 s of a small computer; one of the settings that OWASP takes for equally hard."""
_SCRYPT_MOST = (1 << 20, 16, 16)
_SCRYPT_MEMORY = 1 << 31
_SALT_LENGTH = 16
_NONCE_LENGTH = 12
_TAG_LENGTH = 16


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What others may know of a key. `person` is whose it is, by the name that policy and key sets use.

    A service's key acts under delegations only, a root key signs key sets and epochs only.
    """

    name: str
    person: str
    public: bytes
    kind: str = "person"
    site: str = ""

    @property
    def kid(self) -> bytes:
        return sign1.key_id(self.public)

    def as_dict(self) -> dict[str, str]:
        names = {"name": self.name, "person": self.person, "kind": self.kind, "site": self.site}
        return names | {"public": self.public.hex(), "kid": self.kid.hex()}

    def text(self) -> str:
        """The content of a *.pub file."""
        return json.dumps({"format": PUBLIC_FORMAT} | self.as_dict(), indent=2) + "\n"

    @classmethod
    def of_dict(cls, found: dict[str, Any], file: Path) -> PublicKey:
        try:
            public = check_public(found.get("public"))
            name, person = check_name(found.get("name")), check_name(found.get("person"))
        except ValueError as error:
            raise bad_argument(f"{file}: {error}") from error
        kind, site = found.get("kind", "person"), found.get("site", "")
        if kind not in KINDS or not isinstance(site, str):
            raise bad_argument(f"{file}: a key is of a {', '.join(KINDS)}, not {kind!r}")
        key = cls(name, person, public, kind, site)
        if found.get("kid") != key.kid.hex():
            raise bad_argument(f"{file}: its kid is not the one of its public key", "take a fresh copy of the file")
        return key

    @classmethod
    def read(cls, file: Path) -> PublicKey:
        """From a *.pub file, or from the readable part of a *.key file. Raises PaifangError."""
        found = files.read_json(file, "a public key")
        if found.get("format") not in _READABLE:
            raise bad_argument(f"{file} is not a public key", "paifang keys export writes one")
        return cls.of_dict(found, file)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A sealed key as it was read: everything but the secret is plain."""

    file: Path
    about: PublicKey
    scrypt: tuple[int, int, int]
    salt: bytes
    nonce: bytes
    sealed: bytes

    @classmethod
    def read(cls, file: Path) -> KeyFile:
        """Raises PaifangError: not there, open to others, or not a key file."""
        found = files.read_json(file, "a key file")
        _check_mode(file)
        if found.get("format") != FORMAT:
            raise bad_argument(f"{file} is not a key file", "paifang keys new makes one")
        about = PublicKey.of_dict(found, file)
        try:
            n, r, p = (int(found["scrypt"][each]) for each in "nrp")
            salt, nonce, sealed = (bytes.fromhex(found[each]) for each in ("salt", "nonce", "sealed"))
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(file) from error
        # The bounds keep a planted file from taking all memory before it is found out.
        bounds = all(1 <= value <= most for value, most in zip((n, r, p), _SCRYPT_MOST, strict=True))
        lengths = (len(salt), len(nonce), len(sealed)) == (_SALT_LENGTH, _NONCE_LENGTH, SECRET_LENGTH + _TAG_LENGTH)
        if not bounds or not lengths:
            raise _damaged(file)
        return cls(file, about, (n, r, p), salt, nonce, sealed)

    def open(self, passphrase: str) -> SigningKey:
        """Raises PaifangError when the passphrase is not the one, or the file has been changed."""
        key = _sealing_key(passphrase, self.salt, self.scrypt, self.file)
        try:
            secret = AESGCM(key).decrypt(self.nonce, self.sealed, _bound(self.about, self.scrypt))
            signer = SigningKey.of_secret(secret)
        except (InvalidTag, ValueError) as error:
            message = f"the passphrase does not open {self.file}"
            hint = "try again; if it is the right one, the file has been changed: use your copy of it"
            raise PaifangError(message, hint, code="passphrase") from error
        if signer.public != self.about.public:
            raise _damaged(self.file)
        return signer


def seal(file: Path, about: PublicKey, signer: SigningKey, passphrase: str, *, replace: bool = False) -> KeyFile:
    """Write the key file of `signer`, mode 0600. Raises PaifangError: a short passphrase, or a file that is there."""
    check_passphrase(passphrase)
    salt, nonce = os.urandom(_SALT_LENGTH), os.urandom(_NONCE_LENGTH)
    key = _sealing_key(passphrase, salt, _SCRYPT, file)
    sealed = AESGCM(key).encrypt(nonce, signer.secret, _bound(about, _SCRYPT))
    kdf = dict(zip("nrp", _SCRYPT, strict=True))
    secret = {"scrypt": kdf, "cipher": "AES-256-GCM", "salt": salt.hex(), "nonce": nonce.hex(), "sealed": sealed.hex()}
    text = json.dumps({"format": FORMAT} | about.as_dict() | secret, indent=2) + "\n"
    files.write(file, text, files.PRIVATE, replace=replace)
    return KeyFile(file, about, _SCRYPT, salt, nonce, sealed)


def check_passphrase(passphrase: str) -> None:
    """Raise PaifangError for one that is too short for anything."""
    if len(passphrase) < PASSPHRASE_LEAST:
        hint = "a few random words are best"
        raise bad_argument(f"a passphrase has at least {PASSPHRASE_LEAST} characters", hint)


def check_name(name: Any) -> str:
    """A name of a key or person. Raises ValueError saying what one is."""
    good = isinstance(name, str) and 0 < len(name) <= messages.TEXT_LIMIT // 2 and name.isprintable()
    if not good or name != name.strip() or "/" in name or name.startswith("."):
        rule = f"a name has 1 to {messages.TEXT_LIMIT // 2} printable characters, no slash and no dot in front"
        raise ValueError(f"{rule}, not {name!r}")
    return name


def _check_mode(file: Path) -> None:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        message = f"{file} is open to others (mode {mode:04o}), and it is a private key"
        hint = f"chmod 600 {file}; on a stick that knows no modes, copy it to a folder of yours first"
        raise PaifangError(message, hint, code="key-mode", exit_code=EXIT_USAGE)


def _sealing_key(passphrase: str, salt: bytes, scrypt: tuple[int, int, int], file: Path) -> bytes:
    n, r, p = scrypt
    try:
        return hashlib.scrypt(passphrase.encode(), salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY - 1, dklen=32)
    except (ValueError, MemoryError, UnicodeEncodeError) as error:
        raise _damaged(file) from error


def _bound(about: PublicKey, scrypt: tuple[int, int, int]) -> bytes:
    """What the seal covers beside the secret: nobody gives a key another name, person or site."""
    plain = [about.name, about.person, about.kind, about.site, about.public]
    return cbor.encode([FORMAT, *plain, *scrypt])


def _damaged(file: Path) -> PaifangError:
    return bad_argument(f"{file} is damaged: it is not a key file as they are written", "use your copy of it")
