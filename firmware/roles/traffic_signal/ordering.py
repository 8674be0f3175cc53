"""What may be asked of a running signal: its mode, a latch, holds and calls, and which plan it goes by."""

from micropython import const

from paifang_wire.messages import BUSY, INCONSISTENT, LIMIT

from . import points
from .interlock import LATCHED
from .phases import MAX_RECALL, MIN_RECALL, PED_RECALL, PHASES
from .unit import BY_MODE, REASON_COMMAND

AUTOMATIC = const(0)
FLASH = const(1)
FREE = const(2)
"""Values of the point `mode`."""
_RECALLS = ((MIN_RECALL, 0), (MAX_RECALL, 8), (PED_RECALL, 16))
_TICK_MS = const(100)


class Ordering:
    """`unit`: a `unit.Unit` or None; `holdings`: a `holdings.Holdings`."""

    def __init__(self, unit, holdings) -> None:
        self._unit = unit
        self._holdings = holdings
        self._say = print
        self._mode = AUTOMATIC
        self._slot = self._plan_id = 0
        self._days_id = holdings.ask(lambda library: library.days_id())
        self._asked_ms = self._until_ms = 0  # of the day plans: so long nothing changes by them

    def attach(self, say) -> None:
        """Begin with the plan that was selected, or the last one in force. `say(text)`: an event of the node."""
        self._say = say
        if self._unit is not None:
            self._go_by(self._holdings.selected or self._holdings.last())

    def schedule(self, utc_ms) -> None:
        """Once a second: go by the plan of the day plans, unless one is selected or the time is not known."""
        if self._holdings.selected or utc_ms is None or self._asked_ms <= utc_ms < self._until_ms:
            return
        slot, self._until_ms = self._holdings.ask(lambda library: library.slot_at(utc_ms))
        self._asked_ms = utc_ms
        if slot and slot != self._slot:
            self._go_by(slot)

    def read(self, point: int):
        """The present value of a point that can be commanded; of others, None: no interlock asks for them."""
        unit = self._unit
        if unit is None:
            return None
        if points.HOLD <= point <= points.PED_CALL:
            return unit.controller.calls.commanded(point - points.HOLD) if unit.controller else None
        return self._values().get(point)

    async def write(self, point: int, value: int) -> int:
        """Do it; the refusal, or 0."""
        unit = self._unit
        if point == points.MODE:
            return self._set_mode(value)
        if point == points.LATCH:
            return self._latch() if value else self.clear()
        if point == points.PLAN_LOAD:
            return self._take_plan(value)
        if point == points.DAYS_LOAD:
            return self._take_days(value)
        if point == points.PLAN:
            return self._select(value)
        if unit.controller is None:
            return INCONSISTENT
        if point == points.OFFSET:
            return self._set_offset(value)
        if point == points.RECALL:
            return self._set_recalls(value)
        unit.controller.command(point - points.HOLD, value)
        return 0

    def safe(self, point: int) -> tuple:
        """(point, value) that is the safe state of a point: what is asked for is let go, anything else flashes."""
        if points.HOLD <= point <= points.PED_CALL:
            return point, 0
        return points.MODE, FLASH

    def clear(self) -> int:
        """End a latch; 0. What goes on being wrong latches again."""
        self._unit.clear()
        return 0

    def values(self) -> dict:
        """{point: value} of what was commanded, for a report."""
        values = {points.EDITION: self._holdings.records.version}
        if self._unit is not None:
            values.update(self._values())
            if self._unit.controller is not None:
                for kind in range(points.PED_CALL - points.HOLD + 1):
                    values[points.HOLD + kind] = self._unit.controller.calls.commanded(kind)
        return values

    def _values(self) -> dict:
        plan = self._unit.plan
        return {
            points.MODE: self._mode,
            points.LATCH: int(self._unit.interlock.mode == LATCHED),
            points.PLAN: self._slot,
            points.PLAN_LOAD: self._plan_id,
            points.DAYS_LOAD: self._days_id,
            points.OFFSET: plan.offset * _TICK_MS if plan else 0,
            points.RECALL: self._recalls(),
        }

    def _latch(self) -> int:
        self._unit.fault = REASON_COMMAND
        return 0

    def _take_plan(self, identifier: int) -> int:
        """It comes into force if it is the one that is wanted, or none is."""
        refusal, slot = self._holdings.ask(lambda library: library.take_plan(identifier))
        if refusal:
            return refusal
        if self._slot in (0, slot) or slot == self._holdings.selected:
            return self._go_by(slot)
        self._until_ms = 0  # the day plans may have waited for it
        return 0

    def _take_days(self, identifier: int) -> int:
        refusal = self._holdings.ask(lambda library: library.take_days(identifier))
        if not refusal:
            self._days_id, self._until_ms = identifier, 0
        return refusal

    def _set_mode(self, value: int) -> int:
        unit, was_free = self._unit, self._mode == FREE
        self._mode = value
        unit.asked = unit.asked & ~BY_MODE | (BY_MODE if value == FLASH else 0)
        return self._go_by(self._slot) if was_free != (value == FREE) and self._slot else 0

    def _select(self, slot: int) -> int:
        plan, identifier = self._plan_at(slot)
        if slot and plan is None:
            return INCONSISTENT
        try:
            self._holdings.select(slot)
        except OSError:
            return BUSY
        self._until_ms = 0
        if slot:
            self._use(slot, plan, identifier)
        return 0

    def _plan_at(self, slot: int) -> tuple:
        return self._holdings.ask(lambda library: library.plan_at(slot))

    def _go_by(self, slot: int) -> int:
        plan, identifier = self._plan_at(slot)
        if plan is None:
            if slot:
                self._say("plan %d cannot be used" % slot)
            return INCONSISTENT
        self._use(slot, plan, identifier)
        return 0

    def _use(self, slot: int, plan, identifier: int) -> None:
        if self._mode == FREE:
            plan.cycle = plan.coordinated = 0
        self._unit.use(plan)
        self._slot, self._plan_id = slot, identifier
        try:
            self._holdings.note(slot)
        except OSError as error:
            self._say("the plan is not kept over a loss of power: " + repr(error))
        self._say("plan %d %s" % (slot, plan.name))

    def _set_offset(self, ms: int) -> int:
        plan = self._unit.plan
        if ms % _TICK_MS or ms // _TICK_MS >= max(plan.cycle, 1):
            return LIMIT
        plan.offset = ms // _TICK_MS
        return 0

    def _set_recalls(self, value: int) -> int:
        plan = self._unit.plan
        for option, shift in _RECALLS:
            for p in range(PHASES):
                is_asked = value >> shift + p & 1
                plan.options[p] = plan.options[p] & ~option | (option if is_asked else 0)
        self._unit.use(plan)
        return 0

    def _recalls(self) -> int:
        plan = self._unit.plan
        value = 0
        for option, shift in _RECALLS:
            value |= (plan.with_option(option) if plan else 0) << shift
        return value
