"""SUMO in lock-step with the shipped signal parts: the same lamps from both interpreters, and no rule broken."""

from __future__ import annotations

import pytest
import with_sumo  # noqa: F401 - skips this module where there is no SUMO

from paifang.insight import pressure
from paifang_rig.errors import RigError
from paifang_rig.signals import (
    advising,
    contest,
    demand,
    junction,
    loop,
    metrics,
    nets,
    oracle,
    ports,
    records,
    rivals,
    scenario,
)
from paifang_rig.signals.lamps import parse
from paifang_rig.signals.shipped import plans, site
from paifang_wire import cbor

STEP_MS = 1_000
WARM_MS = 15_000
DUAL_RING = ((0, 4), (0, 5), (1, 4), (1, 5), (2, 6), (2, 7), (3, 6), (3, 7))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("nets")


@pytest.fixture(scope="module")
def cross(place):
    return junction.read(nets.cross(place).path, "c")


def test_the_conflicts_of_the_cross_are_those_of_a_dual_ring(cross):
    masks = cross.conflicts()
    together = {(i, j) for i in range(8) for j in range(i + 1, 8) if not masks[i] >> j & 1}
    assert together == set(DUAL_RING)


def test_a_crossing_goes_with_the_movements_beside_it_only(cross):
    masks = cross.conflicts()
    beside = {p: {cross.phases[i] for i in range(8) if not masks[cross.ped_group_of(p)] >> i & 1} for p in (2, 4, 6, 8)}
    assert beside == {2: {2, 5, 6, 7}, 4: {1, 4, 7, 8}, 6: {1, 2, 3, 6}, 8: {3, 4, 5, 8}}


@pytest.mark.parametrize(("make", "name"), [(nets.cross, "c"), (nets.arterial, "c1"), (nets.rail, "c")])
def test_records_of_each_net_pass_the_firmware_s_checks(make, name, place):
    found = junction.read(make(place).path, name)
    record = records.site_record(found)
    assert site.check(record) == []
    assert plans.check(records.plan_record(found), site.decode(cbor.encode(record))) == []


def test_a_net_of_others_is_read_from_its_folder(place, tmp_path):
    with pytest.raises(RigError, match="found 0"):
        nets.from_folder(tmp_path)
    made = nets.cross(tmp_path)
    found = nets.from_folder(tmp_path)
    assert set(made.signals) <= set(found.signals)
    assert (set(found.entries), set(found.exits)) == (set(made.entries), set(made.exits))


@pytest.fixture(scope="module")
def run(place, cross, tier_size):
    def made(seconds, share=1.0, programs=""):
        routes = demand.cross(place / f"routes{share}.xml", share, 7, seconds)
        return loop.Run(place / "cross.net.xml", routes, place / "out", (cross,), 7, STEP_MS, seconds * 1_000, programs)

    return made


@pytest.fixture(scope="module")
def driven(run, cross, tier_size):
    """The scenario on each interpreter: its lamp log."""
    logs = {}
    for kind in (ports.InProcess, ports.OnBoard):
        port = kind(records.site_record(cross), scenario.plan_record(cross))
        try:
            node = loop.Firmware(cross, port, wishes=scenario.wishes)
            logs[kind.__name__] = loop.drive(run(tier_size(600, 7_200)), [node]).logs["c"]
        finally:
            port.close()
    return logs


def first_shown(log, t_ms):
    """What is shown at a time of the scenario, which begins when the node is warm."""
    return [change for change in parse(log) if change.t_ms <= WARM_MS + t_ms][-1].shown


def test_both_interpreters_show_the_same_lamps(driven):
    assert driven["InProcess"] == driven["OnBoard"]


def test_whatever_happens_no_rule_is_broken(driven, cross):
    record = records.site_record(cross)
    assert oracle.judge(driven["InProcess"], record) == []


def test_the_scenario_has_seen_everything(driven, cross):
    log = driven["InProcess"]
    record = records.site_record(cross)
    opened, modes = oracle.covered(log, record)
    assert opened == {row[0] for row in record[2]}
    assert modes == {0, 1, 2, 3}
    east_west = {cross.group_of(p) for p in (2, 6)}
    assert {i for i, letter in enumerate(first_shown(log, 189_000)) if letter == "G"} == east_west, "fire engine"
    assert {i for i, letter in enumerate(first_shown(log, 279_000)) if letter == "G"} == {3, 7}, "train"
    assert set(first_shown(log, 410_000)) == {"f", "-"}, "flash switch"


