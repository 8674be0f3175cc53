"""A session with a bureau, in virtual time: acks late, twice, wrong, never; requests, refusals, heartbeats."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pytest
from hj212_vectors import REQUEST_2025, STANDARD
from records import DOOR, ENERGY, TEMPERATURE, UTC_MS, event, point, report, value

from paifang.errors import PaifangError
from paifang.north.connector import NOT_WANTED
from paifang.north.hj212 import reports
from paifang.north.hj212.desk import Station, Ways
from paifang.north.hj212.frames import Frame, Receiver, frame
from paifang.north.hj212.packets import read
from paifang.north.hj212.session import QN_AHEAD_MS, Message, Session, Timing
from paifang.profiles import city_tables
from paifang_rig.engines import bureau
from paifang_wire import messages

BEIJING = dt.timezone(dt.timedelta(hours=8))
STATION = Station("010000A8900016F000169DC0", "32", "100000")
OTHER = Station("A110000_0001", "22", "123456")
NOW_MS = 5_000


def ways(version="2017", **given):
    return Ways(
        **{"version": version, "zone": BEIJING, "interval_s": 30, "in_parts": False, "follows_clock": False} | given
    )


def session(version="2017", heartbeat_ms=None, **given):
    return Session("city", [STATION, OTHER], ways(version, **given), Timing(1_000, 3, 50, heartbeat_ms))


def message(rows=("a34004-Rtd=35,a34004-Flag=N",)):
    return Message(STATION, "2011", "DataTime=20261120160001", rows)


def read_all(data):
    return [read(each.data) for each in Receiver().feed(data) if isinstance(each, Frame)]


def acked(sent, **given):
    return bureau.ack(bureau._read(Receiver().feed(sent)[0].data.decode(), 1), **given)


def test_a_message_is_confirmed_by_the_ack_with_its_qn():
    at = session()
    sent = at.start(message(), UTC_MS, NOW_MS)
    [packet] = read_all(sent)
    assert (packet.qn, packet.st, packet.cn, packet.pw, packet.mn) == (
        "20261120160000000",
        "32",
        "2011",
        "100000",
        STATION.mn,
    )
    assert (packet.flag, packet.part) == (5, None)
    assert packet.cp == "DataTime=20261120160001;a34004-Rtd=35,a34004-Flag=N"
    assert at.feed(acked(sent), UTC_MS, NOW_MS) == b""
    assert not at.is_waiting
    assert at.due_ms() is None


def test_acks_of_something_else_confirm_nothing():
    at = session()
    sent = at.start(message(), UTC_MS, NOW_MS)
    for wrong in (acked(sent, qn="20261120155959999"), acked(sent, mn=OTHER.mn), acked(sent)[:-7] + b"0000\r\n"):
        assert at.feed(wrong, UTC_MS, NOW_MS) == b""
        assert at.is_waiting
    at.feed(bureau.GARBAGE + acked(sent) + acked(sent), UTC_MS, NOW_MS)
    assert not at.is_waiting
    second = at.start(message(), UTC_MS, NOW_MS)
    assert at.feed(acked(sent), UTC_MS, NOW_MS) == b""
    assert at.is_waiting
    at.feed(acked(second), UTC_MS, NOW_MS)
    assert not at.is_waiting


def test_without_an_ack_it_is_sent_again_with_the_same_qn_and_then_given_up():
    at = session()
    sent, now_ms = at.start(message(), UTC_MS, NOW_MS), NOW_MS
    for _ in range(2):
        assert at.tick(UTC_MS, at.due_ms() - 1) == b""
        now_ms = at.due_ms()
        assert at.tick(UTC_MS, now_ms) == sent
    assert now_ms == NOW_MS + 2_000
    with pytest.raises(PaifangError, match="no confirmation of QN 20261120160000000, sent 3 times"):
        at.tick(UTC_MS, at.due_ms())


def test_a_late_ack_counts_after_the_message_was_sent_again():
    at = session()
    sent = at.start(message(), UTC_MS, NOW_MS)
    assert at.tick(UTC_MS, at.due_ms()) == sent
    at.feed(acked(sent), UTC_MS, NOW_MS)
    assert not at.is_waiting


def test_bytes_of_an_ack_may_come_one_by_one():
    at = session()
    for byte in acked(at.start(message(), UTC_MS, NOW_MS)):
        assert at.is_waiting or byte in b"\r\n"
        at.feed(bytes([byte]), UTC_MS, NOW_MS)
    assert not at.is_waiting


@pytest.mark.parametrize("code", ["3", "4", "5", "6", "7", "8"])
def test_a_refusal_for_good_is_told_at_once(code):
    at = session()
    sent = at.start(message(), UTC_MS, NOW_MS)
    refused = bureau.refusal(bureau._read(Receiver().feed(sent)[0].data.decode(), 1), code)
    with pytest.raises(PaifangError, match="the bureau refuses 010000A8900016F000169DC0: wrong"):
        at.feed(refused, UTC_MS, NOW_MS)


@pytest.mark.parametrize("code", ["1", "2", "9", "100"])
def test_what_may_pass_is_tried_again(code):
    at = session()
    sent = at.start(message(), UTC_MS, NOW_MS)
    at.feed(bureau.refusal(bureau._read(Receiver().feed(sent)[0].data.decode(), 1), code), UTC_MS, NOW_MS)
    assert at.is_waiting
    assert at.tick(UTC_MS, at.due_ms()) == sent


def long_rows():
    return [f"d{number:05d}-Rtd=220.20,d{number:05d}-Flag=N" for number in range(60)]


def test_a_long_report_goes_as_several_messages_each_confirmed_by_itself():
    at = session()
    sent, rows, qns = at.start(message(long_rows()), UTC_MS, NOW_MS), [], []
    while at.is_waiting:
        [packet] = read_all(sent)
        assert packet.part is None
        assert packet.field("DataTime") == "20261120160001"
        rows += packet.cp.split(";")[1:]
        qns.append(packet.qn)
        twice = acked(sent) * 2
        sent = at.feed(twice, UTC_MS, NOW_MS)
    assert rows == long_rows()
    assert len(set(qns)) == len(qns) > 1


def test_or_in_parts_with_one_qn_where_the_bureau_wants_that():
    at = session(in_parts=True)
    sent, rows, heads = at.start(message(long_rows()), UTC_MS, NOW_MS), [], []
    while at.is_waiting:
        [packet] = read_all(sent)
        rows += packet.cp.split(";")[1:]
        heads.append((packet.qn, packet.flag, packet.part))
        sent = at.feed(acked(sent), UTC_MS, NOW_MS)
    count = len(heads)
    assert rows == long_rows()
    assert heads == [("20261120160000000", 7, (number, count)) for number in range(1, count + 1)]


def test_messages_keep_their_distance_and_qns_near_the_clock():
    at = session()
    assert at.ready_ms(STATION, UTC_MS, NOW_MS) == NOW_MS
    at.feed(acked(at.start(message(), UTC_MS, NOW_MS)), UTC_MS, NOW_MS)
    assert at.ready_ms(STATION, UTC_MS, NOW_MS + 20) == NOW_MS + 50
    for _ in range(QN_AHEAD_MS + 10):
        at.feed(acked(at.start(message(), UTC_MS, NOW_MS)), UTC_MS, NOW_MS)
    assert at.ready_ms(STATION, UTC_MS, NOW_MS + 1_000) == NOW_MS + 1_000 + 10
    assert at.ready_ms(OTHER, UTC_MS, NOW_MS + 1_000) == NOW_MS + 1_000


def test_an_idle_line_is_kept_alive_by_heartbeats():
    at = session("2025", heartbeat_ms=60_000)
    at.feed(acked(at.start(message(), UTC_MS, NOW_MS)), UTC_MS, NOW_MS)
    assert at.due_ms() == NOW_MS + 60_000
    [beat] = read_all(at.tick(UTC_MS + 60_000, NOW_MS + 60_000))
    assert (beat.cn, beat.flag, beat.cp) == ("9015", 8, "")
    assert at.due_ms() == NOW_MS + 120_000
    assert not at.is_waiting


def ask(cn, cp="", **given):
    head = {"QN": "20160801085857223", "ST": "32", "CN": cn, "PW": "100000", "MN": STATION.mn, "Flag": "5"} | given
    text = "".join(f"{name}={told};" for name, told in head.items() if told is not None)
    return frame(f"{text}CP=&&{cp}&&".encode())


def told(at, asked):
    return [(packet.cn, packet.cp) for packet in read_all(at.feed(asked, UTC_MS, NOW_MS))]


READY, DONE, REFUSED = ("9011", "QnRtn=1"), ("9012", "ExeRtn=1"), ("9011", "QnRtn=2")


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        (STANDARD, [REFUSED]),
        (ask("1061"), [READY, ("1061", "RtdInterval=30"), DONE]),
        (ask("1011"), [READY, ("1011", "SystemTime=20261120160000"), DONE]),
        (ask("1011", Flag="4"), [("1011", "SystemTime=20261120160000"), DONE]),
        (ask("1011", ST="91"), [READY, ("1011", "SystemTime=20261120160000"), DONE]),
        (ask("1012", "SystemTime=20261120170000"), [REFUSED]),
        (ask("2011"), [READY]),
        (ask("2012"), [REFUSED]),
        (ask("3019"), [("9011", "QnRtn=8")]),
        (ask("1011", PW="100001"), [("9011", "QnRtn=3")]),
        (ask("1011", PW=None), [("9011", "QnRtn=3")]),
        (ask("1011", MN="X"), [("9011", "QnRtn=4")]),
        (ask("1011", ST="22"), [("9011", "QnRtn=5")]),
        (ask("1011", Flag="61"), [("9011", "QnRtn=6")]),
        (ask("1011", QN="2016"), [("9011", "QnRtn=7")]),
        (ask("1011").replace(b"=5;", b"=4;"), [("9011", "QnRtn=9")]),
        (REQUEST_2025, [("9011", "QnRtn=3")]),
    ],
)
def test_requests_are_answered_or_refused_by_the_right_code(asked, answers):
    assert told(session(), asked) == answers


def test_answers_carry_the_qn_and_the_station_of_the_request():
    ready, time, done = read_all(session("2025").feed(ask("1011"), UTC_MS, NOW_MS))
    assert {each.qn for each in (ready, time, done)} == {"20160801085857223"}
    assert (ready.st, time.st, done.st) == ("91", "32", "91")
    assert {each.flag for each in (ready, time, done)} == {8}
    assert {(each.mn, each.pw) for each in (ready, time, done)} == {(STATION.mn, "100000")}


def test_a_bureau_that_may_sets_the_clock_of_qn_and_nothing_else():
    at = session(follows_clock=True)
    assert told(at, ask("1012", "SystemTime=20261120170000")) == [READY, DONE]
    assert told(at, ask("1012", "SystemTime=2026")) == [READY, ("9012", "ExeRtn=2")]
    assert told(at, ask("1011"))[1] == ("1011", "SystemTime=20261120170000")
    [packet] = read_all(at.start(message(), UTC_MS, NOW_MS))
    assert packet.qn == "20261120170000000"
    assert packet.field("DataTime") == "20261120160001"


def test_a_request_while_a_message_waits_disturbs_neither():
    at = session()
    sent = at.start(message(), UTC_MS, NOW_MS)
    assert told(at, ask("1061") + acked(sent)) == [READY, ("1061", "RtdInterval=30"), DONE]
    assert not at.is_waiting


AIR = city_tables.naming("common")


def test_a_record_becomes_factors_with_their_units_and_flags():
    pressure, humidity = point("pressure", "Pa", 0, number=5), point("humidity", "%", -2, number=6)
    record = report(
        values=[
            value(352),
            value(2451, TEMPERATURE, messages.IMPLAUSIBLE),
            value(100_044, pressure),
            value(None, humidity, messages.MUTE),
            value(1, DOOR),
            value(123, ENERGY),
        ]
    )
    found = reports.message(record, STATION, AIR, ways())
    assert found.common == "DataTime=20261120160001"
    assert found.rows == [
        "a34004-Rtd=35.2,a34004-Flag=N",
        "a01001-Rtd=24.51,a01001-Flag=D",
        "a01006-Rtd=100.044,a01006-Flag=N",
        "a01002-Flag=B",
    ]
    assert reports.message(record, STATION, AIR, ways("2025")).rows[3] == "a01002-Rtd=9999.99,a01002-Flag=B"
    assert set(reports.FLAGS) == set(range(messages.FAULT + 1))


def test_what_has_no_time_or_no_factor_is_dropped_with_the_reason():
    assert reports.message(report(utc_ms=None), STATION, AIR, ways()) == "no-time"
    assert reports.message(report(utc_ms=1 << 60), STATION, AIR, ways()) == "no-time"
    assert reports.message(report(values=[value(1, DOOR)]), STATION, AIR, ways()) == NOT_WANTED
    assert reports.message(event(), STATION, AIR, ways()) == NOT_WANTED


def test_a_value_has_all_its_digits():
    record = report(values=[value(10**15 + 1, point(scale=-9))])
    assert reports.message(record, STATION, AIR, ways()).rows == ["a34004-Rtd=1000000.000000001,a34004-Flag=N"]
    assert Decimal("1000000.000000001") == record.values[0].exact


def test_spoiled_answers_and_requests_never_raise(tier_size):
    chance = random.Random(2025)
    at = session("2025")
    sent = at.start(message(), UTC_MS, NOW_MS)
    sources = [
        STANDARD,
        REQUEST_2025,
        ask("1012", "SystemTime=20261120170000"),
        ask("1061"),
        acked(sent),
        bureau.GARBAGE,
    ]
    for _ in range(tier_size(2_000, 50_000)):
        frames = [bytearray(chance.choice(sources)) for _ in range(chance.randint(1, 3))]
        for each in frames:
            for _ in range(chance.randint(0, 3)):
                each[chance.randrange(len(each))] = chance.choice(b"#0;&=,9Q\r\xff")
        answers = {packet.cn for packet in read_all(at.feed(b"".join(frames), UTC_MS, NOW_MS))}
        assert answers <= {"9011", "9012", "1011", "1061"}
        if not at.is_waiting:
            sent = at.start(message(), UTC_MS, NOW_MS)
            sources[-1] = acked(sent)
    at.feed(STANDARD + acked(sent), UTC_MS, NOW_MS)
    assert not at.is_waiting
