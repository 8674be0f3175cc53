"""Smart meter: a PZEM-004T and a relay for the load, which is shed when the power stays above a limit.

The energy register is what bills: every quarter of an hour it is kept on the flash at once, whatever the link does.
"""

from micropython import const

from drivers.pzem004t import Pzem004t
from drivers.relay import ALLOWED, OFF, Relay
from paifang_wire.messages import BOOL, EV_SAFE_STATE, INT
from paifang_wire.rules import CLASS, INTERLOCK

from .shared.outputs import Switch
from .shared.polling import every
from .shared.sensing import Sensor

# number, name, unit, type, scale, least, greatest, class, interlock. The limits are the meter's measuring range.
POINTS = (
    (1, "voltage", "V", INT, -1, 0, 3000, 0, None),
    (2, "current", "A", INT, -3, 0, 100_000, 0, None),
    (3, "power", "W", INT, -1, 0, 230_000, 0, None),
    (4, "energy", "Wh", INT, 0, 0, 9_999_999, 0, None),
    (5, "frequency", "Hz", INT, -1, 0, 650, 0, None),
    (6, "power_factor", "", INT, -2, 0, 100, 0, None),
    (7, "alarm", "", BOOL, 0, 0, 1, 0, None),
    (8, "power_limit", "W", INT, 0, 0, 23_000, 1, None),
)
# The class is of config.json. At +10 % of 230 V (EN 50160, 4.2.2) no load is connected any more.
_RELAY_ROW = (16, "relay", "", BOOL, 0, 0, 1, 1, "1: voltage<=2530")
_POWER = const(2)  # place among the meter's values
_ENERGY = const(3)
_ENERGY_POINT = const(4)
_POWER_LIMIT = const(8)
_RELAY = const(16)
_NO_LIMIT_W = const(23_000)
_SAFE_LIMIT_W = const(0)
_DECIWATTS = const(10)
_BILLING_MS = const(900_000)
_OVERLOADS = const(2)  # polls above the limit before the load is shed: one may be a motor starting

# config.json, "hardware": section -> key -> (default, least, greatest).
HARDWARE = {
    "pzem004t": {
        "uart": (2, 1, 2),
        "tx": (17, 0, 48),
        "rx": (16, 0, 48),
        "unit": (1, 1, 247),
        "billing_s": (900, 60, 86_400),
    },
    "relay": {
        "out": (25, 0, 48),
        "read_back": (26, 0, 48),
        "minimum_on_ms": (5_000, 0, 3_600_000),
        "minimum_off_ms": (5_000, 0, 3_600_000),
        "fail_safe": (0, 0, 1),
        "class": (1, 1, 3),
    },
}
OPTIONAL = ()  # sections whose hardware is there only when config.json has them


def points(relay: dict) -> tuple:
    """The rows of all points; `relay` as in config.json."""
    return POINTS + (_RELAY_ROW[:CLASS] + (relay["class"], _RELAY_ROW[INTERLOCK]),)


def build(wired: dict, machine, uptime, period_ms: int):
    """The role on the hardware that config.json names, `wired` as HARDWARE says."""
    meter = wired["pzem004t"]
    uart = machine.UART(meter["uart"], baudrate=9600, tx=meter["tx"], rx=meter["rx"], timeout=0)
    relay = Relay.wired(machine, wired["relay"], uptime)
    driver = Pzem004t(uart, uptime, meter["unit"])
    return SmartMeter(points(wired["relay"]), driver, relay, uptime, period_ms, meter["billing_s"] * 1_000)


class SmartMeter:
    """One report of points 1 to 7 in each period, and one of the energy alone, to bill by, in each `billing_ms`.

    They fall on whole multiples of it, of the uptime until the time is known.
    """

    def __init__(self, points: tuple, meter, relay, uptime, period_ms: int, billing_ms: int = _BILLING_MS) -> None:
        self.POINTS = points
        self._driver = meter
        self._relay = relay
        self._switch = Switch(_RELAY, relay, uptime)
        self._uptime = uptime
        self._period_ms = period_ms
        self._billing_ms = billing_ms
        self._bill_at_ms = None
        self._records = self._meter = None
        self._values = None  # of the last poll; None when the meter did not answer to it
        self._limit_w = _NO_LIMIT_W
        self._overloads = 0

    def attach(self, records) -> None:
        """From now on there is somewhere to report to."""
        self._records = records
        self._meter = Sensor("PZEM-004T", self._driver, self.POINTS[0:7], records)
        self._switch.attach(records)
        self._report_limit()

    async def run(self, alive) -> None:
        await every(self._period_ms, self._uptime, alive, self._work)

    async def _work(self) -> None:
        values = self._values = await self._meter.poll()
        if values is not None:
            self._guard(values[_POWER])
            self._bill(values[_ENERGY])
        self._switch.check()

    def read(self, point: int):
        """The present value of a point, None when the meter is mute."""
        if point == _RELAY:
            return self._switch.position()
        if point == _POWER_LIMIT:
            return self._limit_w
        return None if self._values is None else self._values[point - 1]

    async def write(self, point: int, value: int) -> tuple:
        """(refusal or 0, before, after) of a command that the table of points has let through."""
        if point == _RELAY:
            return await self._switch.write(value)
        before, self._limit_w = self._limit_w, value
        self._report_limit()
        return 0, before, value

    async def to_safe(self, point: int) -> tuple:
        """As `write`, to the fail-safe position; of the limit that is 0 W: nothing may be drawn."""
        return await self._switch.to_safe() if point == _RELAY else await self.write(point, _SAFE_LIMIT_W)

    def to_safe_state(self) -> None:
        self._switch.to_safe_state()

    def _guard(self, power: int) -> None:
        """Shed the load when the power stays above the limit. Closing it again is a person's decision, by command."""
        is_over = power > self._limit_w * _DECIWATTS
        self._overloads = self._overloads + 1 if is_over else 0
        if self._overloads < _OVERLOADS or self._relay.position() == OFF:
            return
        if self._relay.request(OFF) == ALLOWED:  # else its minimum on time is not over: the next poll tries again
            detail = "load shed: %d W above the limit of %d W" % (power // _DECIWATTS, self._limit_w)
            self._records.event(EV_SAFE_STATE, _RELAY, detail)

    def _bill(self, energy: int) -> None:
        now_ms = self._uptime.now_ms()
        if self._bill_at_ms is not None and now_ms < self._bill_at_ms:
            return
        if self._bill_at_ms is not None:
            self._records.bill({_ENERGY_POINT: energy})
        utc_ms = self._records.utc_ms()
        since_ms = (now_ms if utc_ms is None else utc_ms) % self._billing_ms
        self._bill_at_ms = now_ms + self._billing_ms - since_ms

    def _report_limit(self) -> None:
        self._records.report({_POWER_LIMIT: self._limit_w}, {})
