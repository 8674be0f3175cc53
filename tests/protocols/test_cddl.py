"""wire.cddl says what the code does: every encoder output fits it, and both refuse the same near misses."""

from __future__ import annotations

from itertools import product
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from portable import flips

from paifang_wire import cbor, keys, messages, names
from paifang_wire.cose import Mac0
from paifang_wire.errors import WireError
from paifang_wire.framing import stream_frame

from . import cddl
from .conftest import load_cases

WRONG: list[Any] = [
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    4,
    10,
    2**64 - 1,
    -(2**64),
    "",
    "x",
    "x" * 257,
    *[bytes(length) for length in (0, 7, 8, 9, 15, 16, 17, 31, 32, 33)],
    [],
    {},
    [[1, 2]],
    [[0, 2]],
    [[1, -1]],
    [[1]],
    [[1, 2, 3]],
    [1],
    {1: 1},
    {1: None},
    {1: 0},
    {1: 10},
    {1: -1},
    {1: "x"},
    {1: True},
    {"a": 1},
]
"""What each field of each message is replaced by."""

VALID = [[0, "ward-1", "aq-1", 1, bytes(16), 1, "1.0", bytes(8), 1, 1, 0, 0]]
VALID += [[1, bytes(16), bytes(16), None, 0, [[1, 2]], True, 32, 4096], *map(list, flips.UPWARD + flips.DOWNWARD)]


@given(cddl.ANY_MESSAGE)
def test_every_message_fits(message: list[Any]) -> None:
    payload = messages.encode(message)
    assert [rule for rule in cddl.RULES if cddl.fits(rule, payload)] == [cddl.RULES[message[0]]]
    assert messages.decode(payload) == message


@given(cddl.ANY_MESSAGE, st.integers(0, 2**32 - 1))
def test_every_sealed_frame_fits(message: list[Any], counter: int) -> None:
    frame = Mac0(bytes(32), b"").seal(counter, messages.encode(message))
    assert cddl.fits_frame(frame)
    assert cddl.fits("stream-item", stream_frame(frame))


def test_frames_of_real_sessions_fit() -> None:
    frames = [frame for _, _, frame in flips.ports()]
    assert len(frames) > 12
    assert [frame.hex() for frame in frames if not cddl.fits_frame(frame)] == []


@given(cddl.NAME, cddl.NAME, cddl.COUNTED, st.integers(0, 1))
def test_context_fits(site: str, node: str, boot: int, direction: int) -> None:
    assert cddl.fits("context", keys.context(site, direction, node, boot))


@pytest.mark.parametrize("message", VALID, ids=lambda message: names.KINDS[message[0]])
def test_near_misses_are_refused_by_both(message: list[Any]) -> None:
    """Each field in turn replaced by every value of another type, length or range: code and grammar agree on each."""
    rule = cddl.RULES[message[0]]
    missed = seen = 0
    for field, value in product(range(1, len(message)), WRONG):
        near = [*message[:field], value, *message[field + 1 :]]
        data = cbor2.dumps(near, canonical=True)
        assert cddl.GRAMMAR.fits("message", near) == (not refused(near)), (rule, field, value)
        if refused(near):
            missed += 1
            seen += not cddl.passes_pycddl(rule, data)
        else:
            assert cddl.passes_pycddl(rule, data), (rule, field, value)
    assert seen > missed // 2, f"pycddl sees {seen} of {missed}"


@pytest.mark.parametrize("message", VALID, ids=lambda message: names.KINDS[message[0]])
def test_other_lengths_and_kinds_are_refused_by_both(message: list[Any]) -> None:
    for near in (
        [*message, 0],
        message[:-1],
        [len(messages.SHAPES), *message[1:]],
        [-1, *message[1:]],
        [None, *message[1:]],
        [],
    ):
        assert refused(near)
        assert not cddl.fits_message(cbor2.dumps(near, canonical=True))


@given(cddl.ANY_MESSAGE, st.data())
def test_random_near_misses(message: list[Any], data: st.DataObject) -> None:
    """A field taken from another message: refused or accepted by both."""
    other = data.draw(cddl.ANY_MESSAGE)
    near = list(message)
    near[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.sampled_from(other))
    assert refused(near) != cddl.fits_message(cbor2.dumps(near, canonical=True))


def test_points_and_long_texts_are_bounded_by_the_code() -> None:
    """What the grammar says in comments because no CDDL validator checks it: 0..255, 64 characters, 8 boots."""
    report = flips.UPWARD[1]
    assert not refused([*report[:5], {255: 1}, {255: 9}])
    assert refused([*report[:5], {256: 1}, {}])
    assert refused([*report[:5], {}, {256: 1}])
    assert not refused([4, 1, 1, 0, None, 1, 255, "水" * 64])
    assert refused([4, 1, 1, 0, None, 1, 255, "x" * 65])
    assert refused([4, 1, 1, 0, None, 1, 256, ""])
    welcome = VALID[1]
    assert not refused([*welcome[:5], [[1, 2]] * 16, *welcome[6:]])
    assert refused([*welcome[:5], [[1, 2]] * 17, *welcome[6:]])


def test_frame_near_misses_are_refused_by_the_grammar() -> None:
    """The frame vectors that fail by their shape fail by the grammar too, but where only the encoding is at fault."""
    encoding_only = {"counter-long-form", "counter-zero-long-form", "headers-unsorted", "alg-long-form"}
    encoding_only |= {"payload-length-long-form", "payload-length-long-form-2", "payload-length-4-bytes"}
    encoding_only |= {"indefinite-array", "payload-indefinite", "alg-4-for-5"}
    for case in load_cases("frames"):
        if case.get("reason") == "shape" and case["id"] not in encoding_only:
            assert not grammar_takes(bytes.fromhex(case["frame"])), case["id"]


def grammar_takes(frame: bytes) -> bool:
    """Tell whether the grammar has no objection; bytes that are no CBOR are refused by any reader."""
    try:
        return cddl.fits_frame(frame)
    except (ValueError, cbor2.CBORError):
        return False


def refused(message: list[Any]) -> bool:
    """Tell whether the code refuses the message: to write it, and, in bytes from elsewhere, to read it."""
    data = cbor2.dumps(message, canonical=True)
    try:
        messages.decode(data)
    except WireError:
        return True
    assert messages.encode(message) == cbor.encode(message) == data
    return False
