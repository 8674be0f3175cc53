"""An entry of the log: who did what to what, and when.

    [1, utc_ms, kind, subject, actor, {text: value}]     canonical CBOR, at most 65,535 bytes

`subject` is what it is about (a node, a key set, "gateway"), `actor` who did it (a person, a key, "gateway").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from paifang_wire import cbor
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VERSION = 1
ENTRY_LIMIT = 0xFFFF
"""Bytes of an entry: its length is a uint16 in a bundle."""
_LATE_ROOM = 0xFF
"""Bytes kept free for what an "audit-late" adds."""

_TEXT_KEPT = 256
"""Characters kept of each text in an entry that would be too long."""

LATE = "audit-late"
KINDS = (
    "start",
    "stop",
    "clock-step",
    "enrol",
    "remove",
    "reset-boot",
    "rekey",
    "keyset",
    "epoch",
    "site-record",
    "plan",
    "day-plans",
    "policy",
    "delegation",
    "bridge",
    "sink",
    "balance",
    "command",
    "pending",
    "approval",
    "receipt",
    "verdict",
    "refused",
    "denied",
    "expired",
    LATE,
)
"""What is logged. A `receipt` has the node's id as its subject, and in its detail, under "receipt", the payload."""

RECEIPT_KEY = "receipt"
"""In the detail of an entry: a receipt's payload as the node sent it."""

_KIND_AT = 11
"""Where the kind begins: array, version and a time of 9 bytes before it."""


@dataclass(frozen=True, slots=True)
class Entry:
    index: int
    utc_ms: int
    kind: str
    subject: str
    actor: str
    detail: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """The entry as JSON has it: bytes are hexadecimal text."""
        return {
            "index": self.index,
            "utc_ms": self.utc_ms,
            "kind": self.kind,
            "subject": self.subject,
            "actor": self.actor,
            "detail": _jsonable(self.detail),
        }


def encode(utc_ms: int, kind: str, subject: str, actor: str, detail: Mapping[str, Any]) -> bytes:
    """The bytes that are hashed. Raises ValueError for a value without a place in CBOR, or for too many bytes.

    Texts may be anybody's: what is no Unicode is escaped, and in an entry that would be too long they are cut.
    """
    fields = [VERSION, utc_ms, kind, subject, actor, dict(detail)]
    limit = ENTRY_LIMIT if kind == LATE else ENTRY_LIMIT - _LATE_ROOM
    try:
        entry = cbor.encode(fields)
    except UnicodeEncodeError:
        entry = cbor.encode(_texts(fields, _escaped))
    if len(entry) > limit:
        entry = cbor.encode(_texts(fields, lambda text: _cut(_escaped(text))))
    if len(entry) > limit:
        raise ValueError(f"an entry of {len(entry)} bytes; at most {limit} are logged")
    return entry


def decode(index: int, data: bytes) -> Entry:
    """The entry of its bytes. Raises ValueError for everything that `encode` would not have written."""
    try:
        found = cbor.decode(data, ENTRY_LIMIT)
    except WireError as error:
        raise ValueError(f"not canonical CBOR: {error}") from error
    if not isinstance(found, list) or len(fields := cast("list[Any]", found)) != 6 or fields[0] != VERSION:
        raise ValueError(f"not an entry of version {VERSION}")
    _, utc_ms, kind, subject, actor, detail = fields
    if type(utc_ms) is not int or not all(isinstance(text, str) for text in (kind, subject, actor)):
        raise ValueError("not the fields of an entry")
    if not isinstance(detail, dict) or not all(isinstance(key, str) for key in cast("dict[Any, Any]", detail)):
        raise ValueError("a detail that is no map of names")
    return Entry(index, utc_ms, kind, subject, actor, cast("dict[str, Any]", detail))


def is_of_kind(data: bytes, kind: bytes) -> bool:
    """Whether an entry is of a kind, given as its encoding, without decoding the whole of it."""
    return data.startswith(kind, _KIND_AT)


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text in it changed, names of details included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list | tuple):
        return [_texts(item, change) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_texts(key, change): _texts(item, change) for key, item in cast("dict[Any, Any]", value).items()}
    return value


def _escaped(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_KEPT else f"{text[:_TEXT_KEPT]}… ({len(text)} characters)"


def _jsonable(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_jsonable(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        found = cast("dict[Any, Any]", value)
        return {key if isinstance(key, str) else str(key): _jsonable(item) for key, item in found.items()}
    return value
