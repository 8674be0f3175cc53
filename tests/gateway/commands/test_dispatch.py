"""A command of class 1: refused early with its reason, or sent and answered, or unknown; never queued, never twice."""

from __future__ import annotations

import asyncio
import hashlib
import os

import pytest
from far_side import LIMIT, RELAY, key_of, until
from persons import ended

from paifang.errors import PaifangError
from paifang_wire import messages
from paifang_wire.session import NodeSession


def receipt(command: list, verdict: int = messages.EXECUTED, reason: int = 0, before=None, after=None) -> list:
    command_hash = hashlib.sha256(messages.encode(command)).digest()
    return [
        messages.RECEIPT,
        command[1],
        command_hash,
        verdict,
        reason,
        before,
        after,
        None,
        1,
        5_000,
        bytes(32),
        bytes(32),
    ]


async def sent(house, far, **args):
    """The running operation, and the command as the node has it."""
    asking = asyncio.create_task(house.ask("send", **{"node": far.node, "within_ms": 20_000, **args}))
    return asking, await far.hear(messages.COMMAND)


def commanded(far) -> bool:
    """Whether a command waits to be heard."""
    return any(message[0] == messages.COMMAND for message in far.heard._queue)


async def verdicts(house, identifier: str) -> list[str]:
    """What the log has as verdict of a command."""
    found = await house.ask("audit.list", limit=100, kind="verdict")
    return [entry["detail"]["verdict"] for entry in found if entry["detail"]["id"] == identifier]


@pytest.mark.parametrize(
    ("point", "value", "number", "wire"),
    [
        ("relay", "on", RELAY, 1),
        ("relay", 0, RELAY, 0),
        ("relay", True, RELAY, 1),
        ("power_limit", "2200", LIMIT, 2200),
        ("power_limit", 2200.0, LIMIT, 2200),
        (LIMIT, 0, LIMIT, 0),
    ],
)
async def test_a_command_is_sent_and_its_receipt_answered(house, point, value, number, wire):
    far = await house.enrolled()
    asking, command = await sent(house, far, point=point, value=value)
    assert command[2:5] == [number, messages.OP_DIRECT, wire]
    assert command[6] >= far.uptime_ms + 20_000

    far.say(receipt(command, before=0, after=wire))
    answer = await asking
    assert answer["verdict"] == "executed"
    assert answer["reason"] is None
    assert answer["id"] == command[1].hex()
    assert answer["after"] == (bool(wire) if number == RELAY else wire)


async def test_what_the_node_refuses_is_told_with_its_reason(house):
    far = await house.enrolled()
    asking, command = await sent(house, far, point="relay", value="on")
    far.say(receipt(command, messages.REFUSED, messages.INTERLOCK))
    answer = await asking
    assert (answer["verdict"], answer["reason"]) == ("refused", "interlock")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ({"point": "power_limit", "value": 23001}, "limit", "0 W to 23000 W"),
        ({"point": "power_limit", "value": "-1"}, "limit", "cannot be -1 W"),
        ({"point": "power_limit", "value": "1e9"}, "limit", "cannot be"),
        ({"point": "power_limit", "value": "0.5"}, "bad-argument", "in steps of 1 W"),
        ({"point": "power_limit", "value": "much"}, "bad-argument", "takes a number"),
        ({"point": "power_limit", "value": "2_2"}, "bad-argument", "takes a number"),
        ({"point": "power_limit", "value": "\uff12\uff12"}, "bad-argument", "takes a number"),
        ({"point": "power_limit", "value": " 22"}, "bad-argument", "takes a number"),
        ({"point": "power_limit", "value": "nan"}, "bad-argument", "takes a number"),
        ({"point": "power_limit", "value": "1e999999999"}, "bad-argument", "takes a number"),
        ({"point": "power_limit", "value": True}, "bad-argument", "takes a number"),
        ({"point": "relay", "value": "perhaps"}, "bad-argument", "on or off"),
        ({"point": "voltage", "value": 230}, "read-only", "can only be read"),
        ({"point": "signal", "value": 1}, "no-authority", "class 3"),
        ({"point": "door", "value": 1}, "not-found", "voltage, current, power_limit, relay"),
        ({"point": "relay", "value": 1, "node": "meter-9"}, "not-found", "not enrolled"),
        ({"point": "relay", "value": 1, "within_ms": 1}, "bad-argument", "within"),
    ],
)
async def test_what_the_gateway_refuses_never_leaves_it(house, args, code, said):
    far = await house.enrolled()
    with pytest.raises(PaifangError, match=said) as raised:
        await house.ask("send", **{"node": far.node, "within_ms": 1_000, **args})
    assert raised.value.code == code
    assert not commanded(far)


