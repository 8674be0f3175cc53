"""Who is heard: new measurements and repeated ones, old packets sent again, devices that come and go."""

from __future__ import annotations

import random

import pytest
from ble_devices import (
    CATALOGUE,
    KEY,
    MINUTE,
    SECOND,
    SENSOR,
    TAG,
    bthome_data,
    door,
    from_bthome,
    from_tag,
    sealed,
    tag,
    tag_data,
)
from hypothesis import given
from hypothesis import strategies as st

from paifang.bridges.ble.advertisement import Advertisement
from paifang.bridges.ble.devices import BleDevice
from paifang.bridges.ble.hearing import NEIGHBOURS_MOST, Hearing
from paifang.bridges.party import Readings, Standing
from paifang.errors import PaifangError
from paifang_wire import messages

T2506, T2507, OPEN, SHUT = "02CA09", "02CB09", "1101", "1100"


class Ear:
    """A hearing and its clock. `states`: (device, is up, why); `readings`: of the last step."""

    def __init__(self, *devices: BleDevice) -> None:
        self.now_us = 0
        self.core = Hearing(devices, 0)
        self.states: list[tuple[str, bool, str]] = []

    def hears(self, heard: Advertisement, address: str = SENSOR) -> dict[str, int | str | None]:
        """Points that are passed on."""
        self.core.hear(address, heard, -60, self.now_us)
        return self._taken()

    def passes(self, time_us: int) -> dict[str, int | str | None]:
        """Time, with every wake in it."""
        until_us = self.now_us + time_us
        while self.core.wake_us is not None and self.core.wake_us <= until_us:
            self.now_us = self.core.wake_us
            self.core.tick(self.now_us)
        self.now_us = until_us
        return self._taken()

    def _taken(self) -> dict[str, int | str | None]:
        found: dict[str, int | str | None] = {}
        for event in self.core.take_events():
            assert event.at_us <= self.now_us
            if isinstance(event, Readings):
                found |= {name: reading[0] for name, reading in event.readings.items()}
            else:
                assert isinstance(event, Standing)
                self.states.append((event.device, event.is_up, event.why))
        return found


def test_a_measurement_is_taken_once_however_often_it_is_heard():
    ear = Ear(tag())
    assert ear.hears(from_tag(tag_data(1)), TAG)["sequence"] == 1
    for _ in range(50):
        ear.passes(SECOND)
        assert ear.hears(from_tag(tag_data(1)), TAG) == {}
    assert ear.core.beacons["tag"].repeated == 50
    assert ear.states == [("tag", True, "")]
    ear.passes(MINUTE)
    assert ear.hears(from_tag(tag_data(2)), TAG)["sequence"] == 2


def test_a_device_that_repeats_itself_for_ever_is_down():
    """Its sensor hangs, or somebody sends its last packet again and again."""
    ear = Ear(tag())
    for _ in range(180):
        ear.hears(from_tag(tag_data(1)), TAG)
        ear.passes(SECOND)
    assert ear.states == [("tag", True, ""), ("tag", False, "nothing new is heard from it")]


def test_parts_of_one_measurement_are_all_taken():
    ear = Ear(door())
    assert ear.hears(from_bthome(bthome_data("0007" + T2506))) == {"temperature": 2506}
    assert ear.hears(from_bthome(bthome_data("0007" + OPEN))) == {"opening": 1}
    ear.passes(MINUTE)
    for part in (T2506, OPEN):
        assert ear.hears(from_bthome(bthome_data("0007" + part))) == {}
    assert ear.core.beacons["door"].repeated == 2


def test_numbers_come_round():
    """One byte of them: what equals a packet of an earlier round is a new measurement."""
    ear = Ear(door())
    for number in (7, 8, 7):
        assert ear.hears(from_bthome(bthome_data(f"00{number:02X}{T2506}"))) == {"temperature": 2506}
        ear.passes(MINUTE)
    assert ear.core.beacons["door"].repeated == 0


