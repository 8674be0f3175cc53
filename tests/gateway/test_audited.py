"""What the log holds beside commands: starts, stops, nodes that come and go, other policies, a clock that was set."""

from __future__ import annotations

import dataclasses
import time

import pytest
from far_side import key_of, until
from near_side import settings_in

from paifang.control.authority import Caller, Principal
from paifang.errors import PaifangError
from paifang.nodes.clocks import Clocks

NOBODY = Caller(1, 1002, 1002, principal=Principal("eve", "eve", frozenset({"viewer"}), 1002))


async def log(house, *kinds: str) -> list[tuple[str, str, str, dict]]:
    await house.gateway.journal.record("start", "test", "test")
    found = await house.ask("audit.list", limit=1_000, first=0)
    return [
        (entry["kind"], entry["subject"], entry["actor"], entry["detail"])
        for entry in found
        if entry["subject"] != "test" and (not kinds or entry["kind"] in kinds)
    ]


async def test_starts_and_stops(start, tmp_path):
    settings = settings_in(tmp_path / "data")
    first = await start(settings)
    digest = first.gateway.policy.hash
    await first.gateway.stop()
    again = await start(settings)
    kinds = [(kind, detail) for kind, _, _, detail in await log(again)]
    assert kinds == [
        ("start", {"keyset": 0, "policy": digest.hex()}),
        ("stop", {}),
        ("start", {"keyset": 0, "policy": digest.hex()}),
    ]


async def test_nodes_that_come_and_go(house):
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    await house.ask("nodes.reset-boot", node="meter-1")
    await house.ask("nodes.remove", node="meter-1")
    with pytest.raises(PaifangError):
        await house.ask("nodes.remove", node="meter-1")
    assert await log(house, "enrol", "reset-boot", "remove") == [
        ("enrol", "meter-1", "ops (uid 1000)", {"epoch": 1}),
        ("reset-boot", "meter-1", "ops (uid 1000)", {}),
        ("remove", "meter-1", "ops (uid 1000)", {}),
    ]
    assert key_of("meter-1").hex() not in str(await log(house))


async def test_another_policy(start, tmp_path):
    (tmp_path / "data" / "policy").mkdir(parents=True)
    house = await start(settings_in(tmp_path / "data"))
    before = house.gateway.policy.hash
    people = tmp_path / "data" / "policy" / "people.toml"
    people.write_text('[people.alice]\nroles = ["operator"]\n')
    answer = await house.ask("policy.reload")
    await house.ask("policy.reload")
    assert await log(house, "policy") == [
        ("policy", "gateway", "ops (uid 1000)", {"before": before.hex(), "hash": answer["hash"]})
    ]
    people.write_text("[people")
    with pytest.raises(PaifangError):
        await house.ask("policy.reload")
    assert house.gateway.policy.hash.hex() == answer["hash"]
    allowed = await house.ask("policy.explain", person="alice", action="direct", node="meter-1", point="relay")
    assert allowed["allowed"]


async def test_a_clock_that_was_set(start):
    ahead_ms = 0
    clocks = dataclasses.replace(Clocks(), utc_ms=lambda: time.time_ns() // 1_000_000 + ahead_ms)
    house = await start(clocks=clocks)
    ahead_ms = 3_600_000
    house.gateway._watch.look()
    ahead_ms = 3_600_400
    house.gateway._watch.look()
    ((_, _, _, detail),) = await log(house, "clock-step")
    assert abs(detail["ms"] - 3_600_000) < 1_000


async def test_who_is_denied_by_the_socket(house):
    house.gateway.control.denials.add(NOBODY, "stop", "engineer")
    ((_, subject, actor, _),) = await log(house, "denied")
    assert (subject, actor) == ("stop", "eve (uid 1002)")


async def test_what_the_gateway_says_of_the_caller(house):
    assert (await house.ask("authority.show"))["you"]["person"] == "ops"
    await until(lambda: house.gateway.journal.size)
    shown = await house.ask("audit.show", index=0)
    assert shown["kind"] == "start"
    assert (await house.ask("audit.prove", index=0))["proof"]
    assert (await house.ask("audit.checkpoint"))["origin"] == "paifang/ward-1/audit"
