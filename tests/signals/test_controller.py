"""What a traffic engineer expects of an actuated controller, against the shipped one behind the shipped interlock."""

from __future__ import annotations

from typing import Any

import plan_records
import pytest
import sites
from street import Input, Street

from roles.traffic_signal import aspects, calls, phases

LEAST, PASSAGE, MOST = 50, 30, 300


def street(peds: bool = False, **changes: Any) -> Street:
    site = sites.tables((sites.junction if peds else sites.dual_ring)("US"))
    made = Street(site, plan_records.tables(plan_records.plan(peds=peds, **changes), site))
    made.run_until_green()
    return made


def bits(*numbers: int) -> int:
    return sum(1 << n - 1 for n in numbers)


def run(of: Street, ticks: int, vehicles: int = 0, pedestrians: int = 0) -> list[list[int]]:
    """Every change of the phases that are green, in order."""
    seen: list[list[int]] = [of.green()]
    for _ in range(ticks):
        of.tick(Input(vehicles, pedestrians))
        green = of.green()
        if green != seen[-1]:
            seen.append(green)
    return seen


def until(of: Street, *numbers: int, vehicles: int = 0, pedestrians: int = 0, limit: int = 3_000) -> int:
    """Ticks until exactly these phases are green."""
    for tick in range(limit):
        if of.green() == list(numbers):
            return tick
        of.tick(Input(vehicles, pedestrians))
    raise AssertionError(f"{numbers} did not get green, {of.green()} has it")


def while_green(of: Street, number: int, vehicles: int = 0, pedestrians: int = 0, limit: int = 3_000) -> int:
    """Ticks for which a phase keeps its green."""
    for tick in range(limit):
        if number not in of.green():
            return tick
        of.tick(Input(vehicles, pedestrians))
    raise AssertionError(f"phase {number} stays green")


def settled(of: Street, *numbers: int) -> Street:
    """Everybody called at the start is served, and these phases rest in green."""
    for _ in range(1_200):
        of.tick(Input())
    until(of, *numbers, vehicles=bits(*numbers))
    for _ in range(300):
        of.tick(Input())
    return of


def test_the_start_serves_everybody_once_in_the_order_of_the_rings() -> None:
    seen = run(street(), 1_500)
    served = [phases for phases in seen if len(phases) == 2]
    assert served[0] == [1, 5]
    assert served[:4] == [[1, 5], [2, 6], [3, 7], [4, 8]]


def test_green_rests_where_it_is_with_nobody_waiting() -> None:
    of = settled(street(), 2, 6)
    assert run(of, 1_000) == [[2, 6]]


def test_a_phase_without_a_call_is_passed_by() -> None:
    of = settled(street(), 2, 6)
    until(of, 4, 8, vehicles=bits(4))
    assert not any(3 in green for green in run(of, 500, bits(2)))


def test_least_green_is_kept_and_the_gap_ends_it() -> None:
    of = settled(street(), 2, 6)
    until(of, 4, 8, vehicles=bits(4))
    assert while_green(of, 4, bits(2)) == LEAST
    of = settled(street(), 2, 6)
    until(of, 4, 8, vehicles=bits(4))
    run(of, 99, bits(2, 4))
    assert while_green(of, 4, bits(2)) == PASSAGE


def test_most_green_counts_from_the_first_call_against_it() -> None:
    of = settled(street(), 2, 6)
    run(of, 1_000, bits(2, 6))
    assert of.green() == [2, 6]
    assert while_green(of, 2, bits(2, 6, 4)) == MOST
    with pytest.raises(AssertionError, match="stays green"):
        while_green(settled(street(), 2, 6), 2, bits(2, 6))


def test_the_gap_shrinks_while_others_wait() -> None:
    """Reduction: 3.0 s to 1.0 s within 10 s, after 5 s of waiting."""
    of = settled(street(each={"before": 5_000, "reduce": 10_000, "gap": 1_000}), 2, 6)
    run(of, 140, bits(2, 6, 4))
    assert while_green(of, 2, bits(4)) == pytest.approx(11, abs=2)


def test_a_gap_at_the_barrier_counts_while_it_lasts() -> None:
    """Simultaneous gap: a vehicle that comes while the other ring goes on takes its green back."""
    for options, expected in ((phases.SIMULTANEOUS_GAP, MOST), (0, 200)):
        of = settled(street(each={"options": options}), 2, 6)
        run(of, 100, bits(6, 4))
        run(of, 100, bits(2, 6, 4))
        left = while_green(of, 2, bits(2, 4)) + 200
        assert left == pytest.approx(expected + (0 if options else PASSAGE), abs=2)