def test_a_switch_is_passed_on_at_once_and_a_number_once_an_interval():
    ear = Ear(door())
    assert ear.hears(from_bthome(bthome_data(T2506 + SHUT))) == {"temperature": 2506, "opening": 0}
    for seconds, content, passed in (
        (1, T2507 + SHUT, {}),
        (1, T2507 + OPEN, {"opening": 1}),
        (1, T2507 + OPEN, {}),
        (41, T2507 + SHUT, {"opening": 0}),
        (1, T2507 + SHUT, {"temperature": 2507}),
        (44, T2507 + SHUT, {"opening": 0}),
        (1, T2506 + SHUT, {"temperature": 2506}),
    ):
        ear.passes(seconds * SECOND)
        assert ear.hears(from_bthome(bthome_data(content))) == passed


def test_a_number_whose_quality_changes_is_passed_on_at_once():
    ear = Ear(door())
    ear.hears(from_bthome(bthome_data(T2506)))
    ear.core.hear(SENSOR, from_bthome(bthome_data("02FF7F")), -60, SECOND)
    [found] = ear.core.take_events()
    assert found.readings == {"temperature": (32767, messages.IMPLAUSIBLE)}
    assert ear.hears(from_bthome(bthome_data(T2507))) == {"temperature": 2507}


def test_a_device_comes_goes_and_comes_back():
    ear = Ear(door())
    ear.passes(119 * SECOND)
    assert ear.states == []
    ear.passes(SECOND)
    assert ear.states == [("door", False, "nothing new is heard from it")]
    assert ear.core.wake_us is None
    ear.hears(from_bthome(bthome_data(T2506)))
    ear.passes(119 * SECOND)
    assert ear.states[1:] == [("door", True, "")]
    ear.passes(SECOND)
    assert ear.states[2:] == [("door", False, "nothing new is heard from it")]


def test_an_encrypted_measurement_is_taken_when_its_counter_grows():
    ear = Ear(door(key=KEY))
    beacon = ear.core.beacons["door"]
    assert ear.hears(from_bthome(sealed(OPEN, 10))) == {"opening": 1}
    assert ear.hears(from_bthome(sealed(OPEN, 10))) == {}
    assert ear.hears(from_bthome(sealed(SHUT, 9))) == {}
    assert (beacon.repeated, dict(beacon.refused)) == (1, {"replay": 1})
    assert ear.hears(from_bthome(sealed(SHUT, 11))) == {"opening": 0}
    assert ear.core.counters == {"door": 11}


def test_what_was_recorded_opens_no_door_ever():
    """Neither after many attempts, nor with another run that knows the counter."""
    recorded = [sealed(OPEN if number % 2 else SHUT, number) for number in range(1, 50)]
    ear = Ear(door(key=KEY))
    for data in recorded:
        ear.hears(from_bthome(data))
    for data in recorded * 5:
        assert ear.hears(from_bthome(data)) == {}
        ear.passes(SECOND)
    assert ear.states[0] == ("door", True, "")
    [(name, is_up, why)] = ear.states[1:]
    assert (name, is_up) == ("door", False)
    assert why.startswith("an old packet, sent again: counter ")
    again = Ear(door(key=KEY, counter=ear.core.counters["door"]))
    for data in recorded:
        assert again.hears(from_bthome(data)) == {}
    assert again.hears(from_bthome(sealed(OPEN, 50))) == {"opening": 1}


@given(st.lists(st.integers(0, 20), max_size=40))
def test_counters_that_are_taken_only_grow(counters):
    ear, taken, expected = Ear(door(key=bytes(16))), [], []
    for counter in counters:
        ear.passes(MINUTE)
        taken += [counter] * bool(ear.hears(from_bthome(sealed(T2506, counter, key=bytes(16)))))
        expected += [counter] * (counter > max(expected, default=-1))
    assert taken == expected
    assert ear.core.counters == ({"door": max(counters)} if counters else {})