def test_everybody_who_waits_is_served_in_time(run, cross, tier_size):
    port = ports.InProcess(records.site_record(cross), records.plan_record(cross))
    result = loop.drive(run(tier_size(400, 7_200), 1.3), [loop.Firmware(cross, port)])
    assert 0 < max(result.longest_waits_ms.values()) <= records.MOST_RED_MS


class Tidal:
    """An adviser that gives the main street the junction in every other half-minute, and keeps what it was told."""

    def __init__(self):
        self.told = []

    def __call__(self, traffic):
        self.told.append(traffic)
        if traffic.t_ms // 30_000 % 2 == 0:
            return ()
        return ((pressure.OMIT, 0b1101_1101), (pressure.FORCE_OFF, 0b1101_1101), (pressure.HOLD, 0b0010_0010))


def test_advice_reaches_both_interpreters_alike(run, cross):
    logs = []
    for kind in (ports.InProcess, ports.OnBoard):
        port, adviser = kind(records.site_record(cross), records.plan_record(cross)), Tidal()
        try:
            node = loop.Firmware(cross, port, advising.Watch(cross, adviser))
            logs.append(loop.drive(run(200), [node]).logs["c"])
        finally:
            port.close()
    assert logs[0] == logs[1]
    assert [i for i, letter in enumerate(first_shown(logs[0], 58_000)) if letter in "GA"] == [1, 5]
    assert len(adviser.told) == 200
    assert any(traffic.green == 0b0010_0010 and max(traffic.standing) > 0 for traffic in adviser.told)
    assert all(traffic.standing[p] <= traffic.coming[p] for traffic in adviser.told for p in range(8))
    assert max(max(traffic.ahead) for traffic in adviser.told) > 0
    assert any(traffic.walking for traffic in adviser.told)
    assert any(traffic.buttons for traffic in adviser.told)


class Lapsing:
    """Max-pressure whose gateway is gone after a while. `given`: seconds in which it forced something off."""

    def __init__(self, junction, until_ms):
        self._core = pressure.MaxPressure(contest.advised_junction(junction))
        self._until_ms = until_ms
        self.given = []

    def __call__(self, traffic):
        if traffic.t_ms >= self._until_ms:
            return ()
        orders = self._core.advise(traffic)
        self.given += [traffic.t_ms for order in orders if order.phases]
        return orders


def test_a_node_goes_on_actuated_when_its_advice_ends(run, cross):
    port, advice = ports.InProcess(records.site_record(cross), records.plan_record(cross)), Lapsing(cross, 300_000)
    node = loop.Firmware(cross, port, advising.Watch(cross, advice))
    result = loop.drive(run(600, 1.0), [node])
    assert advice.given
    assert oracle.judge(result.logs["c"], records.site_record(cross)) == []
    assert max(result.longest_waits_ms.values()) <= records.MOST_RED_MS
    after = [change for change in parse(result.logs["c"]) if change.t_ms > WARM_MS + 310_000]
    opened = {i for change in after for i, letter in enumerate(change.shown) if letter in "GW"}
    assert opened >= {cross.group_of(p) for p in (2, 4, 6, 8)} | {cross.ped_group_of(p) for p in (2, 4, 6, 8)}


@pytest.mark.parametrize(
    "make", [rivals.nema, lambda at: rivals.actuated(at, 40, 2.0, -1), lambda at: rivals.fixed(at, 90, 0.5, 6)]
)
def test_the_rivals_walk_their_pedestrians(run, cross, make):
    rival = make(cross)
    walks = rivals.Walks(cross, rival)
    seen = []
    step = walks.step

    def watched(t_ms, step_ms):
        step(t_ms, step_ms)
        seen.append((walks._sumo.trafficlight.getRedYellowGreenState("c_walk"), walks._before))

    walks.step = watched
    found = metrics.figures(loop.drive(run(400, programs=rival.program), [walks]))
    assert found.pedestrian_s > 0
    walked = [green for state, green in seen if "G" in state]
    assert walked
    clearance = [i for i in range(1, len(seen)) if "G" in seen[i - 1][0] and "G" not in seen[i][0]]
    for i in clearance:
        kept = [green for _, green in seen[i : i + rivals.walk_s(cross) - 8]]
        assert all(green & kept[0] for green in kept)


def test_a_dead_node_is_reported(cross):
    port = ports.OnBoard(records.site_record(cross), records.plan_record(cross))
    try:
        port.do(port.node.board._process.kill)
        with pytest.raises(RigError, match="node"):
            port.tick(100, ports.Seen())
    finally:
        port.close()