def test_a_ring_goes_on_by_itself_before_the_barrier() -> None:
    of = settled(street(), 2, 6)
    seen = run(of, 200, bits(1, 6))
    assert [1, 6] in seen
    assert all(6 in green for green in seen)


def test_a_protected_left_turn_comes_back_only_when_both_through_movements_end() -> None:
    """Else those who filter against phase 6 see amber with 2 and believe that 6 has it, too."""
    rows = [plan_records.phase(n, options=phases.BACKUP_PROTECT if n % 2 else phases.DUAL_ENTRY) for n in range(1, 9)]
    of = settled(street(rows=rows), 2, 6)
    together = 0
    for _ in range(400):
        before = of.green()
        of.tick(Input(bits(1, 2, 6)))
        ended = set(before) - set(of.green())
        assert ended & {2, 6} in (set(), {2, 6})
        together += ended >= {2, 6}
    assert together
    assert any(green == [1, 6] for green in run(of, 600, bits(1, 6))), "6 may begin anew beside it"


def test_dual_entry_brings_the_other_rings_through_phase_along() -> None:
    of = settled(street(), 2, 6)
    until(of, 3, 8, vehicles=bits(3))
    of = settled(street(each={"options": 0}), 2, 6)
    until(of, 3, vehicles=bits(3))


def test_a_ring_at_rest_may_join_the_other_one() -> None:
    of = settled(street(each={"options": 0}), 2, 6)
    until(of, 3, vehicles=bits(3))
    until(of, 3, 7, vehicles=bits(3, 7))


@pytest.mark.parametrize(("options", "comes_back"), [(phases.LOCK, True), (0, False)])
def test_locking_remembers_who_came_by(options: int, comes_back: bool) -> None:
    of = settled(street(each={"options": options | phases.DUAL_ENTRY}), 2, 6)
    of.controller.command(calls.HOLD, bits(2, 6), 50)
    run(of, 1, bits(4))
    assert any(4 in green for green in run(of, 500)) == comes_back


def test_recalls() -> None:
    of = street(each={"options": phases.MIN_RECALL | phases.DUAL_ENTRY})
    seen = run(of, 2_000)
    assert seen.count([4, 8]) >= 3, "with everybody recalled, all are served round and round"
    of = street(rows=[plan_records.phase(n, options=phases.MAX_RECALL if n == 4 else 0) for n in range(1, 9)])
    until(of, 2, 6)
    until(of, 4, vehicles=bits(2))
    assert while_green(of, 4, bits(2)) == MOST
    of = street(rows=[plan_records.phase(n, options=phases.SOFT_RECALL if n in {2, 6} else 0) for n in range(1, 9)])
    until(of, 4, 8, vehicles=bits(4, 8))
    run(of, 1_000)
    assert of.green() == [2, 6], "a soft recall is where the junction rests"


def test_red_rest() -> None:
    of = street(each={"options": phases.RED_REST | phases.LOCK})
    run(of, 2_000)
    assert of.letters() == "R" * 8
    until(of, 4, vehicles=bits(4), limit=3)


@pytest.mark.parametrize("number", [2, 4])
def test_pedestrians_get_walk_and_the_whole_clearance(number: int) -> None:
    of = settled(street(peds=True), 2, 6)
    of.tick(Input(bits(6), bits(number)))
    group = plan_records.CROSSINGS[number]
    shown = [of.interlock.aspects[group]]
    for _ in range(600):
        of.tick(Input(bits(6)))
        shown.append(of.interlock.aspects[group])
    assert shown.count(aspects.WALK) == 71
    assert shown.count(aspects.WALK_FLASH) == 80
    assert shown[-1] == aspects.DONT_WALK


def test_green_stays_until_the_crossing_is_clear() -> None:
    of = settled(street(peds=True), 2, 6)
    of.tick(Input(0, bits(4)))
    until(of, 4, 8, vehicles=bits(2))
    while 4 in of.green():
        of.tick(Input(bits(2)))
    assert of.interlock.aspects[plan_records.CROSSINGS[4]] == aspects.DONT_WALK


def test_a_button_in_green_with_nobody_waiting_is_served_at_once() -> None:
    of = settled(street(peds=True), 2, 6)
    run(of, 3, 0, bits(2))
    assert of.shows(1 << plan_records.CROSSINGS[2], aspects.WALK)


