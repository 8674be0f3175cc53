"""Max-pressure's own advice, from the counts of a camera to the node."""

from __future__ import annotations

import pytest
from avenue import COMING, SIGNAL, signal_settings
from near_side import settings_in

from paifang.insight import station

SIDE_STREETS = 0b1000_1000
"""Phases 4 and 8."""
MAINS = 0b0010_0010
CALLS = 20


async def test_a_queue_in_the_side_streets_ends_the_green_of_the_mains_once(street):
    await street.delegate()
    street.counts |= {4: 2, 8: 2, COMING + 4: 8, COMING + 8: 8}
    street.values[CALLS] = SIDE_STREETS
    await street.seconds(7)
    assert street.moves() == []  # a green that has just been seen to begin
    assert street.state["state"] == station.ADVISING
    await street.seconds(3)
    assert street.moves() == [("force_off", MAINS)]
    street.counts = dict.fromkeys(street.counts, 0)
    await street.seconds(2)
    assert street.moves() == [("force_off", 0)]


async def test_a_junction_near_saturation_is_left_to_its_node(street):
    await street.delegate()
    street.counts |= {4: 30, 8: 30}
    await street.seconds(20)
    assert street.node.commands == []
    assert (street.state["state"], street.state["why"]) == (station.ADVISING, None)


async def test_settings_by_which_nobody_can_be_advised_are_told(street, tmp_path):
    await street.delegate()
    gateway = street.house.gateway
    short = signal_settings(tmp_path, bound_ms=15_000)
    await gateway.reload(settings_in(gateway.settings.data, signals=(short,)))
    await street.second()
    assert "nobody may wait longer than 15 s" in street.state["why"]
    (finding,) = [each for each in await street.ask("check") if each["subject"] == "signals"]
    assert finding["message"].startswith(f"{SIGNAL}: ")


@pytest.mark.parametrize("phase", [2, 8])
async def test_a_phase_whose_detectors_are_silent_has_no_figures(street, phase):
    del street.values[40 + phase]
    await street.seconds(70)
    found = {row["phase"]: row["why"] for row in await street.ask("signals.congestion", node=SIGNAL)}
    assert found[phase] == "its flow is not reported"
