"""What a node's power keeps alive: the shipped outbox, journal, keeper, records and link, put together for one boot."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang_rig.week import firmware
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paifang_rig.week.ledger import Key
    from paifang_rig.week.line import Line

SERIAL, MADE = 1, 2
POINTS = (
    (SERIAL, "serial", "", messages.INT, 0, 0, None, 0, None),
    (MADE, "made", "ms", messages.INT, 0, -1, None, 0, None),
)
"""A reading says what number it has of its sensor, and the time that its record is stamped with, -1 for none."""
BUFFER_BYTES = 2_048
_TICKS = 1 << 30
_ABOUT = ("1.0", 1)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a node is set up; `journal_bytes` 0: none. `bills`: whether it keeps a record of each quarter on flash."""

    prefix: str
    period_s: float
    queue_bytes: int
    journal_bytes: int
    bills: bool = False
    flush_s: int = 120


class Alive:
    """What the supervisor gives a task."""

    def __call__(self) -> None:
        pass

    async def nap(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1_000)


class _NoCommands:
    """Nobody commands anything in this week."""

    def earlier(self) -> None:
        return None


class _NoTrust:
    version = 0


class _Outbox(firmware.outbox.Outbox):
    """Tells of each record that it is given."""

    def __init__(self, capacity_bytes: int, told: Callable[[bytes, bool], None]) -> None:
        super().__init__(capacity_bytes)
        self._told = told

    def add(self, payload: bytes) -> int:
        self._told(payload, False)
        return super().add(payload)

    def owed(self, boot: int) -> list[tuple[int, int, int]]:
        return [(boot, first, last) for first, last, _ in self._gaps]


class _Keeper(firmware.keeper.Keeper):
    """Tells of each record that it has taken."""

    def __init__(self, told: Callable[[bytes, bool], None], *parts: Any) -> None:
        super().__init__(*parts)
        self._told = told

    def add(self, payload: bytes, now_ms: int, is_urgent: bool = False) -> bool:
        taken = super().add(payload, now_ms, is_urgent)
        if taken:
            self._told(payload, is_urgent)
        return taken


class _Journal(firmware.journal.Journal):
    """Lets be seen what is in its buffer, and what it has lost and not told yet."""

    def in_buffer(self) -> Iterator[bytes]:
        at = 0
        while at < self._used:
            count = self._buffer[at + 1] << 8 | self._buffer[at + 2]
            at += firmware.segments.FRAME + count
            yield bytes(self._buffer[at - count : at])

    def owed(self) -> list[tuple[int, int, int]]:
        losses = self._losses
        floor = messages.BACKLOG
        return [(boot, floor if last >= floor else 0, last) for boot, last in losses._gaps]  # noqa: SLF001


@dataclass
class Life:
    """What is in RAM, from power-on to power-off."""

    outbox: Any
    link: Any
    records: Any
    uptime: Any
    keeper: Any = None
    journal: Any = None
    task: asyncio.Task[None] | None = None
    work: Any = None
    trouble: bool = False
    """The flash has refused or the journal was full: what is promised of a healthy one does not hold."""

    def in_ram(self) -> set[Key]:
        """The records that are not settled, here and in the journal's buffer."""
        found = {firmware.segments.ids(payload) for _, payload in self.outbox.unsettled(1)}
        if self.journal is not None:
            found |= {firmware.segments.ids(payload) for payload in self.journal.in_buffer()}
        return found


def assembled(
    kind: Kind,
    identity: tuple[str, str, int, bytes],
    folder: str,
    line: Line,
    random: Callable[[int], bytes],
    told: Callable[[bytes, bool], None],
) -> Life:
    """As `node.runtime` does it. `identity`: site, node, boot, key; `folder`: the journal's, where there is one.

    `told(payload, is_urgent)` hears of each record that is made.
    """
    clock = asyncio.get_running_loop()
    up = firmware.uptime.Uptime(
        lambda: int(clock.time() * 1_000) % _TICKS,
        lambda end, start: (end - start + _TICKS // 2) % _TICKS - _TICKS // 2,
        lambda duration_ms: asyncio.sleep(duration_ms / 1_000),
    )
    outbox, wall = _Outbox(kind.queue_bytes, told), firmware.wall.WallClock()
    parts = (_NoCommands(), _NoTrust(), up, wall, random)
    table = firmware.description.Description(POINTS)
    link = firmware.link.Link(identity, _ABOUT, table, line, outbox, *parts)
    journal = keeper = None
    boot = identity[2]
    if kind.journal_bytes:
        files = firmware.segments.Segments(folder, kind.journal_bytes)
        journal = link.journal = _Journal(files, boot, BUFFER_BYTES, lambda: outbox.first)
        keeper = _Keeper(told, journal, outbox, link, up, kind.flush_s * 1_000)
    records = firmware.records.Records(boot, outbox, up, wall, link.notify, keeper)
    if keeper is not None:
        keeper.attach(records)
    return Life(outbox, link, records, up, keeper, journal)


def on_flash(folder: str, budget: int) -> dict[Key, bytes]:
    """The records that can be read from the journal's files."""
    files = firmware.segments.Segments(folder, budget)
    found: dict[Key, bytes] = {}
    number = files.first
    while number <= files.last:
        offset = 0
        while (entry := files.read(number, offset))[0] is not None:
            found[firmware.segments.ids(entry[0])] = entry[0]
            offset = entry[1]
        number = files.following(number)
    return found
