"""Air quality: particles (PMS5003), temperature, humidity and pressure (BME280), CO2 (SCD4x), and a relay for a fan."""

from micropython import const

from drivers.bme280 import Bme280
from drivers.pms5003 import Pms5003
from drivers.relay import Relay
from paifang_wire.messages import BOOL, INT

from .shared.outputs import Switch
from .shared.polling import every
from .shared.sensing import Sensor

# number, name, unit, type, scale, least, greatest, class, interlock. The limits are what the chips can measure.
POINTS = (
    (1, "pm1", "µg/m3", INT, 0, 0, 1000, 0, None),
    (2, "pm25", "µg/m3", INT, 0, 0, 1000, 0, None),
    (3, "pm10", "µg/m3", INT, 0, 0, 1000, 0, None),
    (4, "temperature", "°C", INT, -2, -4000, 8500, 0, None),
    (5, "humidity", "%", INT, -2, 0, 10000, 0, None),
    (6, "pressure", "Pa", INT, 0, 30000, 110000, 0, None),
    (7, "particles_03um", "/0.1L", INT, 0, 0, 65535, 0, None),
    (16, "fan", "", BOOL, 0, 0, 1, 1, None),
)
_FAN = const(16)
# A PMS5003 that is asked less often than this sleeps in between; waking it takes 30 s.
_SLEEP_PERIOD_MS = const(120_000)

# config.json, "hardware": section -> key -> (default, least, greatest).
HARDWARE = {
    "pms5003": {"uart": (2, 1, 2), "tx": (17, 0, 48), "rx": (16, 0, 48)},
    "bme280": {"i2c": (0, 0, 1), "scl": (22, 0, 48), "sda": (21, 0, 48), "address": (0x76, 0x76, 0x77)},
    "fan": {
        "out": (25, 0, 48),
        "read_back": (26, 0, 48),
        "minimum_on_ms": (5_000, 0, 3_600_000),
        "minimum_off_ms": (5_000, 0, 3_600_000),
        "fail_safe": (0, 0, 1),
    },
    "scd4x": {"altitude_m": (0, 0, 3_000)},  # on the I2C bus of the BME280
}
OPTIONAL = ("scd4x",)  # sections whose hardware is there only when config.json has them


def build(wired: dict, machine, uptime, period_ms: int):
    """The role on the hardware that config.json names, `wired` as HARDWARE says."""
    relay = Relay.wired(machine, wired["fan"], uptime)  # first: from here on it stands in its fail-safe position
    pms, bme = wired["pms5003"], wired["bme280"]
    uart = machine.UART(pms["uart"], baudrate=9600, tx=pms["tx"], rx=pms["rx"], timeout=0)
    i2c = machine.I2C(bme["i2c"], scl=machine.Pin(bme["scl"]), sda=machine.Pin(bme["sda"]))
    particles = Pms5003(uart, uptime, sleep_between=period_ms >= _SLEEP_PERIOD_MS)
    fitted = (
        ("PMS5003", particles, POINTS[0:3] + POINTS[6:7]),
        ("BME280", Bme280(i2c, uptime, bme["address"]), POINTS[3:6]),
    )
    points = POINTS
    if "scd4x" in wired:
        from drivers.scd4x import Scd4x

        # Its temperature and humidity are those inside its own cap: the BME280 knows better.
        rows = ((9, "co2", "ppm", INT, 0, 0, 40_000, 0, None),)
        fitted += (("SCD4x", Scd4x(i2c, uptime, wired["scd4x"]["altitude_m"]), rows),)
        points += rows
    return AirQuality(points, fitted, relay, uptime, period_ms)


class AirQuality:
    """One report in each period from each sensor that has something new. `fitted`: (name, driver, rows of points)."""

    def __init__(self, points: tuple, fitted: tuple, relay, uptime, period_ms: int) -> None:
        self.POINTS = points
        self._fitted = fitted
        self._sensors = []
        self._fan = Switch(_FAN, relay, uptime)
        self._uptime = uptime
        self._period_ms = period_ms

    def attach(self, records) -> None:
        """From now on there is somewhere to report to."""
        self._sensors = [Sensor(name, driver, rows, records) for name, driver, rows in self._fitted]
        self._fan.attach(records)

    async def run(self, alive) -> None:
        await every(self._period_ms, self._uptime, alive, self._work)

    async def _work(self) -> None:
        for sensor in self._sensors:
            await sensor.poll()
        self._fan.check()

    def read(self, point: int):
        """The present value of a point that can be commanded; of others, None: no interlock asks for them."""
        return self._fan.position() if point == _FAN else None

    async def write(self, point: int, value: int) -> tuple:
        """(refusal or 0, before, after) of a command that the table of points has let through: only the fan is left."""
        del point
        return await self._fan.write(value)

    async def to_safe(self, point: int) -> tuple:
        """As `write`, to the fail-safe position."""
        del point
        return await self._fan.to_safe()

    def to_safe_state(self) -> None:
        self._fan.to_safe_state()
