"""Units that a point or a device may have, and exact conversion between those of one quantity.

A unit may be written as people do ("kWh", "°C") or as UCUM does ("kW.h", "Cel"); a point carries the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from paifang.config import explain


@dataclass(frozen=True, slots=True)
class Unit:
    """number * ratio + offset is the same in the reference unit of the quantity."""

    name: str
    quantity: str
    ratio: Fraction
    offset: Fraction


# quantity -> "NAME RATIO [OFFSET]"; the reference unit has the ratio 1. SI Brochure, 9th edition, chapters 2 and 4.
_TABLE: dict[str, tuple[str, ...]] = {
    "voltage": ("V 1", "mV 1/1000", "kV 1000"),
    "current": ("A 1", "mA 1/1000"),
    "power": ("W 1", "kW 1000", "MW 1000000", "J/h 1/3600", "GJ/h 10000000/36"),
    "apparent power": ("VA 1", "kVA 1000"),
    "reactive power": ("var 1", "kvar 1000"),
    "energy": ("Wh 1", "J 1/3600", "kWh 1000", "MWh 1000000", "kJ 10/36", "MJ 10000/36", "GJ 10000000/36"),
    "apparent energy": ("VAh 1", "kVAh 1000"),
    "reactive energy": ("varh 1", "kvarh 1000"),
    "frequency": ("Hz 1",),
    "angle": ("° 1",),
    "rotation": ("°/s 1", "rpm 6"),
    "temperature": ("°C 1", "K 1 -27315/100", "°F 5/9 -160/9"),
    "pressure": ("Pa 1", "hPa 100", "kPa 1000", "bar 100000"),
    "volume": ("m3 1", "L 1/1000", "mL 1/1000000"),
    "flow": ("m3/h 1", "m3/min 60", "m3/s 3600", "L/h 1/1000", "L/min 60/1000"),
    "mass flow": ("kg/h 1",),
    "mass concentration": ("µg/m3 1", "mg/m3 1000", "mg/L 1000000", "kg/m3 1000000000"),
    "illuminance": ("lx 1",),
    "conductivity": ("µS/cm 1",),
    "sound level": ("dB 1",),
    "signal strength": ("dBm 1",),
    "length": ("m 1", "mm 1/1000", "km 1000"),
    "speed": ("m/s 1", "km/h 10/36"),
    "acceleration": ("m/s2 1", "mG 980665/100000000", "G 980665/100000"),
    "mass": ("kg 1", "t 1000", "lb 45359237/100000000"),
    "time": ("s 1", "ms 1/1000", "min 60", "h 3600", "d 86400"),
    "ratio": ("1 1", "% 1/100", "ppm 1/1000000", "ppb 1/1000000000"),
}
# UCUM's code, where people write something else. It has no var: what stands here for it is what everybody writes.
_UCUM = {
    "V.A": "VA", "kV.A": "kVA", "W.h": "Wh", "kW.h": "kWh", "MW.h": "MWh", "V.A.h": "VAh", "kV.A.h": "kVAh",
    "var.h": "varh", "kvar.h": "kvarh", "deg": "°", "Cel": "°C", "[degF]": "°F", "ug/m3": "µg/m3", "uS/cm": "µS/cm",
    "deg/s": "°/s", "[lb_av]": "lb",
    "m[g]": "mG", "[g]": "G", "dB[mW]": "dBm", "[ppm]": "ppm", "[ppb]": "ppb", "m3": "m3", "l": "L", "l/h": "L/h",
    "mg/l": "mg/L",
}  # fmt: skip
_NUMBER = "1"
"""The unit of what only has a number, such as a power factor; a point carries it as ""."""


def _read(quantity: str, row: str) -> Unit:
    name, ratio, offset, *_ = [*row.split(), "0"]
    return Unit("" if name == _NUMBER else name, quantity, Fraction(ratio), Fraction(offset))


_NAMED = {row.split()[0]: _read(quantity, row) for quantity, rows in _TABLE.items() for row in rows}
_UNITS = _NAMED | {ucum: _NAMED[name] for ucum, name in _UCUM.items()} | {"": _NAMED[_NUMBER]}

NAMES = tuple(name for name in _NAMED if name != _NUMBER)
"""As people write them."""
_BY_LETTERS = {spelling.casefold(): spelling for spelling in reversed(_UNITS)}


def find(text: str) -> Unit | None:
    """The unit that is written so; None: there is none."""
    return _UNITS.get(text)


def nearest(text: str) -> str:
    """The spelling that was perhaps meant, or ""."""
    letters = explain.nearest(text.casefold(), list(_BY_LETTERS), 0.7)
    return _BY_LETTERS.get(letters, "")


def conversion(source: Unit, target: Unit) -> tuple[Fraction, Fraction]:
    """(gain, shift): number in `source` * gain + shift = number in `target`. ValueError for another quantity."""
    if source.name == target.name:
        return Fraction(1), Fraction(0)
    if source.quantity != target.quantity:
        raise ValueError(
            f"{source.name or 'no unit'} is {source.quantity}, {target.name or 'no unit'} is {target.quantity}"
        )
    return source.ratio / target.ratio, (source.offset - target.offset) / target.ratio
