"""What only the auditor can check: the tags that nodes put on their receipts, and the chain of each boot.

A receipt's last field is HMAC-SHA-256 under the node's receipt key over the receipt without that field; the one before
it is SHA-256 over the receipt that the node made before in the same boot, or zeros. The gateway does not have these
keys: it can neither make a receipt nor leave one out between two others unseen.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from paifang.audit import entries
from paifang_wire import cbor, messages
from paifang_wire.errors import WireError
from paifang_wire.mac import Hmac256, equal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paifang.audit.entries import Entry

MARK = cbor.encode(entries.RECEIPT_KEY)
"""In the bytes of every entry with a receipt."""

_BOOT, _PREVIOUS, _TAG = 8, 10, 11
_NONE_BEFORE = bytes(32)


@dataclass(slots=True)
class _Boot:
    """One boot's receipts: the index of the entry by the receipt's hash, and (index, hash) by the hash before it."""

    entries: dict[bytes, int] = field(default_factory=dict[bytes, int])
    after: dict[bytes, tuple[int, bytes]] = field(default_factory=dict[bytes, tuple[int, bytes]])


class Receipts:
    """Takes the entries of a log in order; `keys` are the receipt keys by node. `wrong` is (entry, what) in order."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self.checked = 0
        self.without_key: dict[str, int] = {}
        """How many receipts there are of nodes whose key is not known."""
        self._seals = {node: Hmac256(key) for node, key in keys.items()}
        self._boots: dict[tuple[str, int], _Boot] = {}
        self._wrong: list[tuple[int, str]] = []

    def take(self, entry: Entry) -> None:
        """Look at an entry, whatever kind it is; one that was written late carries the receipt one level deeper."""
        detail = entry.detail
        if entry.kind == entries.LATE and isinstance(detail.get("detail"), dict):
            detail = cast("dict[str, Any]", detail["detail"])
        payload = detail.get(entries.RECEIPT_KEY)
        if payload is None:
            return
        seal = self._seals.get(entry.subject)
        if seal is None:
            self.without_key[entry.subject] = self.without_key.get(entry.subject, 0) + 1
            return
        self.checked += 1
        wrong = self._check(entry, payload, seal)
        if wrong:
            self._wrong.append((entry.index, f"the receipt of {entry.subject} {wrong}"))

    def wrong(self) -> list[tuple[int, str]]:
        """(entry, what is wrong) of all that was taken, in the order of the entries."""
        found = list(self._wrong)
        for (node, boot), chain in self._boots.items():
            for before, (index, _) in chain.after.items():
                if before != _NONE_BEFORE and before not in chain.entries:
                    what = "follows one that is not in the log: it was lost on its way, or left out"
                    found.append((index, f"the receipt of {node} in boot {boot} {what}"))
        return sorted(found)

    def _check(self, entry: Entry, payload: Any, seal: Hmac256) -> str:
        """What is wrong with a receipt, or nothing; its place in the chain is kept."""
        try:
            receipt = messages.decode(payload if isinstance(payload, bytes) else b"")
        except WireError as error:
            return f"is none: {error}"
        if receipt[0] != messages.RECEIPT:
            return "is another message"
        if not equal(receipt[_TAG], seal.digest(cbor.encode(receipt[:_TAG]))):
            return "was not made by that node: its tag is not under its receipt key"
        return self._chain(entry, receipt, hashlib.sha256(payload).digest())

    def _chain(self, entry: Entry, receipt: list[Any], own: bytes) -> str:
        boot = self._boots.setdefault((entry.subject, receipt[_BOOT]), _Boot())
        if own in boot.entries:
            return ""  # the node gave it again
        boot.entries[own] = entry.index
        other = boot.after.setdefault(receipt[_PREVIOUS], (entry.index, own))
        if other[1] == own:
            return ""
        return f"in boot {receipt[_BOOT]} follows the same one as that of entry {other[0]}: one node has two histories"


def read_keys(text: str) -> dict[str, bytes]:
    """Receipt keys by node, out of lines {"node": "aq-1", "receipt_key": "<64 hexadecimal digits>"}.

    Raises ValueError naming the line.
    """
    found: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            node, key = row["node"], bytes.fromhex(row["receipt_key"])
        except (ValueError, KeyError, TypeError) as error:
            shape = '{"node": "aq-1", "receipt_key": "<64 hexadecimal digits>"}'
            raise ValueError(f"line {number} is not {shape}: {error!r}") from error
        if not isinstance(node, str) or len(key) != 32:
            raise ValueError(f"line {number}: a receipt key has 64 hexadecimal digits")
        found[node] = key
    return found
