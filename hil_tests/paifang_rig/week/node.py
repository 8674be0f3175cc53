"""A node: the shipped outbox, journal, keeper, records and link, a sensor above them, and a power switch.

What is not there: roles, commands, the supervisor and NVS, each of which has scenarios of its own on boards. A boot
counts one more than the one before. The journal is looked after every KEEP_S, and every IDLE_S while there is nothing
to do, not each second: two hundred nodes have 10^8 seconds in a week.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from paifang_rig.week import firmware
from paifang_rig.week.flash import BLOCK_BYTES, Flash
from paifang_rig.week.ledger import CUT, DAMAGED, Key
from paifang_wire import messages

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from paifang_rig.week.ledger import Ledger
    from paifang_rig.week.line import Line

SERIAL, MADE = 1, 2
POINTS = (
    (SERIAL, "serial", "", messages.INT, 0, 0, None, 0, None),
    (MADE, "made", "ms", messages.INT, 0, -1, None, 0, None),
)
"""A reading says what number it has of its sensor, and the time that its record is stamped with, -1 for none."""
QUARTER_S = 900
KEEP_S = 5.0
IDLE_S = 15.0
STEP_S = 0.005
GRACE_S = 15.0
BUFFER_BYTES = 2_048
SPARE_BLOCKS = 8
KEPT_S = 2 * IDLE_S
"""After it a bill is on flash, whatever happens then."""
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


@dataclass
class NodeFigures:
    boots: int = 0
    cuts: int = 0
    cuts_in_a_write: int = 0
    read: int = 0
    queue_dropped: int = 0
    refused: int = 0
    damaged: int = 0


class _Alive:
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
class _Life:
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


class Node:
    """`life` is None while its power is off. `flash` is None without a journal."""

    def __init__(
        self, name: str, kind: Kind, key: bytes, line: Line, ledger: Ledger, chance: random.Random, site: str
    ) -> None:
        self.name = name
        self.kind = kind
        self.key = key
        self.line = line
        self.figures = NodeFigures()
        self.life: _Life | None = None
        self.flash: Flash | None = None
        self._site = site
        self._ledger = ledger
        self._chance = chance
        self._clock = asyncio.get_running_loop()
        self._folder = f"/{name}/journal"
        self._off_s = 0.0
        self._is_sensing = True
        if kind.journal_bytes:
            self.flash = firmware.flashes[name] = Flash(kind.journal_bytes // BLOCK_BYTES + SPARE_BLOCKS)

    # Power

    def power_on(self) -> None:
        if self.life is not None:
            return
        if self.flash is not None:
            self.flash.mount()
        self.figures.boots += 1
        life = self.life = self._assembled()
        life.records.event(messages.EV_STARTED, None, "power on")
        life.task = asyncio.get_running_loop().create_task(life.link.run(_Alive()))
        life.task.add_done_callback(self._ended)
        self._clock.call_later(self._chance.random() * self.kind.period_s, self._sense, life)
        if self.kind.bills:
            self._clock.call_at(self._next_quarter_s(), self._bill, life)
        if life.keeper is not None:
            self._clock.call_later(KEEP_S, self._keep, life)

    def power_off(self) -> None:
        """Now: what is in RAM is gone, and what is half written may be, too."""
        life, self.life = self.life, None
        if life is None:
            return
        self.figures.cuts += 1
        self._end(life)
        kept = self._remounted()
        self._check_promises(life, kept)
        self._ledger.mark(self.name, kept, CUT)

    def cut_in_a_write(self, after: int, off_s: float) -> bool:
        """Power fails half-way through that operation of the flash, and is back after `off_s`; whether it can."""
        if self.flash is None or self.life is None:
            return False
        self.flash.cut_after, self._off_s = after, off_s
        return True

    def end_sensing(self) -> None:
        """Nothing new is made, but by what the firmware has to tell."""
        self._is_sensing = False

    def restart(self) -> bool:
        """As the node does it by itself: what waits in RAM is kept first. Whether it did."""
        life = self.life
        if life is None or life.work is not None:
            return False
        if life.keeper is not None:
            self._close(life)
        if life is self.life:
            self.power_off()
            self.power_on()
        return True

    def note_trouble(self) -> None:
        """Something happens to its flash."""
        if self.life is not None:
            self.life.trouble = True

    def damage(self, share: float) -> bool:
        """A record on the flash reads as something else from now on; whether there was one, apart from LittleFS' own.

        What cannot be read any more has that fate, unless it is in RAM, too.
        """
        before = self._flash_payloads()
        if self.flash is None or not before or (self.life is not None and self.life.work is not None):
            return False
        payload = before[sorted(before)[int(share * len(before))]]
        if not self.flash.spoil(payload, lambda: firmware.flashes.sizes(self._folder)):
            return False
        self.figures.damaged += 1
        account = self._ledger.accounts[self.name]
        for key in before.keys() - self.held():
            if key in account.open:
                account.open[key].fate = account.open[key].fate or DAMAGED
        self.note_trouble()
        return True

    # What it has

    def held(self) -> set[Key]:
        """The records that are in its RAM or can be read from its flash."""
        return self._in_ram() | self._on_flash()

    def owed(self) -> list[tuple[int, int, int]]:
        """The gaps that it has still to tell of: (boot, first, last)."""
        if self.life is None:
            return []
        owed = self.life.outbox.owed(self.figures.boots)
        return owed + self.life.journal.owed() if self.life.journal is not None else owed

    @property
    def journal_dropped(self) -> int:
        """Records that went because the journal was full, by the node's own count."""
        return 0 if self.life is None or self.life.journal is None else self.life.journal.dropped

    def counts(self) -> Counter[str]:
        """Its figures, and those of its line and flash."""
        found = Counter(vars(self.figures)) + Counter(
            {f"frames {name}": n for name, n in asdict(self.line.figures).items()}
        )
        if self.flash is not None:
            found += Counter({"flash operations": self.flash.operations, "flash refusals": self.flash.refused})
        return found

    def _in_ram(self) -> set[Key]:
        life = self.life
        if life is None:
            return set()
        ram = {firmware.segments.ids(payload) for _, payload in life.outbox.unsettled(1)}
        if life.journal is not None:
            ram |= {firmware.segments.ids(payload) for payload in life.journal.in_buffer()}
        return ram

    def _on_flash(self) -> set[Key]:
        return set(self._flash_payloads())

    def _flash_payloads(self) -> dict[Key, bytes]:
        if self.flash is None:
            return {}
        files = firmware.segments.Segments(self._folder, self.kind.journal_bytes)
        found: dict[Key, bytes] = {}
        number = files.first
        while number <= files.last:
            offset = 0
            while (entry := files.read(number, offset))[0] is not None:
                found[firmware.segments.ids(entry[0])] = entry[0]
                offset = entry[1]
            number = files.following(number)
        return found

    # Inside

    def _assembled(self) -> _Life:
        clock, boot = self._clock, self.figures.boots
        up = firmware.uptime.Uptime(
            lambda: int(clock.time() * 1_000) % _TICKS,
            lambda end, start: (end - start + _TICKS // 2) % _TICKS - _TICKS // 2,
            lambda duration_ms: asyncio.sleep(duration_ms / 1_000),
        )
        outbox, wall = _Outbox(self.kind.queue_bytes, self._made), firmware.wall.WallClock()
        identity = (self._site, self.name, boot, self.key)
        parts = (_NoCommands(), _NoTrust(), up, wall, self._chance.randbytes)
        table = firmware.description.Description(POINTS)
        link = firmware.link.Link(identity, _ABOUT, table, self.line, outbox, *parts)
        journal = keeper = None
        if self.flash is not None:
            files = firmware.segments.Segments(self._folder, self.kind.journal_bytes)
            journal = link.journal = _Journal(files, boot, BUFFER_BYTES, lambda: outbox.first)
            keeper = _Keeper(self._made, journal, outbox, link, up, self.kind.flush_s * 1_000)
        records = firmware.records.Records(boot, outbox, up, wall, link.notify, keeper)
        if keeper is not None:
            keeper.records = records
        return _Life(outbox, link, records, up, keeper, journal)

    def _made(self, payload: bytes, bills: bool) -> None:
        self._ledger.made(self.name, payload, self._clock.time(), bills=bills)

    def _sense(self, life: _Life) -> None:
        if life is self.life and self._is_sensing:
            life.records.report(self._reading(life), {})
            self._clock.call_later(self.kind.period_s, self._sense, life)

    def _bill(self, life: _Life) -> None:
        if life is self.life and self._is_sensing:
            life.records.bill(self._reading(life))
            self._clock.call_at(self._next_quarter_s(), self._bill, life)
            if life.keeper is not None:
                self._work(life)

    def _reading(self, life: _Life) -> dict[int, int]:
        self.figures.read += 1
        utc_ms = life.records.utc_ms()
        return {SERIAL: self.figures.read, MADE: -1 if utc_ms is None else utc_ms}

    def _next_quarter_s(self) -> float:
        return (self._clock.time() // QUARTER_S + 1) * QUARTER_S

    def _keep(self, life: _Life) -> None:
        if life is not self.life:
            return
        is_busy = life.journal.waiting or life.keeper.is_alone(life.uptime.now_ms())
        if is_busy:
            self._work(life)
        self._clock.call_later(KEEP_S if is_busy else IDLE_S, self._keep, life)

    def _work(self, life: _Life) -> None:
        """Let the keeper do what is due, in its own steps."""
        if life.work is None:
            life.work = life.keeper.working(life.uptime.now_ms())
            self._step(life)

    def _step(self, life: _Life) -> None:
        if life is not self.life:
            return
        is_done = next(life.work, self) is self
        self._note(life)
        if self.flash is not None and self.flash.is_off:
            self._was_cut()
        elif is_done:
            life.work = None
        else:
            self._clock.call_later(STEP_S, self._step, life)

    def _close(self, life: _Life) -> None:
        """Have everything kept, as before a reset; unless the flash cannot, nothing is lost by it."""
        waiting = {key for key in self._in_ram() if key in self._ledger.accounts[self.name].open}
        life.keeper.close()
        self._note(life)
        if self.flash is not None and self.flash.is_off:
            self._was_cut()
        elif not life.trouble and not waiting <= self._on_flash():
            self._ledger.problems.append(f"{self.name}: records were in RAM before a restart, and are not on flash")

    def _was_cut(self) -> None:
        self.figures.cuts_in_a_write += 1
        self.power_off()
        self._clock.call_later(self._off_s, self.power_on)

    def _note(self, life: _Life) -> None:
        assert self.flash is not None
        if life.keeper.errors or self.flash.refuses or life.journal.dropped:
            life.trouble = True

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._ledger.problems.append(f"{self.name}: its link has ended: {task.exception()!r}")

    def _end(self, life: _Life) -> None:
        if life.task is not None:
            life.task.cancel()
        self.line.power_off()
        self.figures.queue_dropped += life.outbox.dropped
        if life.keeper is not None:
            self.figures.refused += life.keeper.errors

    def _remounted(self) -> set[Key]:
        if self.flash is None:
            return set()
        self.flash.mount()
        return self._on_flash()

    def _check_promises(self, life: _Life, kept: set[Key]) -> None:
        """A bill is on flash soon after it was made; in an outage, all that is older than the flush interval is."""
        if life.keeper is None or life.trouble:
            return
        now_s = self._clock.time()
        outage_s = GRACE_S + self.kind.flush_s + KEPT_S
        is_outage = life.link.alone_ms(life.uptime.now_ms()) > outage_s * 1_000
        boot = self.figures.boots
        for key, made in self._ledger.accounts[self.name].open.items():
            age_s = now_s - made.made_s
            is_promised = (made.bills and age_s > KEPT_S) or (is_outage and age_s > outage_s)
            if key[0] == boot and is_promised and key not in kept and made.fate is None:
                self._ledger.problems.append(
                    f"{self.name}/{key[0]}.{key[1]} was {age_s:.0f} s old and not on flash when the power failed"
                )
