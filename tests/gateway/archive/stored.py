"""A store's file with records in it, written the way the store's own thread does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.store import database, registry
from paifang.store.boots import COLUMNS
from paifang.store.bulk import Bulk
from paifang.store.points import description_hash
from paifang_wire import cbor, messages

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

POINTS = (
    (1, "temperature", "°C", messages.INT, -2, None, None, 0, None),
    (2, "pm25", "µg/m3", messages.INT, 0, None, None, 0, None),
    (3, "energy", "Wh", messages.INT, 3, None, None, 0, None),
    (4, "relay", "", messages.BOOL, 0, None, None, 1, None),
)
ENCODED = cbor.encode(POINTS)
DESCRIPTION = description_hash(ENCODED)
START_MS = 1_763_634_907_123
"""2025-11-20T10:35:07.123Z"""
_RECORDS = Bulk("records", "node,boot,number,kind,uptime_ms,utc_ms,received_ms,body")
_BOOTS = Bulk("boots", COLUMNS)


def report(number: int, values: dict[int, int | None], **more: Any) -> tuple[Any, ...]:
    """A row of `records`. A thing of `more`: node, boot, utc_ms, quality, kind, body."""
    boot, utc_ms = more.get("boot", 1), more.get("utc_ms", START_MS + 1_000 * number)
    message = [messages.REPORT, boot, number, 1_000 * number, utc_ms, values, more.get("quality", {})]
    body = more["body"] if "body" in more else messages.encode(message)
    return (more.get("node", "aq-1"), boot, number, messages.REPORT, 1_000 * number, utc_ms, START_MS, body)


def boot_row(node: str = "aq-1", boot: int = 1, offset_ms: int | None = None, high: int = 0) -> tuple[Any, ...]:
    return (node, boot, high, 0, high, 0, DESCRIPTION, "9.9", 1, offset_ms, 0, START_MS, 0, 0)


def fill(path: Path, records: Iterable[tuple[Any, ...]], boots: Iterable[tuple[Any, ...]] = (boot_row(),)) -> None:
    """Make or add to the store at `path`, and leave it as a gateway does that has stopped."""
    connection = database.connect(path)
    with connection:
        connection.execute("INSERT OR IGNORE INTO descriptions VALUES (?,?)", (DESCRIPTION, ENCODED))
        _BOOTS.insert(connection, list(boots))
        _RECORDS.insert(connection, list(records))
    connection.close()


def enrol(path: Path, node: str = "aq-1") -> None:
    connection = database.connect(path)
    with connection:
        registry.insert(connection, registry.Node(node, bytes(32), 1, START_MS))
    connection.close()
