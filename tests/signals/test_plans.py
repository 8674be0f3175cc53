"""Plans that may be loaded and plans that may not, each refusal with its reason."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import plan_records
import pytest
import sites
from plan_records import AMBER, GAP, LEAST, MOST, OPTIONS, PASSAGE, PEDS, RED, RINGS, VEHICLES, WALK

from paifang_wire import cbor
from roles.traffic_signal import days, detectors, phases, plans

if TYPE_CHECKING:
    from collections.abc import Callable

SPLITS = [20_000, 40_000] * 4
CYCLE, OFFSET, COORDINATED = 120_000, 30_000, 0b00100010
EMERGENCY_BOUND_MS = 60_000
EMERGENCY = [phases.EMERGENCY, 0, 0, 0, 0b00100010, 5_000, 0, 0b00100010, EMERGENCY_BOUND_MS]
RAILWAY = [phases.RAIL, 1_000, 0b00100001, 4_000, 0b10000000, 5_000, 0, 0b10001000, EMERGENCY_BOUND_MS]


def whole_plan() -> list[Any]:
    """A plan that uses everything there is."""
    return plan_records.plan(
        peds=True,
        coordination=[CYCLE, OFFSET, list(SPLITS), COORDINATED, phases.SHORTWAY, 1],
        preempts=[list(RAILWAY), list(EMERGENCY)],
        transit=[[2, 10_000, 5_000, 120_000]],
        detectors=[[2, 0, 1_000, detectors.LOCK, 300_000, 600_000, 60], [0, 0, 0, 0, 0, 0, 0]],
    )


def of_phase(n: int, place: int, value: Any) -> Callable[[list[Any]], None]:
    def change(record: list[Any]) -> None:
        record[2][n - 1][place] = value

    return change


def of_part(part: int, *path: int, value: Any) -> Callable[[list[Any]], None]:
    def change(record: list[Any]) -> None:
        place = record
        for index in (part, *path)[:-1]:
            place = place[index]
        place[(part, *path)[-1]] = value

    return change


REFUSED: dict[str, tuple[Callable[[list[Any]], None], str]] = {
    "another version": (of_part(0, value=2), "version 2: this firmware reads version 1"),
    "no name": (of_part(1, value=""), "name: expected a text"),
    "no phases": (of_part(2, value=[]), "rings: expected"),
    "a row cut short": (of_part(2, 0, value=[1, 1]), "phases: expected at most 8 rows of 13 numbers"),
    "a negative time": (of_phase(1, LEAST, -1), "phases: expected"),
    "a number nine": (of_phase(1, 0, 9), "phase 9: expected each number from 1 to 8 once"),
    "a number twice": (of_phase(1, 0, 2), "phase 2: expected each number from 1 to 8 once"),
    "no vehicle group": (of_phase(1, VEHICLES, 0), "phase 1: no vehicle group"),
    "an unknown group": (of_phase(1, VEHICLES, 1 << 12), "phase 1: a group that the site does not have"),
    "a crossing for vehicles": (of_phase(2, VEHICLES, 1 << 8), "phase 2: vehicle and pedestrian groups are mixed up"),
    "green below the site's": (
        of_phase(1, LEAST, 4_900),
        "phase 1: least green of 4900 ms is below the site's 5000 ms",
    ),
    "walk below the site's": (of_phase(2, WALK, 6_900), "phase 2: walk of 6900 ms is below the site's 7000 ms"),
    "half a tick": (of_phase(1, PASSAGE, 3_050), "phase 1: 3050 ms is no multiple of 100 ms"),
    "most below least": (of_phase(1, MOST, 4_000), "phase 1: most green of 4000 ms is below the least, 5000 ms"),
    "least gap above passage": (of_phase(1, GAP, 4_000), "phase 1: least gap is above the passage time"),
    "an unknown option": (of_phase(1, OPTIONS, 1024), "phase 1: options 1024: not known"),
    "no yellow": (of_phase(1, AMBER, 0), "phase 1: made for an amber of 0 ms, the site has 3000 ms"),
    "no red clearance": (of_phase(1, RED, 0), "phase 1: amber and red clearance of 3000 ms, the site needs up to 5000"),
    "an unserved group": (of_phase(2, PEDS, 0), "crossing 2 is served by no phase"),
    "a phase in no ring": (of_part(3, 0, 0, value=[2]), "phase 1: stands 0 times in the rings, expected once"),
    "a phase in both rings": (of_part(3, 1, 0, value=[5, 6, 1]), "phase 1: stands 2 times in the rings"),
    "an undescribed phase": (of_part(3, 1, 1, value=[7, 8, 9]), "phase 9: stands in a ring, but is not described"),
    "barriers that differ": (of_part(3, 1, value=[[5, 6, 7, 8]]), "rings: ring 1 has 2 sides, ring 2 has 1"),
    "an empty side": (of_part(3, value=[[[1, 2], [3, 4], []], [[5, 6], [7, 8], []]]), "side 3: no ring has a phase"),
    "conflicts side by side": (
        of_part(3, value=[[[1, 2], [3, 4]], [[7, 8], [5, 6]]]),
        "phases 1 and 7 run together, but phase 1 and phase 7 conflict",
    ),
    "a cycle that does not add up": (
        of_part(4, 0, value=130_000),
        "splits of the sides sum up to 120000 ms, the cycle",
    ),
    "rings that do not agree": (
        of_part(4, 2, value=[30_000, 40_000, 20_000, 40_000, *SPLITS[4:]]),
        "ring mismatch: before barrier 1 ring 1 has 70000 ms, ring 2 60000 ms",
    ),
    "a split overrun": (
        of_part(4, 2, value=[41_000, 19_000, 20_000, 40_000, 41_000, 19_000, 20_000, 40_000]),
        "split overrun: phase 2 has 19000 ms, its least green or walk and the clearances take 20000 ms",
    ),
    "an offset beyond the cycle": (of_part(4, 1, value=CYCLE), "offset of 120000 ms: expected less than the cycle"),
    "a cycle of no length": (of_part(4, 0, value=0), "cycle of 0 ms: expected 10 s to 600 s"),
    "nothing coordinated": (of_part(4, 3, value=0), "coordination: expected phases of the plan"),
    "two coordinated in a ring": (of_part(4, 3, value=0b11), "more than one coordinated phase in a ring"),
    "coordinated across the barrier": (of_part(4, 3, value=0b10000010), "lie on different sides of a barrier"),
    "an unknown transition": (of_part(4, 4, value=2), "transition 2 or floating 1 is not known"),
    "rail after emergency": (lambda record: record[5].reverse(), "rail goes before emergency vehicles"),
    "rail without a track": (of_part(5, 0, 2, value=0), "rail without a phase that clears the track"),
    "a dwell in conflict": (of_part(5, 1, 4, value=0b11), "preemption 2: dwell phases 1 and 2 do not run together"),
    "an exit in conflict": (of_part(5, 1, 7, value=0b1010), "preemption 2: exit phases 2 and 4 do not run together"),
    "a preemption too hasty": (
        of_part(5, 1, 8, value=10_000),
        "preemption 2: green within 10000 ms cannot be promised, it takes up to 18300 ms",
    ),
    "priority for nobody": (of_part(6, 0, 0, value=0), "priority 1: a phase that the plan does not have"),
    "priority without end": (of_part(6, 0, 3, value=0), "priority 1: no lockout"),
    "a detector for nobody": (of_part(7, 0, 0, value=9), "detector 1: a phase that the plan does not have"),
}


@pytest.fixture(scope="module")
def site() -> Any:
    return sites.tables(sites.junction("US"))


def test_a_whole_plan_is_taken(site: Any) -> None:
    record = whole_plan()
    assert plans.check(record, site) == []
    encoded = cbor.encode(record)
    assert len(encoded) <= plans.BYTES_LIMIT
    assert plans.decode(encoded, site).name == "day"


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_refused_with_its_reason(site: Any, case: str) -> None:
    change, expected = REFUSED[case]
    record = copy.deepcopy(whole_plan())
    change(record)
    reasons = plans.check(record, site)
    assert any(expected in reason for reason in reasons), reasons
    with pytest.raises(plans.PlanError) as refused:
        plans.decode(cbor.encode(record), site)
    assert refused.value.reasons == reasons


def test_a_bound_that_cannot_be_kept_is_refused() -> None:
    record = sites.junction("US")
    record[2][0][6] = 60_000
    reasons = plans.check(plan_records.plan(peds=True), sites.tables(record))
    assert reasons == ["phase 1: vehicles may wait 67600 ms when all hurry, the site's longest red is 60000 ms"]


def test_what_is_no_plan_at_all_is_refused(site: Any) -> None:
    for payload in (b"", b"\xff", cbor.encode(None), cbor.encode([1, "x"]), cbor.encode({1: 2}), bytes(4000)):
        with pytest.raises(plans.PlanError):
            plans.decode(payload, site)


FINE = [((1,), "x"), ((4,), None), ((5,), []), ((6,), []), ((7,), [])]
"""What may stand there instead."""


@pytest.mark.parametrize("value", [None, -1, "x", [], {}, True, b""])
def test_any_part_may_be_anything(site: Any, value: Any) -> None:
    """Whatever stands anywhere in a record: reasons, never another exception."""

    def places(part: Any, path: tuple[int, ...]) -> list[tuple[int, ...]]:
        here = [path] if path else []
        return here + [
            p for i, item in enumerate(part if isinstance(part, list) else []) for p in places(item, (*path, i))
        ]

    for path in places(whole_plan(), ()):
        record = copy.deepcopy(whole_plan())
        of_part(path[0], *path[1:], value=value)(record)
        reasons = plans.check(record, site)
        assert reasons or (path, value) in FINE


@pytest.mark.parametrize("country", ["CN", "US", "UK", "DE"])
def test_each_country_has_plans(country: str) -> None:
    site = sites.tables(sites.junction(country))
    least, red = (6_000, 7_000) if country == "UK" else (5_000, 8_000)
    record = plan_records.plan(peds=True, each={"least": least, "red": red})
    assert plans.check(record, site) == []


DAYS = [days.VERSION, 480, [[0b0011111, 6 * 60, "day"], [0b1100000, 8 * 60, "calm"], [0b1111111, 22 * 60, "night"]]]
NAMES = ("day", "calm", "night")
MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("weekday", "minute", "name"),
    [
        (0, 6 * 60, "day"),
        (0, 22 * 60 - 1, "day"),
        (0, 22 * 60, "night"),
        (1, 0, "night"),
        (5, 7 * 60, "night"),
        (5, 8 * 60, "calm"),
        (6, 23 * 60, "night"),
        (0, 5 * 60 + 59, "night"),
    ],
)
def test_a_day_plan_runs_from_its_minute_on(weekday: int, minute: int, name: str) -> None:
    assert days.check(DAYS, NAMES) == []
    monday = 4 * 24 * 60 - 480
    assert days.plan_at(DAYS, (monday + 7 * 52 * 1440 + weekday * 1440 + minute) * MINUTE_MS) == name


def test_a_day_plan_runs_until_the_next_row_begins() -> None:
    """Over a week, from row to row: the name holds up to the last millisecond, and every row has its turn."""
    start_ms = at_ms = (7 * 52 * 1440 + 17) * MINUTE_MS + 1
    begun = 0
    while at_ms < start_ms + 7 * 1440 * MINUTE_MS:
        name, until_ms = days.span_at(DAYS, at_ms)
        assert until_ms > at_ms
        assert {days.plan_at(DAYS, t_ms) for t_ms in (at_ms, (at_ms + until_ms) // 2, until_ms - 1)} == {name}
        at_ms, begun = until_ms, begun + 1
    assert begun == sum(row[0].bit_count() for row in DAYS[2]) + 1, "and once more, because it began between two"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([2, 0, [[1, 0, "day"]]], "version 2"),
        ([True, 0, [[1, 0, "day"]]], "version True"),
        ([1, 1440, [[1, 0, "day"]]], "minutes east of UTC: 1440"),
        ([1, 0, []], "expected 1 to 48 rows, there are 0"),
        ([1, 0, [[0, 0, "day"]]], "row 1: weekdays 0: expected bits 0 to 6"),
        ([1, 0, [[1, 1440, "day"]]], "row 1: minute 1440: expected 0 to 1439"),
        ([1, 0, [[1, 0, "noon"]]], "row 1: there is no plan 'noon'"),
        ([1, 0, [[3, 5, "day"], [2, 5, "calm"]]], "row 2: another row begins at the same time"),
        ([1, 0, [[1, 0]]], "row 1: expected [weekdays, minute, plan]"),
        ([1, 0, 7], "no list of 3 parts"),
    ],
)
def test_day_plans_are_checked(record: list[Any], reason: str) -> None:
    assert any(reason in text for text in days.check(record, NAMES))
    with pytest.raises(plans.PlanError):
        days.decode(cbor.encode(record), NAMES)


def test_sides_need_not_be_two() -> None:
    """One ring, one barrier, one phase after the other: the smallest junction there is."""
    site = sites.tables(sites.record([sites.group("US", sites.VEHICLE, name) for name in ("a", "b")], ()))
    rows = [plan_records.phase(n) for n in (1, 2)]
    assert plans.check(plan_records.plan(rows=rows, rings=[[[1, 2]]]), site) == []
    assert plans.check(plan_records.plan(rows=rows, rings=[[[1], [2]]]), site) == []
    assert RINGS == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
