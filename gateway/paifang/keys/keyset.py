"""The key set of a site: whose keys may command what. Version by version, each signed by two of the three roots."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from paifang.errors import PaifangError
from paifang.keys.roots import Rooted
from paifang.keys.signing import on_curve
from paifang_wire import names, orders, sign1
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from paifang.keys.roots import Roots

Scope = tuple[tuple[str, str], ...]
"""Pairs (node pattern, point pattern); a pattern is a name, or a prefix and "*"."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a set: public half (64 bytes), person, greatest class, state, operations as bits, scope."""

    public: bytes
    person: str
    key_class: int
    state: int
    ops: int
    scope: Scope

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Self:
        public, person, key_class, state, ops, scope = row
        return cls(public, person, key_class, state, ops, tuple((node, point) for node, point in scope))

    @property
    def row(self) -> list[Any]:
        """As it stands in the signed payload."""
        pairs = [[node, point] for node, point in self.scope]
        return [self.public, self.person, self.key_class, self.state, self.ops, pairs]

    @property
    def kid(self) -> bytes:
        return sign1.key_id(self.public)

    @property
    def state_name(self) -> str:
        return names.KEY_STATES[self.state]

    @property
    def op_names(self) -> list[str]:
        return op_names(self.ops)

    def permits(self, op: int, node: str, point: str, point_class: int) -> bool:
        """Whether this key may give (or approve) the command; policy may still forbid it."""
        return not orders.key_refusal(self.row, point_class, op, node, point)


@dataclass(frozen=True, slots=True)
class KeySet:
    """`rooted` is what was decoded, to be handed on to nodes as it is."""

    version: int
    entries: tuple[Entry, ...]
    rooted: Rooted

    @classmethod
    def decode(cls, data: bytes, where: str = "the key set") -> Self:
        """From the content of a *.keyset. Raises PaifangError; **the signatures are not checked here**."""
        return cls.of(Rooted.decode(data, where), where)

    @classmethod
    def read(cls, file: Path) -> Self:
        return cls.of(Rooted.read(file), str(file))

    @classmethod
    def of(cls, rooted: Rooted, where: str = "the key set") -> Self:
        try:
            version, rows = orders.decode_keyset(rooted.payload)
        except WireError as error:
            message = f"{where} is not a key set: {error}"
            raise PaifangError(message, "paifang keys set build makes one", code="bad-argument") from error
        for row in rows:
            if not on_curve(row[orders.PUBLIC]):
                raise PaifangError(f"{where}: a key of {row[orders.PERSON]} is no public key", code="bad-argument")
        return cls(version, tuple(Entry.of_row(row) for row in rows), rooted)

    @classmethod
    def build(cls, version: int, entries: Sequence[Entry]) -> Self:
        """A key set that nobody has signed yet. Raises WireError(SHAPE) when it does not fit the wire."""
        payload = orders.encode_keyset(version, [entry.row for entry in entries])
        return cls(version, tuple(entries), Rooted(payload))

    def verify(self, roots: Roots) -> list[str]:
        """The names of the roots that signed. Raises PaifangError unless two of them did."""
        return [root.name for root in roots.check(sign1.KEYSET, self.rooted)]

    def encode(self) -> bytes:
        return self.rooted.encode()

    def file_beside(self, source: Path) -> Path:
        """Where this version goes when nobody says otherwise: keyset.toml -> keyset-v4.keyset."""
        stem = re.sub(r"-v[0-9]+$", "", source.stem)
        return source.with_name(f"{stem}-v{self.version}.keyset")

    def find(self, kid: bytes) -> Entry | None:
        return next((entry for entry in self.entries if entry.kid == kid), None)

    def warnings(self) -> list[str]:
        """What is allowed and yet unwise, in words."""
        good = [entry for entry in self.entries if entry.state != orders.REVOKED]
        gravest = {entry.person for entry in good if entry.key_class == orders.GREATEST_CLASS}
        told: list[str] = []
        if len(gravest) == 1:
            told.append(f"only {gravest.pop()} has a key of class {orders.GREATEST_CLASS}, and it takes two persons")
        told += [f"{entry.person} has a key that may do nothing" for entry in good if not entry.ops or not entry.scope]
        return told

    def of_person(self, person: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.person == person]


def op_names(ops: int) -> list[str]:
    """The operations whose bits are set, by name."""
    return [name for bit, name in enumerate(names.OPS) if ops >> bit & 1]


def op_bits(wanted: Sequence[str]) -> int:
    """The bits of operations. Raises ValueError naming those there are."""
    bits = 0
    for name in wanted:
        if name not in names.OPS:
            raise ValueError(f"no operation {name!r}; there are {', '.join(names.OPS)}")
        bits |= 1 << names.OPS.index(name)
    return bits
