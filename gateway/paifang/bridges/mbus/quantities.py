"""What a VIF says a number is (EN 13757-3, tables 10, 12 and 14), with the names a profile asks for."""

from __future__ import annotations

from dataclasses import dataclass

EXTENDED = 0x80
"""Bit of a DIF, DIFE, VIF or VIFE: another one follows."""

NUMBERS_OF_NAMES = frozenset(("fabrication_number", "enhanced_identification", "customer", "customer_location"))
"""Quantities whose BCD is a name: leading zeros belong to it."""
BIT_FIELDS = frozenset(("error_flags", "error_mask", "digital_output", "digital_input"))
"""Quantities whose binary value is bits, not a number with a sign (type D)."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Number on the line x 10^power is in `unit`; `moment`: no number, but a date or a time by its length."""

    quantity: str
    unit: str = ""
    power: int = 0
    moment: bool = False


_Row = tuple[int, str, str, range]


def _powers(rows: tuple[_Row, ...]) -> dict[int, Meaning]:
    """Codes one after the other for the powers of ten of one quantity."""
    return {
        first + at: Meaning(quantity, unit, power)
        for first, quantity, unit, powers in rows
        for at, power in enumerate(powers)
    }


def _durations(rows: tuple[tuple[int, str], ...]) -> dict[int, Meaning]:
    return {first + at: Meaning(name, unit) for first, name in rows for at, unit in enumerate(("s", "min", "h", "d"))}


def _plain(names: dict[int, str]) -> dict[int, Meaning]:
    return {code: Meaning(name) for code, name in names.items()}


PRIMARY: dict[int, Meaning] = (
    {0x6C: Meaning("date", moment=True), 0x6D: Meaning("date_time", moment=True)}
    | _powers((
        (0x00, "energy", "Wh", range(-3, 5)),
        (0x08, "energy", "J", range(8)),
        (0x10, "volume", "m3", range(-6, 2)),
        (0x18, "mass", "kg", range(-3, 5)),
        (0x28, "power", "W", range(-3, 5)),
        (0x30, "power", "J/h", range(8)),
        (0x38, "volume_flow", "m3/h", range(-6, 2)),
        (0x40, "volume_flow", "m3/min", range(-7, 1)),
        (0x48, "volume_flow", "m3/s", range(-9, -1)),
        (0x50, "mass_flow", "kg/h", range(-3, 5)),
        (0x58, "flow_temperature", "°C", range(-3, 1)),
        (0x5C, "return_temperature", "°C", range(-3, 1)),
        (0x60, "temperature_difference", "K", range(-3, 1)),
        (0x64, "external_temperature", "°C", range(-3, 1)),
        (0x68, "pressure", "bar", range(-3, 1)),
    ))
    | _durations((
        (0x20, "on_time"), (0x24, "operating_time"), (0x70, "averaging_duration"), (0x74, "actuality_duration"),
    ))
    | _plain({
        0x6E: "heat_cost_allocation", 0x78: "fabrication_number",
        0x79: "enhanced_identification", 0x7A: "bus_address", 0x7E: "any",
    })
)  # fmt: skip
"""VIF without its extension bit -> meaning (table 10)."""

FD: dict[int, Meaning] = (
    _powers(((0x40, "voltage", "V", range(-9, 7)), (0x50, "current", "A", range(-12, 4))))
    | _durations(((0x24, "storage_interval"), (0x2C, "since_readout")))
    | _plain({
        0x08: "access_number", 0x09: "medium", 0x0A: "maker_code", 0x0B: "parameter_set", 0x0C: "model",
        0x0D: "hardware_version", 0x0E: "firmware_version", 0x0F: "software_version", 0x10: "customer_location",
        0x11: "customer", 0x17: "error_flags", 0x18: "error_mask", 0x1A: "digital_output", 0x1B: "digital_input",
        0x3A: "dimensionless", 0x60: "reset_counter", 0x61: "cumulation_counter", 0x67: "supplier_information",
    })
)  # fmt: skip
"""VIFE behind FD -> meaning (table 14)."""

FB: dict[int, Meaning] = _powers((
    (0x00, "energy", "MWh", range(-1, 1)),
    (0x08, "energy", "GJ", range(-1, 1)),
    (0x10, "volume", "m3", range(2, 4)),
    (0x18, "mass", "t", range(2, 4)),
    (0x1A, "relative_humidity", "%", range(-1, 1)),
    (0x28, "power", "MW", range(-1, 1)),
    (0x30, "power", "GJ/h", range(-1, 1)),
))  # fmt: skip
"""VIFE behind FB -> meaning (table 12)."""

VIF_FB, VIF_FD = 0xFB, 0xFD
EXTENSIONS: dict[int, dict[int, Meaning]] = {VIF_FB: FB, VIF_FD: FD}
PLAIN_TEXT = 0x7C
"""VIF whose unit stands in letters behind it."""

MAKER = 0x7F
"""VIF or VIFE behind which all VIFE are the maker's own."""
ERRORS = range(0x01, 0x20)
"""VIFEs that say why there is no value (table 17), such as 15h: no data."""
POWER_OF_TEN = range(0x70, 0x78)
"""VIFE n multiplies by 10^(n - 76h)."""
THOUSAND = 0x7D
QUALIFIERS: dict[int, str] = {0x3A: "uncorrected", 0x3B: "forward", 0x3C: "backward", 0x7E: "future"}
"""VIFE -> what kind of value it is: what alone was counted, or that it is still to come (table 15)."""
NO_ERROR = 0x00
