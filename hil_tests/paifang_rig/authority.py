"""The owner of a ward and its people: root keys, operators' keys, and what they sign, as on their own machines.

Everything is in RAM and on nobody's disk; a gateway and its nodes learn public halves only.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from paifang.keys.keyset import Entry, KeySet
from paifang.keys.roots import ROOT_COUNT, Root, Rooted, Roots
from paifang.keys.signing import SigningKey
from paifang_tools import provision
from paifang_wire import messages, names, orders, sign1

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

PEOPLE = {"alice": "alice", "bob": "bob", "bob-2": "bob", "carol": "carol", "dave": "dave"}
"""Key → person: bob has two keys, and is one person. A node takes a key once in some seconds: hence several persons."""
ALL_OPS = (1 << len(names.OPS)) - 1
EVERYWHERE = (("*", "*"),)
GOOD_FOR_MS = 300_000


class Authority:
    """Three root keys and the keys of `people` ({key: person}) on `site`."""

    def __init__(self, site: str = "ward-1", people: dict[str, str] | None = None) -> None:
        self.site = site
        self.people = dict(PEOPLE if people is None else people)
        self.keys = {name: SigningKey.new() for name in self.people}
        self.root_keys = [SigningKey.new() for _ in range(ROOT_COUNT)]
        self.roots = Roots(site, tuple(Root(f"root-{n}", key.public) for n, key in enumerate(self.root_keys, 1)))

    def identity(self, node: str) -> provision.Identity:
        """A new node's: as provisioned over USB, with the root keys."""
        return provision.new_identity(node, self.site, roots=self.roots.blob)

    @property
    def files(self) -> dict[str, str]:
        """What a gateway has beside its settings: the public root keys, and the persons with their roles."""
        people = "".join(
            f'[people.{person}]\nroles = ["operator", "approver", "safety"]\n'
            for person in sorted(set(self.people.values()))
        )
        return {"roots.json": self.roots.text(), "policy/people.toml": people}

    def keyset(
        self,
        version: int = 1,
        *,
        revoked: Iterable[str] = (),
        left_out: Iterable[str] = (),
        scope: Sequence[tuple[str, str]] = EVERYWHERE,
        by: tuple[int, int] = (0, 1),
    ) -> KeySet:
        """A key set of all keys, each good up to class 3 in `scope`, signed by the root keys `by`."""
        revoked, left_out = set(revoked), set(left_out)
        entries = [
            Entry(
                self.keys[name].public,
                person,
                orders.GREATEST_CLASS,
                orders.REVOKED if name in revoked else orders.ACTIVE,
                ALL_OPS,
                tuple(scope),
            )
            for name, person in self.people.items()
            if name not in left_out
        ]
        return KeySet.of(self.rooted(sign1.KEYSET, KeySet.build(version, entries).rooted.payload, by))

    def epoch(self, node: str, epoch: int, by: tuple[int, int] = (0, 1)) -> Rooted:
        """The record that has `node` go over to `epoch`."""
        return self.rooted(sign1.EPOCH, orders.encode_epoch([node, epoch]), by)

    def rooted(self, purpose: str, payload: bytes, by: tuple[int, int] = (0, 1)) -> Rooted:
        """A payload with the signatures of two root keys."""
        rooted = Rooted(payload)
        for number in by:
            rooted = rooted.signed(self.root_keys[number].sign1(self.site, purpose, payload, detached=True))
        return rooted

    def order(self, key: str, fields: Sequence[Any]) -> bytes:
        """A signed order; `fields` as of `orders.encode_order`."""
        return self.keys[key].sign1(self.site, sign1.COMMAND, orders.encode_order(fields))

    def approval(self, key: str, order: bytes, *, keyset: int = 1, expires_ms: int | None = None) -> bytes:
        """A signed approval of a signed order of class 3, whoever it is from: no question is asked here."""
        payload = sign1.split(order)[1]
        assert payload is not None
        token = orders.decode_order(payload)[-1]
        expires_ms = good_for() if expires_ms is None else expires_ms
        fields = [hashlib.sha256(payload).digest(), token, expires_ms, keyset]
        return self.keys[key].sign1(self.site, sign1.APPROVAL, orders.encode_approval(fields))


def relay_of_class(point_class: int) -> dict[str, Any]:
    """What makes a relay of that class in a node's config.json; its minimum times are no matter here."""
    return {"hardware": {"relay": {"class": point_class, "minimum_on_ms": 0, "minimum_off_ms": 0}}}


def operate(
    node: str, point: int, description: bytes, value: int, token: bytes | None = None, *, keyset: int = 1
) -> list[Any]:
    """The fields of a fresh order to operate a point, good for five minutes."""
    fields = [secrets.token_bytes(8), node, point, description, messages.OP_OPERATE, value, None]
    return [*fields, good_for(), keyset, "on the bench", token]


def good_for(span_ms: int = GOOD_FOR_MS) -> int:
    """UTC in ms, `span_ms` from now."""
    return int(time.time() * 1000) + span_ms
