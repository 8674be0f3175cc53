"""A bus of units on a virtual clock: shares of the time, late answers, orders before polls."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
from faulty_line import COUNTED, FAULTS, spoil

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.layout import Layout
from paifang.bridges.modbus.line import RtuLine, timing
from paifang.bridges.modbus.planner import Limits, Span, serial_cost
from paifang.bridges.poller import CameUp, Missed, Read, Refused
from paifang.bridges.unit import LAST_BACKOFF_US, Patience, Unit
from paifang.bridges.writes import Order, Written
from paifang_rig.virtual_bus import MINUTE, NEVER, SECOND, VirtualBus, VirtualUnit, is_right

TIMING = timing(9600)
COST = serial_cost(TIMING.character_us, 2 * TIMING.silence_us)
PATIENCE = Patience(timeout_us=300_000)


def spans(*ends, table="input"):
    return [Span(table, first, end, f"{first}") for first, end in ends]


def add(bus, address, groups=None, intervals=None, limits=None, patience=PATIENCE, at_us=0):
    groups = groups or {"live": spans((0, 20))}
    intervals = intervals or dict.fromkeys(groups, SECOND)
    unit = Unit(address, Layout(groups, limits or Limits(), COST), intervals, patience, at_us)
    bus.poller.add(unit)
    return unit


def bus_of(*units, spoil=None, seed=1):
    return VirtualBus(list(units), TIMING, spoil, seed)


def busy_us(events, unit=None):
    return sum(
        event.ended_us - event.asked_us
        for event in events
        if isinstance(event, Read | Missed) and unit in {None, event.unit}
    )


def test_each_group_in_its_interval():
    bus = bus_of(VirtualUnit(1))
    add(bus, 1, {"fast": spans((0, 2)), "slow": spans((50, 52))}, {"fast": SECOND, "slow": 10 * SECOND})
    bus.run(60 * SECOND)
    starts = [read.block.first for read in bus.reads]
    assert (starts.count(0), starts.count(50)) == (60, 6)
    times = [read.asked_us for read in bus.reads if read.block.first == 0]
    assert all(abs(after - before - SECOND) < 50_000 for before, after in pairwise(times))


def test_the_line_is_silent_for_three_and_a_half_characters_before_each_request():
    bus = bus_of(*(VirtualUnit(address) for address in (1, 2, 3)))
    for address in (1, 2, 3):
        add(bus, address, intervals={"live": 1_000})
    bus.run(20 * SECOND)
    assert min(bus.quiet_us) == TIMING.silence_us


def test_a_unit_rests_after_its_answer_while_others_are_asked():
    bus = bus_of(VirtualUnit(1), VirtualUnit(2))
    add(bus, 1, intervals={"live": 1_000}, patience=Patience(300_000, rest_us=200_000))
    add(bus, 2, intervals={"live": 1_000})
    bus.run(20 * SECOND)
    ended = [read.ended_us for read in bus.reads if read.unit == 1]
    asked = [read.asked_us for read in bus.reads if read.unit == 1]
    assert min(after - before for before, after in zip(ended, asked[1:], strict=False)) >= 200_000
    assert sum(read.unit == 2 for read in bus.reads) > 2 * len(ended)


@pytest.mark.parametrize("number", [1, 8, 32])
def test_a_saturated_bus_is_used_to_its_limit(number):
    """The limit: bytes of questions and answers, the silence before each, and the time that units think."""
    units = [VirtualUnit(address, think_us=5_000) for address in range(1, number + 1)]
    bus = bus_of(*units)
    for unit in units:
        add(bus, unit.address, intervals={"live": 1_000})
    bus.run(MINUTE)
    each_us = (8 + 45) * TIMING.character_us + 2 * TIMING.silence_us + 5_000
    assert len(bus.reads) * each_us > 0.99 * MINUTE
    counts = [sum(read.unit == unit.address for read in bus.reads) for unit in units]
    assert max(counts) - min(counts) <= 1, "the bus is shared out fairly"


@pytest.mark.parametrize(("alive", "dead"), [(7, 1), (31, 1), (4, 4)])
def test_dead_units_take_a_twentieth_of_the_bus_and_are_looked_at_for_ever(alive, dead):
    units = [VirtualUnit(address, dead=address <= dead) for address in range(1, alive + dead + 1)]
    bus = bus_of(*units)
    for unit in units:
        add(bus, unit.address, intervals={"live": 1_000})
    bus.run(3 * MINUTE)
    began = len(bus.events)
    asked = [unit.asked for unit in units[:dead]]
    bus.run(8 * MINUTE)
    lost = [event for event in bus.events[began:] if isinstance(event, Missed)]
    assert 0 < busy_us(lost) <= 0.05 * 5 * MINUTE
    assert busy_us([event for event in bus.events[began:] if isinstance(event, Read)]) > 0.85 * 5 * MINUTE
    for unit, before in zip(units[:dead], asked, strict=True):
        assert unit.asked - before >= 5 * MINUTE // LAST_BACKOFF_US - 1


def test_from_the_beginning_the_dead_take_no_more_than_their_share_and_what_it_takes_to_know():
    units = [VirtualUnit(address, dead=address <= 8) for address in range(1, 33)]
    bus = bus_of(*units)
    for unit in units:
        add(bus, unit.address, intervals={"live": 1_000})
    bus.run(4 * MINUTE)
    assert busy_us(bus.missed) <= 0.05 * 4 * MINUTE + 8 * 3 * 400_000


def test_a_unit_that_comes_back_is_found_and_one_that_goes_is_told_once():
    unit, other = VirtualUnit(1), VirtualUnit(2)
    bus = bus_of(unit, other)
    polled = add(bus, 1)
    add(bus, 2)
    bus.at(10 * SECOND, lambda: setattr(unit, "dead", True))
    bus.run(2 * MINUTE)
    assert [event.is_down for event in bus.missed if event.unit == 1].count(True) == 1
    assert not polled.is_up
    assert 10 * SECOND < polled.since_us < 13 * SECOND
    unit.dead = False
    bus.run(5 * MINUTE)
    [up] = [event for event in bus.events if isinstance(event, CameUp)]
    assert (up.unit, polled.is_up) == (1, True)
    assert up.at_us < 2 * MINUTE + LAST_BACKOFF_US + SECOND
    last = [read for read in bus.reads if read.unit == 1 and read.asked_us > up.at_us]
    assert len(last) > (5 * MINUTE - up.at_us) // SECOND - 3


def test_alone_on_the_bus_a_dead_unit_is_looked_at_without_a_share():
    unit = VirtualUnit(1, dead=True)
    bus = bus_of(unit)
    add(bus, 1)
    bus.run(10 * SECOND)
    assert unit.asked >= 6  # 3 misses, then after 1, 2 and 4 s


def test_a_unit_that_answers_every_second_time_only_is_down_in_time():
    unit, other = VirtualUnit(1), VirtualUnit(2)
    bus = bus_of(unit, other)
    add(bus, 1, intervals={"live": 100_000})
    add(bus, 2, intervals={"live": 1_000})
    answer = unit.answer
    unit.answer = lambda body: answer(body) if unit.asked % 2 else (answer(body), b"")[1]
    bus.run(5 * MINUTE)
    assert busy_us(bus.missed, unit=1) < 0.10 * 5 * MINUTE
    assert sum(read.unit == 2 for read in bus.reads) > 2_500


def test_who_did_not_answer_waits_until_the_others_have_had_their_turn():
    units = [VirtualUnit(1, dead=True), *(VirtualUnit(address) for address in (2, 3, 4))]
    bus = bus_of(*units)
    for unit in units:
        add(bus, unit.address, intervals={"live": 1_000})
    bus.run(SECOND)
    assert [data[0] for _, data in bus.sent[:6]] == [1, 2, 3, 4, 1, 2]


def test_a_block_that_was_not_answered_waits_until_the_others_of_its_unit_have_had_their_turn():
    lost = iter([[]])
    bus = bus_of(VirtualUnit(1), spoil=lambda data, _dice: next(lost, [(0, data)]))
    add(bus, 1, {"live": spans((0, 2), (10, 13), (20, 24))}, limits=Limits(gaps=False))
    bus.run(SECOND - 1)
    assert [int.from_bytes(data[2:4]) for _, data in bus.sent] == [0, 10, 20, 0]


# What a device does not have


@pytest.mark.parametrize("mute", [False, True])
def test_a_bad_register_costs_no_other_its_value(mute):
    unit = VirtualUnit(1, holes=frozenset({17}), mute_holes=mute)
    bus = bus_of(unit)
    add(bus, 1, {"live": spans(*((at, at + 2) for at in range(0, 40, 2)))})
    bus.run(MINUTE)
    late = {span.key for read in bus.reads if read.asked_us > MINUTE - 2 * SECOND for span in read.block.spans}
    assert late == {str(at) for at in range(0, 40, 2)} - {"16"}
    assert bus.poller.units[1].is_up
    began = len(bus.sent)
    bus.run(2 * MINUTE)
    assert len(bus.sent) - began == 2 * 60, "two requests a round, and none in vain"


def test_a_busy_device_is_neither_down_nor_parted():
    unit = VirtualUnit(1)
    unit.answer = lambda body: bytes((body[0], body[1] | 0x80, 6))
    bus = bus_of(unit)
    polled = add(bus, 1)
    bus.run(10 * SECOND)
    assert polled.is_up
    assert {event.exception for event in bus.events if isinstance(event, Refused)} == {6}
    assert polled.layout.refused_spans == {}


def test_a_gateway_that_does_not_reach_its_unit_is_silence():
    unit = VirtualUnit(1)
    unit.answer = lambda body: bytes((body[0], body[1] | 0x80, 11))
    bus = bus_of(unit)
    polled = add(bus, 1)
    bus.run(10 * SECOND)
    assert not polled.is_up


# Answers that belong to something else

SAME_SHAPES = {"live": spans((0, 4), (10, 14), (20, 24), (30, 34)), "slow": spans((40, 44), (50, 54))}


def from_another_unit(data):
    other = bytes((data[0] % 3 + 1,)) + data[1:-2]
    return other + frames.checksum(other)


def faulty_bus(seed, faults=FAULTS):
    units = [VirtualUnit(address) for address in (1, 2, 3)]
    bus = bus_of(*units, spoil=lambda data, dice: spoil(data, dice, from_another_unit, faults), seed=seed)
    for address in (1, 2, 3):
        add(bus, address, SAME_SHAPES, {"live": SECOND, "slow": 5 * SECOND}, Limits(gaps=False))
    return bus


@pytest.mark.parametrize("faults", [(fault,) for fault in FAULTS] + [FAULTS])
def test_no_value_is_ever_taken_for_another(faults, tier_size):
    bus = faulty_bus(seed=7, faults=faults)
    bus.run_transactions(tier_size(600, 20_000))
    wrong = [read for read in bus.reads if not is_right(read.unit, read.block, read.data)]
    assert wrong == []
    assert len(bus.reads) > 0.4 * len(bus.sent)
    bus.poller.line.faults.clear()
    bus.spoil = lambda data, _dice: [(0, data)]
    bus.run(bus.now_us + 3 * MINUTE)
    began, events = bus.now_us, len(bus.events)
    bus.run(began + MINUTE)
    assert all(unit.is_up for unit in bus.poller.units.values()), "polling recovers by itself"
    assert all(isinstance(event, Read) for event in bus.events[events:])
    assert len(bus.reads) > 3 * 4 * 55


@pytest.mark.parametrize(("fault", "counted"), COUNTED.items())
def test_each_fault_is_counted_by_its_name(fault, counted):
    bus = faulty_bus(seed=3, faults=(fault,))
    bus.run_transactions(400)
    assert bus.faults[counted] > 10


def test_a_late_answer_is_not_taken_for_the_next_question_of_its_kind():
    """The fault that makes spikes elsewhere: the first answer comes when the second question is open."""
    bus = bus_of(VirtualUnit(1), spoil=lambda data, _dice: [(400_000 if bus.now_us < 100_000 else 0, data)])
    add(bus, 1, {"live": spans((0, 4), (10, 14))}, limits=Limits(gaps=False))
    bus.run(2 * SECOND)
    blocks = [frames.TABLES[data[1]] and int.from_bytes(data[2:4]) for _, data in bus.sent]
    assert blocks[:2] == [0, 0], "until it is known to be lost, only the same is asked again"
    bus.run(20 * SECOND)
    assert all(is_right(read.unit, read.block, read.data) for read in bus.reads)
    assert {read.block.first for read in bus.reads} == {0, 10}


def test_two_blocks_that_say_the_same_are_both_read():
    """An answer equal to another block's is doubted once; after that the bus keeps its pace."""
    unit = VirtualUnit(1)
    bus = bus_of(unit)
    add(bus, 1, {"live": spans((0, 4), (10, 14), table="coil")}, limits=Limits(gaps=False))
    bus.run(MINUTE)
    counts = [sum(read.block.first == first for read in bus.reads) for first in (0, 10)]
    assert min(counts) >= 55
    assert bus.faults["doubled"] == 1
    assert bus.poller.units[1].is_up


