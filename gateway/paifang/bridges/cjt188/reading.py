"""Questions and orders to a CJ/T 188 meter, and what its answers say (clause 7, annex A)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from paifang.bridges.addresses import checked, of_one_meter, stands_for
from paifang.bridges.cjt188.frame import (
    ADDRESS_DIGITS,
    ANY,
    ANY_KIND,
    FAILED,
    READ_ADDRESS,
    READ_METER,
    REPLY,
    VALVE,
    Frame,
)
from paifang.bridges.cursor import Cursor
from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value, bcd, local_time, scaled

if TYPE_CHECKING:
    from decimal import Decimal

READ = 0x01
READ_THE_ADDRESS = 0x03
WRITE = 0x04

UNITS: dict[int, tuple[str, int]] = {
    0x01: ("J", 0),
    0x02: ("Wh", 0),
    0x05: ("kWh", 0),
    0x08: ("MWh", 0),
    0x0A: ("MWh", 2),
    0x0B: ("kJ", 0),
    0x0E: ("MJ", 0),
    0x11: ("GJ", 0),
    0x13: ("GJ", 2),
    0x14: ("W", 0),
    0x17: ("kW", 0),
    0x1A: ("MW", 0),
    0x29: ("L", 0),
    0x2C: ("m3", 0),
    0x32: ("L/h", 0),
    0x35: ("m3/h", 0),
}
"""Unit code -> unit, power of ten (table A.1)."""

ABSENT = 0xFF
"""A field filled with it is one the meter does not have."""

_AMOUNT_LENGTH = 5
_AMOUNT_DECIMALS = -2
_TEMPERATURES = ("supply_temperature", "return_temperature")
_TEMPERATURE_LENGTH = 3
_HOURS_LENGTH = 3
_CLOCK_LENGTH = 7
_STATUS_LENGTH = 2

_AMOUNTS = {
    19: ("total", "day_total"),
    43: ("day_heat", "heat", "power", "flow", "volume"),
}
"""Bytes of an answer behind identifier and serial number -> names of its amounts, each 4 BCD bytes and a unit.

19: water and gas, L is 16h. 43: heat, L is 2Eh; supply and return temperature and hours of work come behind them.
"""


class Valve(IntEnum):
    """What the valve is told to do (A017)."""

    OPEN = 0x55
    CLOSE = 0x99


_VALVE = 0b11
_VALVE_CLOSED: dict[int, bool] = {0b00: False, 0b01: True}
_VALVE_FAULT = 0b11
_BATTERY_LOW = 0b100
"""Of the first status byte; each maker uses the second one in a way of its own."""


def read(kind: int, address: str, serial: int, *, low_first: bool = False) -> Frame:
    """Question for the meter's counters."""
    return Frame(kind, checked(address, ADDRESS_DIGITS), READ, READ_METER, serial, low_first=low_first)


def read_address(serial: int, kind: int = ANY_KIND) -> Frame:
    """Question for the address of the one meter on the line: it stands in the header of the answer."""
    return Frame(kind, ANY, READ_THE_ADDRESS, READ_ADDRESS, serial)


def order_valve(kind: int, address: str, serial: int, valve: Valve, *, low_first: bool = False) -> Frame:
    """The order for one meter. FrameError for an address that stands for several."""
    return Frame(kind, of_one_meter(address, ADDRESS_DIGITS), WRITE, VALVE, serial, bytes((valve,)), low_first)


def check_answer(question: Frame, answer: Frame) -> None:
    """FrameError unless `answer` is the meter's positive answer to `question`."""
    if answer.control & ~FAILED != question.control | REPLY:
        raise FrameError("function", f"asked {question.control:02X}, answered {answer.control:02X}")
    if question.kind not in (answer.kind, ANY_KIND) or not stands_for(question.address, answer.address):
        raise FrameError("address", f"asked {question.address}, {answer.address} answered")
    if answer.serial != question.serial:
        raise FrameError("sequence", f"question {question.serial}, answer {answer.serial}")
    if answer.control & FAILED:
        raise FrameError("refused", f"meter {answer.address}: status {answer.data.hex(' ') or 'not given'}")
    if answer.identifier != question.identifier:
        raise FrameError("function", f"answered {answer.identifier:04X}")


def values(answer: Frame, *, unit_first: bool = False) -> tuple[Value, ...]:
    """Counters, temperatures, clock and status of an answer to `read`, as the standard lays them out.

    `unit_first`: some makers put the unit before the number; a profile says so, nothing in the frame does.
    """
    if answer.identifier != READ_METER or answer.control != READ | REPLY:
        raise FrameError("function", f"{answer.control:02X} is no answer to a read")
    names = _AMOUNTS.get(len(answer.data))
    if names is None:
        raise FrameError("length", f"{len(answer.data)} bytes, no meter of the standard sends that")
    fields = Cursor(answer.data)
    found = [_amount(name, fields.take(_AMOUNT_LENGTH), unit_first=unit_first) for name in names]
    if "heat" in names:
        found += [
            _temperature(f"{name}_temperature", fields.take(_TEMPERATURE_LENGTH)) for name in ("supply", "return")
        ]
        found.append(Value("hours", _number(fields.take(_HOURS_LENGTH), 0), "h"))
    return (*found, _clock(fields.take(_CLOCK_LENGTH)), *status(answer))


def status(answer: Frame) -> tuple[Value, ...]:
    """Status in the last two bytes of an answer to `read` or to `order_valve`; a valve in fault is neither way."""
    if len(answer.data) < _STATUS_LENGTH:
        raise FrameError("length", "no status bytes")
    bits = answer.data[-_STATUS_LENGTH]
    return (
        Value("valve_closed", _VALVE_CLOSED.get(bits & _VALVE)),
        Value("valve_fault", bits & _VALVE == _VALVE_FAULT),
        Value("battery_low", bool(bits & _BATTERY_LOW)),
    )


def _amount(name: str, field: bytes, *, unit_first: bool) -> Value:
    number, code = (field[1:], field[0]) if unit_first else (field[:-1], field[-1])
    if code == ABSENT:
        return Value(name, None)
    if code not in UNITS:
        raise FrameError("unknown", f"unit {code:02X} of {name}")
    unit, power = UNITS[code]
    return Value(name, _number(number, _AMOUNT_DECIMALS + power), unit)


def _temperature(name: str, field: bytes) -> Value:
    return Value(name, _number(field, _AMOUNT_DECIMALS), "°C")


def _number(field: bytes, exponent: int) -> Decimal | None:
    return None if _is_absent(field) else scaled(bcd(field), exponent)


def _clock(field: bytes) -> Value:
    """Fields ss mm hh DD MM YY YY; a clock that was never set is all zero."""
    if _is_absent(field) or not any(field):
        return Value("clock", None)
    second, minute, hour, day, month = (bcd(field[at : at + 1]) for at in range(5))
    return Value("clock", local_time(bcd(field[5:]), month, day, hour, minute, second))


def _is_absent(field: bytes) -> bool:
    return field == bytes((ABSENT,)) * len(field)
