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
        self._days_id = holdings.shelf.id_at(holdings.shelf.DAYS)
        self._name = ""

    def attach(self, say) -> None:
        """Begin with the plan that was selected, or the last one in force. `say(text)`: an event of the node."""
        self._say = say
        if self._unit is not None:
            self._go_by(self._holdings.selected or self._holdings.last())

    def schedule(self, utc_ms) -> None:
        """Once a second: go by the plan that is selected, or the one of the day plans if the time is known."""
        holdings = self._holdings
        if holdings.selected:
            self._change(holdings.selected)
        elif holdings.days is not None and utc_ms is not None:
            from .days import plan_at

            name = plan_at(holdings.days, utc_ms)
            if name != self._name:
                self._name = name
                self._change(holdings.slot_of(name))

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
        refusal, slot = self._holdings.take_plan(identifier)
        if refusal:
            return refusal
        if self._slot in (0, slot) or slot == self._holdings.selected:
            return self._go_by(slot)
        self._name = ""  # the day plans may have waited for it
        return 0

    def _take_days(self, identifier: int) -> int:
        refusal = self._holdings.take_days(identifier)
        if not refusal:
            self._days_id, self._name = identifier, ""
        return refusal

    def _set_mode(self, value: int) -> int:
        unit, was_free = self._unit, self._mode == FREE
        self._mode = value
        unit.asked = unit.asked & ~BY_MODE | (BY_MODE if value == FLASH else 0)
        return self._go_by(self._slot) if was_free != (value == FREE) and self._slot else 0

    def _select(self, slot: int) -> int:
        if slot and self._holdings.plan_at(slot) is None:
            return INCONSISTENT
        try:
            self._holdings.select(slot)
        except OSError:
            return BUSY
        self._name = ""
        return self._go_by(slot) if slot else 0

    def _change(self, slot: int) -> None:
        if slot != self._slot:
            self._go_by(slot)

    def _go_by(self, slot: int) -> int:
        plan = self._holdings.plan_at(slot)
        if plan is None:
            if slot:
                self._say("plan %d cannot be used" % slot)
            return INCONSISTENT
        if self._mode == FREE:
            plan.cycle = plan.coordinated = 0
        self._unit.use(plan)
        self._slot, self._plan_id = slot, self._holdings.shelf.id_at(slot)
        try:
            self._holdings.note(slot)
        except OSError as error:
            self._say("the plan is not kept over a loss of power: " + repr(error))
        self._say("plan %d %s" % (slot, plan.name))
        return 0

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
