"""Two persons: who may approve, what an approval is of, and how a pending order ends."""

from __future__ import annotations

import asyncio

import pytest
from far_side import until
from persons import BARRIER, SITE, ended, good_for, restarted

from paifang.errors import PaifangError
from paifang.keys.requests import make_approval
from paifang_wire import messages, orders, sign1

SELECT, OPERATE, CANCEL, SAFE = 1, 2, 3, 4


async def refusal(asking) -> PaifangError:
    with pytest.raises(PaifangError) as raised:
        await asking
    return raised.value


async def still_waits(ward, identifier: str) -> bool:
    return [row["id"] for row in await ward.ask("commands.pending")] == [identifier]


@pytest.mark.parametrize(("who", "by"), [("bob", "bob-2"), ("bob-2", "bob")])
async def test_one_person_with_two_keys_is_one_person(ward, who, by):
    pending = await ward.people.pend(who)
    assert (await refusal(ward.people.approve(by, pending["id"]))).code == "same-person"
    assert ward.node.moves == []
    assert await still_waits(ward, pending["id"])
    assert (await ward.people.approve("carol", pending["id"]))["verdict"] == "executed"


async def test_who_is_no_approver_by_the_policy_does_not_approve(ward):
    pending = await ward.people.pend("bob")
    error = await refusal(ward.people.approve("alice", pending["id"]))
    assert (error.code, "may not approve" in error.message) == ("no-authority", True)
    assert await still_waits(ward, pending["id"])


async def test_who_may_only_approve_does_not_order(ward):
    assert (await refusal(ward.people.select("carol"))).code == "no-authority"


@pytest.mark.parametrize("less", [{"revoked": ("carol",)}, {"key_class": {"carol": 2}}])
async def test_an_approvers_key_reaches_as_far_as_the_key_set_says(ward, less):
    pending = await ward.people.pend("alice")
    await ward.people.load(2, **less)
    assert (await refusal(ward.people.approve("carol", pending["id"]))).code == "no-authority"
    assert await still_waits(ward, pending["id"])


async def test_an_order_whose_key_was_revoked_meanwhile_is_not_sent(ward):
    pending = await ward.people.pend("alice")
    await ward.people.load(2, revoked=("alice",))
    assert (await refusal(ward.people.approve("carol", pending["id"]))).code == "no-authority"
    assert ward.node.moves == []


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [(0, bytes(32), "inconsistent"), (1, bytes(16), "wrong-token"), (2, 1, "expired"), (3, 9, "old-keyset")],
)
async def test_an_approval_of_something_else(ward, place, value, code):
    pending = await ward.people.pend("alice")
    shown = await ward.ask("commands.show", id=pending["id"])
    good = make_approval(ward.people.keys["carol"], SITE, bytes.fromhex(shown["order"]))
    fields = orders.decode_approval(sign1.split(good)[1])
    fields[place] = value
    bad = ward.people.keys["carol"].sign1(SITE, sign1.APPROVAL, orders.encode_approval(fields))
    error = await refusal(ward.ask("commands.approve", id=pending["id"], approval=bad.hex()))
    assert error.code == code
    assert await still_waits(ward, pending["id"])
    assert [detail["code"] for _, detail in await ward.log("refused")] == [code]


async def test_an_order_is_no_approval(ward):
    pending = await ward.people.pend("alice")
    shown = await ward.ask("commands.show", id=pending["id"])
    error = await refusal(ward.ask("commands.approve", id=pending["id"], approval=shown["order"]))
    assert error.code == "bad-argument"
    payload = sign1.split(make_approval(ward.people.keys["carol"], SITE, bytes.fromhex(shown["order"])))[1]
    as_command = ward.people.keys["carol"].sign1(SITE, sign1.COMMAND, payload)
    error = await refusal(ward.ask("commands.approve", id=pending["id"], approval=as_command.hex()))
    assert error.code == "bad-signature"


async def test_what_nobody_approves_expires(ward):
    token = await ward.people.select("alice")
    pending = await ward.people.submit("alice", "gate-1", "barrier", OPERATE, 1, token=token, expires_ms=good_for(300))
    shown = await ended(ward.ask, pending["id"])
    assert (shown["verdict"], shown["reason"]) == ("refused", "expired")
    assert await ward.verdicts(pending["id"]) == ["refused"]
    assert [kind for kind, _ in await ward.log("expired")] == ["expired"]
    assert (await refusal(ward.people.approve("bob", pending["id"]))).code == "not-found"


@pytest.mark.parametrize("what", ["select", "cancel", "safe", "order"])
async def test_what_supersedes_a_pending_order(ward, what):
    token = await ward.people.select("alice")
    pending = await ward.people.submit("alice", "gate-1", "barrier", OPERATE, 1, token=token)
    if what == "select":
        await ward.people.select("bob")
    elif what == "cancel":
        await ward.people.submit("bob", "gate-1", "barrier", CANCEL)
    elif what == "safe":
        await ward.ask("safe", node="gate-1", point="barrier")
    else:
        await ward.people.submit("bob", "gate-1", "barrier", OPERATE, 1, token=token)
    assert await ward.verdicts(pending["id"]) == ["superseded"]
    assert (await refusal(ward.people.approve("carol", pending["id"]))).code == "not-found"
    assert (BARRIER, 1) not in ward.node.moves


async def test_an_order_takes_the_token_of_its_own_selection(ward):
    token = await ward.people.select("alice", value=1)
    asking = ward.people.submit("alice", "gate-1", "barrier", OPERATE, 0, token=token)
    assert (await refusal(asking)).code == "not-selected"
    ward.far.boot = 2
    await ward.far.hang_up()
    await ward.node.connect()
    asking = ward.people.submit("alice", "gate-1", "barrier", OPERATE, 1, token=token)
    assert (await refusal(asking)).code == "wrong-token"


async def test_a_node_that_is_away_leaves_the_order_waiting(ward):
    pending = await ward.people.pend("alice")
    await ward.far.hang_up()
    await until(lambda: not ward.house.gateway.nodes.desk.sessions)
    assert (await refusal(ward.people.approve("bob", pending["id"]))).code == "offline"
    await ward.node.connect()
    assert await still_waits(ward, pending["id"])
    assert (await ward.people.approve("bob", pending["id"]))["verdict"] == "executed"


async def test_approved_twice_at_once_is_sent_once(ward):
    pending = await ward.people.pend("alice")
    both = await asyncio.gather(
        ward.people.approve("bob", pending["id"]), ward.people.approve("carol", pending["id"]), return_exceptions=True
    )
    assert sorted(each["verdict"] if isinstance(each, dict) else each.code for each in both) == [
        "executed",
        "not-found",
    ]
    assert ward.node.moves == [(BARRIER, 1)]


async def test_pending_orders_outlive_a_restart(make_ward, start):
    ward = await make_ward()
    pending = await ward.people.pend("alice")
    ward = await restarted(ward, start)
    assert await still_waits(ward, pending["id"])
    assert (await ward.people.approve("bob", pending["id"]))["verdict"] == "executed"
    assert await ward.verdicts(pending["id"]) == ["executed"]


async def test_refused_by_the_node_is_the_end_of_it(ward):
    ward.node.refuse[OPERATE] = messages.BAD_SIGNATURE
    pending = await ward.people.pend("alice")
    answer = await ward.people.approve("bob", pending["id"])
    assert (answer["verdict"], answer["reason"]) == ("refused", "bad-signature")
    assert await ward.ask("commands.pending") == []
