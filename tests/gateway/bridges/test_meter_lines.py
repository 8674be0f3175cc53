"""Meters on a line that goes wrong, on a virtual clock: whose values they are, what is counted, what it costs."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import meterbus
import pytest
from faulty_line import COUNTED, FAULTS, spoil
from mbus_frames import FRAMES
from virtual_meters import CATALOGUE, KINDS, Cjt188Meter, MbusMeter, MeterLine, faster

from paifang.bridges.engines import engine_of
from paifang.bridges.errors import FrameError
from paifang.bridges.mbus import frame as mbus_frame
from paifang.bridges.meter import Configured
from paifang.bridges.poller import CameUp, Missed, Read, Refused, Send
from paifang.errors import PaifangError
from paifang_rig.virtual_bus import MINUTE, SECOND
from paifang_wire import messages

ASKED = ("dlt645", "cjt188", "mbus", "mbus by number")
LATE_US = {"dlt645": 2_100_000, "cjt188": 1_700_000, "mbus": 3_300_000, "mbus by number": 3_300_000}
"""After this time an answer is no longer waited for: the profile's timeout and the longest answer."""


def line_of(protocol, *numbers, **given):
    return MeterLine(protocol, [KINDS[protocol].meter(number) for number in numbers], **given)


def faulty_line(protocol, faults=FAULTS, seed=7):
    line = line_of(protocol, 1, 2, 3, seed=seed)
    line.spoil = lambda data, dice: spoil(data, dice, line.from_another, faults, timeout_us=LATE_US[protocol])
    return line


# What meters say


@pytest.mark.parametrize("protocol", ASKED)
def test_every_point_comes_from_its_meter(protocol):
    line = line_of(protocol, 1, 2, 3)
    line.run(MINUTE)
    assert line.wrong() == []
    found = {(unit, name) for unit, name, _ in line.readings()}
    assert found >= {(meter.address, name) for meter in line.there.values() for name in line.kind.places}
    assert sum(line.bus.faults.values()) == 0
    assert line.missed == []


def test_a_block_that_comes_in_parts_is_one_reading():
    line = line_of("dlt645", 1)
    line.run(4 * SECOND)
    [read] = [read for read in line.reads if read.block.key == "0203FF00"]
    found = line.bus.meters[read.unit].readings(read.block, read.data)
    assert list(found) == ["power", "power_l1", "power_l2", "power_l3"]
    assert [str(value)[:3] for value, _ in found.values()] == ["160", "161", "162", "163"]


def test_what_a_meter_does_not_have_costs_no_other_its_value_and_is_asked_for_again_in_ten_minutes():
    line = line_of("dlt645", 1)
    line.there["000000000001"].lacks = frozenset({0x00010400})
    line.run(11 * MINUTE)
    refused = [event for event in line.events if isinstance(event, Refused)]
    assert [event.block.key for event in refused] == ["00010400", "00010400"]
    assert line.bus.refusal(refused[0].exception) == "no such data"
    assert line.bus.engine.units["000000000001"].is_up
    assert {read.block.key for read in line.reads if read.asked_us > 10 * MINUTE} >= {"00010000", "00010300"}


def test_a_number_that_is_none_is_garbled_and_a_field_that_is_not_there_is_absent():
    line = line_of("dlt645", 1)
    line.run(4 * SECOND)
    meter = line.bus.meters["000000000001"]
    block = next(read.block for read in line.reads if read.block.key == "0201FF00")
    assert meter.readings(block, b"\xab\xcd") == dict.fromkeys(block.points, (None, messages.GARBLED))
    found = meter.readings(block, bytes.fromhex("0123"))
    assert found["voltage_l1"] == (2301, messages.GOOD)
    assert found["voltage_l2"] == (None, messages.ABSENT)