def test_rest_in_walk() -> None:
    of = street(peds=True, each={"options": phases.REST_IN_WALK | phases.PED_RECALL | phases.DUAL_ENTRY | phases.LOCK})
    run(of, 100)
    rows = [plan_records.phase(n, options=phases.REST_IN_WALK | phases.DUAL_ENTRY, peds=_ped(n)) for n in range(1, 9)]
    of = settled(street(peds=True, rows=rows), 2, 6)
    run(of, 1, 0, bits(2))
    run(of, 500)
    assert of.shows(1 << plan_records.CROSSINGS[2], aspects.WALK)
    run(of, 85, bits(4))
    assert of.shows(1 << plan_records.CROSSINGS[2], aspects.DONT_WALK)


def _ped(number: int) -> int:
    return 1 << plan_records.CROSSINGS[number] if number in plan_records.CROSSINGS else 0


def test_hold_keeps_green_for_its_time_only() -> None:
    of = settled(street(), 2, 6)
    of.controller.command(calls.HOLD, bits(2), 60)
    assert while_green(of, 2, bits(4)) == pytest.approx(60, abs=2)
    of = settled(street(), 2, 6)
    of.controller.command(calls.HOLD, bits(2), 10_000)
    assert while_green(of, 2, bits(4)) == pytest.approx(calls.COMMAND_TICKS, abs=2), "10 s at the most"


def test_force_off_ends_green_after_its_least_time() -> None:
    of = settled(street(), 2, 6)
    until(of, 4, 8, vehicles=bits(4))
    of.controller.command(calls.FORCE_OFF, bits(4, 8))
    assert while_green(of, 4, bits(4, 8, 2)) == LEAST
    of = settled(street(), 2, 6)
    of.controller.command(calls.FORCE_OFF, bits(2, 6))
    assert run(of, 100, bits(2, 6)) == [[2, 6]], "for nobody, nothing is forced off"


def test_omit_passes_a_phase_by_until_it_is_over() -> None:
    of = settled(street(), 2, 6)
    of.controller.command(calls.OMIT, bits(4))
    for _ in range(calls.COMMAND_TICKS - 1):
        of.tick(Input(bits(4)))
        assert of.green() == [2, 6]
    until(of, 4, 8, vehicles=bits(4), limit=100)


def test_call_and_pedestrian_call_from_outside() -> None:
    of = settled(street(peds=True), 2, 6)
    of.controller.command(calls.CALL, bits(3), 80)
    assert any(3 in green for green in run(of, 200))
    of.controller.command(calls.PED_CALL, bits(4), 1)
    for _ in range(300):
        of.tick(Input())
        if of.shows(1 << plan_records.CROSSINGS[4], aspects.WALK):
            break
    else:
        raise AssertionError("no walk")


def test_after_flashing_everything_begins_anew() -> None:
    of = settled(street(), 2, 6)
    of.interlock.to_flash()
    run(of, 50)
    of.interlock.to_run()
    assert [1, 5] in run(of, 300)


def test_a_new_plan_goes_on_with_what_is_green_and_called() -> None:
    of = settled(street(), 2, 6)
    other = plan_records.tables(plan_records.plan(name="night", each={"options": phases.LOCK}), of.site)
    of.controller.command(calls.HOLD, bits(2, 6), 20)
    of.tick(Input(bits(4)))
    of.load(other)
    assert run(of, 15) == [[2, 6]]
    until(of, 4, limit=120)


def test_other_times_do_not_disturb_what_goes_on() -> None:
    """The same rings with another passage time, loaded every second: walk, clearance and greens are as ever."""
    logs = []
    for loads in (False, True):
        of = street(peds=True)
        log = []
        for tick in range(1_500):
            if loads and tick % 10 == 5:
                of.load(plan_records.tables(plan_records.plan(peds=True, name=str(tick)), of.site))
            of.tick(Input(bits(2, 4) if tick % 70 < 3 else 0, bits(2, 4)))
            log.append(of.letters())
        logs.append(log)
    assert logs[0] == logs[1]


def test_overlap_a_group_of_two_phases_stays_green_between_them() -> None:
    """A right turn over group 8 runs with phases 1 and 2, and through the change from the one to the other."""
    groups = [sites.group("US", sites.VEHICLE, f"group {i}") for i in range(4)]
    site = sites.tables(sites.record(groups, ((3, 0), (3, 1))))
    rows = [plan_records.phase(n, groups=mask) for n, mask in ((1, 0b1001), (2, 0b1010), (3, 0b0100))]
    of = Street(site, plan_records.tables(plan_records.plan(rows=rows, rings=[[[1, 2], [3]]]), site))
    of.run_until_green()
    until(of, 1, vehicles=bits(1))
    seen = {of.interlock.aspects[3] for _ in range(until(of, 2, vehicles=bits(2)))}
    for _ in range(100):
        seen.add(of.interlock.aspects[3])
        of.tick(Input(bits(2)))
    assert seen == {aspects.GREEN}
