"""What must be refused whoever asks: one scene for each rule of the path, played as a gateway that sends it all the same.

As in `hostile`, the oracle of the node says when something was done that must not be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cbor2
from cast import APPROVAL, COMMAND, KEYSET, REVOKED, Key, pack, protected, rooted, row
from hostile import KEY_PAUSE_MS
from oracle import CANCEL, DIRECT, OPERATE, SAFE, SELECT, SELECT_MS, TOKEN_MS
from points import BREAKER, DIMMER, DOOR, DOSING, LAMP, SETPOINT, VALVE, VOLTAGE

from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World


def after_the_deadline(world: World) -> None:
    world.pass_time(60_000)
    for within_ms in (-1, -10_000):
        world.station.ask(world.command(LAMP, DIRECT, 1, within_ms=within_ms))
        world.station.ask(world.command(LAMP, SAFE, within_ms=within_ms))


def deadline_while_verifying(world: World) -> None:
    """The deadline passes while the signatures are looked at."""
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    signed[6] = world.station.board.uptime_ms() + 50
    world.station.board.slice_ms = 30
    world.station.ask(signed)


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


def interlock_while_verifying(world: World) -> None:
    """The door opens while the signatures are looked at."""
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    station = world.station
    station.desk.submit(signed)
    station.deliver("down")
    station.board.work()
    station.board.values[DOOR] = 1
    station.settle()


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


def another_token(world: World) -> None:
    """A token that the node has not given out, or has given out for another point, or before."""
    for token in (bytes(16), None):
        world.select(VALVE, 1)
        world.station.ask(world.signed(VALVE, 1, token))
        world.pass_time(KEY_PAUSE_MS)
    before = world.select(VALVE, 1)
    world.select(VALVE, 1)
    world.station.ask(world.signed(VALVE, 1, before))
    world.pass_time(KEY_PAUSE_MS)
    elsewhere = world.select(DOSING, 1)
    world.select(VALVE, 1)
    world.station.ask(world.signed(VALVE, 1, elsewhere))


def approval_of_another_token(world: World) -> None:
    token = world.select(VALVE, 1)
    identifier = world.identifier()
    order = world.order(world.requester.keys[0], identifier, VALVE, 1, token)
    approval = world.approval(world.approver.keys[0], order, bytes(16))
    world.station.ask(world.command(VALVE, OPERATE, 1, identifier=identifier, signed=(order, approval)))


def token_used_twice(world: World) -> None:
    """One token, two orders that both persons have signed."""
    token = world.select(VALVE, 1)
    for _ in range(2):
        world.station.ask(world.signed(VALVE, 1, token))
        world.pass_time(KEY_PAUSE_MS)


def token_too_old(world: World) -> None:
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    world.pass_time(TOKEN_MS + 1)
    signed[6] = world.station.board.uptime_ms() + 20_000
    world.station.ask(signed)


def order_for_something_else(world: World) -> None:
    """The order is genuine, and of the token, but of another node, point, value, operation or description."""
    changes = (
        {"node": "aq-2"},
        {"op": SELECT},
        {"description": bytes(8)},
        {"purpose": APPROVAL},
        {"site": "ward-2"},
        {"until_ms": 1},
        {"expect": 0},
    )
    for change in changes:
        signed = world.signed(VALVE, 1, world.select(VALVE, 1), **change)
        if "expect" in change:
            signed[5] = None
        world.station.ask(signed)
        world.pass_time(KEY_PAUSE_MS)
    signed = world.signed(DOSING, 1, world.select(VALVE, 1))
    world.station.ask([*signed[:2], VALVE, *signed[3:]])
    world.pass_time(KEY_PAUSE_MS)
    signed = world.signed(VALVE, 0, world.select(VALVE, 1))
    world.station.ask([*signed[:4], 1, *signed[5:]])
    world.pass_time(KEY_PAUSE_MS)
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    world.station.ask([signed[0], world.identifier(), *signed[2:]])


def approval_for_something_else(world: World) -> None:
    """The approval is expired, or a signature for another purpose."""
    for change in ({"until_ms": 1}, {"purpose": COMMAND}):
        token = world.select(VALVE, 1)
        identifier = world.identifier()
        order = world.order(world.requester.keys[0], identifier, VALVE, 1, token)
        approval = world.approval(world.approver.keys[0], order, token, **change)
        world.station.ask(world.command(VALVE, OPERATE, 1, identifier=identifier, signed=(order, approval)))
        world.pass_time(KEY_PAUSE_MS)


def keys_without_the_right(world: World) -> None:
    """Keys that are in the set, but revoked, of a lower class, for other operations, for another place; or not in it."""
    rows = (
        row(Key(31), "eve", state=REVOKED),
        row(Key(32), "eve", 2),
        row(Key(33), "eve", ops=0b11011),
        row(Key(34), "eve", scope=(("aq-2", "*"), ("aq-1", "lamp"), ("b*", "*"), ("*", "val"))),
    )
    world.rows += rows
    world.publish()
    world.pass_time(KEY_PAUSE_MS)
    for key in (Key(31), Key(32), Key(33), Key(34), Key(35)):
        for as_approver in (False, True):
            keys = {"second" if as_approver else "key": key}
            world.station.ask(world.signed(VALVE, 1, world.select(VALVE, 1), **keys))
            world.pass_time(KEY_PAUSE_MS)


def signatures_that_are_none(world: World) -> None:
    """A signature of something else under a good key's name; numbers out of range."""
    good = world.requester.keys[0]
    for place in (7, 8):
        for signature in (Key(36).sign(b""), bytes(64), b"\xff" * 64):
            signed = world.signed(VALVE, 1, world.select(VALVE, 1))
            kid = good.kid if place == 7 else world.approver.keys[0].kid
            signed[place] = pack(kid, cbor2.loads(signed[place])[2], signature)
            world.station.ask(signed)
            world.pass_time(KEY_PAUSE_MS)


