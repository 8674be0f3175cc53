"""The correction of low-cost particle sensors that the US EPA shows on its Fire and Smoke Map.

Barkjohn et al., Atmos. Meas. Tech. 14, 4617 (2021), and Sensors 22, 9669 (2022): for PM2.5 of Plantower PMS sensors in
their CF=1 reading and the humidity beside them, by hourly means. Of other sensors it says nothing.
"""

from __future__ import annotations

from fractions import Fraction

METHOD = "EPA correction 2022 (PMS, CF=1)"
CF1, HUMIDITY = "pm25_cf1", "humidity"
"""The points it needs, in µg/m3 and %."""

_LOW, _HIGH = Fraction("0.524"), Fraction("0.786")
_OF_HUMIDITY, _OFFSET = Fraction("0.0862"), Fraction("5.75")
_SMOKE = (Fraction("2.966"), Fraction("0.69"), Fraction("0.000884"))


def corrected(cf1: Fraction, humidity: Fraction) -> Fraction:
    """PM2.5 in µg/m3, never below zero. `cf1` in µg/m3, `humidity` in %."""
    return max(_corrected(cf1, humidity), Fraction(0))


def _corrected(cf1: Fraction, humidity: Fraction) -> Fraction:
    smoke = _SMOKE[0] + _SMOKE[1] * cf1 + _SMOKE[2] * cf1**2
    slope = _LOW + (_HIGH - _LOW) * _share(cf1, 30, 50)
    moist = slope * cf1 - _OF_HUMIDITY * humidity + _OFFSET
    in_smoke = _share(cf1, 210, 260)
    return moist * (1 - in_smoke) + smoke * in_smoke


def _share(value: Fraction, begin: int, end: int) -> Fraction:
    """0 up to `begin`, 1 from `end` on, in proportion between them."""
    return min(max(Fraction(value - begin) / (end - begin), Fraction(0)), Fraction(1))
