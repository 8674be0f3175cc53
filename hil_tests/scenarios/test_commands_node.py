"""What a node does with commands of class 2 and 3, whatever its gateway is: here the bench is the gateway."""

from __future__ import annotations

import dataclasses
import secrets

import pytest
import pytest_asyncio

from paifang_rig.authority import Authority, good_for, relay_of_class
from paifang_rig.desk import Desk
from paifang_rig.wifi import Wifi
from paifang_wire import messages

RELAY = 16
NAME = "sm-1"
OVERVOLTAGE_DV = 2_531
LATE_MS = 400_000  # 300 s, and what a busy machine is late in hearing the node


@pytest.fixture
def authority():
    return Authority()


@pytest_asyncio.fixture
async def desk(authority):
    async with Desk(authority.identity(NAME)) as made:
        yield made


@pytest.fixture
def meter(node, desk, authority):
    """`await meter(point_class=3, ...)`: a meter with power, its mains known to its interlock.

    With a point of class 3 it has key set 1, without one it takes none.
    """

    async def make(point_class: int = 3, **options):
        made = node(
            NAME,
            "smart_meter",
            desk.port,
            identity=desk.identities[NAME],
            config=relay_of_class(point_class),
            wifi=Wifi(connect_ms=5),
            **{"period_ms": 200} | options,
        )
        made.board.power_on()
        await desk.ready(NAME)
        keyset = authority.keyset(1).rooted
        held = await desk.rooted(NAME, messages.ROOTED_KEYSET, keyset.payload, keyset.detached)
        takes = [messages.ROOTED_KEYSET, 1, 0] if point_class == 3 else [messages.ROOTED_KEYSET, 0, messages.NO_SUCH_OP]
        assert held[1:] == takes
        return made

    return make


async def select(desk, value: int = 1) -> bytes:
    """The token of a point of class 3, None of class 2."""
    receipt = await desk.command(NAME, RELAY, messages.OP_SELECT, value)
    assert receipt[3] == messages.EXECUTED, receipt
    return receipt[7]


def ordered(desk, authority, token: bytes, by: str = "alice", value: int = 1, keyset: int = 1) -> dict:
    """What goes into an operate of class 3: id and order."""
    identifier = secrets.token_bytes(8)
    where = [NAME, RELAY, desk.lines[NAME].description]
    fields = [identifier, *where, messages.OP_OPERATE, value, None, good_for(), keyset, "", token]
    return {"identifier": identifier, "order": authority.order(by, fields)}


def approved(desk, authority, token: bytes, by: str = "alice", second: str = "bob", **more) -> dict:
    """The same with an approval."""
    order = ordered(desk, authority, token, by, **more)
    return order | {"approval": authority.approval(second, order["order"])}


async def operate(desk, value: int = 1, **signed) -> tuple[int, int]:
    """(verdict, reason)."""
    receipt = await desk.command(NAME, RELAY, messages.OP_OPERATE, value, **signed)
    return receipt[3], receipt[4]


DONE = (messages.EXECUTED, 0)


def refused(reason: int) -> tuple[int, int]:
    return messages.REFUSED, reason


async def test_class_2_is_selected_then_operated(desk, meter) -> None:
    made = await meter(2)
    assert await operate(desk) == refused(messages.NOT_SELECTED)
    assert await select(desk) is None
    assert await operate(desk, 0) == refused(messages.NOT_SELECTED)
    await select(desk)
    assert await operate(desk) == DONE
    assert await operate(desk) == refused(messages.NOT_SELECTED)
    assert made.sensors["relay"].moves == [True]


async def test_a_selection_of_class_2_is_over_after_ten_seconds(bench, desk, meter) -> None:
    made = await meter(2, speed=5)
    await select(desk)
    line, now_ms = desk.lines[NAME], desk.lines[NAME].uptime_ms
    await desk.until(lambda: line.uptime_ms > now_ms + 10_500, "ten seconds of the node's clock")
    assert await operate(desk) == refused(messages.NOT_SELECTED)
    assert made.sensors["relay"].moves == []


async def test_class_3_takes_two_persons(desk, meter, authority) -> None:
    made = await meter()
    assert await operate(desk) == refused(messages.WRONG_TOKEN)
    token = await select(desk)
    assert await operate(desk, **approved(desk, authority, token)) == DONE
    assert made.sensors["relay"].closed
    assert await operate(desk, **approved(desk, authority, token, "carol", "dave")) == refused(messages.WRONG_TOKEN)
    assert made.sensors["relay"].moves == [True]


async def test_one_person_with_two_keys_is_one_person(desk, meter, authority) -> None:
    made = await meter()
    token = await select(desk)
    order = ordered(desk, authority, token, by="bob")
    approval = authority.approval("bob-2", order["order"])
    assert await operate(desk, **order, approval=approval) == refused(messages.SAME_PERSON)
    assert made.sensors["relay"].moves == []