def test_a_meter_of_1997_is_read_by_its_two_bytes():
    profile = CATALOGUE.load("dlt645-single-phase")
    point = profile.points["voltage"]
    old = point.model_copy(update={"attributes": point.attributes.model_copy(update={"di": "B611"})})
    profile = profile.model_copy(update={"points": {"voltage": old}})
    bus = engine_of("dlt645", [Configured(profile, "3")], 1200)
    [sent] = [bus.engine.step(50_000)]
    assert sent.data.hex() == "fefefefe68030000000000680102" + "44e9" + "0316"
    bus.engine.receive(bytes.fromhex("68 03 00 00 00 00 00 68 81 04 44 E9 33 34 EC 16"), 300_000)
    [read] = bus.engine.take_events()
    assert bus.meters[read.unit].readings(read.block, read.data) == {"voltage": (1000, messages.GOOD)}


@pytest.mark.parametrize("low_first", [False, True])
def test_a_meter_that_has_the_bytes_of_an_identifier_the_other_way_round_is_understood(low_first):
    meter = Cjt188Meter(1, low_first=low_first)
    line = MeterLine("cjt188", [meter])
    line.run(MINUTE)
    assert len(line.reads) >= 11
    assert len(line.missed) <= 1
    assert meter.asked == len(line.sent)


def test_a_telegram_that_is_lost_is_sent_again_and_one_of_several_begins_anew():
    one, two = MbusMeter(1, telegrams=1), MbusMeter(2)
    line = MeterLine("mbus", [one, two])
    lost = iter((False, False, True))
    line.spoil = lambda data, _dice: [] if next(lost, False) else [(0, data)]
    line.run(MINUTE)
    assert len(line.missed) == 1
    assert one.begun == 1, "after that its frame count bit goes on"
    assert two.begun >= 10, "where it stands after a telegram that is not the last is not known"
    bits = [data[1] & 0x20 for _, data in line.sent if data[:1] == b"\x10" and data[1] & 0x1B == 0x1B and data[2] == 1]
    assert all(bits[at] != bits[at + 1] for at in range(len(bits) - 1)) or line.missed[0].unit == "1"


def test_an_application_error_is_a_refusal_in_words():
    bus = engine_of("mbus", [Configured(CATALOGUE.load("mbus-heat"), "1")], 2400)
    now_us = 100_000
    assert bus.engine.step(now_us).data.hex() == "1040014116"
    bus.engine.receive(b"\xe5", now_us + 100_000)
    assert bus.engine.step(now_us + 200_000).data.hex() == "107b017c16"
    bus.engine.receive(bytes.fromhex("680404680801700881" + "16"), now_us + 400_000)
    [refused] = bus.engine.take_events()
    assert bus.refusal(refused.exception) == "busy"


def test_a_meter_known_by_its_number_is_selected_each_time():
    bus = engine_of("mbus", [Configured(CATALOGUE.load("mbus-heat"), "1234567f")], 2400)
    assert bus.engine.step(100_000).data.hex() == "680b0b6873fd527f563412ffffffff" + "d916"
    bus.engine.receive(b"\xe5", 200_000)
    assert bus.engine.step(300_000).data.hex() == "107bfd7816"


def test_the_selection_is_that_of_another_program():
    sent = []
    meterbus.serial.send_select_frame(SimpleNamespace(write=sent.append), "12345678FFFFFFFF")
    assert b"".join(map(bytes, sent)) == mbus_frame.encode(mbus_frame.select("12345678"))


@pytest.mark.parametrize("name", FRAMES)
def test_what_real_meters_answer_is_taken(name):
    """As their frames are, even where a field is encrypted or the maker's own. One has a second telegram to come."""
    answer = FRAMES[name]
    address = answer[5] if answer[5] <= 250 else 254
    bus = engine_of("mbus", [Configured(CATALOGUE.load("mbus-heat"), str(address))], 2400)
    now_us = 100_000
    for heard in (b"\xe5", answer):
        assert isinstance(bus.engine.step(now_us), Send)
        bus.engine.receive(heard, now_us + 500_000)
        now_us += 1_000_000
    events = bus.engine.take_events()
    assert bus.faults.total() == 0
    if not events:
        assert isinstance(bus.engine.step(now_us), Send), "more is to come"
        return
    [read] = events
    found = bus.meters[read.unit].readings(read.block, read.data)
    assert found.keys() == set(read.block.points)


# What goes wrong


