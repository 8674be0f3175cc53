"""A node: the shipped outbox, journal, keeper, records and link, a sensor above them, and a power switch.

What is not there: roles, commands, the supervisor and NVS, each of which has scenarios of its own on boards. A boot
counts one more than the one before. The journal is looked after every KEEP_S, and every IDLE_S while there is nothing
to do, not each second: two hundred nodes have 10^8 seconds in a week.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from paifang_rig.week import firmware
from paifang_rig.week.flash import BLOCK_BYTES, Flash
from paifang_rig.week.ledger import CUT, DAMAGED, Key
from paifang_rig.week.life import MADE, SERIAL, Alive, Kind, Life, assembled, on_flash
from paifang_wire import messages

if TYPE_CHECKING:
    import random

    from paifang_rig.week.ledger import Ledger
    from paifang_rig.week.line import Line

QUARTER_S = 900
KEEP_S = 5.0
IDLE_S = 15.0
STEP_S = 0.005
GRACE_S = 15.0
SPARE_BLOCKS = 8
KEPT_S = 2 * IDLE_S
"""After it a bill is on flash, whatever happens then."""


@dataclass
class NodeFigures:
    boots: int = 0
    power_offs: int = 0
    cuts_in_a_write: int = 0
    read: int = 0
    queue_dropped: int = 0
    refused: int = 0
    damaged: int = 0


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
        self.life: Life | None = None
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
        identity = (self._site, self.name, self.figures.boots, self.key)
        life = self.life = assembled(self.kind, identity, self._folder, self.line, self._chance.randbytes, self._made)
        life.records.event(messages.EV_STARTED, None, "power on")
        life.task = asyncio.get_running_loop().create_task(life.link.run(Alive()))
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
        self.figures.power_offs += 1
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
        before = self._on_flash()
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
        return self._in_ram() | self._on_flash().keys()

    def owed(self) -> list[tuple[int, int, int]]:
        """The gaps that it has still to tell of: (boot, first, last)."""
        if self.life is None:
            return []
        owed = self.life.outbox.owed(self.figures.boots)
        return owed + self.life.journal.owed() if self.life.journal is not None else owed

    def session(self) -> tuple[int, int] | None:
        """Its boot and the number of the session in it; None when there is none."""
        life = self.life
        if life is None or life.link.alone_ms(life.uptime.now_ms()):
            return None
        return self.figures.boots, life.link.sessions

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
        return set() if self.life is None else self.life.in_ram()

    def _on_flash(self) -> dict[Key, bytes]:
        return {} if self.flash is None else on_flash(self._folder, self.kind.journal_bytes)

    # Inside

    def _made(self, payload: bytes, bills: bool) -> None:
        self._ledger.made(self.name, payload, self._clock.time(), bills=bills)

    def _sense(self, life: Life) -> None:
        if life is self.life and self._is_sensing:
            life.records.report(self._reading(life), {})
            self._clock.call_later(self.kind.period_s, self._sense, life)

    def _bill(self, life: Life) -> None:
        if life is self.life and self._is_sensing:
            life.records.bill(self._reading(life))
            self._clock.call_at(self._next_quarter_s(), self._bill, life)
            if life.keeper is not None:
                self._work(life)

    def _reading(self, life: Life) -> dict[int, int]:
        self.figures.read += 1
        utc_ms = life.records.utc_ms()
        return {SERIAL: self.figures.read, MADE: -1 if utc_ms is None else utc_ms}

    def _next_quarter_s(self) -> float:
        return (self._clock.time() // QUARTER_S + 1) * QUARTER_S

    def _keep(self, life: Life) -> None:
        if life is not self.life:
            return
        is_busy = life.journal.waiting or life.keeper.is_alone(life.uptime.now_ms())
        if is_busy:
            self._work(life)
        self._clock.call_later(KEEP_S if is_busy else IDLE_S, self._keep, life)

    def _work(self, life: Life) -> None:
        """Let the keeper do what is due, in its own steps."""
        if life.work is None:
            life.work = life.keeper.working(life.uptime.now_ms())
            self._step(life)

    def _step(self, life: Life) -> None:
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

    def _close(self, life: Life) -> None:
        """Have everything kept, as before a reset; unless the flash cannot, nothing is lost by it."""
        waiting = {key for key in self._in_ram() if key in self._ledger.accounts[self.name].open}
        life.keeper.close()
        self._note(life)
        if self.flash is not None and self.flash.is_off:
            self._was_cut()
        elif not life.trouble and not waiting <= self._on_flash().keys():
            self._ledger.problems.append(f"{self.name}: records were in RAM before a restart, and are not on flash")

    def _was_cut(self) -> None:
        self.figures.cuts_in_a_write += 1
        self.power_off()
        self._clock.call_later(self._off_s, self.power_on)

    def _note(self, life: Life) -> None:
        assert self.flash is not None
        if life.keeper.errors or self.flash.refuses or life.journal.dropped:
            life.trouble = True

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._ledger.problems.append(f"{self.name}: its link has ended: {task.exception()!r}")

    def _end(self, life: Life) -> None:
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
        return set(self._on_flash())

    def _check_promises(self, life: Life, kept: set[Key]) -> None:
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
