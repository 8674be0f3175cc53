"""Concentrations in the unit and at the temperature that a standard asks for."""

from __future__ import annotations

from fractions import Fraction

from paifang.errors import bad_argument

PM25, PM10, SO2, NO2, O3, CO = "pm25", "pm10", "so2", "no2", "o3", "co"
POLLUTANTS = (PM25, PM10, SO2, NO2, O3, CO)
"""What has an index; carbon dioxide has none. Points of these names are what a station measures."""

GRAMS_PER_MOL = {
    SO2: Fraction("64.066"),
    NO2: Fraction("46.0055"),
    O3: Fraction("47.998"),
    CO: Fraction("28.010"),
}

_GAS_CONSTANT = Fraction("8.314462618")  # J/(mol K), CODATA 2018
_MASS = {"µg/m3": 1, "μg/m3": 1, "ug/m3": 1, "µg/m³": 1, "μg/m³": 1, "ug/m³": 1, "mg/m3": 1000, "mg/m³": 1000}
"""In µg/m3. The micro sign and the Greek letter look alike and are two characters."""
_PARTS = {"ppb": 1, "ppm": 1000}
"""In parts of 10^9 by volume."""


def litres_per_mol(kelvin: str, kilopascals: str) -> Fraction:
    """What a mole of an ideal gas takes up."""
    return _GAS_CONSTANT * Fraction(kelvin) / Fraction(kilopascals)


AT_25_C = litres_per_mol("298.15", "101.325")
"""GB 3095-2012, amendment of 2018 (gases at 298.15 K, 1013.25 hPa), and 40 CFR 50.3 (25 °C, 760 mm Hg)."""
AT_20_C = litres_per_mol("293", "101.3")
"""Directive (EU) 2024/2881 and 2008/50/EC: gases at 293 K and 101.3 kPa."""


def convert(value: Fraction, pollutant: str, unit: str, wanted: str, molar: Fraction) -> Fraction:
    """`value` in `unit` as one in `wanted`; `molar` in l/mol counts between mass and parts.

    Raises PaifangError for a unit that is none of a concentration, and for parts of what is no gas.
    """
    if unit not in _MASS and unit not in _PARTS:
        raise bad_argument(
            f"{pollutant} is in {unit or 'no unit'}, which is no concentration",
            "give the point one of µg/m3, mg/m3, ppb, ppm",
        )
    if (unit in _MASS) == (wanted in _MASS):
        return value * _size(unit) / _size(wanted)
    grams = GRAMS_PER_MOL.get(pollutant)
    if grams is None:
        raise bad_argument(f"{pollutant} is in {unit}, and particles have no volume mixing ratio", "give it in µg/m3")
    mass_of_ppb = grams / molar
    parts_to_mass = unit in _PARTS
    return value * _size(unit) * (mass_of_ppb if parts_to_mass else 1 / mass_of_ppb) / _size(wanted)


def _size(unit: str) -> int:
    return _MASS[unit] if unit in _MASS else _PARTS[unit]
