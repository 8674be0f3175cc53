"""A traffic signal: joins the unit to its cabinet, its records, its points and the node.

Each 20 ms a sample for the monitor, each 100 ms a tick of everything else. Without a site record that two roots have
signed nothing is lit and the relay stays let go: the cabinet's flasher is in charge.
"""

from micropython import const

from node.config import REQUIRED
from paifang_wire.messages import EV_SIGNAL, INCONSISTENT

from . import points
from .holdings import Holdings
from .interlock import LATCHED, RUN
from .monitor import RELAY_CLOSED, SUPPLY_OK
from .ordering import Ordering
from .unit import BY_SWITCH, DOOR_OPEN, FLASH_SWITCH, REASON_START, REASON_TASK, RESET_BUTTON, Unit

_SCHEDULE_TICKS = const(10)

HARDWARE = {
    # The monitor's own idea of the junction: conflicts as hex bitmasks, a group each, and the groups with an amber.
    # It lies in config.json because that comes over USB only, and the site record does not.
    "monitor": {"matrix": (REQUIRED, 1, 128), "vehicles": (REQUIRED, 1, 4), "options": (0, 0, 3)},
    "cabinet": {
        "spi": (1, 1, 2),
        "baud": (1_000_000, 10_000, 10_000_000),
        "sck": (18, 0, 48),
        "mosi": (23, 0, 48),
        "miso": (19, 0, 48),
        "latch": (5, 0, 48),
        "load": (22, 0, 48),
        "enable": (21, 0, 48),
        "groups": (16, 8, 16),
        "detectors": (32, 8, 32),
    },
    # A bench instead of a cabinet: hardware in the loop.
    "loop": {"uart": (2, 1, 2), "tx": (17, 0, 48), "rx": (16, 0, 48), "baud": (921_600, 9_600, 5_000_000)},
}
OPTIONAL = ("loop",)


def build(wired: dict, machine, uptime, period_ms: int):
    """The role on the hardware that config.json names, `wired` as HARDWARE says."""
    name = "loop" if "loop" in wired else "cabinet"
    driver = __import__("drivers." + name, None, None, ("wired",))
    cabinet = driver.wired(machine, wired[name], uptime)
    del driver.wired  # as this function, it is needed once
    own = wired["monitor"]
    matrix = [int(mask, 16) for mask in own["matrix"].split(",")]
    return TrafficSignal(cabinet, (matrix, int(own["vehicles"], 16), own["options"]), uptime, period_ms)


