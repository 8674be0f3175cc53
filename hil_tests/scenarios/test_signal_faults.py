"""What may go wrong around a signal's node, in process and on a board: nothing unsafe is seen, and the flasher comes.

Judges: of the street (`street_oracle`), and of what the node says that it shows (`oracle`). Neither knows the firmware.
"""

from __future__ import annotations

import os
import random
import signal

import pytest

from paifang_rig.signals import faults, oracle, ports, street_oracle
from paifang_rig.signals.drill import EVERYBODY, LATCHED, RESET, RUN, Drill
from paifang_rig.signals.node import example
from paifang_rig.signals.shipped import frames
from paifang_rig.signals.street import RELEASE_MS
from roles.traffic_signal import monitor

WHERE = {"process": ports.InProcess, "board": ports.OnBoard}
LONGEST_RED_TICKS = 2_400
STALL_MS = 1_500
"""By then a controller that stands still must have been found out: watchdogs of monitors of types 170 and 2010."""
HOUR_MS = 3_600_000
MOST_TO_AGREE_TICKS = 6 * 1_250 // 2 + 100
"""One tick in six is left out or counted twice, until half a cycle of 125 s is made up for."""
SPEED = 20
"""Of the node's own time, for its watchdog of 90 s."""
DARK, STALLED, LATE, RELAY, TASK, START, BY_SWITCH, BY_SUPPLY = 18, 25, 26, 27, 32, 35, 40, 42
"""Reasons of flashing."""


@pytest.fixture
def drill():
    """`drill(where, country)`: a node that runs, everybody calling all the time; and its site record."""
    made = []

    def start(where, country="US", plan=None, **options):
        site, usual = example(country)
        port = WHERE[where](site, plan or usual, **options)
        made.append(port)
        on_record = Drill(port, site)
        on_record.start()
        return on_record, site

    yield start
    for port in made:
        port.close()


def sizes(where, process, board):
    return process if where == "process" else board


def sweep(drill, site, chosen, seed):
    """Each fault by itself, some time after the start: all is well, or the node flashes, latched, until it is reset."""
    chance = random.Random(seed)
    verdicts = []
    for fault in chosen:
        drill.coarse(chance.randrange(300))
        verdicts.append(faults.play(drill, fault, site, LONGEST_RED_TICKS))
        drill.reset()
    print(faults.report(verdicts), "longest:", street_oracle.longest(drill.street, site))
    assert not [breach for verdict in verdicts for breach in verdict.breaches]
    assert all(verdict.flash_ms is not None for verdict in verdicts if verdict.hidden_ms is not None)
    assert street_oracle.judge(drill.street, site) == []
    assert [oracle.judge(log, site) for log in drill.logs] == [[]]
    return verdicts


def chosen(made, count, seed):
    return random.Random(seed).sample(made, min(count, len(made)))


@pytest.mark.parametrize(("where", "country"), [*(("process", c) for c in ("US", "CN", "UK", "DE")), ("board", "US")])
def test_an_output_that_sticks_flashes(drill, where, country, tier_size):
    running, site = drill(where, country)
    count = tier_size(sizes(where, 3, 2), 64)
    verdicts = sweep(running, site, chosen(faults.stuck(site), count, country), country)
    assert all(verdict.hidden_ms is not None for verdict in verdicts)


@pytest.mark.parametrize("where", WHERE)
def test_swapped_wires_flash_as_soon_as_they_show(drill, where, tier_size):
    running, site = drill(where)
    sweep(running, site, chosen(faults.swapped(site), tier_size(sizes(where, 4, 1), sizes(where, 496, 60)), where), 1)


@pytest.mark.parametrize("where", WHERE)
def test_a_lamp_that_is_fed_from_elsewhere_flashes(drill, where, tier_size):
    """It stays lit: nothing that hangs on the relay can do anything about it."""
    running, site = drill(where)
    verdicts = sweep(running, site, chosen(faults.foreign(site), tier_size(sizes(where, 3, 1), 32), where), 2)
    assert all(verdict.hidden_ms is not None for verdict in verdicts)


