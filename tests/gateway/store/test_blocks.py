"""A block gives back every byte of every record, whatever stands in it, and a damaged one says so."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.store import blocks
from paifang.store.blocks import Packed
from paifang_wire import cbor, messages

WHOLE = st.integers(0, (1 << 63) - 1)
SMALL = st.integers(0, 5)
VALUES = st.dictionaries(st.integers(1, 6), st.none() | st.integers(-(1 << 64), (1 << 64) - 1), max_size=6)


def reports(count: int, seed: int = 1) -> list[Packed]:
    """A node that tells four values a minute, 200 such nodes beside it."""
    chance = random.Random(seed)
    values = {1: 120, 2: 180, 3: 250, 7: 3_000}
    found, uptime_ms, off_ms = [], 50_000, 1_790_000_000_000
    for place in range(count):
        uptime_ms += 60_000 + chance.randint(-40, 40)
        values = {point: max(0, value + chance.randint(-5, 5)) for point, value in values.items()}
        utc_ms = uptime_ms + off_ms
        message = [messages.REPORT, 4, 1 + place, uptime_ms, utc_ms, values, {}]
        row = (200 * place + chance.randrange(200), 1 + place, messages.REPORT, uptime_ms, utc_ms, utc_ms + 20)
        found.append(Packed(*row, messages.encode(message)))
    return found


@st.composite
def records(draw):
    """Reports, events and what is neither; numbers of a body that are those of the row or not."""
    uptime_ms, number, received_ms, seq = (draw(WHOLE) for _ in range(4))
    utc_ms = draw(st.none() | WHOLE)
    said = draw(st.sampled_from([uptime_ms, uptime_ms, 7]))
    head = [draw(SMALL) + 1, number, said, draw(st.sampled_from([utc_ms, utc_ms, None]))]
    values = draw(VALUES)
    quality = {point: draw(SMALL) for point in values if draw(st.booleans())}
    body = draw(
        st.sampled_from(
            [
                cbor.encode([messages.REPORT, *head, values, quality]),
                cbor.encode([messages.EVENT, *head, 1, None, "x"]),
                draw(st.binary(max_size=40)),
            ]
        )
    )
    return Packed(seq, number, draw(SMALL), uptime_ms, utc_ms, received_ms, body)


@given(st.lists(records(), min_size=1, max_size=12))
def test_every_byte_comes_back(given_records):
    block = blocks.decode(blocks.encode(given_records))
    assert [block.record(place) for place in range(len(block))] == given_records
    assert list(block.kinds) == [record.kind for record in given_records]


TWELVE = reports(12)


@given(st.permutations(range(12)), st.integers(-1, 14), st.integers(-1, 14))
def test_places_are_found_by_their_seq(seqs, after, last):
    known = [record._replace(seq=seq) for seq, record in zip(seqs, TWELVE, strict=True)]
    block = blocks.decode(blocks.encode(known))
    expected = sorted(record.seq for record in known if after < record.seq <= last)
    assert [known[place].seq for place in block.between(after, last)] == expected


def test_a_reading_takes_two_bytes():
    known = reports(blocks.BLOCK_RECORDS)
    assert len(blocks.encode(known)) < 2 * 4 * len(known)


def test_damage_is_told_wherever_it_is():
    data = blocks.encode(reports(40))
    for place in range(len(data)):
        for bad in (data[:place], data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]):
            with pytest.raises(ValueError, match="damaged"):
                blocks.decode(bad)
