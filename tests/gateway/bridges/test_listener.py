"""Meters that push: what they say, that they are gone, and what comes in between."""

from __future__ import annotations

import random

import pytest
from pushes import KAMSTRUP, framed
from telegrams import DSMR_5, as_sent

from paifang.bridges.dlms import hdlc
from paifang.bridges.engines import engine_of
from paifang.bridges.meter import Configured
from paifang.bridges.poller import CameUp, Missed, Read
from paifang.profiles.catalogue import Catalogue, built_in
from paifang_rig.virtual_bus import SECOND, VirtualLine
from paifang_wire import messages

CATALOGUE = Catalogue((built_in(),))
GOOD = messages.GOOD
SAID = {
    "dsmr-p1": (as_sent(DSMR_5), {"energy_import_t1": (4426, GOOD), "gas": (107, GOOD), "voltage_l3": (2290, GOOD)}),
    "kamstrup-han": (bytes.fromhex(KAMSTRUP), {"power_import": (826, GOOD), "voltage_l2": (233, GOOD)}),
}
"""Profile -> what its meter sends, and some of what that says."""
INTERVAL_US = 10 * SECOND


def line_of(name):
    profile = CATALOGUE.load(name)
    bus = engine_of(profile.protocol, [Configured(profile, "meter")], profile.line.baud)
    return bus, VirtualLine(bus.engine, 100, lambda _data: None)


def readings(bus, read):
    return bus.meters[read.unit].readings(read.block, read.data)


@pytest.mark.parametrize("name", SAID)
def test_each_push_is_read(name):
    bus, line = line_of(name)
    data, said = SAID[name]
    for push in range(1, 11):
        line.hear(push * INTERVAL_US, data)
    line.run(105 * SECOND)
    assert [type(event) for event in line.events] == [Read] * 10
    assert line.sent == []
    found = readings(bus, line.reads[-1])
    assert found | said == found
    assert "energy_import" not in found or name == "dsmr-p1", "what was not pushed is not said to be absent"
    assert bus.faults.total() == 0


@pytest.mark.parametrize("name", SAID)
def test_silence_is_down_and_the_next_push_is_up(name):
    bus, line = line_of(name)
    data, _said = SAID[name]
    line.hear(INTERVAL_US, data)
    line.hear(100 * SECOND, data)
    line.run(99 * SECOND)
    [down] = [event for event in line.events if isinstance(event, Missed)]
    assert (down.is_down, down.ended_us, bus.engine.is_up) == (True, 4 * INTERVAL_US, False)
    line.run(101 * SECOND)
    assert [type(event) for event in line.events] == [Read, Missed, CameUp, Read]
    assert (bus.engine.is_up, bus.engine.since_us) == (True, 100 * SECOND)


@pytest.mark.parametrize("name", SAID)
def test_what_was_spoiled_is_counted_and_the_next_is_read(name):
    bus, line = line_of(name)
    data, said = SAID[name]
    dice = random.Random(3)
    spoiled = 0
    for push in range(1, 201):
        place = dice.randrange(1, len(data) - 1)
        garbled = data[:place] + bytes((data[place] ^ 1 << dice.randrange(7),)) + data[place + 1 :]
        line.hear(push * INTERVAL_US, dice.choice((data, garbled, data[:place], dice.randbytes(20) + data)))
        spoiled += line._heap[-1][2] != data
    line.run(201 * INTERVAL_US)
    assert 90 < len(line.reads) < 200
    assert all(readings(bus, read) | said == readings(bus, read) for read in line.reads)
    assert bus.faults["garbled"] > 20
    assert bus.faults["noise"] > 20


def test_a_telegram_whose_checksum_was_eaten_is_not_taken():
    bus, line = line_of("dsmr-p1")
    data, _said = SAID["dsmr-p1"]
    line.hear(10 * SECOND, data)
    line.hear(20 * SECOND, data.replace(b"!6EEE", b"!"))
    line.hear(30 * SECOND, data)
    line.run(31 * SECOND)
    assert [read.ended_us for read in line.reads] == [10 * SECOND, 30 * SECOND]
    assert bus.faults["garbled"] == 1


def test_what_makes_no_sense_is_garbled_not_absent():
    bus, line = line_of("dsmr-p1")
    line.hear(SECOND, as_sent("/ISk5\\2MT382-1000\n\n1-0:1.8.1(000004.426*V)\n!"))
    line.run(2 * SECOND)
    assert set(readings(bus, line.reads[0]).values()) == {(None, messages.GARBLED)}


def test_what_was_spoiled_is_counted_once_each():
    bus, line = line_of("kamstrup-han")
    data, _said = SAID["kamstrup-han"]
    garbled = data[:50] + bytes((data[50] ^ 1,)) + data[51:]
    for push, heard in enumerate((data, garbled, data, garbled, b"noise", data), 1):
        line.hear(push * SECOND, heard)
    line.run(10 * SECOND)
    assert len(line.reads) == 3
    assert +bus.faults == {"garbled": 2, "noise": 1}


def test_a_long_push_in_segments_is_one():
    bus, line = line_of("kamstrup-han")
    data, said = SAID["kamstrup-han"]
    information = hdlc.decode(data).information
    line.hear(SECOND, framed(information[:100], segmented=True))
    line.hear(2 * SECOND, framed(information[100:]))
    line.run(3 * SECOND)
    [read] = line.reads
    assert (read.ended_us, readings(bus, read) | said) == (2 * SECOND, readings(bus, read))
    line.hear(4 * SECOND, framed(b"no list"))
    line.run(5 * SECOND)
    assert (len(line.reads), bus.faults["garbled"]) == (1, 1)


def test_half_a_push_is_dropped_when_the_line_is_gone():
    bus, line = line_of("kamstrup-han")
    data, _said = SAID["kamstrup-han"]
    line.at(SECOND, lambda: bus.engine.receive(data[:50], SECOND))
    line.at(2 * SECOND, lambda: bus.engine.abandon(2 * SECOND))
    line.hear(3 * SECOND, data)
    line.run(4 * SECOND)
    assert len(line.reads) == 1
