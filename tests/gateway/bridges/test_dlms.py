"""DLMS push: captured frames, what they say, what is refused and why."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pushes
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pushes import framed

from paifang.bridges.dlms import push
from paifang.bridges.dlms.axdr import MAX_DEPTH, Enum, Reader
from paifang.bridges.dlms.hdlc import Frame, decode, splitter, with_check
from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value


def pushed(frame: bytes) -> push.Push:
    found = push.Joiner().take(decode(frame))
    assert found is not None
    return found


def said_by(frame: bytes) -> dict[str, Value]:
    return {value.name: value for value in push.values(pushed(frame))}


def repair(data: bytes) -> bytes:
    """The same bytes with the length and the checksums that they should have."""
    body = data.strip(b"~")[7:-2]
    return framed(body[body.find(push.LLC) :][:2000])


def test_the_captured_kamstrup_frame():
    frame = bytes.fromhex(pushes.KAMSTRUP)
    head = decode(frame)
    assert (head.destination, head.source, head.control, head.segmented) == (0x15, 0x10, 0x13, False)
    assert frame[6:8].hex() == "239a"
    assert pushed(frame).moment == datetime(2022, 1, 24, 18, 58, 50)  # noqa: DTZ001
    assert push.values(pushed(frame)) == (
        Value("1-1:0.0.5", "5706567326590407"),
        Value("1-1:96.1.1", "6841138BN245101090"),
        Value("1-1:1.7.0", Decimal(826), "W"),
        Value("1-1:2.7.0", Decimal(0), "W"),
        Value("1-1:3.7.0", Decimal(104), "var"),
        Value("1-1:4.7.0", Decimal(176), "var"),
        Value("1-1:31.7.0", Decimal("2.37"), "A"),
        Value("1-1:51.7.0", Decimal("0.89"), "A"),
        Value("1-1:71.7.0", Decimal("0.75"), "A"),
        Value("1-1:32.7.0", Decimal(232), "V"),
        Value("1-1:52.7.0", Decimal(233), "V"),
        Value("1-1:72.7.0", Decimal(236), "V"),
    )


def test_a_time_with_its_tag():
    frame = bytes.fromhex(pushes.KAMSTRUP_TAGGED_TIME)
    assert pushed(frame).moment == datetime(2017, 10, 20, 3, 43, 30)  # noqa: DTZ001
    assert said_by(frame)["1-1:31.7.0"].content == Decimal("5.64")


def test_the_hourly_list_counts_in_ten_watt_hours():
    frame = bytes.fromhex(pushes.KAMSTRUP_HOURLY)
    with pytest.raises(FrameError) as refused:
        decode(frame)
    assert refused.value.reason == "checksum"
    said = said_by(b"~" + with_check(frame[1:-3]) + b"~")
    assert said["1-1:1.8.0"] == Value("1-1:1.8.0", Decimal(37268900), "Wh")
    assert said["1-1:4.8.0"] == Value("1-1:4.8.0", Decimal(5899570), "varh")
    assert said["0-1:1.0.0"].content == datetime(2019, 7, 9, 20, 0, 5)  # noqa: DTZ001


def test_aidon_says_unit_and_power_of_ten():
    assert said_by(bytes.fromhex(pushes.AIDON_POWER)) == {"1-0:1.7.0": Value("1-0:1.7.0", Decimal(7482), "W")}
    said = said_by(bytes.fromhex(pushes.AIDON))
    assert len(said) == 27
    assert said["0-0:1.0.0"].content == datetime(2019, 12, 16, 7, 59, 40)  # noqa: DTZ001
    assert said["1-0:51.7.0"] == Value("1-0:51.7.0", Decimal("7.5"), "A")
    assert said["1-0:32.7.0"] == Value("1-0:32.7.0", Decimal("230.7"), "V")
    assert said["1-0:1.8.0"] == Value("1-0:1.8.0", Decimal(10049926), "Wh")
    assert said["1-0:3.8.0"].unit == "varh"


def test_kaifa_sends_texts_as_octets_and_the_offset_of_its_clock():
    said = said_by(bytes.fromhex(pushes.KAIFA))
    assert said["0-0:96.1.7"].content == "MA304H4"
    assert said["1-0:71.7.0"] == Value("1-0:71.7.0", Decimal("1.519"), "A")
    assert said["1-0:32.7.0"] == Value("1-0:32.7.0", Decimal("231.9"), "V")
    assert said["1-0:1.8.0"] == Value("1-0:1.8.0", Decimal(17291472), "Wh")
    at = datetime(2023, 8, 27, 21, 32, 45, tzinfo=timezone(timedelta(hours=1)))
    assert said["0-0:1.0.0"].content == at


def test_a_long_push_comes_in_segments():
    information = decode(bytes.fromhex(pushes.AIDON)).information
    joiner = push.Joiner()
    assert joiner.take(decode(framed(information[:100], segmented=True))) is None
    assert joiner.take(decode(framed(information[100:200], segmented=True))) is None
    assert joiner.take(decode(framed(information[200:]))) == pushed(bytes.fromhex(pushes.AIDON))


def test_a_broken_push_is_forgotten():
    whole = decode(bytes.fromhex(pushes.AIDON))
    joiner = push.Joiner()
    joiner.take(Frame(1, 1, 0x13, whole.information[:100], segmented=True))
    with pytest.raises(FrameError):
        joiner.take(whole)
    assert joiner.take(whole) == pushed(bytes.fromhex(pushes.AIDON))


def test_segments_without_end_are_given_up():
    joiner = push.Joiner()
    segment = Frame(1, 1, 0x13, bytes(push.MAX_INFORMATION // 2), segmented=True)
    assert (joiner.take(segment), joiner.take(segment)) == (None, None)
    with pytest.raises(FrameError) as refused:
        joiner.take(segment)
    assert refused.value.reason == "length"


def changed(place: int, value: int) -> bytes:
    frame = bytearray.fromhex(pushes.KAMSTRUP)
    frame[place] = value
    return bytes(frame)


def checked(body: str) -> bytes:
    return b"~" + with_check(bytes.fromhex(body)) + b"~"


def test_a_frame_without_information():
    assert decode(checked("a007 0103 73")) == Frame(0, 1, 0x73, b"")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (changed(0, 0x7D), "shape"),
        (changed(1, 0x50), "shape"),
        (changed(-1, 0), "shape"),
        (changed(2, 0xE3), "length"),
        (changed(20, 0), "checksum"),
        (b"~~", "length"),
        (checked("a009 0202020202"), "address"),
        (checked("a008 02020203"), "address"),
        (checked("a009 0202020303"), "length"),
        (checked("a007 0103 13").replace(b"\x07", b"\x08"), "length"),
        (checked("a009 0103 13 e6e7"), "checksum"),
        (checked("a008 0103 13 e6"), "checksum"),
    ],
)
def test_what_is_no_frame_is_refused_with_its_reason(frame, reason):
    with pytest.raises(FrameError) as refused:
        decode(frame)
    assert refused.value.reason == reason


NOTE = "e6e700 0f 00000000"


@pytest.mark.parametrize(
    ("information", "reason"),
    [
        ("e6e600", "shape"),
        ("e6e700 db 08", "unknown"),
        ("e6e700 c4", "function"),
        ("e6e700 0f 0000", "length"),
        (NOTE + "05 0000000000 00", "length"),
        (NOTE + "00 00 00", "length"),
        (NOTE + "00 0d", "unknown"),
        (NOTE + "00 02 05 00", "length"),
        (NOTE + "00 0a 02 c3 28", "value"),
        (NOTE + "00 " + "02 01" * (MAX_DEPTH + 1) + "00", "length"),
        (NOTE + "0c 07e6 0d 18 01 12 3a 32 ff 8000 00 00", "value"),
        (NOTE + "0c 07e6 01 18 01 12 3a 32 ff 7000 00 00", "value"),
    ],
)
def test_what_is_no_push_is_refused_with_its_reason(information, reason):
    with pytest.raises(FrameError) as refused:
        push.decode(bytes.fromhex(information))
    assert refused.value.reason == reason


def test_only_information_is_pushed():
    with pytest.raises(FrameError) as refused:
        push.Joiner().take(Frame(1, 1, 0x93, b""))
    assert refused.value.reason == "function"


CODE = bytes.fromhex("0100010700ff")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (7, "unknown"),
        (("KFM_002", CODE, 1), "unknown"),
        ((CODE,), "unknown"),
        (("KFM_001", CODE), "shape"),
        (("KFM_001", b"", 1), "shape"),
        (((CODE,),), "shape"),
        (((b"", 1),), "shape"),
        (((CODE, 1, (0, Enum(200))),), "unknown"),
        (((CODE, 1, (128, Enum(27))),), "value"),
    ],
)
def test_lists_that_cannot_be_read(body, reason):
    with pytest.raises(FrameError) as refused:
        push.values(push.Push(None, body))
    assert refused.value.reason == reason


def test_items_of_any_type():
    other = bytes.fromhex("010060010005")
    body = (
        (CODE, Decimal("1.5"), (3, Enum(27))),
        (CODE, -5, (-128 + 1, Enum(255))),
        (other, 4),
        (other, None),
        (other, True),
        (other, b"\x00\x01"),
        (other, ((1,),)),
    )
    assert push.values(push.Push(None, body)) == (
        Value("1-0:1.7.0", Decimal("1.5E+3"), "W"),
        Value("1-0:1.7.0", Decimal("-5E-127"), ""),
        Value("1-0:96.1.0*5", Decimal(4)),
        Value("1-0:96.1.0*5", None),
        Value("1-0:96.1.0*5", content=True),
        Value("1-0:96.1.0*5", "0001"),
    )


def test_a_number_whose_power_of_ten_is_not_known_is_left_out():
    body = ("Kamstrup_V0001", bytes.fromhex("010199 0700ff"), 5)
    assert push.values(push.Push(None, body)) == ()


@pytest.mark.parametrize(
    ("octets", "moment"),
    [
        ("ffff 01 18 01 12 3a 32 ff 8000 00", None),
        ("07e6 ff 18 01 12 3a 32 ff 8000 00", None),
        ("07e6 01 18 01 12 3a ff ff 8000 00", datetime(2022, 1, 24, 18, 58)),  # noqa: DTZ001
    ],
)
def test_times_that_are_not_whole(octets, moment):
    assert push.date_time(bytes.fromhex(octets)) == moment


@pytest.mark.parametrize(
    ("octets", "content"),
    [
        ("03 01", True),
        ("04 0c ab c0", "101010111100"),
        ("05 ffffffff", -1),
        ("0f 80", -128),
        ("10 8000", -32768),
        ("14 8000000000000000", -(1 << 63)),
        ("15 ffffffffffffffff", (1 << 64) - 1),
        ("09 81 02 0102", b"\x01\x02"),
        ("0c 02 c3a4", "\u00e4"),
        ("16 1b", Enum(27)),
        ("17 43663334", Decimal("230.20001")),
        ("17 7f800000", None),
        ("18 7ff8000000000000", None),
        ("1a 07e60118ff", bytes.fromhex("07e60118ff")),
        ("01 02 11 01 11 02", (1, 2)),
    ],
)
def test_every_type_of_value(octets, content):
    reader = Reader(bytes.fromhex(octets))
    assert reader.data() == content
    assert reader.left == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_64_bit_number_is_itself(number):
    assert float(str(Reader(b"\x18" + struct.pack(">d", number)).data())) == number


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_32_bit_number_is_told_from_any_other(number):
    content = Reader(b"\x17" + struct.pack(">f", number)).data()
    assert struct.pack("<f", float(str(content))) == struct.pack("<f", number)
    assert len(content.as_tuple().digits) <= 9


def test_two_frames_may_share_a_flag():
    first, second = pushes.CAPTURED[:2]
    line = splitter()
    assert line.feed(first + second[1:] + b"~~" + first) == [decode(first), decode(second), decode(first)]
    assert (line.skipped, line.refused) == (0, {})


def test_frames_in_any_pieces(in_pieces):
    in_pieces(splitter, pushes.CAPTURED)


def test_spoiled_frames_raise_nothing_else(fuzz):
    seen = fuzz(lambda data: push.values(pushed(data)), pushes.CAPTURED, repair)
    assert min(seen[reason] for reason in ("taken", "checksum", "length", "shape", "unknown", "value")) > 20
