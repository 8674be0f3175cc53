"""Records of an answer with variable data (EN 13757-3, clauses 5 and 6): DIF, VIF and their extensions, then the value.

The DIF says how long the value is and how it is written, whether it is the value of now, and of which storage, tariff
and unit of the device; the VIF says what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from paifang.bridges.cursor import Cursor
from paifang.bridges.errors import FrameError
from paifang.bridges.mbus import quantities as vif
from paifang.bridges.mbus.quantities import EXTENDED, Meaning
from paifang.bridges.values import float32, local_time, scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from paifang.bridges.values import Content

FUNCTIONS = ("instantaneous", "maximum", "minimum", "error")
"""Bits 4 and 5 of a DIF: what kind of value it is."""

MAX_EXTENSIONS = 10
"""How many DIFE or VIFE a record may have (6.3.3, 6.4.1)."""

IDLE = 0x2F
MAKERS_OWN, MORE_FOLLOWS = 0x0F, 0x1F
"""DIFs behind which all is the maker's own; with the latter, another telegram follows."""

_INTEGER_LENGTHS = {0x1: 1, 0x2: 2, 0x3: 3, 0x4: 4, 0x6: 6, 0x7: 8}
_BCD_LENGTHS = {0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
_NOTHING = (0x0, 0x8)
_REAL = 0x5
_VARIABLE = 0xD

_TEXT_UP_TO = 0xBF
_POSITIVE_BCD, _NEGATIVE_BCD, _BINARY = 0xC0, 0xD0, 0xE0
_MOST_BCD, _MOST_BINARY = 9, 15
_LONG_BINARY = range(0xF0, 0xF5)
"""LVAR of numbers of 4 x (LVAR - ECh) bytes."""
_LONG_BINARY_BASE = 0xEC

_INVALID_TIME = 0x80
_OLDEST_YEAR = 80
"""Two digits of a year above it mean 19xx (6.4.5, type F and G)."""


@dataclass(frozen=True, slots=True)
class Record:
    """`content` None: the meter has no such value, or says that it is wrong.

    What a VIFE changes in the meaning is part of `quantity`: "energy_forward", "power_maker_01".
    """

    quantity: str
    content: Content
    unit: str
    function: str = FUNCTIONS[0]
    storage: int = 0
    tariff: int = 0
    subunit: int = 0


@dataclass(frozen=True, slots=True)
class _Field:
    """DIF and DIFEs, taken apart."""

    coding: int
    function: str
    storage: int
    tariff: int
    subunit: int


def records(data: bytes) -> tuple[tuple[Record, ...], bool]:
    """(records, whether the meter has another telegram of them); what is the maker's own is left out."""
    cursor = Cursor(data)
    found: list[Record] = []
    while cursor.left:
        dif = cursor.byte()
        if dif in (MAKERS_OWN, MORE_FOLLOWS):
            return tuple(found), dif == MORE_FOLLOWS
        if dif != IDLE:
            found.append(_record(cursor, dif))
    return tuple(found), False


def _record(cursor: Cursor, dif: int) -> Record:
    field = _field(cursor, dif)
    meaning, valid = _meaning(cursor)
    content = _content(cursor, field.coding, meaning)
    return Record(
        meaning.quantity,
        content if valid else None,
        meaning.unit,
        field.function,
        field.storage,
        field.tariff,
        field.subunit,
    )


def _field(cursor: Cursor, dif: int) -> _Field:
    storage, tariff, subunit = dif >> 6 & 1, 0, 0
    for at, dife in enumerate(_extensions(cursor, dif)):
        storage |= (dife & 0xF) << (1 + 4 * at)
        tariff |= (dife >> 4 & 3) << (2 * at)
        subunit |= (dife >> 6 & 1) << at
    return _Field(dif & 0xF, FUNCTIONS[dif >> 4 & 3], storage, tariff, subunit)


def _extensions(cursor: Cursor, first: int) -> Iterator[int]:
    """Bytes that follow as long as the one before has its extension bit."""
    count = 0
    while first & EXTENDED:
        count += 1
        if count > MAX_EXTENSIONS:
            raise FrameError("length", f"more than {MAX_EXTENSIONS} extensions")
        first = cursor.byte()
        yield first


def _meaning(cursor: Cursor) -> tuple[Meaning, bool]:
    """(meaning, whether the record has a value)"""
    code = cursor.byte()
    text = _letters(cursor) if code & ~EXTENDED == vif.PLAIN_TEXT else None
    extensions = list(_extensions(cursor, code))
    if text is not None:
        meaning = Meaning(f"custom_{text}", text)
    elif code in vif.EXTENSIONS and extensions:
        second = extensions.pop(0) & ~EXTENDED
        meaning = vif.EXTENSIONS[code].get(second, Meaning(f"unknown_{code:02x}_{second:02x}"))
    elif code & ~EXTENDED == vif.MAKER:
        meaning, extensions = Meaning(_makers_own("", extensions)), []
    else:
        meaning = vif.PRIMARY.get(code & ~EXTENDED, Meaning(f"unknown_{code:02x}"))
    return _changed(meaning, extensions)


def _makers_own(quantity: str, extensions: list[int]) -> str:
    return "_".join([quantity, "maker", *(f"{extension & ~EXTENDED:02x}" for extension in extensions)]).lstrip("_")


def _changed(meaning: Meaning, extensions: list[int]) -> tuple[Meaning, bool]:
    """The meaning with what the VIFEs add; one that is not known becomes part of the name, lest it be overlooked."""
    quantity, power, valid = meaning.quantity, meaning.power, True
    for at, extension in enumerate(extensions):
        code = extension & ~EXTENDED
        if code == vif.MAKER:
            quantity = _makers_own(quantity, extensions[at + 1 :])
            break
        if code in vif.ERRORS:
            valid = False
        elif code in vif.POWER_OF_TEN:
            power += code - 0x76
        elif code == vif.THOUSAND:
            power += 3
        elif code != vif.NO_ERROR:
            quantity += f"_{vif.QUALIFIERS.get(code, f'vife_{code:02x}')}"
    return replace(meaning, quantity=quantity, power=power), valid


def _content(cursor: Cursor, coding: int, meaning: Meaning) -> Content:
    if coding in _NOTHING:
        return None
    if coding in _INTEGER_LENGTHS:
        return _binary(cursor.take(_INTEGER_LENGTHS[coding]), meaning)
    if coding in _BCD_LENGTHS:
        return _decimal(cursor.take(_BCD_LENGTHS[coding]), meaning)
    if coding == _REAL:
        number = float32(cursor.take(4))
        return None if number is None else number.scaleb(meaning.power)
    if coding == _VARIABLE:
        return _variable(cursor, meaning)
    raise FrameError("unknown", f"data field {coding:X}h")


def _binary(data: bytes, meaning: Meaning) -> Content:
    if meaning.moment:
        reader = _MOMENTS.get(len(data))
        return reader(data) if reader else None
    return scaled(int.from_bytes(data, "little", signed=meaning.quantity not in vif.BIT_FIELDS), meaning.power)


def _decimal(data: bytes, meaning: Meaning) -> Content:
    """BCD, low byte first; a highest digit F is a minus; any other digit above 9 says that there is no value."""
    digits = data[::-1].hex()
    negative = digits.startswith("f")
    digits = digits[negative:]
    if not digits.isdecimal():
        return None
    if meaning.quantity in vif.NUMBERS_OF_NAMES:
        return digits
    return scaled(-int(digits) if negative else int(digits), meaning.power)


def _variable(cursor: Cursor, meaning: Meaning) -> Content:
    """Text, or a number of so many bytes (6.3.2, LVAR)."""
    lvar = cursor.byte()
    if lvar <= _TEXT_UP_TO:
        return _text(cursor.take(lvar))
    if _POSITIVE_BCD <= lvar <= _POSITIVE_BCD + _MOST_BCD:
        return _decimal(cursor.take(lvar - _POSITIVE_BCD), meaning)
    if _NEGATIVE_BCD <= lvar <= _NEGATIVE_BCD + _MOST_BCD:
        number = _decimal(cursor.take(lvar - _NEGATIVE_BCD), meaning)
        return -number if isinstance(number, Decimal) else number
    if _BINARY <= lvar <= _BINARY + _MOST_BINARY:
        return _binary(cursor.take(lvar - _BINARY), meaning)
    if lvar in _LONG_BINARY:
        return _binary(cursor.take(4 * (lvar - _LONG_BINARY_BASE)), meaning)
    raise FrameError("unknown", f"LVAR {lvar:02X}")


def _letters(cursor: Cursor) -> str:
    return _text(cursor.take(cursor.byte()))


def _text(data: bytes) -> str:
    return data[::-1].decode("latin-1")


def _date(data: bytes) -> date | None:
    """Type G."""
    moment = _moment(data, 0, 0, 0)
    return moment and moment.date()


def _date_time(data: bytes) -> datetime | None:
    """Type F: minute and hour before the date. That it is summer is said, but not by how much; so it has no zone."""
    return None if data[0] & _INVALID_TIME else _moment(data[2:], data[1] & 0x1F, data[0] & 0x3F, 0)


def _date_time_s(data: bytes) -> datetime | None:
    """Type I: seconds before that."""
    return None if data[1] & _INVALID_TIME else _moment(data[3:5], data[2] & 0x1F, data[1] & 0x3F, data[0] & 0x3F)


def _moment(day_and_month: bytes, hour: int, minute: int, second: int) -> datetime | None:
    """Seven bits of the year are shared out to both bytes. A date with 0 or all bits set is none."""
    low, high = day_and_month
    year = low >> 5 | high >> 4 << 3
    century = 2000 if year <= _OLDEST_YEAR else 1900
    try:
        return local_time(century + year, high & 0xF, low & 0x1F, hour, minute, second)
    except FrameError:
        return None


_MOMENTS: dict[int, Callable[[bytes], Content]] = {2: _date, 4: _date_time, 6: _date_time_s}
"""Bytes of a date or a time -> how it is written."""
