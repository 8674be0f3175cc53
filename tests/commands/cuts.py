"""The power fails at every storage operation of a command, of a key set's storing, and of the start that follows.

Whatever was cut, the command is done once at most, and there is a word about it in the end; the node holds the old key
set or the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from oracle import EXECUTED, NOT_KEPT, OPERATE, UNKNOWN, want
from points import BREAKER, VALVE

from paifang_wire import messages

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from world import World

WITHIN_MS = 600_000
FIRST_CUT = 64


def sweep(make: Callable[[], World], counts: Counter[str]) -> None:
    """Cut each subject at each operation, and the next start at each of its own."""
    for subject in (_operate_class_2, _operate_class_3, _store_keyset):
        for takes_effect in (False, True):
            for operation in range(1, FIRST_CUT):
                if not _cut(make(), subject, operation, takes_effect, 0, counts):
                    break
                second = 1
                while _cut(make(), subject, operation, takes_effect, second, counts):
                    second += 1


def _cut(world: World, subject: Any, operation: int, takes_effect: bool, second: int, counts: Counter[str]) -> bool:
    """Play one; tells whether every cut that was asked for has fired."""
    power = world.station.board.power
    message = subject(world)
    power.cuts = 0
    power.cut_after(operation, takes_effect=takes_effect)
    world.station.tell(message)
    if power.cuts == 0:
        return False
    if second:
        world.station.board.power_on(second)
        if power.cuts == 1:
            return False
        counts["cuts of a start"] += 1
    counts["cuts"] += 1
    world.station.power_on()
    world.station.settle()
    if message[0] == messages.COMMAND:
        _check_command(world, message, counts)
    else:
        _check_keys(world, counts)
    return True


def _operate_class_2(world: World) -> list[Any]:
    world.select(BREAKER, 1)
    return _logged(world, world.command(BREAKER, OPERATE, 1, within_ms=WITHIN_MS))


def _operate_class_3(world: World) -> list[Any]:
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    signed[6] = WITHIN_MS
    return _logged(world, signed)


def _store_keyset(world: World) -> list[Any]:
    world.pass_time(WITHIN_MS)
    return [messages.ROOTED, messages.ROOTED_KEYSET, *world.sign_keyset()]


def _logged(world: World, command: list[Any]) -> list[Any]:
    world.station.desk.log_only(command)
    return command


def _check_command(world: World, command: list[Any], counts: Counter[str]) -> None:
    """It has a verdict; it does not happen again, when it comes again and all else allows it."""
    station = world.station
    open_command = station.desk.commands[command[1]]
    want(open_command.verdict is not None, "every command comes to a verdict")
    was_written = command[1] in [identifier for identifier, _, _ in station.board.oracle.writes]
    if was_written:
        want(open_command.verdict in ((EXECUTED, 0), (UNKNOWN, 0)), "nothing that was done is silently lost")
    counts["cut before the act" if not was_written else "cut after the act"] += 1
    if open_command.verdict != (UNKNOWN, NOT_KEPT):
        world.select(command[2], 1)
        station.tell(command)
    station.board.check_end()


def _check_keys(world: World, counts: Counter[str]) -> None:
    """Old or new, it is good for an order of two persons."""
    version = world.station.board.oracle.keyset[0]
    counts[f"key set {version}"] += 1
    want(world.station.board.keyset.version == version, "the node holds the key set that its storage names")
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    want(world.station.ask(signed)[0] == EXECUTED, "an honest order is executed")
