"""A device of the ward, without a bus: what is read of it becomes reports, qualities, events and its standing."""

from __future__ import annotations

import pytest
from ward_side import BURNER, DESCRIPTION, GOOD, HEAT, PROFILE, PUMP, TEMPERATURE, VALVE, boiler

from paifang.bridges.ward.description import Description
from paifang.bridges.ward.guard import CONFIRMATIONS, Guard
from paifang.profiles.catalogue import Catalogue, built_in
from paifang.profiles.quality import ChangeRule
from paifang_wire import messages

S = 1_000_000
CATALOGUE = Catalogue((built_in(),))
ALL = dict.fromkeys(("temperature", "heat", "burner", "valve", "pump"), (1, GOOD))


def test_a_description_numbers_points_in_the_order_of_the_profile_and_leaves_texts_out():
    assert [(point.number, point.name, point.point_class) for point in DESCRIPTION.table.points] == [
        (TEMPERATURE, "temperature", 0),
        (HEAT, "heat", 0),
        (BURNER, "burner", 1),
        (VALVE, "valve", 2),
        (PUMP, "pump", 2),
    ]
    burner = DESCRIPTION.table.by_name["burner"]
    assert (burner.unit, burner.limits, burner.interlock) == ("", (0, 1), "1: temperature<=900")
    assert DESCRIPTION.table.by_name["temperature"].limits == (0, 1200)
    assert DESCRIPTION.safe == {BURNER: 0, PUMP: 1}


@pytest.mark.parametrize("name", sorted(CATALOGUE.files))
def test_every_profile_can_be_described(name):
    profile = CATALOGUE.load(name)
    found = Description.of(profile)
    shown = [name for name, point in profile.points.items() if point.properties.type != "text"]
    assert [point.name for point in found.table.points] == shown
    assert all(point.point_class <= 2 for point in found.table.points)
    assert found.hash == Description.of(profile).hash


def test_readings_are_a_report_at_the_moment_they_were_made():
    device, written = boiler(started_us=5 * S)
    device.take({"temperature": (600, GOOD), "burner": (1, GOOD), "serial": ("B1-7", GOOD)}, 7 * S)
    assert written.reports == [({TEMPERATURE: 600, BURNER: 1}, {}, 2_000)]
    assert device.texts == {"serial": "B1-7"}
    assert device.values(7 * S) == {TEMPERATURE: 600, BURNER: 1}
    assert (device.standing.state, device.standing.since_ms) == ("up", 2_000)


def test_a_text_alone_is_no_report():
    device, written = boiler()
    device.take({"serial": ("B1-7", GOOD)}, S)
    assert not written.reports
    assert device.standing.state == "up"


@pytest.mark.parametrize(
    ("reading", "told"),
    [
        ((1300, messages.IMPLAUSIBLE), ({TEMPERATURE: 1300}, {TEMPERATURE: messages.IMPLAUSIBLE})),
        ((None, messages.ABSENT), ({TEMPERATURE: None}, {TEMPERATURE: messages.ABSENT})),
        ((None, messages.GARBLED), ({TEMPERATURE: None}, {TEMPERATURE: messages.GARBLED})),
        ((1 << 63, GOOD), ({TEMPERATURE: None}, {TEMPERATURE: messages.IMPLAUSIBLE})),
        ((600, messages.INDICATIVE), ({TEMPERATURE: 600}, {TEMPERATURE: messages.INDICATIVE})),
    ],
)
def test_what_is_not_good_says_so_and_is_no_present_value(reading, told):
    device, written = boiler()
    device.take({"temperature": reading}, S)
    assert written.reports[0][:2] == told
    assert device.values(S) == {}


def test_an_event_when_a_quality_begins_and_when_it_ends():
    device, written = boiler()
    began = len(written.events)
    for reading in ((600, GOOD), (None, messages.ABSENT), (None, messages.ABSENT), (610, GOOD), (610, GOOD)):
        device.take({"temperature": reading}, S)
    assert [event[:2] for event in written.events[began + 1 :]] == [
        (messages.EV_SENSOR_ABSENT, TEMPERATURE),
        (messages.EV_RECOVERED, TEMPERATURE),
    ]


# Staleness: nothing is made up


def test_a_value_is_stale_after_two_intervals_and_told_once_without_a_number():
    device, written = boiler()
    device.take(ALL, S)
    device.take({"heat": (2, GOOD)}, 2 * S)
    written.reports.clear()
    assert device.stale_us == 3 * S
    device.tick(3 * S - 1)
    assert not written.reports
    device.tick(3 * S)
    stale = [TEMPERATURE, BURNER, VALVE, PUMP]
    assert written.reports == [(dict.fromkeys(stale), dict.fromkeys(stale, messages.STALE), 3_000)]
    assert device.values(3 * S) == {HEAT: 2}
    device.tick(4 * S)
    assert len(written.reports) == 1
    assert device.stale_us == 22 * S
    assert device.standing.text == "degraded: no value of temperature, burner, valve and 1 more"


