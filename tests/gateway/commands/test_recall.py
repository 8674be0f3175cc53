"""A command whose receipt did not come: asked for again, on the same link or the next, until there is one verdict."""

from __future__ import annotations

import asyncio

import pytest
from far_side import RELAY, until
from persons import ended, restarted

from paifang_wire import messages

DIRECT = 0


async def unanswered(ward, within_ms: int = 150) -> dict:
    """A command that the node carried out, and whose receipt was lost."""
    ward.node.mute.add(messages.RECEIPT)
    ward.node.mute.add(messages.RECALL)
    answer = await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1, within_ms=within_ms)
    assert (answer["verdict"], answer["state"]) == ("unknown", "open")
    assert ward.node.moves == [(RELAY, 1)]
    ward.node.mute.clear()
    return answer


async def test_who_waits_is_told_what_the_recall_brings(ward):
    ward.node.mute.add(messages.RECEIPT)
    answer = await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1, within_ms=150)
    assert answer["verdict"] == "executed"
    assert await ward.verdicts(answer["id"]) == ["executed"]


async def test_the_next_session_is_asked(ward):
    answer = await unanswered(ward)
    await ward.far.hang_up()
    await ward.node.connect()
    assert (await ended(ward.ask, answer["id"]))["verdict"] == "executed"
    assert await ward.verdicts(answer["id"]) == ["executed"]


async def test_a_session_lost_while_somebody_waits(ward):
    ward.node.mute |= {messages.COMMAND}
    asking = asyncio.create_task(ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))
    await until(lambda: ward.node.unheard)
    ward.node.mute.clear()
    await ward.far.hang_up()
    await ward.node.connect()
    answer = await asking
    assert (answer["verdict"], answer["reason"], answer["state"]) == ("unknown", "not-kept", "ended")
    assert await ward.verdicts(answer["id"]) == ["unknown"]


async def test_a_node_that_forgot_ends_it_as_unknown_for_ever(ward):
    answer = await unanswered(ward)
    kept = ward.node.kept.pop(bytes.fromhex(answer["id"]))
    ward.far.boot = 2
    await ward.far.hang_up()
    await ward.node.connect()
    shown = await ended(ward.ask, answer["id"])
    assert (shown["verdict"], shown["reason"]) == ("unknown", "not-kept")

    ignored = ward.room.dispatcher.ignored_receipts
    ward.far.say(kept)
    await until(lambda: ward.room.dispatcher.ignored_receipts == ignored + 1)
    assert await ward.verdicts(answer["id"]) == ["unknown"]
    receipts = [detail["receipt"] for _, detail in await ward.log("receipt")]
    assert receipts[-1] == messages.encode(kept).hex()  # evidence all the same


async def test_a_node_that_was_not_asked_cannot_say_that_it_forgot(ward):
    ward.node.mute |= {messages.COMMAND}
    asking = asyncio.create_task(ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))
    await until(lambda: ward.node.unheard)
    (identifier,) = ward.room.dispatcher.open
    ward.far.say(ward.node._not_kept(identifier))
    await until(lambda: ward.room.dispatcher.ignored_receipts == 1)
    assert not asking.done()
    ward.node._command(ward.node.unheard[-1])
    assert (await asking)["verdict"] == "executed"


async def test_a_restart_of_the_gateway_forgets_nothing(make_ward, start):
    ward = await make_ward()
    answer = await unanswered(ward)
    ward = await restarted(ward, start)
    assert (await ended(ward.ask, answer["id"]))["verdict"] == "executed"
    assert await ward.verdicts(answer["id"]) == ["executed"]
    ward = await restarted(ward, start)
    assert ward.room.dispatcher.open == {}
    assert await ward.verdicts(answer["id"]) == ["executed"]


async def test_a_receipt_that_the_node_sends_by_itself_after_its_reboot(make_ward, start):
    ward = await make_ward()
    answer = await unanswered(ward)
    ward.far.boot = 2
    ward.node.mute.add(messages.RECALL)
    ward = await restarted(ward, start)
    ward.far.say(ward.node.kept[bytes.fromhex(answer["id"])])
    assert (await ended(ward.ask, answer["id"]))["verdict"] == "executed"


@pytest.mark.parametrize("gone", ["caller", "gateway"])
async def test_who_asks_may_go_the_command_goes_on(make_ward, start, gone):
    ward = await make_ward()
    ward.node.mute |= {messages.COMMAND}
    asking = asyncio.create_task(ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))
    await until(lambda: ward.node.unheard)
    (identifier,) = ward.room.dispatcher.open
    if gone == "caller":
        asking.cancel()
        await asyncio.wait([asking])
    ward.node.mute.clear()
    ward.node._command(ward.node.unheard[-1])
    if gone == "gateway":
        ward = await restarted(ward, start)
    assert (await ended(ward.ask, identifier.hex()))["verdict"] == "executed"
    assert await ward.verdicts(identifier.hex()) == ["executed"]
    await asyncio.wait([asking])


async def test_a_node_that_is_removed_answers_nothing_any_more(ward):
    answer = await unanswered(ward)
    await ward.ask("nodes.remove", node="gate-1")
    shown = await ended(ward.ask, answer["id"])
    assert (shown["verdict"], shown["reason"]) == ("unknown", None)
    assert await ward.verdicts(answer["id"]) == ["unknown"]


async def test_a_node_that_has_not_answered_for_a_week(ward):
    answer = await unanswered(ward)
    (waiting,) = ward.room.dispatcher.open.values()
    waiting.command.sent_ms -= 8 * 86_400_000
    ward.room.dispatcher._recall_all()
    assert (await ended(ward.ask, answer["id"]))["verdict"] == "unknown"
