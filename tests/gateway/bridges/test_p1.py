"""P1 and mode D: telegrams of real meters, what they say, what is refused and why."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
import telegrams
from telegrams import as_sent

from paifang.bridges import crc
from paifang.bridges.errors import FrameError
from paifang.bridges.p1 import objects
from paifang.bridges.p1.telegram import MAX_LENGTH, Line, Telegram, decode, splitter
from paifang.bridges.values import Value

WINTER = timezone(timedelta(hours=1))
SUMMER = timezone(timedelta(hours=2))
EVERY_TELEGRAM = [as_sent(text) for text in (*telegrams.WITH_CRC, *telegrams.WITHOUT_CRC)]


def said_by(text: str) -> dict[str, Value]:
    values = objects.values(decode(as_sent(text)))
    assert len({value.name for value in values}) == len(values)
    return {value.name: value for value in values}


def with_crc(text: bytes) -> bytes:
    """The telegram up to its "!" with the CRC that it should have."""
    body, mark, _ = text.rpartition(b"!")
    return body + mark + b"%04X\r\n" % crc.crc16(body + mark, crc.IBM, 0) if mark else text


@pytest.mark.parametrize("text", telegrams.WITH_CRC)
def test_the_crc_of_real_telegrams(text):
    telegram = decode(as_sent(text), needs_crc=True)
    assert telegram.checked
    assert with_crc(as_sent(text)) == as_sent(text)


@pytest.mark.parametrize("text", telegrams.WITHOUT_CRC)
def test_telegrams_older_than_the_crc(text):
    assert not decode(as_sent(text)).checked
    with pytest.raises(FrameError) as refused:
        decode(as_sent(text), needs_crc=True)
    assert refused.value.reason == "checksum"


def test_dsmr_5():
    said = said_by(telegrams.DSMR_5)
    assert said["1-0:1.8.1"] == Value("1-0:1.8.1", Decimal("4.426"), "kWh")
    assert said["1-0:1.7.0"] == Value("1-0:1.7.0", Decimal("0.244"), "kW")
    assert said["1-0:72.7.0"] == Value("1-0:72.7.0", Decimal("229.0"), "V")
    assert said["1-0:31.7.0"] == Value("1-0:31.7.0", Decimal("0.48"), "A")
    assert said["0-0:96.7.21"] == Value("0-0:96.7.21", Decimal(13))
    assert said["0-0:1.0.0"].content == datetime(2017, 1, 2, 19, 20, 2, tzinfo=WINTER)
    assert said["0-0:96.1.1"].content == "4B384547303034303436333935353037"
    assert said["0-0:96.13.0"].content is None
    assert said["1-0:99.97.0"].content == "(0)(0-0:96.7.19)"


def test_a_gas_meter_has_a_time_of_its_own():
    at = datetime(2017, 1, 2, 16, 10, 5, tzinfo=WINTER)
    assert said_by(telegrams.DSMR_5)["0-1:24.2.1"] == Value("0-1:24.2.1", Decimal("0.107"), "m3", at)
    local = datetime(2009, 2, 12, 16)  # noqa: DTZ001
    assert said_by(telegrams.DSMR_3)["0-1:24.2.1"] == Value("0-1:24.2.1", Decimal("1.001"), "m3", local)


def test_dsmr_4_2_and_its_log_of_power_failures():
    said = said_by(telegrams.DSMR_4_2)
    assert said["1-0:1.8.2"].content == Decimal("1435.706")
    assert said["1-0:51.7.0"] == Value("1-0:51.7.0", Decimal(6), "A")
    assert str(said["1-0:99.97.0"].content).startswith("(3)(0-0:96.7.19)(000104180320W)(0000237126*s)")


def test_dsmr_2_2_tells_counts_from_names():
    said = said_by(telegrams.DSMR_2_2)
    assert said["0-0:96.14.0"].content == Decimal(1)
    assert said["0-1:24.4.0"].content == Decimal(1)
    assert said["0-1:96.1.0"].content == "000000000000"


def test_watt_hours_and_summer_time():
    said = said_by(telegrams.SAGEMCOM)
    assert said["1-0:4.8.0"] == Value("1-0:4.8.0", Decimal(3897726), "varh")
    assert said["0-0:1.0.0"].content == datetime(2022, 10, 6, 15, 50, 14, tzinfo=SUMMER)


def test_mode_d_with_all_its_digits():
    said = said_by(telegrams.EASYMETER)
    assert str(said["1-0:1.8.0"].content) == "52185.7825309"
    assert said["1-0:61.7.0"] == Value("1-0:61.7.0", Decimal("639.73"), "W")
    assert said["0-0:96.1.255"].content == "1ESY1313002565"


@pytest.mark.parametrize(
    ("code", "fields", "value"),
    [
        ("0-1:24.2.1", ("632525252525W", "00000.000"), Value("0-1:24.2.1", None)),
        ("0-1:24.2.1", ("170102161005W", "x*m3"), Value("0-1:24.2.1", "(170102161005W)(x*m3)")),
        ("1-0:1.6.0", ("220629143000S", "04.378*kW"), None),
        ("0-0:1.0.0", ("170102192060W",), Value("0-0:1.0.0", None)),
        ("0-0:96.14.0", ("x",), Value("0-0:96.14.0", "x")),
        ("1-0:1.7.0", ("-0.5*kW",), Value("1-0:1.7.0", Decimal("-0.5"), "kW")),
        ("1-0:1.8.0*7", ("1*kWh",), Value("1-0:1.8.0*7", Decimal(1), "kWh")),
    ],
)
def test_odd_objects(code, fields, value):
    at = datetime(2022, 6, 29, 14, 30, tzinfo=SUMMER)
    expected = value or Value(code, Decimal("4.378"), "kW", at)
    assert objects.values(Telegram("", (Line(code, fields),), checked=True)) == (expected,)


def changed(old: str, new: str) -> bytes:
    return as_sent(telegrams.DSMR_2_2.replace(old, new, 1))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (as_sent(telegrams.DSMR_5.replace("4.426", "4.427")), "checksum"),
        (as_sent(telegrams.DSMR_5.replace("!6EEE", "!6EEF")), "checksum"),
        (as_sent(telegrams.DSMR_5)[1:], "shape"),
        (as_sent(telegrams.DSMR_5)[:-2], "shape"),
        (as_sent(telegrams.DSMR_5) + b"x", "shape"),
        (b"", "shape"),
        (changed("/ISk5", "/I5"), "shape"),
        (changed("1-0:1.8.1(", "1-0:1.8("), "shape"),
        (changed("(00001.001*kWh)", "(00001.001*kWh"), "shape"),
        (changed("(00001.001*kWh)", "(00001.001*kWh)x"), "shape"),
        (changed("1004", "100\xe4"), "shape"),
    ],
)
def test_what_is_no_telegram_is_refused_with_its_reason(data, reason):
    with pytest.raises(FrameError) as refused:
        decode(data)
    assert refused.value.reason == reason


def test_telegrams_in_any_pieces(in_pieces):
    in_pieces(splitter, EVERY_TELEGRAM)


def test_what_stands_behind_a_telegram_is_left_out():
    line = splitter()
    sent = as_sent(telegrams.EASYMETER) + telegrams.EASYMETER_TAIL
    assert [telegram.identification for telegram in line.feed(sent + sent)] == ["ESY5Q3DB1024 V3.04"] * 2
    assert (line.skipped, line.refused) == (20, {})


def test_a_telegram_that_breaks_off_costs_itself_alone():
    line = splitter(needs_crc=True)
    whole = as_sent(telegrams.DSMR_5)
    assert line.feed(whole[:300] + b"\r\n" + whole) == [decode(whole)]
    assert line.refused == {}


def test_a_telegram_without_end_is_given_up():
    line = splitter()
    whole = as_sent(telegrams.DSMR_5)
    assert line.feed(b"/" + b"x" * MAX_LENGTH + b"\r\n" + whole) == [decode(whole)]


def test_spoiled_telegrams_raise_nothing_else(fuzz):
    seen = fuzz(lambda data: objects.values(decode(data)), EVERY_TELEGRAM, with_crc)
    assert min(seen[reason] for reason in ("taken", "checksum", "shape")) > 100