def test_a_value_that_is_too_old_does_not_count_before_it_is_told():
    device, _ = boiler()
    device.take(ALL, S)
    assert TEMPERATURE in device.values(3 * S - 1)
    assert TEMPERATURE not in device.values(3 * S)


def test_a_value_that_comes_again_is_current_and_the_device_up():
    device, written = boiler()
    device.take(ALL, S)
    device.tick(3 * S)
    device.take(ALL, 4 * S)
    assert device.standing.text == "up"
    assert written.reports[-1][:2] == (dict.fromkeys(range(1, 6), 1), {})
    assert [text for _, point, text in written.events if point is None] == [
        "profile boiler",
        "up",
        "degraded: no value of temperature, burner, valve and 1 more",
        "up",
    ]


def test_what_a_device_refuses_is_missing_and_why():
    device, _ = boiler()
    for second in range(1, 30):
        device.take({name: reading for name, reading in ALL.items() if name != "valve"}, second * S)
        device.deny(("valve",), "refused: exception 2, illegal data address", second * S)
        device.tick(second * S)
    assert device.standing.text == "degraded: no value of valve: refused: exception 2, illegal data address"
    device.take({"valve": (50, GOOD)}, 30 * S)
    assert device.standing.text == "up"
    assert device.refused == {}


def test_a_device_that_was_down_has_time_to_give_all_its_values_again():
    device, written = boiler()
    device.take(ALL, S)
    device.stand(False, "it does not answer", 2 * S)
    device.tick(60 * S)
    assert device.standing.text == "down: it does not answer"
    device.take({"temperature": (600, GOOD)}, 61 * S)
    device.tick(61 * S)
    assert device.standing.state == "up"
    device.tick(62 * S)
    assert device.standing.state == "up"
    device.tick(63 * S)
    assert device.standing.text == "degraded: no value of temperature, burner, valve and 1 more"
    assert all(None not in values.values() or set(quality.values()) == {7} for values, quality, _ in written.reports)


def test_a_device_that_never_answers_is_down_and_all_its_points_stale():
    device, written = boiler()
    assert device.standing.text == "down: it has not answered yet"
    device.tick(20 * S)
    assert written.reports == [
        (dict.fromkeys(range(1, 6)), dict.fromkeys(range(1, 6), messages.STALE), 20_000),
    ]
    assert device.standing.state == "down"


def test_standing_is_told_when_it_changes_and_only_then():
    device, written = boiler()
    for second, why in enumerate(("silent", "silent", "garbled")):
        device.stand(False, why, second * S)
    assert (device.standing.text, device.standing.since_ms) == ("down: garbled", 0)
    device.stand(True, "", 2 * S)
    device.stand(True, "", 3 * S)
    assert [event[2] for event in written.events] == ["profile boiler", "down: silent", "up"]
    assert device.standing.since_ms == 2_000


def test_a_locked_device_is_down_whatever_comes():
    device, _ = boiler()
    device.take(ALL, S)
    device.lock(True, 2 * S)
    device.take(ALL, 2 * S)
    device.stand(True, "", 2 * S)
    assert device.standing.text == "down: it is locked"
    device.lock(False, 3 * S)
    assert device.standing.state == "down"
    device.take(ALL, 4 * S)
    assert device.standing.text == "up"


# Counters and jumps

ENERGY = PROFILE.points["heat"].properties


def test_the_guard_allows_what_the_rule_allows():
    guard = Guard(ENERGY)
    assert [guard.quality(value, hour * 3_600_000) for hour, value in enumerate((10, 110, 110, 205))] == [GOOD] * 4
    assert ChangeRule(ENERGY).quality(110, 215, 3_600_000) != GOOD


def test_a_counter_that_goes_back_or_jumps_for_a_moment_is_doubted_for_that_moment():
    guard = Guard(ENERGY)
    values = (1000, 1001, 0, 1002, 900_000, 900_000, 1002, 1003)
    assert [guard.quality(value, n * 60_000) == GOOD for n, value in enumerate(values)] == [
        True, True, False, True, False, False, True, True,
    ]  # fmt: skip


def test_a_meter_that_was_replaced_is_believed_after_a_while():
    guard = Guard(ENERGY)
    assert guard.quality(1000, 0) == GOOD
    verdicts = [guard.quality(value, 60_000 * (1 + value)) == GOOD for value in range(CONFIRMATIONS + 2)]
    assert verdicts == [False] * CONFIRMATIONS + [True, True]


def test_a_doubted_count_is_reported_as_implausible():
    device, written = boiler()
    device.take({"heat": (1000, GOOD)}, S)
    device.take({"heat": (1, GOOD)}, 2 * S)
    assert written.reports[-1][:2] == ({HEAT: 1}, {HEAT: messages.IMPLAUSIBLE})
    assert device.values(2 * S) == {}