def test_a_wrong_key_is_said_once_and_soon():
    ear = Ear(door(key=bytes(16)))
    for counter in range(10):
        assert len(ear.states) == (counter >= 3)
        assert ear.hears(from_bthome(sealed(T2506, counter))) == {}
    [(name, is_up, why)] = ear.states
    assert (name, is_up) == ("door", False)
    assert why.startswith("no key opens it: wrong key")
    assert "check the key and the address" in why


def test_another_reason_why_it_is_down_is_told():
    ear = Ear(door(key=KEY))
    ear.passes(10 * MINUTE)
    for _ in range(10):
        ear.hears(from_bthome(bthome_data(T2506)))
    ear.core.deaf("no adapter", ear.now_us)
    ear.passes(0)
    assert [why.split(":")[0] for _, _, why in ear.states] == [
        "nothing new is heard from it", "no key opens it", "no adapter",
    ]  # fmt: skip


def test_packets_in_its_name_do_not_bring_down_a_device():
    ear = Ear(door(key=KEY))
    for number in range(20):
        assert ear.hears(from_bthome(sealed(OPEN, number))) or number
        for forged in (bthome_data(SHUT), sealed(SHUT, 99, key=bytes(16)), b"", b"\x41\x00"):
            assert ear.hears(from_bthome(forged)) == {}
        ear.passes(30 * SECOND)
    assert ear.states == [("door", True, "")]
    assert dict(ear.core.beacons["door"].refused) == {"key": 40, "length": 40}


def test_what_is_not_meant_for_a_profile_is_nothing():
    ear = Ear(door())
    assert ear.hears(from_tag(tag_data(1))) == {}
    assert ear.hears(from_bthome(bthome_data(T2506)), TAG) == {}
    assert ear.states == []


def test_two_profiles_of_one_device():
    ear = Ear(door("one"), door("two"))
    ear.hears(from_bthome(bthome_data(T2506)))
    assert ear.states == [("one", True, ""), ("two", True, "")]


def test_an_adapter_that_hears_nothing():
    ear = Ear(door(), tag())
    ear.hears(from_bthome(bthome_data(T2506)))
    for _ in range(3):
        ear.core.deaf("Bluetooth: no adapter", ear.now_us)
    ear.passes(0)
    assert ear.states[1:] == [("door", False, "Bluetooth: no adapter"), ("tag", False, "Bluetooth: no adapter")]
    ear.hears(from_bthome(bthome_data(T2506)))
    assert ear.states[3:] == [("door", True, "")]


def test_who_is_in_reach():
    ear = Ear()
    ear.hears(from_bthome(bthome_data(T2506), "Hall"))
    ear.now_us = SECOND
    ear.hears(from_bthome(bthome_data(T2506)))
    ear.hears(from_tag(tag_data(1)))
    found = ear.core.neighbours[SENSOR]
    assert (found.name, found.kinds, found.heard_us, found.packets) == ("Hall", {"bthome", "ruuvi"}, SECOND, 3)
    dice = random.Random(1)
    for _ in range(NEIGHBOURS_MOST + 5):
        ear.hears(Advertisement(), dice.randbytes(6).hex(":").upper())
    assert len(ear.core.neighbours) == NEIGHBOURS_MOST
    assert SENSOR not in ear.core.neighbours


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: door(key=bytes(15)), "door: its key has 15 bytes, not 16"),
        (lambda: door(address="54:48"), "door: '54:48' is not six bytes"),
        (lambda: BleDevice("tag", tag().profile, TAG, bytes(16)), "tag: devices of ruuvi have no key"),
        (lambda: BleDevice("m", _modbus(), TAG), "m: eastron-sdm120 speaks modbus"),
    ],
)
def test_a_device_that_cannot_be(make, what):
    with pytest.raises(PaifangError, match=what) as wrong:
        make()
    assert wrong.value.hint


def test_an_address_may_be_written_in_any_way():
    assert door(address="5448e68f80a5").address == SENSOR


def _modbus():
    return CATALOGUE.load("eastron-sdm120")