async def test_a_node_that_is_away_gets_nothing_later(house):
    far = await house.enrolled()
    await far.hang_up()
    await until(lambda: not house.gateway.nodes.desk.sessions)
    with pytest.raises(PaifangError, match="not connected"):
        await house.ask("send", node=far.node, point="relay", value="on")
    await far.connect()
    far.report(1)
    await far.acked_up_to(1)
    assert not commanded(far)


async def test_no_receipt_in_time_is_unknown_and_the_node_is_asked_for_it(house):
    far = await house.enrolled()
    asking, command = await sent(house, far, point="relay", value="on", within_ms=150)
    assert await far.hear(messages.RECALL) == [messages.RECALL, command[1]]
    answer = await asking
    assert (answer["verdict"], answer["after"], answer["state"]) == ("unknown", None, "open")

    far.say(receipt(command, after=1))
    shown = await ended(house.ask, answer["id"])
    assert (shown["verdict"], shown["after"], shown["state"]) == ("executed", True, "ended")
    assert await verdicts(house, answer["id"]) == ["executed"]


async def test_receipts_that_answer_no_command_of_ours_are_ignored(house):
    far = await house.enrolled()
    other = await house.enrolled("meter-2")
    asking, command = await sent(house, far, point="relay", value="on")
    good = receipt(command, after=1)
    other.say(good)
    far.say([*good[:2], bytes(32), *good[3:]])
    far.say([good[0], bytes(8), *good[2:]])
    await until(lambda: house.gateway.commands.dispatcher.ignored_receipts == 3)
    assert not asking.done()

    far.say(good)
    far.say(good)
    assert (await asking)["verdict"] == "executed"
    await until(lambda: house.gateway.commands.dispatcher.ignored_receipts == 4)


async def test_command_and_receipt_are_kept(house):
    far = await house.enrolled()
    asking, command = await sent(house, far, point="relay", value="on")
    answered = receipt(command, after=1)
    far.say(answered)
    await asking
    await house.gateway.store.flush()
    kept = house.gateway.store._connection.execute("SELECT node, uid, payload, verdict, receipt FROM commands").get
    assert kept == ("meter-1", 1000, messages.encode(command), messages.EXECUTED, messages.encode(answered))


async def test_the_deadline_follows_the_nodes_own_clock(house):
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    far = house.far()
    far.uptime_ms = 7_000_000
    await far.connect()
    far.say([messages.REPORT, 1, 1, 9_000_000, None, {RELAY: 0}, {}])
    await far.acked_up_to(1)
    asking, command = await sent(house, far, point="relay", value="on", within_ms=400)
    assert 9_000_400 <= command[6] < 9_020_400
    assert (await asking)["verdict"] == "unknown"


async def test_after_a_reboot_on_the_same_line_deadlines_are_of_the_new_boot(house):
    """Else a command that is held up on its way would still be obeyed as long as the boot before had lasted."""
    far = await house.enrolled()
    far.say([messages.CLOCK, 500_000_000])
    await far.hear(messages.TIME)
    far.boot, far.uptime_ms = 2, 3_000
    far.session = NodeSession(far.site, far.node, far.boot, far.key, os.urandom)
    far.send_raw(far.hello())
    await far.hear(messages.WELCOME)
    far.report(1)
    await far.acked_up_to(1)

    asking, command = await sent(house, far, point="relay", value="on")
    assert 23_000 <= command[6] < 500_000_000
    far.say(receipt(command))
    await asking
