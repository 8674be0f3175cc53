"""A junction put together: detectors, controller, interlock and monitor, over lamps and inputs as bits. Sans-IO.

    unit.sample(red, amber, green, inputs, now_ms)     each 20 ms: which groups have a lamp lit, per colour
    unit.tick(covered, buttons, preempts, transit)     each 100 ms: `red`, `amber`, `green` are what is to be lit

Flashing that somebody asks for ends when nobody asks any more; flashing for a fault is latched until `clear`. Either
way back is through all-red.
"""

from micropython import const

from . import aspects, monitor
from .controller import Controller
from .detectors import Detectors
from .interlock import FLASH, LATCHED, REASON_CALLER, RUN, START_RED, Interlock

FLASH_SWITCH = const(16)
RESET_BUTTON = const(32)
DOOR_OPEN = const(64)
"""Bits of a cabinet's flags, beside the monitor's SUPPLY_OK and RELAY_CLOSED."""

BY_SWITCH = const(1)
BY_MODE = const(2)
BY_SUPPLY = const(4)
WITHOUT_PLAN = const(8)
"""Bits of who asks for flashing."""
REASON_ASKED = const(40)
"""Reason of a flashing that somebody asks for: this and the number of the first of these bits."""
REASON_TASK = const(32)
REASON_SITE = const(33)
REASON_START = const(35)
REASON_COMMAND = const(36)
REASON_NO_SITE = const(44)
"""Faults that are not the monitor's; the monitor's are REASON_CALLER and its own reason. Without a record: NO_SITE."""

_FLASH_TICKS = const(5)
_INTACT_TICKS = const(10)
_SYNC_TICKS = const(100)


class Unit:
    """`site`: a `tables.Site`. `matrix`, `vehicles`, `options` are the monitor's own (`monitor.Monitor`).

    `latched`: the reason that was kept over a loss of power, 0 for none. `asked`: BY_SWITCH, ... of who has it flash.
    `fault`: REASON_TASK, ... while it lasts. `free`: without coordination. `plan` is None before the first `use`.
    """

    def __init__(self, site, matrix, vehicles: int, options: int = 0, latched: int = 0) -> None:
        self.site = site
        of_monitor = latched - REASON_CALLER if REASON_CALLER < latched < REASON_TASK else 0
        self.monitor = monitor.Monitor(matrix, vehicles, options, of_monitor)
        self._passing = 0 if options & monitor.LATCH_SUPPLY else monitor.SUPPLY
        self._has_options = (site.monitor[0] if site.monitor else 0) == options
        self.interlock = Interlock(site)
        self.plan = self.controller = self.detectors = None
        self.fault = 0 if of_monitor else latched
        self.asked = WITHOUT_PLAN
        self.red = self.amber = self.green = 0
        self._ticks = self._beat = 0
        if latched:
            self.interlock.tick(0, latched)
        if self._compare():
            self.monitor.self_test(0, 0, 0)

    @property
    def reason(self) -> int:
        """Why it flashes: the interlock's REASON_, or who asks for it."""
        if self.interlock.mode == FLASH:
            for bit in range(4):
                if self.asked >> bit & 1:
                    return REASON_ASKED + bit
        return self.interlock.reason

    @property
    def status(self) -> int:
        """STEADY and BEAT of `monitor`, for a second unit that watches the same lamps."""
        mode = self.interlock.mode
        return self._beat | (monitor.STEADY if mode in (RUN, START_RED) else 0)

    def use(self, plan) -> None:
        """Go by this plan (`phases.Plan`) from the next tick on; who waits and what is green is taken over."""
        controller = Controller(plan, self.site)
        if self.controller is not None:
            controller.take_over(self.controller)
        self.controller = controller
        self.detectors = Detectors(plan)
        self.plan = plan
        self.asked &= ~WITHOUT_PLAN

    def sync(self, utc_ms: int) -> None:
        """Tell the coordination what time it is; once in a while is enough."""
        if self.controller is not None and self.controller.coordination and not self._ticks % _SYNC_TICKS:
            self.controller.coordination.sync(utc_ms)

    def clear(self) -> None:
        """End a latch: the technician's button, or two persons. What goes on being wrong latches again."""
        self.fault = 0
        self.monitor.reset()
        self._compare()
        self.interlock.clear_latch()

    def sample(self, red: int, amber: int, green: int, inputs: int, now_ms: int) -> None:
        """What is lit. `inputs`: SUPPLY_OK, RELAY_CLOSED of `monitor`. `monitor.enable` is the pin's level then."""
        self.monitor.expect(self.red, self.amber, self.green)
        self.monitor.sample(red, amber, green, inputs | self.status, now_ms)

    def tick(self, covered: int, buttons: int, preempts: int, transit: int) -> None:
        """100 ms have passed. Bits: detectors that are covered, phases whose button is pressed, rows of the plan."""
        self._ticks += 1
        if not self._ticks % _INTACT_TICKS and not self.site.is_intact():
            self.fault = REASON_SITE
        request = 0
        if self.controller is not None:
            calls = self.detectors.tick(covered, self.controller.green_phases)
            request = self.controller.tick(calls, buttons, self.interlock.aspects, preempts, transit)
        self._obey()
        self.interlock.tick(request, self._fault())
        self._beat ^= monitor.BEAT
        self._light()

    def _compare(self) -> bool:
        """Whether the monitor's own idea of the junction is the site record's; a fault if it is not."""
        if not self._has_options:
            self.fault = self.fault or REASON_CALLER + monitor.MATRIX
        return self.monitor.compare(self.site.conflicts)

    def _fault(self) -> int:
        reason = self.monitor.reason
        if self.fault or not reason or reason == self._passing:
            return self.fault
        return REASON_CALLER + reason

    def _obey(self) -> None:
        """Flash for who asks for it, and no longer."""
        by_supply = BY_SUPPLY if self._passing and self.monitor.reason == self._passing else 0
        self.asked = self.asked & ~BY_SUPPLY | by_supply
        mode = self.interlock.mode
        if self.asked and mode != FLASH and mode != LATCHED:
            self.interlock.to_flash()
        elif not self.asked and mode == FLASH:
            self.interlock.to_run()

    def _light(self) -> None:
        site = self.site
        shown = self.interlock.aspects
        is_lit = self._ticks // _FLASH_TICKS & 1
        red = amber = green = 0
        for i in range(site.count):
            lit = aspects.lamps(shown[i], is_lit, site.clearance_lamp)
            red |= (lit & aspects.R) << i
            amber |= (lit & aspects.A) << i
            green |= (lit & aspects.G) << i
        self.red, self.amber, self.green = red, amber >> 1, green >> 2