def test_the_judge_sees_what_a_blind_monitor_lets_pass(drill, monkeypatch):
    running, site = drill("process")
    # Before the start its self-test would not let it run; without the clearance it would notice the green that stays.
    monkeypatch.setattr(monitor, "_TRIP_MS", (60_000,) * 4)
    monkeypatch.setattr(monitor, "_LEAST_MS", -60_000)
    found = {}
    for fault in faults.stuck(site):
        if fault.name in {"EB green stuck on", "EB red stuck on", "EB red stuck off"}:
            found[fault.name] = {b.rule for b in faults.play(running, fault, site, LONGEST_RED_TICKS).breaches}
            running.reset() if running.mode == LATCHED else running.port.street.mend()
    assert found["EB green stuck on"] >= {"S1", "S4"}
    assert found["EB red stuck on"] >= {"S3", "S4"}
    assert found["EB red stuck off"] >= {"S2", "S4"}


# The relay


@pytest.mark.parametrize("where", WHERE)
def test_a_welded_relay_is_told_at_the_next_flashing_and_nobody_moves(drill, where):
    running, site = drill(where)
    running.port.street.welded = True
    running.tick(50)
    assert running.mode == RUN, "as long as it is to be closed nobody can know"
    running.seen = running.seen._replace(flash=True)
    running.tick(5)
    assert (running.mode, running.port.reason) == (LATCHED, RELAY)
    began_ms = running.t_ms
    running.tick(50)
    assert {running.shown} == {bytes(running.shown)}
    moving = [p for p in running.street.since(began_ms) if p.lit >> 16]
    assert not moving, "what the node lights itself flashes too: red for vehicles, nothing for pedestrians"
    assert street_oracle.longest(running.street, site)["S1"] == 0


@pytest.mark.parametrize("where", WHERE)
def test_a_relay_that_is_welded_at_the_start_lets_nothing_start(drill, where):
    running, _ = drill(where)
    running.port.power_cut()
    running.port.street.welded = True
    running.dark(100)
    running.port.power_on()
    running.tick(100)
    assert (running.mode, running.port.reason) == (LATCHED, RELAY)
    running.reset()
    assert running.mode == RUN


# A node that stands still


@pytest.mark.parametrize("where", WHERE)
def test_a_controller_that_stands_still_is_let_go_of(drill, where, tier_size):
    running, site = drill(where)
    for ticks in random.Random(where).sample(range(1_200), tier_size(sizes(where, 3, 1), sizes(where, 300, 30))):
        running.coarse(ticks)
        began_ms = running.t_ms
        running.sample(100)
        flash_ms = running.flashes_ms(began_ms)
        assert flash_ms is not None
        assert flash_ms - began_ms <= STALL_MS
        running.tick(10)
        assert running.mode == LATCHED
        assert running.port.reason in {STALLED, DARK}, "it may stand still in the dark half of a flash"
        assert not running.port.street.relay_closed
        running.reset()
    assert street_oracle.judge(running.street, site) == []


@pytest.mark.parametrize("where", WHERE)
def test_a_node_that_stands_still_lets_go_by_itself_and_stays_so(drill, where, tier_size):
    running, site = drill(where)
    for ticks in random.Random(where).sample(range(1_200), tier_size(sizes(where, 3, 1), sizes(where, 300, 30))):
        running.coarse(ticks)
        began_ms = running.t_ms
        running.silence(1_000)
        flash_ms = running.flashes_ms(began_ms)
        assert flash_ms is not None
        assert flash_ms - began_ms <= RELEASE_MS + 20
        running.tick(20)
        assert (running.mode, running.port.reason) == (LATCHED, LATE)
        running.reset()
    assert street_oracle.judge(running.street, site) == []


def test_a_controller_that_fails_flashes(drill):
    running, _ = drill("process")
    port = running.port

    def fail(*_):
        raise ZeroDivisionError

    port.unit.controller.tick, tick = fail, port.unit.controller.tick
    with pytest.raises(ZeroDivisionError):
        port.once(running.t_ms + 100, running.seen)
    began_ms = running.t_ms
    port.unit.controller.tick = tick
    running.silence(1_000)
    assert running.flashes_ms(began_ms) is not None
    running.tick(20)
    assert (running.mode, port.reason) == (LATCHED, TASK)
    running.reset()


