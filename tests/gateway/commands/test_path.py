"""Signed commands of every class on their way: carried out, or refused with the reason, and logged either way."""

from __future__ import annotations

import asyncio

import pytest
from far_side import RELAY, until
from persons import BARRIER, LAMP, SITE, good_for

from paifang.control.authority import Caller, Principal
from paifang.errors import PaifangError
from paifang.keys.requests import make_order, sign_order
from paifang.settings import AuthoritySettings, RatesSettings
from paifang_wire import messages

DIRECT, SELECT, OPERATE, CANCEL, SAFE = range(5)


async def refusal(asking) -> PaifangError:
    with pytest.raises(PaifangError) as raised:
        await asking
    return raised.value


async def test_class_1_takes_one_signature(ward):
    answer = await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1, reason="works at No. 7")
    assert (answer["verdict"], answer["after"], answer["person"], answer["via"]) == (
        "executed",
        True,
        "alice",
        "signed",
    )
    assert ward.node.moves == [(RELAY, 1)]
    ((_, command),) = await ward.log("command")
    assert (command["person"], command["reason"], command["class"]) == ("alice", "works at No. 7", 1)
    assert bytes.fromhex(command["payload"]) == messages.encode(ward.node.commands[0])
    assert await ward.verdicts(answer["id"]) == ["executed"]


async def test_class_2_is_selected_and_operated_in_one_go(ward):
    answer = await ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1)
    assert (answer["verdict"], answer["after"]) == ("executed", True)
    assert [command[3] for command in ward.node.commands] == [SELECT, OPERATE]
    assert ward.node.moves == [(LAMP, 1)]
    logged = await ward.log("command", "verdict")
    assert [(kind, detail.get("op")) for kind, detail in logged] == [
        ("command", "select"),
        ("verdict", None),
        ("command", "operate"),
        ("verdict", None),
    ]
    assert logged[0][1]["selects_for"] == answer["id"]


async def test_class_2_selected_by_its_operator_is_not_selected_again(ward):
    await ward.people.submit("alice", "gate-1", "lamp", SELECT, 1)
    await ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1)
    assert [command[3] for command in ward.node.commands] == [SELECT, OPERATE]
    await ward.people.submit("alice", "gate-1", "lamp", SELECT, 0)
    await ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1)
    assert [command[3:5] for command in ward.node.commands[2:]] == [[SELECT, 0], [SELECT, 1], [OPERATE, 1]]


async def test_what_the_node_does_not_select_is_not_operated(ward):
    ward.node.refuse[SELECT] = messages.BUSY
    error = await refusal(ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1))
    assert error.code == "busy"
    assert [command[3] for command in ward.node.commands] == [SELECT]


async def test_class_3_takes_two_persons(ward):
    pending = await ward.people.pend("alice")
    assert (pending["verdict"], pending["state"]) == ("pending", "pending")
    assert ward.node.moves == []
    (row,) = await ward.ask("commands.pending")
    assert (row["id"], row["person"], row["value"]) == (pending["id"], "alice", True)

    answer = await ward.people.approve("bob", pending["id"])
    assert (answer["verdict"], answer["person"], answer["approver"]) == ("executed", "alice", "bob")
    assert ward.node.moves == [(BARRIER, 1)]
    shown = await ward.ask("commands.show", id=pending["id"])
    assert ward.node.commands[-1][7:] == [bytes.fromhex(shown["order"]), bytes.fromhex(shown["approval"])]
    kinds = [kind for kind, _ in await ward.log("pending", "approval", "command", "receipt", "verdict")]
    assert kinds == ["command", "receipt", "verdict", "pending", "approval", "command", "receipt", "verdict"]
    assert await ward.ask("commands.pending") == []


async def test_the_log_has_a_command_before_the_node_has(ward):
    gateway = ward.house.gateway
    record, sent = gateway.journal.record, []

    async def slow(kind, *args, **detail):
        if kind == "command":
            await asyncio.sleep(0.05)
            assert ward.node.commands == []
        index = await record(kind, *args, **detail)
        sent.append((kind, len(ward.node.commands)))
        return index

    gateway.journal.record = slow
    await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1)
    assert sent[0] == ("command", 0)


# What is refused


@pytest.mark.parametrize(
    ("who", "point", "op", "value", "more", "code"),
    [
        ("alice", "relay", DIRECT, 1, {"expires_ms": 1}, "expired"),
        ("alice", "relay", DIRECT, 1, {"expires_ms": good_for(90_000_000)}, "expired"),
        ("service", "relay", DIRECT, 1, {}, "no-authority"),
        ("carol", "relay", DIRECT, 1, {}, "no-authority"),
        ("alice", "barrier", OPERATE, 1, {"token": bytes(16)}, "wrong-token"),
        ("alice", "barrier", OPERATE, 1, {}, "wrong-token"),
    ],
)
async def test_an_order_that_does_not_hold_is_refused_and_logged(ward, who, point, op, value, more, code):
    error = await refusal(ward.people.submit(who, "gate-1", point, op, value, **more))
    assert error.code == code
    assert ward.node.commands == []
    ((_, refused),) = await ward.log("refused")
    assert refused["code"] == code


