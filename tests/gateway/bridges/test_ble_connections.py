"""Who is connected: slots, backoff, bonds, devices that do not answer, on a clock that is turned by hand."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from ble_devices import MINUTE, SECOND, meter

from paifang.bridges.ble.connections import Connections
from paifang.bridges.ble.peripheral import NOTHING_READ
from paifang.bridges.party import Readings, Standing
from paifang.profiles.conversion import NO_SENSE, NOT_THERE
from paifang_wire import messages

TEMPERATURE, HUMIDITY = ("181A", "2A6E"), ("181A", "2A6F")
VALUES = {TEMPERATURE: b"\xca\x09", HUMIDITY: b"\x10\x27"}
ONE = "C0:00:00:00:00:01"


@dataclass
class World:
    """Devices and an adapter; a visit takes `visit_us`, one in vain `vain_us`. `dead`: who does not answer."""

    core: Connections
    visit_us: int = 2 * SECOND
    vain_us: int = 20 * SECOND
    now_us: int = 0
    dead: set[str] = field(default_factory=set)
    open: dict[str, int] = field(default_factory=dict)
    visits: list[tuple[int, str]] = field(default_factory=list)
    reads: dict[str, list[int]] = field(default_factory=dict)
    states: list[tuple[int, str, bool, str]] = field(default_factory=list)
    steps: int = 0

    def runs(self, time_us: int) -> None:
        until_us = self.now_us + time_us
        while self.now_us < until_us:
            self._step()
            ends_us = list(self.open.values())
            wake_us = self.core.wake_us
            nexts = [each for each in (*ends_us, wake_us) if each is not None]
            assert min(nexts, default=until_us) >= self.now_us
            self.now_us = min(*nexts, until_us) if nexts else until_us

    def _step(self) -> None:
        self.steps += 1
        for name in [name for name, end_us in self.open.items() if end_us <= self.now_us]:
            del self.open[name]
            trouble = "unreachable" if name in self.dead else None
            if trouble is None:
                self.core.read(name, {at: VALUES[at] for at in self.core.due(name, self.now_us)}, self.now_us)
            self.core.ended(name, self.now_us, trouble)
        for name in self.core.step(self.now_us):
            self.visits.append((self.now_us, name))
            self.open[name] = self.now_us + (self.vain_us if name in self.dead else self.visit_us)
        assert len(self.open) <= self.core.slots
        for event in self.core.take_events():
            if isinstance(event, Readings):
                self.reads.setdefault(event.device, []).append(event.at_us)
            else:
                self.states.append((event.at_us, event.device, event.is_up, event.why))


def world(*names: str, slots: int = 3, live: str = "1m") -> World:
    devices = [meter(name, f"C0:00:00:00:00:{number:02X}", live) for number, name in enumerate(names, 1)]
    return World(Connections(devices, 0, slots))


def test_a_device_is_read_at_the_intervals_of_its_groups():
    one = world("a")
    one.runs(25 * 62 * SECOND)
    assert len(one.reads["a"]) == 25
    assert {second - first for first, second in pairwise(one.reads["a"])} == {62 * SECOND}
    assert one.states == [(2 * SECOND, "a", True, "")]


def test_what_is_due_soon_is_read_in_the_same_visit():
    core = world("a").core
    assert set(core.due("a", 0)) == {TEMPERATURE, HUMIDITY}
    core.read("a", VALUES, 0)
    assert core.due("a", 59 * SECOND) == []
    assert core.due("a", 60 * SECOND) == [TEMPERATURE]
    assert set(core.due("a", 450 * SECOND)) == {TEMPERATURE, HUMIDITY}


def test_more_devices_than_slots_are_all_read():
    crowd = world(*"abcdefgh", slots=2)
    crowd.runs(10 * MINUTE)
    assert {len(times) for times in crowd.reads.values()} <= {9, 10}
    assert set(crowd.reads) == set("abcdefgh")


def test_the_longest_overdue_is_first():
    crowd = world("a", "b", "c", slots=1)
    crowd.runs(7 * SECOND)
    assert [name for _, name in crowd.visits] == ["a", "b", "c"]


def test_devices_that_do_not_answer_take_one_slot_and_ever_less_of_it():
    crowd = world(*"abcdefgh", slots=2)
    crowd.dead = set("abcdef")
    crowd.runs(10 * MINUTE)
    assert {name for _, name, is_up, _ in crowd.states if not is_up} == set("abcdef")
    before = len(crowd.visits)
    crowd.reads.clear()
    crowd.runs(60 * MINUTE)
    assert {name: len(times) for name, times in crowd.reads.items()} == {"g": 58, "h": 58}
    vain = [name for _, name in crowd.visits[before:] if name in crowd.dead]
    assert 50 < len(vain) < 80
    assert {vain.count(name) for name in crowd.dead} <= set(range(9, 13))


def test_backoff_doubles_to_five_minutes_and_never_ends():
    lonely = world("a")
    lonely.dead = {"a"}
    lonely.runs(60 * MINUTE)
    starts = [at_us for at_us, _ in lonely.visits]
    pauses = [(second - first) // SECOND - 20 for first, second in pairwise(starts)]
    assert pauses[:9] == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert set(pauses[9:]) == {300}
    assert lonely.states == [(66 * SECOND, "a", False, "it cannot be connected")]
    lonely.dead = set()
    lonely.runs(6 * MINUTE)
    assert [state[1:] for state in lonely.states[1:]] == [("a", True, "")]


def test_a_device_that_is_heard_is_tried_soon_but_not_at_each_packet():
    lonely = world("a")
    lonely.dead = {"a"}
    lonely.runs(40 * MINUTE)
    lonely.visits.clear()
    for _ in range(600):
        lonely.core.heard(ONE, lonely.now_us)
        lonely.runs(SECOND)
    assert 5 <= len(lonely.visits) <= 12
    lonely.runs(10 * MINUTE)
    lonely.dead = set()
    lonely.runs(290 * SECOND - (lonely.now_us - lonely.visits[-1][0]))
    assert lonely.core.heard(ONE, lonely.now_us)
    assert not lonely.core.heard(ONE, lonely.now_us)
    assert not lonely.core.heard("C0:00:00:00:00:99", lonely.now_us)
    lonely.runs(3 * SECOND)
    assert lonely.states[-1][1:] == ("a", True, "")


def test_one_failure_is_no_news():
    one = world("a")
    one.runs(MINUTE)
    one.dead = {"a"}
    one.runs(25 * SECOND)
    one.dead = set()
    one.runs(MINUTE)
    assert [state[2] for state in one.states] == [True]
    assert one.core.peripherals["a"].failures == 0


def test_a_device_is_down_when_nothing_is_read_for_two_intervals():
    one = world("a")
    one.runs(10 * SECOND)
    one.core.step(one.now_us)
    one.visit_us = 600 * SECOND
    one.runs(3 * MINUTE)
    assert [state[1:] for state in one.states] == [("a", True, ""), ("a", False, NOTHING_READ)]
    assert one.states[1][0] == one.reads["a"][0] + 2 * MINUTE


@pytest.mark.parametrize("trouble", ["bond", "foreign"])
def test_what_a_person_has_to_see_to_is_said_at_once_and_tried_seldom(trouble):
    core = world("a").core
    core.step(0)
    core.ended("a", 0, trouble, "code 5")
    [state] = core.take_events()
    assert isinstance(state, Standing)
    assert not state.is_up
    assert state.why.endswith(" (code 5)")
    assert not core.heard(ONE, MINUTE)
    assert core.wake_us == 5 * MINUTE
    core.step(5 * MINUTE)
    core.ended("a", 5 * MINUTE, trouble, "code 6")
    assert core.take_events() == []


def test_a_connection_is_kept_while_nobody_waits():
    often = world("a", "b", "c", slots=2, live="5s")
    assert often.core.step(0) == ["a", "b"]
    often.core.read("a", VALUES, SECOND)
    assert not often.core.may_stay("a", SECOND)
    often.core.ended("a", SECOND)
    assert often.core.step(SECOND) == ["c"]
    assert often.core.may_stay("b", 2 * SECOND)
    assert not often.core.may_stay("b", 6 * SECOND)
    seldom = world("a")
    assert seldom.core.step(0) == ["a"]
    assert not seldom.core.may_stay("a", 0)


def test_those_that_are_down_wait_without_a_connection_given_up():
    often = world("a", "b", slots=1, live="5s")
    often.core.step(0)
    often.core.ended("a", 0, "foreign")
    assert often.core.step(0) == ["b"]
    often.core.read("b", VALUES, 0)
    assert often.core.may_stay("b", 10 * MINUTE)


def test_what_the_device_does_not_have_and_what_makes_no_sense():
    core = world("a").core
    core.step(0)
    core.read("a", {TEMPERATURE: None, HUMIDITY: b"\x01"}, 0)
    _, found = core.take_events()
    assert found.readings == {"temperature": NOT_THERE, "humidity": NO_SENSE}
    core.read("a", VALUES, 0)
    [found] = core.take_events()
    assert found.readings == {"temperature": (2506, messages.GOOD), "humidity": (10000, messages.GOOD)}


def test_an_adapter_that_is_gone():
    pair = world("a", "b")
    pair.runs(10 * SECOND)
    pair.core.deaf("no adapter", pair.now_us)
    pair.core.deaf("no adapter", pair.now_us)
    pair.runs(2 * MINUTE)
    assert [state[1:] for state in pair.states[2:]] == [
        ("a", False, "no adapter"), ("b", False, "no adapter"), ("a", True, ""), ("b", True, ""),
    ]  # fmt: skip


def test_in_any_weather(tier_size):
    """Devices die and revive at random: those that live are read, and nothing spins."""
    dice = random.Random(7)
    for _ in range(tier_size(15, 300)):
        names = "abcdefghij"[: dice.randint(2, 10)]
        crowd = world(*names, slots=dice.randint(2, 4))
        crowd.visit_us = dice.randint(1, 4) * SECOND
        for _ in range(10):
            crowd.dead = {name for name in names if dice.random() < 0.4}
            crowd.runs(20 * MINUTE)
            crowd.reads.clear()
            crowd.runs(20 * MINUTE)
            for name in set(names) - crowd.dead:
                assert len(crowd.reads[name]) >= 15
            assert not crowd.dead & crowd.reads.keys()
        assert crowd.steps < 400 * 4 * len(names)
