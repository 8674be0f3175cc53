"""How long a node's flash lasts: what its journal erases in a year, and how many years that leaves.

A LittleFS file that is written to and closed takes a block anew each time, however little was written: so it is the
*closings* that wear, not the bytes. Blocks are taken in turn from all that hold no file, and the pairs of blocks with
the folder's list move on after a hundred erases; both were measured (`tests/firmware/test_journal_wear.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from paifang_tools.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENDURANCE = 10_000
"""Erases of a block that this counts with. NOR flash of ESP32 modules is specified for 100,000."""
YEAR_S = 365.25 * 86_400
BLOCK_BYTES = 4_088
"""What the journal puts into a block."""
FIRMWARE_BLOCKS = 120
"""Blocks whose files never change: firmware, configuration, the folders' lists."""
BUFFER_BYTES = 1_536
"""What the buffer in RAM holds when it is flushed before its time."""
LIST_ERASES = 0.05
"""Of the pair with the folder's list, for each closing."""
INLINE_BYTES = 128
"""A file as short as that stands in the list itself."""
INLINE_ERASES = 0.07
UNEVEN = 1.1
LIST_STAY = 200
"""Erases of a block that the list was in, twice, beyond its share."""


@dataclass(frozen=True, slots=True)
class Use:
    """Of a node: `bytes_s` of records a second, flushed every `flush_s` in an outage, `outage` of the time (0 to 1).

    A record every `billing_s` is kept at once, 0 for none. `blocks` are those of the partition.
    """

    bytes_s: float
    flush_s: float
    billing_s: float = 0.0
    outage: float = 1.0
    blocks: int = 512


@dataclass(frozen=True, slots=True)
class Wear:
    """`flushes` and `erases` a year; `block` is what the block with the most erases has of them."""

    flushes: float
    erases: float
    block: float

    @property
    def years(self) -> float:
        """Until that block has had ENDURANCE."""
        return (ENDURANCE - LIST_STAY) / self.block if self.block else float("inf")


def flush_every_s(use: Use) -> float:
    """The time between two flushes in an outage: that of the configuration, or when the buffer is full before."""
    return min(use.flush_s, BUFFER_BYTES / use.bytes_s) if use.bytes_s else use.flush_s


def wear(use: Use) -> Wear:
    """What a year does to the flash."""
    outage_s = YEAR_S * use.outage
    flushes = outage_s / flush_every_s(use)
    erases = flushes * (1 + LIST_ERASES) + outage_s * use.bytes_s / BLOCK_BYTES
    if use.billing_s:
        bills, beside = outage_s / use.billing_s, (YEAR_S - outage_s) / use.billing_s
        flushes += bills + beside
        erases += bills * (1 + LIST_ERASES) + beside * INLINE_ERASES
    return Wear(flushes, erases, most(erases, use.blocks - FIRMWARE_BLOCKS))


def most(erases: float, blocks: int) -> float:
    """Of so many erases over so many free blocks, those of the block with the most, in the long run."""
    return UNEVEN * erases / blocks


REPORT_BYTES = {"air_quality": 95, "smart_meter": 60, "signal_monitor": 40, "traffic_signal": 220}
"""Of all records of a period in the journal, by role."""
HEALTH_BYTES_S = 1.4
"""Each minute's report on the node itself, and an event now and then."""
PERIOD_MS, JOURNAL_BYTES, FLUSH_S, BILLING_S = 10_000, 1_048_576, 150, 900
"""What config.json's defaults are (firmware/node/config.py, firmware/roles)."""
WITHOUT_JOURNAL = ("signal_monitor", "traffic_signal")
"""Roles that have none unless config.json says so."""
OUTAGE_SHARE = 0.02
"""A typical one: a week in a year."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What config.json says of it. `budget_bytes` is 0 where there is none."""

    role: str
    bytes_s: float
    budget_bytes: int
    flush_s: int
    billing_s: int

    @property
    def lasts_s(self) -> float:
        """An outage as long as that is held whole."""
        return self.budget_bytes / self.bytes_s


def journal_of(config: Mapping[str, Any]) -> Journal:
    """The journal of a config.json. Raises ToolError for a role that is not known, and for what is no number."""
    role = config.get("role", "air_quality")
    if not isinstance(role, str) or role not in REPORT_BYTES:
        raise ToolError(f"role: {role!r}; this is known of: {', '.join(sorted(REPORT_BYTES))}")
    default = 0 if role in WITHOUT_JOURNAL else JOURNAL_BYTES
    period_ms = _number(config, "period_ms", PERIOD_MS, 50)
    meter = _table(_table(config, "hardware"), "pzem004t")
    return Journal(
        role,
        REPORT_BYTES[role] * 1_000 / period_ms + HEALTH_BYTES_S,
        _number(config, "journal_bytes", default, 0),
        _number(config, "journal_flush_s", FLUSH_S, 1),
        _number(meter, "billing_s", BILLING_S, 60) if role == "smart_meter" else 0,
    )


def uses(journal: Journal, blocks: int) -> dict[str, Use]:
    """What the flash is judged by: never a link, a typical share of outages, and always one."""
    shares = {"never a link": 1.0, f"no link {OUTAGE_SHARE:.0%} of the time": OUTAGE_SHARE, "always a link": 0.0}
    return {
        name: Use(journal.bytes_s, journal.flush_s, journal.billing_s, share, blocks) for name, share in shares.items()
    }


def _table(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ToolError(f"{key}: {value!r}; expected an object {{ … }}")
    return cast("dict[str, Any]", value)


def _number(table: Mapping[str, Any], key: str, default: int, least: int) -> int:
    value = table.get(key, default)
    if type(value) is not int or value < least:
        raise ToolError(f"{key}: {value!r}; expected an integer of at least {least}")
    return value