async def test_signatures_that_are_not_of_this_order(ward):
    order = bytearray(await ward.people.order("alice", "gate-1", "relay", DIRECT, 1))
    order[-1] ^= 1
    assert (await refusal(ward.ask("commands.submit", order=order.hex()))).code == "bad-signature"
    target = await ward.people.target("gate-1", "relay")
    made = make_order(target, DIRECT, 1, identifier=bytes(8), expires_ms=good_for())
    elsewhere = sign_order(ward.people.keys["alice"], "ward-2", made)
    assert (await refusal(ward.ask("commands.submit", order=elsewhere.hex()))).code == "bad-signature"
    assert ward.node.commands == []


@pytest.mark.parametrize("order", ["00", "d283", "83", "ff" * 1024, "zz", ""])
async def test_what_is_no_order_at_all(ward, order):
    assert (await refusal(ward.ask("commands.submit", order=order))).code == "bad-argument"


async def test_an_order_for_a_description_that_is_not_the_nodes(ward):
    order = await ward.people.order("alice", "gate-1", "relay", DIRECT, 1)
    ward.far.points = tuple(point if point[0] != RELAY else (*point[:7], 2, None) for point in ward.far.points)
    ward.far.boot = 2
    await ward.far.hang_up()
    await ward.node.connect()
    assert (await refusal(ward.ask("commands.submit", order=order.hex()))).code == "inconsistent"
    assert ward.node.commands == []


async def test_a_signer_who_knows_a_newer_key_set(ward):
    target = await ward.people.target("gate-1", "relay")
    fresh = make_order(target, DIRECT, 1, identifier=bytes(8), expires_ms=good_for())
    newer = type(fresh)(*[getattr(fresh, n) if n != "keyset" else 2 for n in fresh.__dataclass_fields__])
    order = sign_order(ward.people.keys["alice"], SITE, newer)
    assert (await refusal(ward.ask("commands.submit", order=order.hex()))).code == "old-keyset"


@pytest.mark.parametrize(
    "less",
    [{"revoked": ("alice",)}, {"key_class": {"alice": 1}}, {"ops": 0b11011}, {"scope": (("gate-*", "relay"),)}],
)
async def test_keys_reach_as_far_as_the_key_set_says(ward, less):
    await ward.people.load(2, **less)
    assert (await refusal(ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1))).code == "no-authority"
    assert ward.node.commands == []


async def test_without_a_key_set_no_signature_counts(make_ward):
    ward = await make_ward(keyset=0)
    assert (await refusal(ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))).code == "no-keyset"


async def test_an_interlock_that_the_gateway_sees(ward):
    await ward.report(1, {1: 2531})
    error = await refusal(ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1))
    assert error.code == "interlock"
    assert "voltage<=2530" in error.message
    await ward.report(2, {1: 2300})
    assert (await ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1))["verdict"] == "executed"


async def test_a_point_that_is_not_at_the_expected_value(ward):
    await ward.report(1, {RELAY: 1})
    assert (await refusal(ward.people.submit("alice", "gate-1", "relay", DIRECT, 1, expect=0))).code == "unexpected"
    answer = await ward.people.submit("alice", "gate-1", "relay", DIRECT, 0, expect=1)
    assert answer["verdict"] == "executed"
    assert ward.node.commands[-1][5] == 1
    local = await refusal(ward.ask("send", node="gate-1", point="relay", value="on", expect="off"))
    assert local.code == "unexpected"


async def test_what_is_not_known_is_left_to_the_node(ward):
    answer = await ward.people.submit("alice", "gate-1", "relay", DIRECT, 0, expect=1)
    assert answer["verdict"] == "executed"


async def test_the_same_order_again_is_not_sent_again(ward):
    order = await ward.people.order("alice", "gate-1", "relay", DIRECT, 1)
    first = await ward.ask("commands.submit", order=order.hex())
    again = await ward.ask("commands.submit", order=order.hex())
    assert (first["id"], first["verdict"], first["after"]) == (again["id"], again["verdict"], again["after"])
    assert len(ward.node.commands) == 1
    other = await ward.people.order("alice", "gate-1", "relay", DIRECT, 0, identifier=bytes.fromhex(first["id"]))
    assert (await refusal(ward.ask("commands.submit", order=other.hex()))).code == "inconsistent"


async def test_the_same_order_twice_at_once_is_sent_once(ward):
    order = await ward.people.order("alice", "gate-1", "relay", DIRECT, 1)
    answers = await asyncio.gather(
        *(ward.ask("commands.submit", order=order.hex()) for _ in range(5)), return_exceptions=True
    )
    assert len(ward.node.commands) == 1
    assert {each["verdict"] if isinstance(each, dict) else each.code for each in answers} <= {"executed", "busy"}


