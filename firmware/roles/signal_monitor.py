"""A second unit that only watches a signal's lamps: the conflict monitor by itself, with a hold-in relay of its own.

It shares nothing with the node that drives the lamps but two wires, `steady` and `beat`. Its relay stands in series
with the other one, so that either of them leaves the street to the cabinet's flasher. The matrix is its own, from its
config.json: it never sees a site record. What trips it latches, until the button (with the door open) or two persons.
"""

from node.config import REQUIRED
from paifang_wire.messages import BOOL, BUSY, EV_SIGNAL, INT

from .traffic_signal.monitor import BEAT, RELAY_CLOSED, STEADY, SUPPLY_OK, Monitor
from .traffic_signal.unit import DOOR_OPEN, RESET_BUTTON

POINTS = (
    (1, "reason", "", INT, 0, None, None, 0, None),
    (2, "group", "", INT, 0, None, None, 0, None),
    (3, "holds", "", BOOL, 0, 0, 1, 0, None),
    (4, "latch", "", BOOL, 0, 0, 1, 3, None),
)

HARDWARE = {
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
        "detectors": (8, 8, 32),
    },
}
OPTIONAL = ()


def build(wired: dict, machine, uptime, period_ms: int):
    """The role on the hardware that config.json names, `wired` as HARDWARE says."""
    from drivers.cabinet import wired as cabinet

    own = wired["monitor"]
    matrix = [int(mask, 16) for mask in own["matrix"].split(",")]
    return SignalMonitor(cabinet(machine, wired["cabinet"], uptime), matrix, own, period_ms)


class SignalMonitor:
    """`cabinet` as in `drivers.cabinet`; `own`: vehicles (hex) and options of the monitor."""

    POINTS = POINTS
    journal_bytes = 0  # unless config.json says so: flash that is erased holds up the monitor's samples
    red = amber = green = status = 0  # it lights nothing

    def __init__(self, cabinet, matrix, own: dict, period_ms: int) -> None:
        self._cabinet = cabinet
        self._own = (matrix, int(own["vehicles"], 16), own["options"])
        self._period_ms = period_ms
        self._monitor = self._nvs = self._records = None
        self._was_pressed = True  # a button that sticks is nobody's hand, at a start neither
        self._kept = self._due_ms = 0

    def open(self, name: tuple, nvs, reset_cause: int) -> None:
        """Take up a latch that was kept; test the monitor with the read-backs turned round."""
        del name, reset_cause
        self._nvs = nvs
        try:
            self._kept = nvs.get_i32("latch")
        except OSError:
            pass
        self._monitor = Monitor(*self._own, self._kept)
        self._monitor.self_test(0, 0, 0)

    def attach(self, records) -> None:
        """From now on there is somewhere to report to."""
        self._records = records

    async def run(self, alive) -> None:
        """A sample whenever one is due, for ever."""
        while True:
            alive()
            self._step(await self._cabinet.wait())

    def read(self, point: int):
        """The present value of the latch; of others, None: no interlock asks for them."""
        return int(self._monitor.tripped) if point == POINTS[-1][0] else None

    async def write(self, point: int, value: int) -> tuple:
        """(refusal or 0, before, after): 0 ends a latch. Nobody but the lamps can begin one."""
        before = self.read(point)
        if value:
            return BUSY, before, before
        self._monitor.reset()
        return 0, before, self.read(point)

    async def to_safe(self, point: int) -> tuple:
        """Nothing: letting go is not asked for by anybody."""
        return 0, self.read(point), self.read(point)

    def to_safe_state(self) -> None:
        """The task that feeds the relay has failed, and the relay has fallen."""
        self._cabinet.feed(0)

    def _step(self, now_ms: int) -> None:
        cabinet, monitor = self._cabinet, self._monitor
        cabinet.show(self)
        inputs = cabinet.flags & (SUPPLY_OK | STEADY | BEAT | RELAY_CLOSED)
        monitor.sample(cabinet.red, cabinet.amber, cabinet.green, inputs, now_ms)
        cabinet.feed(monitor.enable)
        pressed = cabinet.flags & RESET_BUTTON and cabinet.flags & DOOR_OPEN
        if pressed and not self._was_pressed:
            monitor.reset()
        self._was_pressed = pressed
        if monitor.reason != self._kept:  # the relay is let go by now
            self._kept = monitor.reason
            self._nvs.set_i32("latch", self._kept)
            self._nvs.commit()
            self._records.event(EV_SIGNAL, None, "monitor reason %d group %d" % (self._kept, monitor.group + 1))
            self._due_ms = now_ms
        if now_ms >= self._due_ms:
            self._due_ms = now_ms + self._period_ms
            values = {1: monitor.reason, 2: monitor.group + 1, 3: int(monitor.holds), 4: int(monitor.tripped)}
            self._records.report(values, {})
