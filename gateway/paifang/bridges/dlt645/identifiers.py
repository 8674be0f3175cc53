"""What the data identifiers of DL/T 645-2007 mean (tables A.1, A.3 and A.5), and a few of the edition of 1997.

Numbers are BCD, low byte first, with a fixed point. Where a quantity has a direction, the top bit of its highest byte
is the sign: 1 is negative (table A.3, note). Names end in `_a`, `_b`, `_c` for a phase and `_1` to `_4` for a tariff.
"""

from __future__ import annotations

from dataclasses import dataclass

BLOCK = 0xFF
"""DI1 of a block: all phases, or the total and all tariffs, one after the other."""


@dataclass(frozen=True, slots=True)
class Item:
    """`length` bytes of BCD with `decimals` places; `signed`: the top bit is the sign."""

    name: str
    unit: str
    length: int
    decimals: int
    signed: bool = False


def _family(names: tuple[str, ...], unit: str, length: int, decimals: int, *, signed: bool = False) -> tuple[Item, ...]:
    return tuple(Item(name, unit, length, decimals, signed) for name in names)


def _phases(quantity: str) -> tuple[str, ...]:
    return tuple(f"{quantity}_{phase}" for phase in "abc")


def _and_phases(quantity: str) -> tuple[str, ...]:
    return (quantity, *_phases(quantity))


def _and_tariffs(quantity: str) -> tuple[str, ...]:
    return (quantity, *(f"{quantity}_{tariff}" for tariff in range(1, 5)))


_FAMILIES = {
    # Table A.1, energy: DI1 is the tariff, 0 is the total.
    0x00_00_00_00: _family(_and_tariffs("energy_combined"), "kWh", 4, 2, signed=True),
    0x00_01_00_00: _family(_and_tariffs("energy_import"), "kWh", 4, 2),
    0x00_02_00_00: _family(_and_tariffs("energy_export"), "kWh", 4, 2),
    0x00_03_00_00: _family(_and_tariffs("reactive_energy_combined_i"), "kvarh", 4, 2, signed=True),
    0x00_04_00_00: _family(_and_tariffs("reactive_energy_combined_ii"), "kvarh", 4, 2, signed=True),
    # Table A.3, variables: DI1 is the phase, 0 is the total, or 1 the first where there is no total.
    0x02_01_01_00: _family(_phases("voltage"), "V", 2, 1),
    0x02_02_01_00: _family(_phases("current"), "A", 3, 3, signed=True),
    0x02_03_00_00: _family(_and_phases("power"), "kW", 3, 4, signed=True),
    0x02_04_00_00: _family(_and_phases("reactive_power"), "kvar", 3, 4, signed=True),
    0x02_05_00_00: _family(_and_phases("apparent_power"), "kVA", 3, 4, signed=True),
    0x02_06_00_00: _family(_and_phases("power_factor"), "", 2, 3, signed=True),
    0x02_07_01_00: _family(_phases("phase_angle"), "°", 2, 1),
}
"""Identifier of the first -> items that differ in DI1 alone."""

_SINGLE = {
    # Table A.3: neutral current, frequency and what the meter knows of itself.
    0x02_80_00_01: Item("current_n", "A", 3, 3, signed=True),
    0x02_80_00_02: Item("frequency", "Hz", 2, 2),
    0x02_80_00_03: Item("power_1min", "kW", 3, 4, signed=True),
    0x02_80_00_07: Item("temperature", "°C", 2, 1, signed=True),
    0x02_80_00_08: Item("clock_battery", "V", 2, 2),
    0x02_80_00_09: Item("reading_battery", "V", 2, 2),
    0x02_80_00_0A: Item("battery_time", "min", 4, 0),
}


ITEMS: dict[int, Item] = _SINGLE | {
    first + (place << 8): item for first, family in _FAMILIES.items() for place, item in enumerate(family)
}
"""Identifier -> one number."""

BLOCKS: dict[int, tuple[Item, ...]] = {first & 0xFFFF_00FF | BLOCK << 8: family for first, family in _FAMILIES.items()}
"""Identifier with FF as DI1 -> numbers one after the other. A meter with fewer tariffs sends fewer."""

DATE = 0x04_00_01_01
"""WW DD MM YY on the line; Sunday is 0 (table A.5)."""
TIME = 0x04_00_01_02
"""ss mm hh on the line."""
ADDRESS = 0x04_00_04_01
METER_NUMBER = 0x04_00_04_02
DIGITS: dict[int, str] = {ADDRESS: "address", METER_NUMBER: "meter_number"}
"""Identifier -> name of 12 digits."""

STATUS_3 = 0x04_00_05_03
"""Running status word 3, 16 bits (annex C): the relay's state is in it."""
STATUS_BITS: dict[int, str] = {4: "relay_open", 6: "relay_command_open", 7: "trip_warning"}
"""Bit of status word 3 -> name. Bits 6 and 7 came with the supplement of State Grid and are 0 on older meters."""

ITEMS_1997: dict[int, Item] = {
    # DL/T 645-1997, annex A: two bytes of identifier.
    0x9010: Item("energy_import", "kWh", 4, 2),
    0x9020: Item("energy_export", "kWh", 4, 2),
    0xB611: Item("voltage_a", "V", 2, 0),
    0xB612: Item("voltage_b", "V", 2, 0),
    0xB613: Item("voltage_c", "V", 2, 0),
    0xB621: Item("current_a", "A", 2, 2),
    0xB622: Item("current_b", "A", 2, 2),
    0xB623: Item("current_c", "A", 2, 2),
    0xB630: Item("power", "kW", 3, 4),
    0xB631: Item("power_a", "kW", 3, 4),
    0xB632: Item("power_b", "kW", 3, 4),
    0xB633: Item("power_c", "kW", 3, 4),
    0xB640: Item("reactive_power", "kvar", 2, 2),
    0xB650: Item("power_factor", "", 2, 3),
}
