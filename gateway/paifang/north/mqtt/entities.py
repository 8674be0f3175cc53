"""What a point is in Home Assistant: its device class, unit and state class, out of its name and unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.store.points import Point

# By how a point's name begins, then by its unit: the first that fits. Device classes and their units are those of Home
# Assistant's sensor and binary_sensor integrations, as of 2024.6: one that it does not know, or a unit that a class
# does not have, makes it refuse the whole point. What fits none is shown without a class.
_BY_NAME: tuple[tuple[str, tuple[str, ...], str | None], ...] = (
    ("temperature_difference", ("K",), None),  # it would be converted as if it were a temperature
    ("power_factor", ("", "%"), "power_factor"),
    ("humidity", ("%",), "humidity"),
    ("moisture", ("%",), "moisture"),
    ("battery", ("%",), "battery"),
    ("co2", ("ppm",), "carbon_dioxide"),
    ("co", ("ppm",), "carbon_monoxide"),
    ("pm25", ("µg/m3",), "pm25"),
    ("pm10", ("µg/m3",), "pm10"),
    ("pm1", ("µg/m3",), "pm1"),
    ("no2", ("µg/m3",), "nitrogen_dioxide"),
    ("o3", ("µg/m3",), "ozone"),
    ("so2", ("µg/m3",), "sulphur_dioxide"),
    ("tvoc", ("µg/m3",), "volatile_organic_compounds"),
    ("gas", ("m3",), "gas"),
    ("water", ("m3", "L"), "water"),
    ("wind", ("m/s", "km/h"), "wind_speed"),
)
_BY_UNIT = {
    **dict.fromkeys(("V", "mV"), "voltage"),
    **dict.fromkeys(("A", "mA"), "current"),
    **dict.fromkeys(("W", "kW"), "power"),
    **dict.fromkeys(("Wh", "kWh", "MWh", "MJ", "GJ"), "energy"),
    **dict.fromkeys(("°C", "°F", "K"), "temperature"),
    **dict.fromkeys(("Pa", "hPa", "kPa", "bar"), "pressure"),
    **dict.fromkeys(("m3", "L", "mL"), "volume"),
    **dict.fromkeys(("m3/h", "L/min"), "volume_flow_rate"),
    **dict.fromkeys(("m", "mm", "km"), "distance"),
    **dict.fromkeys(("m/s", "km/h"), "speed"),
    **dict.fromkeys(("kg", "lb"), "weight"),
    **dict.fromkeys(("ms", "s", "min", "h", "d"), "duration"),
    "VA": "apparent_power",
    "var": "reactive_power",
    "Hz": "frequency",
    "lx": "illuminance",
    "dB": "sound_pressure",
    "dBm": "signal_strength",
    "µS/cm": "conductivity",
}
_UNITS = {"m3": "m³", "µg/m3": "µg/m³", "mg/m3": "mg/m³", "m3/h": "m³/h", "m3/min": "m³/min", "m3/s": "m³/s"}
"""As Home Assistant writes them, where that is not as a point does."""
_COUNTED = frozenset(("Wh", "kWh", "MWh", "J", "kJ", "MJ", "GJ", "VAh", "kVAh", "varh", "kvarh", "m3", "L", "mL"))
"""Units of meters that only count up; Home Assistant has no other state class for energy."""
_SWITCHES = (
    ("door", "door"),
    ("reed", "opening"),
    ("opening", "opening"),
    ("window", "window"),
    ("smoke", "smoke"),
    ("tamper", "tamper"),
    ("motion", "motion"),
    ("leak", "moisture"),
    ("battery_low", "battery"),
    ("alarm", "problem"),
    ("fault", "problem"),
)


class Entity(NamedTuple):
    """`component` is Home Assistant's; the others are None where there is none."""

    component: str
    device_class: str | None
    unit: str | None
    state_class: str | None


def entity(point: Point) -> Entity:
    if point.type == messages.BOOL:
        switch = next((found for begins, found in _SWITCHES if point.name.startswith(begins)), None)
        return Entity("binary_sensor", switch, None, None)
    named = (found for begins, units, found in _BY_NAME if point.name.startswith(begins) and point.unit in units)
    device_class = next(named, _BY_UNIT.get(point.unit))
    state_class = "total_increasing" if point.unit in _COUNTED else "measurement"
    return Entity("sensor", device_class, _UNITS.get(point.unit, point.unit) or None, state_class)
