"""Services: they sign their own orders, under what an operator has signed over to them, for as long as that holds."""

from __future__ import annotations

import pytest
from persons import good_for, restarted

from paifang.errors import PaifangError

DIRECT, SELECT, OPERATE = 0, 1, 2


async def refusal(asking) -> PaifangError:
    with pytest.raises(PaifangError) as raised:
        await asking
    return raised.value


async def added(ward, **changes) -> dict:
    return await ward.ask("delegations.add", delegation=ward.people.delegation(**changes).hex())


async def test_a_service_commands_under_its_delegation(ward):
    grant = await added(ward)
    assert (grant["service"], grant["state"]) == ("scada", "active")
    answer = await ward.people.submit("service", "gate-1", "relay", DIRECT, 1)
    assert (answer["verdict"], answer["person"], answer["via"]) == ("executed", "bob", "delegation")
    ((_, command),) = await ward.log("command")
    assert command["delegation"] == grant["id"]
    (row,) = await ward.ask("delegations.list")
    assert row["used"] == 1


async def test_it_outlives_a_restart_and_ends_when_it_is_revoked(make_ward, start):
    ward = await make_ward()
    signed = ward.people.delegation().hex()
    grant = await ward.ask("delegations.add", delegation=signed)
    await restarted(ward, start)
    assert (await ward.people.submit("service", "gate-1", "relay", DIRECT, 1))["verdict"] == "executed"
    assert (await ward.ask("delegations.revoke", id=grant["id"]))["state"] == "revoked"
    error = await refusal(ward.people.submit("service", "gate-1", "relay", DIRECT, 0))
    assert (error.code, "revoked" in error.message) == ("no-authority", True)
    await restarted(ward, start)
    assert (await refusal(ward.people.submit("service", "gate-1", "relay", DIRECT, 0))).code == "no-authority"
    assert (await ward.ask("delegations.add", delegation=signed))["state"] == "revoked"
    assert [detail["change"] for _, detail in await ward.log("delegation")] == ["add", "revoke"]


@pytest.mark.parametrize(
    ("changes", "point", "op", "code"),
    [
        ({}, "lamp", OPERATE, "no-authority"),
        ({"scope": (("*", "*"),)}, "barrier", SELECT, "no-authority"),
        ({"scope": (("other-*", "*"),)}, "relay", DIRECT, "no-authority"),
        ({"ops": 0b10}, "relay", DIRECT, "no-authority"),
        ({"greatest_class": 0}, "relay", DIRECT, "no-authority"),
    ],
)
async def test_it_goes_no_further_than_it_says(ward, changes, point, op, code):
    await added(ward, **changes)
    assert (await refusal(ward.people.submit("service", "gate-1", point, op, 1))).code == code
    assert ward.node.commands == []


async def test_it_is_never_more_than_its_signers_own_key(ward):
    await added(ward)
    await ward.people.load(2, scope=(("gate-*", "lamp"),))
    assert (await refusal(ward.people.submit("service", "gate-1", "relay", DIRECT, 1))).code == "no-authority"
    await ward.people.load(3, revoked=("bob",))
    assert (await refusal(ward.people.submit("service", "gate-1", "relay", DIRECT, 1))).code == "no-authority"


async def test_its_rate(ward):
    await added(ward, rate=2)
    for value in (1, 0):
        await ward.people.submit("service", "gate-1", "relay", DIRECT, value)
    assert (await refusal(ward.people.submit("service", "gate-1", "relay", DIRECT, 1))).code == "rate"


async def test_what_is_not_taken(ward):
    assert (await refusal(added(ward, expires_ms=good_for(-1)))).code == "expired"
    assert (await refusal(added(ward, keyset=2))).code == "old-keyset"
    await ward.people.load(2, revoked=("bob",))
    assert (await refusal(added(ward))).code == "no-authority"
    forged = bytearray(ward.people.delegation("alice"))
    forged[-1] ^= 1
    assert (await refusal(ward.ask("delegations.add", delegation=forged.hex()))).code == "bad-signature"
    assert await ward.ask("delegations.list") == []


async def test_one_of_several_is_named(ward):
    first = await added(ward, scope=(("gate-*", "power_limit"),))
    await added(ward)
    assert (await ward.people.submit("service", "gate-1", "relay", DIRECT, 1))["verdict"] == "executed"
    asking = ward.people.submit("service", "gate-1", "relay", DIRECT, 1, delegation=first["id"])
    assert (await refusal(asking)).code == "no-authority"