def test_a_doubled_answer_is_known_by_the_true_one_that_follows():
    """Then the unit is one that sends answers twice, and what looks alike waits."""
    first, second = b"\x01\x02", b"\x03\x04"
    line = RtuLine(timing(9_600))
    one, other = (frames.read(1, "holding", address, 1) for address in (0, 9))
    answers = {request: answer(request, data) for request, data in ((one, first), (other, second))}
    line.ask(one, 0, SECOND)
    assert line.receive(answers[one], 20_000).answer.data == first
    line.ask(other, 40_000, SECOND)
    assert line.receive(answers[one], 50_000) is None
    assert line.receive(answers[other], 60_000).answer.data == second
    assert line.free_us(one, 100_000) > SECOND


def test_a_read_back_is_no_earlier_answer_to_the_same_question():
    line = RtuLine(timing(9_600))
    request = frames.read(1, "holding", 0, 1)
    line.ask(request, 0, 100_000)
    assert line.tick(SECOND).fault == "silent"
    assert line.free_us(request, SECOND) <= SECOND + 5_000
    assert line.free_us(replace(request, fresh=True), SECOND) >= 5 * SECOND


def answer(request, data):
    body = bytes((request.unit, request.function, len(data))) + data
    return body + frames.checksum(body)


def test_a_line_that_echoes_what_is_sent():
    unit = VirtualUnit(1)
    bus = bus_of(unit)
    bus.echoes = True
    add(bus, 1)
    bus.run(5 * SECOND)
    assert len(bus.reads) == 5
    assert bus.faults == {"echo": 5}
    bus.poller.order(relay_order(1, on=True, expires_us=MINUTE))
    bus.run(8 * SECOND)
    [written] = [event for event in bus.events if isinstance(event, Written)]
    assert (written.verdict, written.read_back) == ("done", b"\x01")


