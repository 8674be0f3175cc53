"""Congestion from detector reports: figures that can be checked by hand, and none where nothing is known."""

from __future__ import annotations

import pytest

from paifang.insight.congestion import LEAST_MS, PHASES, Approach, Congestion, Report, control_delay_s, level_of

PHASE, BIT = 2, 0b10
ONE_LANE = Approach()


def places(value):
    """A tuple with `value` at the place of PHASE."""
    return tuple(value if place == PHASE - 1 else 0 for place in range(PHASES))


def report(second, flow=0, occupancy=10.0, green=0, failed=0, boot=1):
    return Report(boot, second * 1_000, places(flow), places(occupancy), green, failed)


def watched(seconds, cycle_s=60, green_s=30, every_s=10, approach=ONE_LANE, **more):
    """A junction whose phase is green for `green_s` of each `cycle_s`, with a vehicle every `every_s`."""
    found = Congestion({PHASE: approach})
    for second in range(1, seconds + 1):
        is_green = second % cycle_s < green_s
        found.note(report(second, flow=second % every_s == 0, green=BIT if is_green else 0, **more))
    return found


def only(congestion, second):
    (found,) = congestion.figures(second * 1_000)
    return found


def test_the_manual_s_delay():
    uniform_s, incremental_s = 18.75, 7.393
    assert control_delay_s(0.8, 0.5, 90, 900, 0.25) == pytest.approx(uniform_s + incremental_s, abs=0.001)
    assert control_delay_s(0.0, 0.5, 60, 900, 0.25) == pytest.approx(7.5)
    assert control_delay_s(0.5, 1.0, 0, 1_900, 0.25) < 1
    assert control_delay_s(1.2, 0.5, 90, 900, 0.25) > 0.2 * 900 * 0.25


@pytest.mark.parametrize(
    ("delay_s", "saturation", "level"),
    [
        (0, 0, "A"),
        (10, 1, "A"),
        (10.1, 1, "B"),
        (20, 1, "B"),
        (35, 1, "C"),
        (55, 1, "D"),
        (80, 1, "E"),
        (80.1, 1, "F"),
        (5, 1.01, "F"),
    ],
)
def test_levels(delay_s, saturation, level):
    assert level_of(delay_s, saturation) == level


def test_figures_of_a_fixed_cycle():
    found = only(watched(600), 600)
    assert found.phase == PHASE
    assert found.flow_veh_h == pytest.approx(360)
    assert found.occupancy == pytest.approx(10)
    assert found.green_share == pytest.approx(0.5, abs=0.01)
    assert found.cycle_s == pytest.approx(60)
    assert found.saturation == pytest.approx(360 / 950, rel=0.02)
    assert found.delay_s == pytest.approx(control_delay_s(360 / 950, 0.5, 60, 950, 600 / 3600), rel=0.02)
    assert found.queue_veh == pytest.approx(0.1 * found.delay_s)
    assert (found.level, found.why) == ("B", "")


def test_lanes_and_detectors_that_count_twice():
    one = only(watched(600, every_s=2), 600)
    other = only(watched(600, every_s=2, approach=Approach(lanes=2, counters=2)), 600)
    assert one.saturation > 1
    assert one.level == "F"
    assert other.flow_veh_h == pytest.approx(one.flow_veh_h / 2)
    assert other.saturation == pytest.approx(one.saturation / 4)


def test_only_the_window_counts():
    congestion = Congestion({PHASE: Approach()}, window_ms=120_000)
    for second in range(1, 601):
        congestion.note(report(second, flow=second <= 480, green=BIT))
    assert only(congestion, 600).flow_veh_h == 0
    assert congestion.passed[PHASE - 1] == 480


def test_always_green_has_no_cycle_and_a_level():
    found = only(watched(300, green_s=60), 300)
    assert (found.green_share, found.cycle_s, found.level) == (1.0, None, "A")


def test_stale_reports_give_no_value():
    congestion = watched(600)
    assert only(congestion, 602).level == "B"
    for uptime_ms in (602_001, None):
        (found,) = congestion.figures(uptime_ms)
        assert found == (PHASE, *[None] * 8, "no report lately")
    assert Congestion({PHASE: Approach()}).is_stale(0)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"failed": 0b100}, "a detector has failed"),
        ({"failed": None}, "a detector has failed"),
    ],
)
def test_a_failed_detector_gives_no_flow(more, why):
    found = only(watched(600, **more), 600)
    assert (found.flow_veh_h, found.saturation, found.level, found.why) == (None, None, None, why)


def test_a_failed_detector_of_another_phase_does_not_matter():
    approach = Approach(detectors=0b011)
    assert only(watched(600, approach=approach, failed=0b100), 600).level == "B"
    assert only(watched(600, approach=approach, failed=0b010), 600).why == "a detector has failed"


def test_what_is_not_known_is_not_made_up():
    assert only(watched(LEAST_MS // 1_000 - 1), LEAST_MS // 1_000 - 1).why == "too short a time"
    unseen = Congestion({PHASE: Approach()})
    dark = Congestion({PHASE: Approach()})
    red = Congestion({PHASE: Approach()})
    for second in range(1, 301):
        unseen.note(report(second, flow=None))
        dark.note(report(second, green=None, occupancy=None))
        red.note(report(second))
    assert only(unseen, 300).why == "its flow is not reported"
    found = only(dark, 300)
    assert (found.flow_veh_h, found.occupancy, found.level, found.why) == (0, None, None, "its green is not reported")
    assert (only(red, 300).saturation, only(red, 300).why) == (None, "no green lately")
    assert only(watched(70, cycle_s=80, green_s=40), 70).why == "no whole cycle lately"


def test_lost_reports_take_their_time_with_them():
    congestion = Congestion({PHASE: Approach()})
    for second in range(1, 601):
        if second % 4 == 0:
            congestion.note(report(second, flow=1, green=BIT))
    assert only(congestion, 600).flow_veh_h == pytest.approx(3600)


def test_late_and_repeated_reports_are_left_out_and_a_boot_begins_anew():
    congestion = watched(600)
    before = list(congestion.passed)
    congestion.note(report(600, flow=9))
    congestion.note(report(300, flow=9))
    assert congestion.passed == before
    congestion.note(report(1, flow=1, boot=2))
    assert only(congestion, 1).why == "too short a time"
    assert congestion.passed[PHASE - 1] == before[PHASE - 1] + 1
