"""The three root keys of a site, and what two of them have signed: key sets, epoch changes, site records of signals.

A `Rooted` is a payload with its signatures beside it, as it lies in a *.keyset, *.epoch or *.site file:
`[payload, [detached COSE_Sign1, …]]` in canonical CBOR.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.errors import EXIT_USAGE, PaifangError, bad_argument
from paifang.keys import files
from paifang.keys.signing import PUBLIC_LENGTH, on_curve, verify1
from paifang_wire import cbor, sign1
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from pathlib import Path

ROOT_COUNT = 3
NEEDED = 2
KINDS = {sign1.KEYSET: "key set", sign1.EPOCH: "epoch record", sign1.SITE_RECORD: "site record"}
"""What roots sign, by its purpose."""
FILE_LIMIT = 8_192
"""Bytes of a signed file: the longest key set, three signatures, and air."""


@dataclass(frozen=True, slots=True)
class Root:
    """One root key: its name on the owner's list, its public half (64 bytes)."""

    name: str
    public: bytes


@dataclass(frozen=True, slots=True)
class Roots:
    """The root keys of a site. Nodes hold the public halves from provisioning on; no gateway can change them there."""

    site: str
    roots: tuple[Root, ...]

    @classmethod
    def read(cls, file: Path) -> Roots:
        """From a roots.json, {site, roots: [{name, public}, …]}. Raises PaifangError saying what is wrong in it."""
        if not file.exists():
            raise bad_argument(f"there are no root keys at {file}", "copy the roots.json of the root ceremony there")
        found = files.read_json(file, "a list of root keys")
        try:
            roots = tuple(Root(str(each["name"]), bytes.fromhex(each["public"])) for each in found["roots"])
            site = found["site"]
        except (KeyError, TypeError, ValueError) as error:
            raise _bad_roots(file, "it is not a list of root keys") from error
        if not isinstance(site, str) or not site:
            raise _bad_roots(file, "it names no site")
        if len(roots) != ROOT_COUNT or len({root.public for root in roots}) != ROOT_COUNT:
            raise _bad_roots(file, f"it has {len(roots)} root keys, and {ROOT_COUNT} different ones belong there")
        for root in roots:
            if not on_curve(root.public):
                raise _bad_roots(file, f"the public key of {root.name} is no key")
        return cls(site, roots)

    def text(self) -> str:
        """The text of a roots.json."""
        rows = [{"name": root.name, "public": root.public.hex()} for root in self.roots]
        return json.dumps({"site": self.site, "roots": rows}, indent=2) + "\n"

    @property
    def blob(self) -> bytes:
        """What a node keeps in its NVS as `roots`: the public halves, one after the other."""
        return b"".join(root.public for root in self.roots)

    def find(self, kid: bytes) -> Root | None:
        return next((root for root in self.roots if sign1.key_id(root.public) == kid), None)

    def signers(self, purpose: str, rooted: Rooted) -> list[Root]:
        """Whose signatures are good, each root once. Raises PaifangError for one that is not."""
        found: list[Root] = []
        for kid, signature in rooted.signatures:
            root = self.find(kid)
            if root is None:
                raise _unsigned(f"a signature is by the key {kid.hex()}, which is no root of {self.site}")
            if not verify1(root.public, self.site, purpose, rooted.payload, signature):
                raise _unsigned(f"the signature of {root.name} is not of this {KINDS[purpose]} for {self.site}")
            if root not in found:
                found.append(root)
        return found

    def check(self, purpose: str, rooted: Rooted) -> list[Root]:
        """The roots that signed: two at least. Raises PaifangError."""
        signers = self.signers(purpose, rooted)
        if len(signers) < NEEDED:
            names = " and ".join(root.name for root in signers) or "nobody"
            hint = "have another root sign it: paifang keys root sign FILE --key ROOT"
            raise _unsigned(f"this {KINDS[purpose]} is signed by {names}, and it takes two of the three roots", hint)
        return signers


@dataclass(frozen=True, slots=True)
class Rooted:
    """A payload, and (key id, signature) of each root that has signed it."""

    payload: bytes
    signatures: tuple[tuple[bytes, bytes], ...] = ()

    @classmethod
    def decode(cls, data: bytes, where: str = "the file") -> Rooted:
        """Raises PaifangError when `data` is not of the file's form; who signed is not looked at."""
        try:
            payload, detached = cbor.decode(data, FILE_LIMIT)
            signatures = tuple(_detached(each) for each in detached)
        except (WireError, ValueError, TypeError) as error:
            message = f"{where} is not a payload with its signatures"
            hint = "paifang keys set build, paifang keys epoch and paifang signal site sign make such files"
            raise bad_argument(message, hint) from error
        if not isinstance(payload, bytes) or len(signatures) > ROOT_COUNT:
            raise bad_argument(f"{where} is not a payload with its signatures")
        return cls(payload, signatures)

    @classmethod
    def read(cls, file: Path) -> Rooted:
        return cls.decode(files.read_bytes(file, FILE_LIMIT), str(file))

    def encode(self) -> bytes:
        return cbor.encode([self.payload, [sign1.pack(kid, None, signature) for kid, signature in self.signatures]])

    def signed(self, data: bytes) -> Rooted:
        """With one more detached COSE_Sign1; a second one of a key takes the place of its first."""
        added = _detached(data)
        kept = tuple(each for each in self.signatures if each[0] != added[0])
        return Rooted(self.payload, (*kept, added))

    @property
    def detached(self) -> list[bytes]:
        """The first two signatures as a `rooted` message carries them."""
        return [sign1.pack(kid, None, signature) for kid, signature in self.signatures[:NEEDED]]


def check_public(text: Any) -> bytes:
    """A public key from its 128 hex digits. Raises ValueError saying what is wrong."""
    public = bytes.fromhex(text) if isinstance(text, str) else b""
    if len(public) != PUBLIC_LENGTH:
        raise ValueError(f"a public key is {2 * PUBLIC_LENGTH} hex digits")
    if not on_curve(public):
        raise ValueError("this is no public key of P-256: look for a typing error")
    return public


def _detached(data: bytes) -> tuple[bytes, bytes]:
    kid, payload, signature = sign1.split(data)
    if payload is not None:
        raise ValueError("a payload where it should lie beside")
    return kid, signature


def _bad_roots(file: Path, why: str) -> PaifangError:
    return PaifangError(f"{file}: {why}", "paifang keys root new wrote it", exit_code=EXIT_USAGE)


def _unsigned(message: str, hint: str = "") -> PaifangError:
    return PaifangError(message, hint, code="bad-signature")
