"""What must be refused whoever asks: a scene for each rule of the path, played as a gateway that sends it all the same.

As in `hostile`, the oracle of the node says when something was done that must not be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hostile import KEY_PAUSE_MS
from line import DOWN
from oracle import CANCEL, DIRECT, EXECUTED, OPERATE, SAFE, SELECT, SELECT_MS, want
from points import BREAKER, DIMMER, DOOR, DOSING, LAMP, SETPOINT, VALVE, VOLTAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World


def an_honest_day(world: World) -> None:
    """Nothing is misused: what is right is done."""
    ask, command = world.station.ask, world.command
    wanted = [command(LAMP, DIRECT, 1, expect=0), command(BREAKER, SELECT, 1), command(BREAKER, OPERATE, 1)]
    answers = [ask(one) for one in wanted]
    for point, value in ((VALVE, 1), (DOSING, 50)):
        answers.append(ask(world.signed(point, value, world.select(point, value), expect=0)))
        world.pass_time(KEY_PAUSE_MS)
    answers += [ask(command(point, SAFE)) for point in (LAMP, BREAKER, VALVE, DOSING)]
    want(all(answer[:2] == [EXECUTED, 0] for answer in answers), f"what is right is done: {answers}")


def safe_while_it_acts(world: World) -> None:
    """The safe state is asked for while the point is being moved."""
    station = world.station
    world.select(BREAKER, 1)
    station.desk.submit(world.command(BREAKER, OPERATE, 1))
    station.deliver(DOWN)
    station.ask(world.command(BREAKER, SAFE))


def after_the_deadline(world: World) -> None:
    world.pass_time(60_000)
    for within_ms in (-1, -10_000):
        world.station.ask(world.command(LAMP, DIRECT, 1, within_ms=within_ms))
        world.station.ask(world.command(LAMP, SAFE, within_ms=within_ms))


def safe_state_in_advance(world: World) -> None:
    for point in (LAMP, BREAKER, VALVE):
        world.station.ask(world.command(point, SAFE, within_ms=600_000))
        world.station.ask(world.command(point, SAFE, 1))


def read_only(world: World) -> None:
    for op in (DIRECT, SELECT, OPERATE, SAFE):
        world.station.ask(world.command(VOLTAGE, op, None if op == SAFE else 1))


def beyond_the_limits(world: World) -> None:
    for value in (-1, 101, 1 << 40):
        world.station.ask(world.command(DIMMER, DIRECT, value))
    for point, value in ((SETPOINT, -51), (SETPOINT, 501), (BREAKER, 2), (DOSING, 51)):
        world.station.ask(world.command(point, SELECT, value))
        world.station.ask(world.command(point, OPERATE, value))


def against_an_interlock(world: World) -> None:
    """Selected while it was allowed, operated when it is not."""
    board = world.station.board
    world.select(BREAKER, 1)
    token = world.select(VALVE, 1)
    board.values[VOLTAGE], board.values[DOOR] = 2_531, 1
    world.station.ask(world.command(BREAKER, OPERATE, 1))
    world.station.ask(world.signed(VALVE, 1, token))


def another_value_than_expected(world: World) -> None:
    world.station.ask(world.command(LAMP, DIRECT, 1, expect=1))
    world.select(BREAKER, 1)
    world.station.ask(world.command(BREAKER, OPERATE, 1, expect=1))


def operated_without_select(world: World) -> None:
    station = world.station
    station.ask(world.command(BREAKER, OPERATE, 1))
    world.select(SETPOINT, 1)
    station.ask(world.command(BREAKER, OPERATE, 1))
    world.select(BREAKER, 1)
    station.ask(world.command(BREAKER, CANCEL))
    station.ask(world.command(BREAKER, OPERATE, 1))


def selected_as_another_value(world: World) -> None:
    world.select(SETPOINT, 1)
    world.station.ask(world.command(SETPOINT, OPERATE, 2))
    token = world.select(DOSING, 1)
    world.station.ask(world.signed(DOSING, 2, token))


def selected_long_ago(world: World) -> None:
    world.select(BREAKER, 1)
    world.pass_time(SELECT_MS + 1)
    world.station.ask(world.command(BREAKER, OPERATE, 1))


def operated_twice(world: World) -> None:
    """One select, two operates of different names."""
    world.select(BREAKER, 1)
    for _ in range(2):
        world.station.ask(world.command(BREAKER, OPERATE, 1))


def selected_before_a_reset(world: World) -> None:
    world.select(BREAKER, 1)
    world.station.power_on()
    world.station.settle()
    world.station.ask(world.command(BREAKER, OPERATE, 1))


def the_same_twice(world: World) -> None:
    """A command comes again, in the same session and in another one."""
    station = world.station
    for point, op in ((LAMP, DIRECT), (BREAKER, OPERATE)):
        if op == OPERATE:
            world.select(point, 1)
        command = world.command(point, op, 1)
        station.ask(command)
        if op == OPERATE:
            world.select(point, 1)
        station.tell(command)
        station.connect()
        station.settle()
        station.tell(command)


def the_same_after_a_reset(world: World) -> None:
    """The memory of what was executed outlives a reset."""
    station = world.station
    world.select(BREAKER, 1)
    command = world.command(BREAKER, OPERATE, 1, within_ms=600_000)
    station.ask(command)
    station.power_on()
    station.settle()
    world.select(BREAKER, 1)
    station.tell(command)


def the_same_while_it_runs(world: World) -> None:
    """A command comes again before the first one has ended."""
    station = world.station
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    station.desk.submit(signed)
    station.desk.send(signed)
    station.settle()
    command = world.command(LAMP, DIRECT, 1)
    station.desk.submit(command)
    station.desk.send(command)
    station.settle()


def a_frame_replayed(world: World) -> None:
    """Somebody on the line repeats an old frame, when the node has long forgotten the command in it."""
    station = world.station
    station.ask(world.command(LAMP, DIRECT, 1, within_ms=600_000))
    frame = station.line.heard[-1]
    for value in range(20):
        station.ask(world.command(DIMMER, DIRECT, value))
    for _ in range(2):
        station.board.receive(frame)
        station.settle()


def while_nothing_is_known(world: World) -> None:
    """The interlock's sensor does not answer."""
    world.station.board.values[DOOR] = world.station.board.values[VOLTAGE] = None
    for point in (BREAKER, VALVE):
        world.station.ask(world.command(point, SELECT, 1))
    world.station.ask(world.command(BREAKER, OPERATE, 1))


MISUSES: dict[str, Callable[[World], None]] = {
    misuse.__name__.replace("_", "-"): misuse
    for misuse in (
        an_honest_day,
        safe_while_it_acts,
        after_the_deadline,
        safe_state_in_advance,
        read_only,
        beyond_the_limits,
        against_an_interlock,
        another_value_than_expected,
        operated_without_select,
        selected_as_another_value,
        selected_long_ago,
        operated_twice,
        selected_before_a_reset,
        the_same_twice,
        the_same_after_a_reset,
        the_same_while_it_runs,
        a_frame_replayed,
        while_nothing_is_known,
    )
}