async def test_rates_for_each_point_and_each_person(make_ward):
    rates = RatesSettings(per_point=2, per_person=3)
    ward = await make_ward(settings={"authority": AuthoritySettings(rates=rates)})
    for value in (1, 0):
        await ward.people.submit("alice", "gate-1", "relay", DIRECT, value)
    error = await refusal(ward.people.submit("bob", "gate-1", "relay", DIRECT, 1))
    assert (error.code, "gate-1 relay takes 2" in error.message) == ("rate", True)
    await ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1)
    error = await refusal(ward.people.submit("alice", "gate-1", "power_limit", DIRECT, 1))
    assert "alice may send 3" in error.message
    assert (await ward.people.submit("bob", "gate-1", "power_limit", DIRECT, 1))["verdict"] == "executed"
    (answer,) = await ward.ask("safe", node="gate-1", point="relay")
    assert answer["verdict"] == "executed"


async def test_the_policy_decides_by_role(ward):
    viewer = Caller(1, 1001, 1001, principal=Principal("eve", "eve", frozenset({"viewer"}), 1001))
    handlers = ward.house.gateway.operations.handlers()
    error = await refusal(handlers["send"]({"node": "gate-1", "point": "relay", "value": "on"}, viewer))
    assert (error.code, "eve" in error.message) == ("no-authority", True)
    error = await refusal(handlers["safe"]({"node": "gate-1"}, viewer))
    assert error.code == "no-authority"
    assert ward.node.commands == []
    assert [detail["code"] for _, detail in await ward.log("refused")] == ["no-authority"] * 2


@pytest.mark.parametrize("point", ["lamp", "barrier"])
async def test_graver_points_always_take_a_signature(ward, point):
    error = await refusal(ward.ask("send", node="gate-1", point=point, value="on"))
    assert (error.code, "sign it" in error.hint) == ("no-authority", True)


async def test_local_authority_can_be_taken_away(make_ward):
    ward = await make_ward(settings={"authority": AuthoritySettings(local_class=0)})
    assert (await refusal(ward.ask("send", node="gate-1", point="relay", value="on"))).code == "no-authority"
    assert (await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))["verdict"] == "executed"


async def test_nothing_is_kept_for_a_node_that_is_away(ward):
    order = await ward.people.order("alice", "gate-1", "relay", DIRECT, 1)
    await ward.far.hang_up()
    await until(lambda: not ward.house.gateway.nodes.desk.sessions)
    assert (await refusal(ward.ask("commands.submit", order=order.hex()))).code == "offline"
    await ward.node.connect()
    await ward.report(1, {1: 2300})
    assert ward.node.commands == []


async def test_denied_requests_of_the_socket_are_logged(ward):
    ward.house.gateway.control.denials.add(Caller(7, 1001, 1001), "stop", "engineer")
    ((_, denied),) = await ward.log("denied")
    assert (denied["role"], denied["times"], denied["pid"]) == ("engineer", 1, 7)


@pytest.mark.parametrize("value", [1 << 63, (1 << 64) - 1])
async def test_a_value_that_no_store_holds(ward, value):
    """Beyond 64 bits with a sign: a commit that it broke would be tried again for ever."""
    ward.far.points = (*ward.far.points, (30, "counter", "", messages.INT, 0, None, None, 1, None))
    ward.far.boot = 2
    await ward.far.hang_up()
    await ward.node.connect()
    assert (await refusal(ward.people.submit("alice", "gate-1", "counter", DIRECT, value))).code == "limit"
    assert (await refusal(ward.people.submit("alice", "gate-1", "counter", DIRECT, 1, expect=value))).code == "limit"
    assert (await refusal(ward.ask("send", node="gate-1", point="counter", value=value))).code == "limit"
    assert (await ward.people.submit("alice", "gate-1", "counter", DIRECT, (1 << 63) - 1))["verdict"] == "executed"
    await ward.house.gateway.store.flush()


async def test_a_signed_safe_state_is_sent_once(ward):
    order = await ward.people.order("bob", "gate-1", "relay", SAFE)
    answers = [await ward.ask("commands.submit", order=order.hex()) for _ in range(2)]
    assert [answer["verdict"] for answer in answers] == ["executed"] * 2
    assert len(ward.node.commands) == 1
    assert await ward.verdicts(answers[0]["id"]) == ["executed"]


async def test_roots_that_come_later(make_ward, tmp_path):
    ward = await make_ward()
    gateway, roots = ward.house.gateway, tmp_path / "data" / "roots.json"
    text = roots.read_text()
    roots.unlink()
    gateway.commands.keysets.current = None
    gateway.commands.keysets.open()
    assert (await refusal(ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))).code == "no-keyset"
    roots.write_text(text)
    await gateway.reload(gateway.settings)
    assert (await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))["verdict"] == "executed"
