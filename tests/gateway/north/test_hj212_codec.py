"""HJ 212 data and frames, against frames that others made, and against what lines and bureaus do to them."""

from __future__ import annotations

import contextlib
import datetime as dt
import random

import pytest
from hj212_vectors import ACK_2025, REQUEST_2025, RIGHT, STANDARD, WRONG_CRC
from hypothesis import given
from hypothesis import strategies as st

from paifang.north.hj212 import frames, packets
from paifang.north.hj212.frames import Broken, Frame, Receiver
from paifang.north.hj212.packets import MalformedError, Packet

BEIJING = dt.timezone(dt.timedelta(hours=8))


def data_of(frame):
    return frame[6:].rsplit(b"&&", 1)[0] + b"&&"


@pytest.mark.parametrize("vector", RIGHT)
def test_a_frame_that_others_made_is_read_and_written_byte_for_byte(vector):
    [found] = Receiver().feed(vector)
    assert found == Frame(data_of(vector))
    assert frames.frame(packets.write(packets.read(found.data))) == vector


def test_what_the_frames_say():
    told = packets.read(data_of(STANDARD))
    assert (told.qn, told.st, told.cn, told.pw) == ("20160801085857223", "32", "1062", "100000")
    assert (told.mn, told.wants_ack, told.version, told.part) == ("010000A8900016F000169DC0", True, 1, None)
    assert told.field("RtdInterval") == "30"
    asked = packets.read(data_of(REQUEST_2025))
    assert (asked.version, asked.wants_ack, asked.cp) == (2, True, "")
    assert (packets.read(data_of(ACK_2025)).wants_ack, packets.flag("2025", ack=True)) == (False, 9)


def test_the_crc_is_not_that_of_modbus():
    # CRC-16/MODBUS of "123456789" is 4B37 (CRC catalogue).
    assert frames.crc(b"123456789") != 0x4B37
    assert frames.crc(b"") == 0xFFFF


def test_a_wrong_crc_is_told_with_the_right_one_and_the_data():
    [broken] = Receiver().feed(WRONG_CRC)[:1]
    assert isinstance(broken, Broken)
    assert "3C00" in broken.why
    assert packets.read(broken.data).field("B01-Rtd") == "36.91"


@pytest.mark.parametrize(
    "variant",
    [
        STANDARD.replace(b"1C80", b"1c80"),
        STANDARD[:-2],
        STANDARD[:-2] + b"\n",
        STANDARD.replace(b"##0101", b"##101"),
    ],
)
def test_what_devices_do_to_frames_is_taken(variant):
    receiver = Receiver()
    found = [*receiver.feed(variant), *receiver.feed(ACK_2025)]
    assert found[0] == Frame(data_of(STANDARD))
    assert found[-1] == Frame(data_of(ACK_2025))
    assert len(found) <= 3


def test_a_frame_behind_one_of_a_wrong_length_is_not_swallowed():
    cut = STANDARD[:40]
    found = Receiver().feed(cut + ACK_2025)
    assert isinstance(found[0], Broken)
    assert found[-1] == Frame(data_of(ACK_2025))
    [broken, *_] = Receiver().feed(STANDARD.replace(b"##0101", b"##9101"))
    assert broken == Broken("a length of 9101")
    too_long = STANDARD.replace(b"##0101", b"##0901")
    receiver = Receiver()
    assert receiver.feed(too_long) == []
    assert receiver.feed(ACK_2025)[-1] == Frame(data_of(ACK_2025))


@given(st.lists(st.sampled_from(RIGHT), max_size=6), st.randoms(use_true_random=False))
def test_bytes_may_come_in_any_pieces(sent, chance):
    stream, receiver, found = b"".join(sent), Receiver(), []
    while stream:
        size = chance.randint(1, len(stream))
        found += receiver.feed(stream[:size])
        stream = stream[size:]
    assert found == [Frame(data_of(vector)) for vector in sent]


def mutated(frame, chance):
    found = bytearray(frame)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found))
        kind = chance.randrange(3)
        if kind == 0:
            found[at] = chance.randrange(256)
        elif kind == 1:
            del found[at]
        else:
            found.insert(at, chance.choice(b"#0;&=Q\r\n\xff"))
    return bytes(found)