def test_an_answer_that_trickles_in_is_waited_for_as_long_as_it_goes_on():
    """Bytes of a frame may be half a second apart."""
    line = line_of("dlt645", 1)

    def trickle(pause_us):
        return lambda data, _dice: [(at * pause_us // 4, data[at : at + 4]) for at in range(0, len(data), 4)]

    line.spoil = trickle(400_000)
    line.run(MINUTE)
    assert len(line.reads) > 15
    assert line.missed == []
    line.spoil = trickle(700_000)
    line.run(2 * MINUTE)
    assert "cut" in {event.fault for event in line.missed}
    assert line.wrong() == []


@pytest.mark.parametrize("protocol", ASKED)
def test_no_value_is_ever_taken_for_another_and_polling_recovers_by_itself(protocol, tier_size):
    line = faulty_line(protocol)
    line.run_transactions(tier_size(500, 10_000))
    assert line.wrong() == []
    assert len(line.readings()) > 300
    line.spoil = lambda data, _dice: [(0, data)]
    line.run(line.now_us + 3 * MINUTE)
    began = len(line.events)
    line.run(line.now_us + MINUTE)
    assert all(unit.is_up for unit in line.bus.engine.units.values())
    assert {type(event) for event in line.events[began:]} == {Read}


@pytest.mark.parametrize("protocol", ASKED)
@pytest.mark.parametrize(("fault", "counted"), COUNTED.items())
def test_each_fault_is_counted_by_its_name(protocol, fault, counted):
    line = faulty_line(protocol, (fault,), seed=3)
    line.run_transactions(150)
    assert line.bus.faults[counted] > 5
    assert line.wrong() == []
    if counted in {"silent", "cut", "garbled"}:
        assert counted in {event.fault for event in line.missed}


@pytest.mark.parametrize("protocol", ASKED)
def test_a_line_that_echoes_what_is_sent(protocol):
    line = line_of(protocol, 1)
    line.echoes = True
    line.run(MINUTE)
    assert line.wrong() == []
    assert line.missed == []
    assert line.bus.faults == {"echo": len(line.sent)}


@pytest.mark.parametrize("protocol", ASKED)
def test_the_line_is_silent_before_each_question(protocol):
    line = line_of(protocol, 1, 2, 3)
    line.run(MINUTE)
    assert min(line.quiet_us) == line.bus.engine.line.timing.silence_us


@pytest.mark.parametrize("protocol", ASKED)
def test_dead_meters_take_a_twentieth_of_the_line_and_are_looked_at_for_ever(protocol):
    line = line_of(protocol, 1, 2, 3, profile=faster(CATALOGUE.load(line_of(protocol).kind.profile), 1))
    dead = next(iter(line.there.values()))
    dead.dead = True
    line.run(3 * MINUTE)
    began, asked = len(line.events), dead.asked
    line.run(13 * MINUTE)
    lost = [event for event in line.events[began:] if isinstance(event, Missed)]
    assert 0 < sum(event.ended_us - event.asked_us for event in lost) <= 0.05 * 10 * MINUTE
    assert dead.asked - asked >= 7
    dead.dead = False
    line.run(16 * MINUTE)
    assert [event.unit for event in line.events if isinstance(event, CameUp)] == [dead.address]


def test_a_late_refusal_is_not_taken_for_another_question():
    line = line_of("dlt645", 1)
    line.there["000000000001"].lacks = frozenset({0x00010000})
    late = iter((2_150_000,))
    is_refusal = bytes.fromhex("68d10135")  # no such data
    line.spoil = lambda data, _dice: [(next(late, 0) if is_refusal in data else 0, data)]
    line.run(MINUTE)
    assert line.bus.faults["late"] == 1
    assert {event.block.key for event in line.events if isinstance(event, Refused)} == {"00010000"}


def test_half_a_frame_from_before_is_no_part_of_an_answer():
    line = line_of("dlt645", 1)
    line.run(4 * SECOND)
    assert not line.bus.engine.line.is_open
    half = line.bus.engine.units["000000000001"]
    read = next(read for read in line.reads if read.block.key == "0201FF00")
    line.hear(4_100_000, bytes.fromhex("68010000000000689120"))
    line.run(12 * SECOND)
    assert half.is_up
    assert line.bus.faults == {"noise": 1}
    assert sum(each.block == read.block for each in line.reads) == 3
    assert line.wrong() == []


def test_a_telegram_is_no_acknowledgement():
    bus = engine_of("mbus", [Configured(CATALOGUE.load("mbus-heat"), "5")], 2400)
    assert bus.engine.step(100_000).data.hex() == "1040054516"
    bus.engine.receive(mbus_frame.encode(MbusMeter(5).answer(mbus_frame.ask(5, frame_count=True))), 200_000)
    assert not isinstance(bus.engine.step(300_000), Send)
    assert bus.faults == {"late": 1}
    bus.engine.receive(b"\xe5", 400_000)
    assert bus.engine.step(500_000).data.hex() == "107b058016"


def test_an_adapter_that_goes_takes_nothing_with_it():
    line = line_of("dlt645", 1)
    line.run(300_000)
    line.bus.engine.abandon(line.now_us)
    line.run(MINUTE)
    assert len(line.missed) == 1
    assert {name for _, name, _ in line.readings()} >= set(line.kind.places)


def test_an_adapter_that_goes_between_two_parts_ends_the_whole_question():
    profile = faster(CATALOGUE.load("dlt645-three-phase"))
    rests = profile.line.model_copy(update={"turnaround_ms": 300})
    line = line_of("dlt645", 1, profile=profile.model_copy(update={"line": rests}))
    poller = line.bus.engine
    while poller.line.is_open or poller._turn is None:
        line.run(line.now_us + 10_000)
    assert poller._turn.then is not None, "the next part is not asked for yet"
    poller.abandon(line.now_us)
    assert [event.fault for event in poller.take_events()] == ["silent"]
    line.run(line.now_us + MINUTE)
    assert "0203FF00" in {read.block.key for read in line.reads}
    assert line.wrong() == []


def with_right_sum(data):
    """The checksum of all three protocols is the sum of what stands between its first byte and itself."""
    begin = 4 if data[:1] == data[3:4] == b"\x68" else 0
    return data[:-2] + bytes((sum(data[begin:-2]) & 0xFF, 0x16))


@pytest.mark.parametrize("protocol", ASKED)
def test_whatever_comes_with_a_right_checksum_is_read_or_counted_and_nothing_else(protocol, tier_size):
    """Answers with changed bytes, some of which are still answers to what was asked: they say nonsense at worst."""
    line = line_of(protocol, 1, 2)
    seen = Counter()

    def mutant(data, dice):
        body = bytearray(data.lstrip(b"\xfe"))
        for _ in range(dice.randint(1, 3)):
            if len(body) > 4:
                body[dice.randrange(4, len(body) - 2)] = dice.randrange(256)
        cut = dice.randrange(4, len(body) - 2) if len(body) > 8 and dice.random() < 0.2 else len(body) - 2
        return [(0, with_right_sum(bytes(body[:cut]) + bytes(2)))]

    line.spoil = lambda data, dice: [(0, data)] if dice.random() < 0.3 else mutant(data, dice)
    line.run_transactions(tier_size(3_000, 50_000))
    for read in line.reads:
        found = line.bus.meters[read.unit].readings(read.block, read.data)
        assert found.keys() == set(read.block.points)
        seen.update(quality for _, quality in found.values())
    assert seen[messages.GOOD] > 100
    assert seen[messages.GARBLED] > 0
    assert line.bus.faults.total() > 100


def test_meters_that_cannot_be_on_one_line():
    profile = CATALOGUE.load("mbus-heat")
    with pytest.raises(PaifangError, match="two meters 5"):
        engine_of("mbus", [Configured(profile, "5"), Configured(profile, "05")], 2400)
    with pytest.raises(FrameError, match="251 is no address of M-Bus"):
        engine_of("mbus", [Configured(profile, "251")], 2400)
    with pytest.raises(PaifangError, match="a line of its own"):
        engine_of("p1", [Configured(CATALOGUE.load("dsmr-p1"), "a"), Configured(CATALOGUE.load("dsmr-p1"), "b")], 9600)
