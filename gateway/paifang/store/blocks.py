"""Records of one node and boot in few bytes: each of their numbers as a column of differences, all of it deflated.

What does not change from record to record is kept once: a form is a record's message with its numbers taken out. A body
that is no such message is kept as it is. Layout, inside zlib (whose check finds every flipped bit):

    CBOR [FORMAT, records, [form], [point], [[first value, bytes of a difference]]], then the columns

Columns are seq, number, uptime, received - uptime, UTC - uptime, has UTC, kind, form, and one for each point. A column
is its differences, little-endian two's complement, all their first bytes, then all their second bytes, and so on.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from paifang_wire import cbor
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

BLOCK_RECORDS = 512
"""In one block: twice as many take a thirtieth less, half as many a sixteenth more."""
FORMAT = 1

_LEVEL = 9
_HEAD = 5
"""Fields of a message that every record has: kind, boot, number, uptime_ms, utc_ms."""
_FIXED = 8
_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}
_SIGN, _SPAN = 1 << 63, 1 << 64

Form = bytes | list[Any]


class Packed(NamedTuple):
    """A row of `records`, but for node and boot, which all records of a block share."""

    seq: int
    number: int
    kind: int
    uptime_ms: int
    utc_ms: int | None
    received_ms: int
    body: bytes


class Block:
    """The decoded columns of a block. Records are built when asked for, by their place in it."""

    def __init__(self, forms: Sequence[Form], fixed: Sequence[array[int]], values: Mapping[int, array[int]]) -> None:
        self._forms = forms
        self.seqs, self._numbers, self._uptimes, self._received, self._utc, self._dated, self.kinds, self._form = fixed
        self._values = values

    def __len__(self) -> int:
        return len(self.seqs)

    def between(self, after: int, last: int) -> Sequence[int]:
        """The places of the records with after < seq <= last, in the order in which they were stored."""
        low, high = (bisect_right(self._order, seq, key=self.seqs.__getitem__) for seq in (after, last))
        return self._order[low:high]

    def received_ms(self, place: int) -> int:
        return self._uptimes[place] + self._received[place]

    @cached_property
    def _order(self) -> array[int]:
        return array("H", sorted(range(len(self)), key=self.seqs.__getitem__))

    def record(self, place: int) -> Packed:
        number, uptime_ms = self._numbers[place], self._uptimes[place]
        utc_ms = uptime_ms + self._utc[place] if self._dated[place] else None
        form = self._forms[self._form[place]]
        body = form
        if not isinstance(form, bytes):
            body = cbor.encode(_filled(form, number, uptime_ms, utc_ms, lambda point: self._values[point][place]))
        place_of = self.seqs[place], number, self.kinds[place], uptime_ms, utc_ms, self.received_ms(place)
        return Packed(*place_of, cast("bytes", body))


def encode(records: Sequence[Packed]) -> bytes:
    """The block of `records` (at least one), of which `decode` gives back every byte."""
    parts = [_taken_apart(record) for record in records]
    found: dict[bytes, int] = {}
    places = [found.setdefault(cbor.encode(form), len(found)) for form, _ in parts]
    values = [each for _, each in parts]
    points = sorted({point for each in values for point in each})
    columns = [
        [record.seq for record in records],
        [record.number for record in records],
        [record.uptime_ms for record in records],
        [record.received_ms - record.uptime_ms for record in records],
        _held([None if record.utc_ms is None else record.utc_ms - record.uptime_ms for record in records]),
        [int(record.utc_ms is not None) for record in records],
        [record.kind for record in records],
        places,
        *(_held([each.get(point) for each in values]) for point in points),
    ]
    heads, data = zip(*map(_differences, columns), strict=True)
    forms = [cbor.item(form, 0)[0] for form in found]
    head = cbor.encode([FORMAT, len(records), forms, points, list(heads)])
    return zlib.compress(head + b"".join(data), _LEVEL)


def decode(data: bytes) -> Block:
    """Raises ValueError when `data` is damaged."""
    try:
        plain = zlib.decompress(data)
        (version, count, forms, points, heads), at = cbor.item(plain, 0)
    except (zlib.error, WireError, IndexError, TypeError) as error:
        raise ValueError(f"a damaged block: {error}") from error
    if version != FORMAT:
        raise ValueError(f"a block of format {version}, this version knows {FORMAT}")
    columns: list[array[int]] = []
    for first, width in heads:
        size = width * (count - 1)
        columns.append(_summed(first, width, plain[at : at + size], count))
        at += size
    return Block(forms, columns[:_FIXED], dict(zip(points, columns[_FIXED:], strict=True)))


def _taken_apart(record: Packed) -> tuple[Form, dict[int, int]]:
    """The form of a record's body, and the values that fill it; the body itself where that does not give it back."""
    try:
        message: Any = cbor.decode(record.body)
    except WireError:
        return record.body, {}
    if not isinstance(message, list) or len(cast("list[Any]", message)) <= _HEAD:
        return record.body, {}
    fields = cast("list[Any]", message)
    form: list[Any] = [*fields[:2], 0, 0, None if fields[4] is None else 0, *fields[_HEAD:]]
    values: dict[int, int] = {}
    if isinstance(fields[_HEAD], dict):
        given = cast("dict[int, Any]", fields[_HEAD])
        values = {point: value for point, value in given.items() if type(value) is int and -_SIGN <= value < _SIGN}
        form[_HEAD] = {point: 0 if point in values else None for point in given}
    filled = _filled(form, record.number, record.uptime_ms, record.utc_ms, lambda point: values.get(point, 0))
    return (form, values) if cbor.encode(filled) == record.body else (record.body, {})


def _filled(form: list[Any], number: int, uptime_ms: int, utc_ms: int | None, value: Callable[[int], int]) -> list[Any]:
    kind, boot, _, _, dated, what, *rest = form
    if isinstance(what, dict):
        given = cast("dict[int, Any]", what)
        what = {point: None if mark is None else value(point) for point, mark in given.items()}
    return [kind, boot, number, uptime_ms, None if dated is None else utc_ms, what, *rest]


def _held(values: Iterable[int | None]) -> list[int]:
    """Where there is none, the one before it: that costs nothing, and all columns are equally long."""
    found = list(values)
    last = next((value for value in found if value is not None), 0)
    return [last := last if value is None else value for value in found]


def _differences(column: Sequence[int]) -> tuple[list[int], bytes]:
    steps = [_wrapped(after - before) for before, after in pairwise(column)]
    width = _width(min(steps, default=0), max(steps, default=0))
    if not width:
        return [column[0], 0], b""
    data = struct.pack(f"<{len(steps)}{_CODES[width]}", *steps)
    return [column[0], width], b"".join(data[place::width] for place in range(width))


def _summed(first: int, width: int, planes: bytes, count: int) -> array[int]:
    if not width:
        return array("q", [first]) * count
    data = bytearray(len(planes))
    for place in range(width):
        data[place::width] = planes[place * (count - 1) : (place + 1) * (count - 1)]
    sums = accumulate(struct.unpack(f"<{count - 1}{_CODES[width]}", data), initial=first)
    return array("q", map(_wrapped, sums) if width == max(_CODES) else sums)


def _width(least: int, greatest: int) -> int:
    """Bytes of a difference; 0 when there is none."""
    if least == greatest == 0:
        return 0
    return next(width for width in _CODES if -(1 << 8 * width - 1) <= least and greatest < 1 << 8 * width - 1)


def _wrapped(number: int) -> int:
    """As 64 bits hold it."""
    return (number + _SIGN) % _SPAN - _SIGN