def test_noise_alone_is_no_answer_and_ends_a_question_in_time():
    bus = bus_of(
        VirtualUnit(1), spoil=lambda data, dice: [(at, dice.randbytes(3)) for at in range(0, 2_000_000, 9_000)]
    )
    add(bus, 1)
    bus.run(20 * SECOND)
    assert bus.reads == []
    assert len(bus.sent) > 5


# Orders


def relay_order(unit, on, expires_us, key="", settle_us=50_000):
    return Order(
        key or f"relay-{on}",
        frames.write_coil(unit, 0, on),
        frames.read(unit, "coil", 0, 1),
        expires_us,
        timeout_us=300_000,
        settle_us=settle_us,
    )


def test_an_order_goes_before_all_polls_and_is_read_back():
    units = [VirtualUnit(address) for address in range(1, 9)]
    bus = bus_of(*units)
    for unit in units:
        add(bus, unit.address, intervals={"live": 1_000})
    each_us = (8 + 45) * TIMING.character_us + 2 * TIMING.silence_us + 5_000
    dice, latencies = random.Random(5), []

    def order():
        asked_us, before = bus.now_us, len(bus.sent)
        bus.poller.order(relay_order(dice.randrange(1, 9), on=dice.random() < 0.5, expires_us=NEVER))
        latencies.append((asked_us, before))

    for number in range(200):
        bus.at(number * SECOND + dice.randrange(SECOND // 2), order)
    bus.run(201 * SECOND)
    written = [event for event in bus.events if isinstance(event, Written)]
    assert len(written) == 200
    assert all(event.verdict == "done" for event in written)
    assert all(event.read_back == (b"\x01" if event.order.key == "relay-True" else b"\x00") for event in written)
    for asked_us, before in latencies:
        sent_us, data = next(sent for sent in bus.sent[before:] if sent[1][1] == frames.WRITE_COIL)
        assert sent_us - asked_us <= each_us + TIMING.silence_us
        assert data[1] == frames.WRITE_COIL


def test_a_device_has_time_to_settle_and_others_are_polled_meanwhile():
    bus = bus_of(VirtualUnit(1), VirtualUnit(2))
    add(bus, 2, intervals={"live": 1_000})
    bus.poller.order(relay_order(1, on=True, expires_us=NEVER, settle_us=300_000))
    bus.run(SECOND)
    [written, read] = [(at_us, place) for place, (at_us, data) in enumerate(bus.sent) if data[0] == 1]
    assert 300_000 < read[0] - written[0] < 420_000
    assert read[1] - written[1] > 3


def test_orders_for_one_unit_are_done_one_after_the_other():
    unit = VirtualUnit(1)
    bus = bus_of(unit, VirtualUnit(2))
    add(bus, 1)
    for place, on in enumerate((True, False, True)):
        bus.poller.order(relay_order(1, on, NEVER, key=str(place)))
    bus.poller.order(relay_order(2, on=True, expires_us=NEVER, key="other"))
    bus.run(3 * SECOND)
    written = [event for event in bus.events if isinstance(event, Written)]
    assert [event.read_back for event in written if event.order.key != "other"] == [b"\x01", b"\x00", b"\x01"]
    functions = [data[1] for _, data in bus.sent if data[0] == 1 and data[1] != 4]
    assert functions == [5, 1, 5, 1, 5, 1]


def test_an_order_whose_time_is_over_is_never_sent():
    bus = bus_of(VirtualUnit(1, dead=True))
    add(bus, 1)
    bus.run(20_000)
    assert bus.line.is_open
    bus.poller.order(relay_order(1, on=True, expires_us=100_000))
    bus.run(2 * SECOND)
    [written] = [event for event in bus.events if isinstance(event, Written)]
    assert written.verdict == "expired"
    assert all(data[1] != frames.WRITE_COIL for _, data in bus.sent)


def test_an_order_without_an_answer_is_never_sent_twice_and_its_outcome_is_unknown():
    unit = VirtualUnit(1, dead=True)
    bus = bus_of(unit)
    bus.poller.order(relay_order(1, on=True, expires_us=NEVER))
    bus.run(10 * SECOND)
    [written] = [event for event in bus.events if isinstance(event, Written)]
    assert (written.verdict, written.read_back) == ("unknown", None)
    assert [data[1] for _, data in bus.sent] == [5, 1, 1, 1]


def test_a_lost_answer_to_an_order_is_settled_by_the_read_back():
    lost = iter([[]])
    bus = bus_of(VirtualUnit(1), spoil=lambda data, _dice: next(lost, [(0, data)]))
    bus.poller.order(relay_order(1, on=True, expires_us=NEVER))
    bus.run(5 * SECOND)
    [written] = [event for event in bus.events if isinstance(event, Written)]
    assert (written.verdict, written.read_back) == ("done", b"\x01")


def test_a_refused_order_says_why():
    unit = VirtualUnit(1)
    unit.answer = lambda body: bytes((body[0], body[1] | 0x80, 2))
    bus = bus_of(unit)
    bus.poller.order(relay_order(1, on=True, expires_us=NEVER))
    bus.run(SECOND)
    [written] = [event for event in bus.events if isinstance(event, Written)]
    assert (written.verdict, written.exception) == ("refused", 2)


def test_an_adapter_that_goes_takes_nothing_with_it():
    unit = VirtualUnit(1, think_us=200_000)
    bus = bus_of(unit)
    add(bus, 1)
    bus.run(100_000)
    assert bus.line.is_open
    bus.poller.abandon(bus.now_us)
    assert not bus.line.is_open
    bus.run(10 * SECOND)
    assert len(bus.reads) >= 9
