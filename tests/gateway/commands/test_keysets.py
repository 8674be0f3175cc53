"""Key sets and epochs: signed by two roots, only ever newer, handed on to the nodes until they hold them."""

from __future__ import annotations

import hashlib

import pytest
from far_side import until
from persons import SITE, Persons, restarted

from paifang.errors import PaifangError
from paifang.keys import epochs
from paifang_wire import messages, sign1

DIRECT = 0


async def refusal(asking) -> PaifangError:
    with pytest.raises(PaifangError) as raised:
        await asking
    return raised.value


def record(people: Persons, node: str = "gate-1", epoch: int = 2, by: tuple[int, ...] = (0, 2)) -> bytes:
    found = epochs.build(node, epoch)
    for number in by:
        found = found.signed(people.root_keys[number].sign1(SITE, sign1.EPOCH, found.payload, detached=True))
    return found.encode()


async def test_a_newer_one_goes_to_the_nodes_at_once(ward):
    loaded = await ward.people.load(2)
    assert (loaded["version"], loaded["signers"], loaded["pushed"]) == (2, ["root-1", "root-2"], 1)
    await until(lambda: ward.node.keyset == 2)
    await ward.report(1, {1: 2300})  # what the node has said of it has come
    assert (await ward.ask("nodes.show", node="gate-1"))["keyset"] == 2
    assert (await ward.ask("keyset.show"))["version"] == 2
    versions = [detail["version"] for _, detail in await ward.log("keyset") if "version" in detail]
    assert versions == [1, 2]


async def test_it_outlives_a_restart_and_meets_a_node_that_was_away(make_ward, start):
    ward = await make_ward()
    await ward.node.stop()
    await ward.far.hang_up()
    await until(lambda: not ward.house.gateway.nodes.desk.sessions)
    assert (await ward.people.load(2))["pushed"] == 0
    await restarted(ward, start)
    await until(lambda: ward.node.keyset == 2)
    assert (await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))["verdict"] == "executed"


@pytest.mark.parametrize(("refusal_", "again"), [(messages.BUSY, True), (messages.NO_SUCH_OP, False)])
async def test_a_node_that_did_not_take_it(ward, refusal_, again):
    gateway = ward.house.gateway
    ward.node.mute.add(messages.ROOTED)
    await ward.people.load(2)
    await until(lambda: ward.node.unheard)
    ward.far.say([messages.HELD, messages.ROOTED_KEYSET, 1, refusal_])
    await ward.report(1, {1: 2300})
    gateway._end_reminding()
    gateway._remind()
    await ward.report(2, {1: 2300})
    assert len(ward.node.unheard) == 1 + again


@pytest.mark.parametrize("version", [0, 1])
async def test_never_an_older_one(ward, version):
    error = await refusal(ward.people.load(version)) if version else await refusal(ward.ask("keyset.load", keyset="00"))
    assert error.code in {"old-keyset", "bad-argument"}
    assert (await ward.ask("keyset.show"))["version"] == 1


@pytest.mark.parametrize("by", [(), (0,), (0, 0)])
async def test_two_of_three_roots(ward, by):
    with pytest.raises(PaifangError, match="signed by"):
        await ward.people.load(2, by=by)


async def test_roots_of_somebody_else(ward):
    strangers = Persons(ward.ask)
    with pytest.raises(PaifangError, match="no root of ward-1"):
        await strangers.load(2)


async def test_a_file_that_was_changed_counts_for_nothing(make_ward, start, tmp_path):
    ward = await make_ward()
    file = tmp_path / "data" / "keyset.keyset"
    data = bytearray(file.read_bytes())
    data[20] ^= 1
    file.write_bytes(data)
    await restarted(ward, start)
    assert (await refusal(ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))).code == "no-keyset"
    (finding,) = [row for row in await ward.ask("check") if row["subject"] == "keyset"]
    assert finding["level"] == "error"
    assert (await ward.people.load(1))["version"] == 1
    assert (await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))["verdict"] == "executed"


# Epochs

NEW_KEY = hashlib.sha256(b"gate-1 of epoch 2").digest()


async def rekey(ward, **changes) -> dict:
    given = {"node": "gate-1", "key": NEW_KEY.hex(), "epoch": 2, "record": record(ward.people).hex()}
    return await ward.ask("nodes.rekey", **{**given, **changes})


async def test_both_keys_are_believed_until_the_node_has_the_new_one(make_ward, start):
    ward = await make_ward()
    ward.node.mute.add(messages.ROOTED)
    assert (await rekey(ward))["sent"]
    await until(lambda: ward.node.unheard)
    assert ward.node.unheard[0][1] == messages.ROOTED_EPOCH
    await restarted(ward, start)  # under the old key: told again
    await until(lambda: sum(message[1] == messages.ROOTED_EPOCH for message in ward.node.unheard) >= 2)
    shown = await ward.ask("nodes.show", node="gate-1")
    assert (shown["epoch"], shown["next_epoch"]) == (1, 2)

    old_key, ward.far.key, ward.far.boot = ward.far.key, NEW_KEY, 2
    await ward.far.hang_up()
    await ward.node.connect()
    shown = await ward.ask("nodes.show", node="gate-1")
    assert (shown["epoch"], shown["next_epoch"]) == (2, None)
    await restarted(ward, start)
    assert (await ward.ask("nodes.show", node="gate-1"))["epoch"] == 2

    thief = ward.house.far("gate-1", boot=3)
    thief.key = old_key
    await thief.open()
    thief.send_raw(thief.hello())
    await until(lambda: ward.house.refused.get("bad-mac"))
    assert [detail for _, detail in await ward.log("rekey", "epoch")][-1] == {"epoch": 2}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"record": "00"}, "bad-argument"),
        ({"epoch": 3}, "bad-argument"),
        ({"node": "gate-9"}, "not-found"),
        ({"key": "00"}, "bad-argument"),
    ],
)
async def test_what_is_no_change_of_epoch(ward, changes, code):
    assert (await refusal(rekey(ward, **changes))).code == code
    assert (await ward.ask("nodes.show", node="gate-1"))["next_epoch"] is None


async def test_an_epoch_takes_two_roots_and_goes_forward(ward):
    with pytest.raises(PaifangError, match="signed by"):
        await rekey(ward, record=record(ward.people, by=(1,)).hex())
    with pytest.raises(PaifangError, match="not a later one"):
        await rekey(ward, epoch=1, record=record(ward.people, epoch=1).hex())
