"""Class 3 as it must not go: tokens, orders, approvals, keys and key sets that are not quite right, a scene each."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import cbor2
from cast import (
    APPROVAL,
    COMMAND,
    IMPOSTORS,
    ORDER,
    REVOKED,
    SITE,
    Key,
    key_id,
    pack,
    protected,
    row,
    signed_bytes,
)
from hostile import KEY_PAUSE_MS
from line import DOWN
from oracle import CANCEL, OPERATE, SELECT, TOKEN_MS
from points import DOOR, DOSING, VALVE

from paifang_wire import p256

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World

GENERATOR_X = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
TRIES = 2_000


def deadline_while_verifying(world: World) -> None:
    """The deadline passes while the signatures are looked at."""
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    signed[6] = world.station.board.uptime_ms() + 50
    world.station.board.tasks.slice_ms = 30
    world.station.ask(signed)


def interlock_while_verifying(world: World) -> None:
    """The door opens while the signatures are looked at."""
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    station = world.station
    station.desk.submit(signed)
    station.deliver("down")
    station.board.work()
    station.board.values[DOOR] = 1
    station.settle()


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


def order_of_another_token(world: World) -> None:
    token = world.select(VALVE, 1)
    identifier = world.identifier()
    order = world.order(world.requester.keys[0], identifier, VALVE, 1, bytes(16))
    approval = world.approval(world.approver.keys[0], order, token)
    world.station.ask(world.command(VALVE, OPERATE, 1, identifier=identifier, signed=(order, approval)))


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
    """Keys that are in the set, but revoked, of a lower class, for other operations or places; or not in it."""
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


def token_lapses_while_verifying(world: World) -> None:
    """The token is too old once the signatures have been looked at."""
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    world.pass_time(TOKEN_MS - 50)
    signed[6] = world.station.board.uptime_ms() + 20_000
    world.station.board.tasks.slice_ms = 30
    world.station.ask(signed)


def _meanwhile(world: World, op: int, value: int | None) -> None:
    station = world.station
    signed = world.signed(VALVE, 1, world.select(VALVE, 1))
    station.desk.submit(signed)
    station.deliver(DOWN)
    station.tell(world.command(VALVE, op, value))


def cancelled_while_verifying(world: World) -> None:
    _meanwhile(world, CANCEL, None)


def selected_anew_while_verifying(world: World) -> None:
    _meanwhile(world, SELECT, 0)


def two_orders_at_once(world: World) -> None:
    """Four persons sign for two points: the node has the time for one at a time."""
    fay, gus = world.pairs[1]
    first = world.signed(VALVE, 1, world.select(VALVE, 1))
    other = world.signed(DOSING, 1, world.select(DOSING, 1), key=fay.keys[0], second=gus.keys[0])
    for command in (first, other):
        world.station.desk.submit(command)
        world.station.deliver(DOWN)
    world.station.settle()


def one_key_again_and_again(world: World) -> None:
    """Somebody has the node look at signatures all the time."""
    for _ in range(3):
        world.station.ask(world.signed(VALVE, 1, world.select(VALVE, 1)))


def key_off_the_curve(world: World) -> None:
    """The roots have signed a key that is no point of the curve: anybody can make signatures for it."""
    public = bytes(64)
    rows = [*world.rows, [public, "eve", 3, 0, 31, [["*", "*"]]]]
    world.rows = rows
    world.publish()
    signed = world.signed(VALVE, 1, world.select(VALVE, 1), key=IMPOSTORS[0])
    payload = cbor2.loads(signed[7])[2]
    signature = _found(public, signed_bytes(key_id(public), COMMAND, payload, SITE))
    world.station.ask([*signed[:7], pack(key_id(public), payload, signature), signed[8]])


def _found(public: bytes, message: bytes) -> bytes:
    """A signature that the arithmetic takes, by trying; any one when there is none."""
    chance = random.Random(5)
    digest = hashlib.sha256(message).digest()
    signature = bytes(64)
    for _ in range(TRIES):
        s = chance.randrange(1, ORDER // 2)
        signature = GENERATOR_X.to_bytes(32, "big") + s.to_bytes(32, "big")
        if p256.verify(public, digest, signature):
            break
    return signature


FORGERIES: dict[str, Callable[[World], None]] = {
    forgery.__name__.replace("_", "-"): forgery
    for forgery in (
        deadline_while_verifying,
        interlock_while_verifying,
        token_lapses_while_verifying,
        cancelled_while_verifying,
        selected_anew_while_verifying,
        another_token,
        order_of_another_token,
        approval_of_another_token,
        token_used_twice,
        token_too_old,
        order_for_something_else,
        approval_for_something_else,
        keys_without_the_right,
        signatures_that_are_none,
        another_algorithm,
        two_orders_at_once,
        one_key_again_and_again,
        key_off_the_curve,
    )
}