def test_mutated_frames_never_raise_nor_hide_the_next_one(tier_size):
    chance, sent = random.Random(212), tier_size(2_000, 10_000)
    right, unnoticed = {data_of(each) for each in RIGHT}, 0
    for _ in range(sent):
        spoiled = mutated(chance.choice(RIGHT), chance)
        found = Receiver().feed(spoiled + STANDARD)
        for each in found:
            with contextlib.suppress(MalformedError):
                packets.read(each.data)
        if any(isinstance(each, Frame) and each.data not in right for each in found):
            unnoticed += 1
        else:
            assert found[-1] == Frame(data_of(STANDARD)), spoiled
    # The CRC lets one of 256 pass, and mutations that undo one another.
    assert unnoticed <= sent / 50


TEXT = st.text("0123456789ABCDEFabcdef_", min_size=1, max_size=24)
NAMES = st.text("abwLAeq0123456789-", min_size=1, max_size=12)
GROUP = st.dictionaries(NAMES, st.text("0123456789.-N", max_size=10), min_size=1, max_size=4)


@given(
    st.builds(
        Packet,
        qn=st.none() | TEXT,
        st=st.none() | TEXT,
        cn=TEXT,
        pw=st.none() | TEXT,
        mn=st.none() | TEXT,
        flag=st.none() | st.integers(0, 255),
        cp=st.lists(GROUP, max_size=5).map(packets.cp_of),
        part=st.none() | st.tuples(st.integers(1, 9), st.integers(9, 99)),
    )
)
def test_a_packet_comes_back_from_its_frame(packet):
    [found] = Receiver().feed(frames.frame(packets.write(packet)))
    assert packets.read(found.data) == packet


@given(st.lists(GROUP, max_size=6))
def test_the_groups_of_a_cp_come_back(found):
    assert list(packets.groups(packets.cp_of(found))) == found


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", "100"),
        (b"QN=1;CN=2011", "100"),
        (b"QN=1;ST=22;CP=&&&&", "8"),
        (b"CN=2011;CN=2012;CP=&&&&", "100"),
        (b"CN=2011;Flag=x;CP=&&&&", "6"),
        (b"CN=2011;PNUM=2;PNO=3;CP=&&&&", "100"),
        (b"CN=2011;CP=&&\xff&&", "100"),
    ],
)
def test_data_that_is_none_is_refused_with_the_code_for_it(data, answer):
    with pytest.raises(MalformedError) as refused:
        packets.read(data)
    assert refused.value.answer == answer


def test_long_reports_are_parted_and_each_part_has_the_time():
    packet = Packet("20261120160000000", "44", "2011", "123456", "M" * 24, 5)
    rows = [f"d{number:05d}-Rtd=220.20,d{number:05d}-Flag=N" for number in range(100)]
    found = packets.parts(packet, "DataTime=20261120160000", rows)
    assert len(found) > 1
    assert [part.part for part in found] == [(number, len(found)) for number in range(1, len(found) + 1)]
    assert all(part.flag == 7 and part.field("DataTime") == "20261120160000" for part in found)
    assert all(len(packets.write(part)) <= packets.LONGEST_DATA for part in found)
    assert all(len(part.cp.encode()) <= packets.LONGEST_CP for part in found)
    assert [row for part in found for row in part.cp.split(";")[1:]] == rows
    [alone] = packets.parts(packet, "DataTime=20261120160000", rows[:3])
    assert (alone.flag, alone.part) == (5, None)
    with pytest.raises(MalformedError):
        packets.parts(packet, "DataTime=20261120160000", ["x" * 1_000])


def test_times_are_those_of_the_station():
    utc_ms = 1_795_161_600_789
    assert packets.time_text(utc_ms, BEIJING) == "20261120160000"
    assert packets.qn_text(utc_ms, BEIJING) == "20261120160000789"
    assert packets.read_time("20261120160000", BEIJING) == 1_795_161_600_000
    with pytest.raises(MalformedError):
        packets.read_time("20261320160000", BEIJING)
    assert packets.is_qn("20261120160000789")
    assert not packets.is_qn("2026")