def another_algorithm(world: World) -> None:
    """The header names no ES256, or says more than it should."""
    for header in ({1: -8, 4: None}, {1: -7, 4: None, 5: 1}):
        signed = world.signed(VALVE, 1, world.select(VALVE, 1))
        kid = world.requester.keys[0].kid
        head = cbor2.dumps({**header, 4: kid})
        assert head != protected(kid)
        signed[7] = cbor2.dumps([head, *cbor2.loads(signed[7])[1:]])
        world.station.ask(signed)
        world.pass_time(KEY_PAUSE_MS)


def older_key_set(world: World) -> None:
    """Roots have signed all of them; the node keeps the newest."""
    world.rows.append(row(Key(37), "dan"))
    world.publish()
    world.pass_time(KEY_PAUSE_MS)
    for keyset in world.keysets:
        world.station.tell([messages.ROOTED, messages.ROOTED_KEYSET, *keyset])
        world.pass_time(KEY_PAUSE_MS)
    other = rooted(KEYSET, cbor2.dumps([world.version - 1, [row(Key(38), "eve")]]))
    world.station.tell([messages.ROOTED, messages.ROOTED_KEYSET, *other])


MISUSES: dict[str, Callable[[World], None]] = {
    misuse.__name__.replace("_", "-"): misuse
    for misuse in (
        after_the_deadline,
        deadline_while_verifying,
        safe_state_in_advance,
        read_only,
        beyond_the_limits,
        against_an_interlock,
        interlock_while_verifying,
        another_value_than_expected,
        operated_without_select,
        selected_as_another_value,
        selected_long_ago,
        operated_twice,
        selected_before_a_reset,
        the_same_twice,
        the_same_after_a_reset,
        another_token,
        approval_of_another_token,
        token_used_twice,
        token_too_old,
        order_for_something_else,
        approval_for_something_else,
        keys_without_the_right,
        signatures_that_are_none,
        another_algorithm,
        older_key_set,
    )
}