async def test_a_late_approval_is_refused_by_the_nodes_own_clock(desk, meter, authority) -> None:
    made = await meter(speed=100, period_ms=2_000)  # so fast that the meter may be mute, and the interlock with it
    token = await select(desk, 0)
    signed = approved(desk, authority, token, value=0)
    line, now_ms = desk.lines[NAME], desk.lines[NAME].uptime_ms
    await desk.until(lambda: line.uptime_ms > now_ms + LATE_MS, "five minutes of the node's clock", 60)
    assert await operate(desk, 0, **signed, within_ms=1 << 40) == refused(messages.WRONG_TOKEN)
    assert made.sensors["relay"].moves == []


async def test_the_interlock_holds_the_relay_open_at_overvoltage(desk, meter, authority) -> None:
    made = await meter()
    token = await select(desk)
    made.sensors["pzem004t"].voltage_dv = OVERVOLTAGE_DV
    line = desk.lines[NAME]
    await desk.until(lambda: line.value(1) == OVERVOLTAGE_DV, "the overvoltage is known")
    assert await operate(desk, **approved(desk, authority, token)) == refused(messages.INTERLOCK)
    assert made.sensors["relay"].moves == []
    made.sensors["pzem004t"].voltage_dv = None
    await desk.until(lambda: line.value(1) < OVERVOLTAGE_DV, "the mains are good again")
    token = await select(desk)
    assert await operate(desk, **approved(desk, authority, token, "carol", "dave")) == DONE


async def test_the_safe_state_does_not_wait_for_a_verification(desk, meter, authority) -> None:
    made = await meter()
    token = await select(desk)
    assert await operate(desk, **approved(desk, authority, token)) == DONE
    token = await select(desk)
    line, safe = desk.lines[NAME], secrets.token_bytes(8)
    signed = approved(desk, authority, token, "carol", "dave")
    start = len(line.heard)
    deadline_ms = line.uptime_ms + 20_000
    line.say([messages.COMMAND, signed["identifier"], RELAY, messages.OP_OPERATE, 1, None, deadline_ms, signed["order"], signed["approval"]])  # fmt: skip  # noqa: E501
    line.say([messages.COMMAND, safe, RELAY, messages.OP_SAFE, None, None, deadline_ms, None, None])
    receipt = await desk.receipt(line, safe, start)
    assert receipt[3] == messages.EXECUTED
    # Superseded, not executed: the safe state came while the signatures were being verified.
    last = await desk.receipt(line, signed["identifier"], start)
    assert (last[3], made.sensors["relay"].closed) == (messages.SUPERSEDED, False), last


async def test_reports_and_acks_go_on_while_a_node_verifies(desk, meter, authority) -> None:
    await meter(speed=5, period_ms=50)
    line = desk.lines[NAME]
    went_on = []
    for by, second in (("alice", "bob"), ("carol", "dave")):
        signed = approved(desk, authority, await select(desk), by, second)
        before = len(line.records)
        assert await operate(desk, **signed) == DONE
        went_on.append(len(line.records) - before)
    assert min(went_on) >= 2, went_on


async def test_a_revoked_key_and_an_older_key_set_are_refused(desk, meter, authority) -> None:
    made = await meter()
    newer = authority.keyset(2, revoked=["bob"]).rooted
    held = await desk.rooted(NAME, messages.ROOTED_KEYSET, newer.payload, newer.detached)
    assert held[1:] == [messages.ROOTED_KEYSET, 2, 0]
    token = await select(desk)
    assert await operate(desk, **approved(desk, authority, token)) == refused(messages.NO_AUTHORITY)
    token = await select(desk)
    signed = approved(desk, authority, token, "carol", "dave", keyset=3)
    assert await operate(desk, **signed) == refused(messages.OLD_KEYSET)
    older = authority.keyset(1).rooted
    held = await desk.rooted(NAME, messages.ROOTED_KEYSET, older.payload, older.detached)
    assert held[1:] == [messages.ROOTED_KEYSET, 2, messages.OLD_KEYSET]
    made.board.power_cut()
    made.board.power_on()
    assert (await desk.session(NAME, 2)).keyset == 2
    assert made.sensors["relay"].moves == []


@pytest.mark.parametrize("by", [(0, 0), (0, 1)], ids=["one-root-twice", "roots-of-another-owner"])
async def test_a_key_set_takes_two_roots_of_this_owner(desk, meter, authority, by) -> None:
    await meter()
    owner = authority if by == (0, 0) else Authority()
    forged = owner.keyset(2, by=by).rooted
    signatures = (forged.detached * 2)[:2]
    held = await desk.rooted(NAME, messages.ROOTED_KEYSET, forged.payload, signatures)
    assert held[1:] == [messages.ROOTED_KEYSET, 1, messages.NO_AUTHORITY]


async def test_a_new_epoch_is_a_new_key(desk, meter, authority) -> None:
    made = await meter()
    line = desk.lines[NAME]
    record = authority.epoch(NAME, 2)
    held = await desk.rooted(NAME, messages.ROOTED_EPOCH, record.payload, record.detached)
    assert held[1:] == [messages.ROOTED_EPOCH, 2, 0]
    desk.identities[NAME] = dataclasses.replace(made.identity, epoch=2)
    assert (await desk.session(NAME, line.boot + 1)).keyset == 1
    assert made.board.ended == {1: "reset"}