class TrafficSignal:
    """`cabinet` as in `drivers.cabinet`; `own`: the monitor's matrix, groups with an amber, options."""

    journal_bytes = 0  # unless config.json says so: flash that is erased holds up the monitor's samples

    def __init__(self, cabinet, own: tuple, uptime, period_ms: int) -> None:
        self.holdings = None
        self.unit = None
        self._cabinet = cabinet
        self._own = own
        self._uptime = uptime
        self._period_ms = period_ms
        self._records = None
        self._ordering = None
        self._kept = 0
        self._mode = -1
        self._is_armed = False
        self._was_pressed = True  # a button that sticks is nobody's hand, at a start neither
        self._ticks = self._reported_ticks = 0
        self._due_ms = 0

    @property
    def POINTS(self) -> tuple:  # noqa: N802 - as of every role; this one makes them when it is asked for them, once
        """Rows as in the describe message."""
        from .describing import table

        return table()

    def open(self, name: tuple, nvs, reset_cause: int, folder: str = "/") -> None:
        """Read what the node holds in `folder`; from here on there is a unit, if its site record can be believed."""
        holdings = self.holdings = Holdings(nvs, folder)
        holdings.retire = self.retire
        holdings.open(name, self._pause)
        if holdings.site is not None:
            self._kept = holdings.kept
            matrix, vehicles, options = self._own
            latched = holdings.latched(reset_cause, REASON_START)
            self.unit = Unit(holdings.site, matrix, vehicles, options, latched)
        self._ordering = Ordering(self.unit, holdings)

    def attach(self, records) -> None:
        """From now on there is somewhere to report to."""
        self._records = records
        self.holdings.attach(self._say)
        if self.holdings.problem:
            self._say(self.holdings.problem)
        self._ordering.attach(self._say)

    async def run(self, alive) -> None:
        """A sample whenever one is due, for ever. What goes wrong here flashes, latched."""
        try:
            while True:
                alive()
                self._step(await self._cabinet.wait())
        except Exception:
            if self.unit is not None:
                self.unit.fault = REASON_TASK
            self._cabinet.feed(0)
            raise

    def read(self, point: int):
        """The present value of a point that can be commanded."""
        return self._ordering.read(point)

    async def write(self, point: int, value: int) -> tuple:
        """(refusal or 0, before, after) of a command that the table of points has let through."""
        if self.unit is None:
            return INCONSISTENT, None, None
        before = self.read(point)
        refusal = await self._ordering.write(point, value)
        return refusal, before, self.read(point)

    async def to_safe(self, point: int) -> tuple:
        """As `write`: flashing; of what is asked of the controller, nothing any more."""
        return await self.write(*self._ordering.safe(point))

    def to_safe_state(self) -> None:
        """Flash, latched."""
        if self.unit is not None:
            self.unit.fault = REASON_TASK

    def retire(self) -> None:
        """Flash, and let go: a restart follows that is meant."""
        self._cabinet.feed(0)
        if self.unit is not None:
            self.unit.interlock.to_flash()
        self._write_down(self.holdings.arm, 0)

    async def _pause(self) -> None:
        await self._uptime.sleep_ms(0)

    def _say(self, text: str) -> None:
        self._records.event(EV_SIGNAL, None, text)

    def _step(self, now_ms: int) -> None:
        cabinet, unit = self._cabinet, self.unit
        if unit is None:
            cabinet.feed(0)
        else:
            cabinet.show(unit)
            flags = cabinet.flags
            unit.sample(cabinet.red, cabinet.amber, cabinet.green, flags & (SUPPLY_OK | RELAY_CLOSED), now_ms)
            cabinet.feed(unit.monitor.enable)
            self._keep()
            if cabinet.ticks:
                self._tick(flags)
        self._report(now_ms)

    def _tick(self, flags: int) -> None:
        cabinet, unit = self._cabinet, self.unit
        self._ticks += 1
        self._obey(flags)
        utc_ms = cabinet.utc_ms(self._records.utc_ms)
        if utc_ms is not None:
            unit.sync(utc_ms)
        if not self._ticks % _SCHEDULE_TICKS:
            self._ordering.schedule(utc_ms)
        unit.tick(cabinet.covered, cabinet.buttons, cabinet.preempts, cabinet.transit)
        cabinet.show(unit)

    def _obey(self, flags: int) -> None:
        """The hands in the cabinet: flash switch, reset button (with the door open), panel."""
        unit = self.unit
        unit.asked = unit.asked & ~BY_SWITCH | (BY_SWITCH if flags & FLASH_SWITCH else 0)
        pressed = flags & RESET_BUTTON and flags & DOOR_OPEN
        if pressed and not self._was_pressed:
            self._ordering.clear()
        self._was_pressed = pressed
        if self._cabinet.order is not None and unit.controller is not None:
            unit.controller.command(*self._cabinet.order)

    def _keep(self) -> None:
        """Write down what has to outlive a loss of power: of a latch after the relay is let go."""
        unit = self.unit
        mode = unit.interlock.mode
        reason = unit.interlock.reason if mode == LATCHED else 0
        if reason != self._kept and not (reason and unit.monitor.holds):
            self._kept = reason
            self._write_down(self.holdings.latch, reason)
        if mode == RUN and not self._is_armed:
            self._is_armed = True
            self._write_down(self.holdings.arm, 1)

    def _write_down(self, write, number: int) -> None:
        """What the NVS does not take holds as long as there is power."""
        try:
            write(number)
        except OSError as error:
            self._say("not kept over a loss of power: " + repr(error))

    def _report(self, now_ms: int) -> None:
        mode = self.unit.interlock.mode if self.unit is not None else 0
        if mode == self._mode and now_ms < self._due_ms:
            return
        state = points.state(self.unit, self.holdings)
        if mode != self._mode:
            self._mode = mode
            self._records.report(state, {})
            about = (state[points.STATE], state[points.REASON], state[points.MONITOR] >> 8)
            self._say("state %d reason %d group %d" % about)
            return
        self._due_ms = now_ms + self._period_ms
        state.update(self._ordering.values())
        if self.unit is not None:
            state[points.DETECTORS] = self._cabinet.covered
            state.update(points.shown(self.unit))
            if self.unit.plan is not None:
                state.update(points.traffic(self.unit, self._ticks - self._reported_ticks))
                self._reported_ticks = self._ticks
        self._records.report(state, {})
