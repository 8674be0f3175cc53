"""Values between people and the wire: exact both ways, and nothing made up where they do not fit."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.errors import PaifangError
from paifang.store.points import Point, PointTable, decode_table, description_hash, encode_points
from paifang_wire import cbor, messages
from paifang_wire.errors import OVER_LIMIT, SHAPE, UNKNOWN_POINT, WireError

SCALES = st.integers(-6, 6)
VALUES = st.integers(-(1 << 63), (1 << 63) - 1)


def point(scale: int = 0, kind: int = messages.INT, **changes) -> Point:
    row = {"number": 1, "name": "p", "unit": "V", "type": kind, "scale": scale, "minimum": None, "maximum": None}
    return Point(**{**row, "point_class": 1, "interlock": None, **changes})


@given(SCALES, VALUES)
def test_what_is_said_exactly_is_taken_exactly(scale, wire):
    text = f"{Decimal(wire).scaleb(scale):f}"
    assert point(scale).wire(text) == wire
    assert point(scale).text(wire) == f"{text} V"


@given(SCALES, st.integers(-(10**9), 10**9))
def test_what_is_shown_as_json_comes_back(scale, wire):
    shown = json.loads(json.dumps(point(scale).shown(wire)))
    assert point(scale).wire(shown) == wire


@given(st.one_of(st.text(max_size=40), st.floats(), st.none(), st.lists(st.integers(), max_size=2)))
def test_anything_else_is_refused_in_words(value):
    try:
        wire = point(-1).wire(value)
    except PaifangError:
        return
    assert type(wire) is int


def test_nothing_is_rounded_away():
    with pytest.raises(PaifangError, match="in steps of 1 V"):
        point().wire("1.00000000000000000000000000001")


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-8, 8), st.integers(0, 9))
def test_a_value_passes_only_within_its_limits_or_with_a_quality_that_says_so(low, high, value, quality):
    table = PointTable([point(minimum=low, maximum=high)])
    within = low <= value <= high
    excused = quality in {messages.OUT_OF_RANGE, messages.IMPLAUSIBLE, messages.FAULT}
    if within or excused:
        table.check({1: value}, {1: quality})
    else:
        with pytest.raises(WireError, match=OVER_LIMIT):
            table.check({1: value}, {1: quality})


def test_a_point_that_is_not_there():
    with pytest.raises(WireError, match=UNKNOWN_POINT):
        PointTable([point()]).check({2: 0}, {})


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "a", "", 0, 0, None, None, 0, None), (1, "b", "", 0, 0, None, None, 0, None)],
        [(1, "a", "", 0, 0, None, None, 0, None), (2, "a", "", 0, 0, None, None, 0, None)],
        [(1, "a", "", 0, 10**9, None, None, 0, None)],
    ],
)
def test_a_description_that_cannot_be_told_apart_is_refused(rows):
    with pytest.raises(WireError, match=SHAPE):
        decode_table(cbor.encode(rows))


def test_a_description_is_named_by_its_hash():
    rows = [(1, "a", "", 0, 0, None, None, 0, None)]
    encoded = cbor.encode(rows)
    assert encode_points(rows, description_hash(encoded)) == encoded
    with pytest.raises(WireError, match=SHAPE):
        encode_points(rows, bytes(8))