def test_the_watchdog_wakes_a_node_that_hangs_and_it_comes_back_latched(drill):
    running, site = drill("board", speed=SPEED)
    running.tick(200)
    board = running.port.node.board
    boot = board.boot
    os.kill(board.pid, signal.SIGSTOP)
    running.silence(2_000)
    assert not running.port.street.relay_closed
    running.port.restarted(boot + 1)
    assert board.ended[boot] == "watchdog"
    running.dark(1_000)
    running.tick(200)
    assert (running.mode, running.port.reason) == (LATCHED, START)
    running.brown_out(500)
    running.tick(200)
    assert (running.mode, running.port.reason) == (LATCHED, START)
    running.reset()
    assert street_oracle.judge(running.street, site) == []


# Clocks


def uneven(plan):
    """The plan with a cycle that an hour is no multiple of."""
    splits = [20_000, 40_000, 20_000, 45_000] * 2
    return [*plan[:4], [125_000, 7_000, splits, *plan[4][3:]], *plan[5:]]


def stepped(running, steps):
    """The lamp log of a run in which the wall clock jumps by an hour, to and fro."""
    chance = random.Random(5)
    forward = True
    for _ in range(steps):
        running.coarse(chance.randrange(200, 1_000))
        by_ms = HOUR_MS if forward else -HOUR_MS
        running.seen = running.seen._replace(clock_ms=running.seen.clock_ms + by_ms)
        forward = chance.random() < 0.5
    running.coarse(1_000)
    assert running.mode == RUN
    return running.logs[-1]


def test_a_clock_that_jumps_by_an_hour_shortens_nothing(drill, tier_size):
    logs = []
    for where in WHERE:
        site, plan = example("US")
        running, _ = drill(where, plan=uneven(plan))
        running.seen = EVERYBODY._replace(clock_ms=10 * HOUR_MS)
        logs.append(stepped(running, tier_size(2, 100)))
        assert oracle.judge(logs[-1], site) == []
        assert street_oracle.judge(running.street, site) == []
        if where == "process":
            running.coarse(MOST_TO_AGREE_TICKS)
            assert running.port.unit.controller.coordination.error == 0
    assert logs[0] == logs[1]


# Supply, switch, button, door


@pytest.mark.parametrize("where", WHERE)
def test_a_supply_that_sags_flashes_and_comes_back_through_all_red(drill, where):
    running, site = drill(where)
    usual = running.seen
    running.seen = usual._replace(supply=False)
    running.tick(1)
    running.seen = usual
    running.tick(20)
    assert running.mode == RUN
    running.seen = usual._replace(supply=False)
    running.tick(20)
    assert running.port.reason == BY_SUPPLY
    assert not running.port.street.relay_closed
    running.seen = usual
    running.start()
    assert street_oracle.judge(running.street, site) == []
    assert oracle.judge(running.logs[-1], site) == []


@pytest.mark.parametrize("where", WHERE)
def test_only_a_hand_behind_an_open_door_ends_a_latch(drill, where):
    running, site = drill(where)
    running.port.street.stuck_off = running.port.street.lit()
    running.tick(20)
    running.port.street.mend()
    reason = running.port.reason
    for hands in (0, frames.RESET_BUTTON, frames.DOOR_OPEN):
        running.press(hands)
        running.tick(150)
        assert (running.mode, running.port.reason) == (LATCHED, reason)
    running.seen = running.seen._replace(flash=True)
    running.press(RESET)
    running.tick(150)
    assert running.port.reason == BY_SWITCH, "the switch goes on flashing; nothing is latched any more"
    running.seen = running.seen._replace(flash=False)
    running.start()
    assert street_oracle.judge(running.street, site) == []


def test_a_button_that_sticks_is_nobodys_hand(drill):
    """Not while it stays pressed, and not at the start that finds it so."""
    running, _ = drill("process")
    running.port.street.stuck_off = running.port.street.lit()
    running.tick(20)
    running.port.street.mend()
    running.seen = running.seen._replace(hands=RESET)
    running.brown_out(500)
    running.tick(200)
    assert running.mode == LATCHED
    running.seen = running.seen._replace(hands=0)
    running.reset()


def test_what_goes_on_being_wrong_latches_again(drill):
    running, site = drill("process")
    running.port.street.stuck_on = 0b100 << 32
    running.tick(100)
    assert running.mode == LATCHED
    for _ in range(3):
        running.press(RESET)
        running.until(lambda: running.mode == LATCHED, LONGEST_RED_TICKS, "a latch")
    rules = {breach.rule for breach in street_oracle.judge(running.street, site)}
    assert rules == {"S5"}, "in the all-red the lamp is lit again, no longer than it must be"
