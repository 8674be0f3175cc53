"""The gateway is killed after every single step of its storage, in the middle of commands of every class.

What it did to the store and to the log stands in one list, in the order in which it was done, with what the node did
and what callers were told between. Each prefix of it is replayed with what was not synced lost, all of it or some; a
gateway starts on what is left, and its node comes back. Then the log, the store and the node must agree.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "audit"))
sys.path.insert(0, str(Path(__file__).parent.parent / "store"))

from audit_disk import LossyDisk, RecordingDisk, lay
from far_side import FarNode, until
from near_side import CALLER, settings_in
from persons import WARD_POINTS, Obedient
from recording import Disk, RecordingVFS

from paifang.app import Gateway
from paifang.commands.journal import Journal
from paifang.store import commands
from paifang_wire import messages

DIRECT, SELECT, OPERATE = 0, 1, 2
ENDS = ("verdict", "expired")
_names = itertools.count()


class Told(list):
    """What one part does, put into the list of what all parts do."""

    def __init__(self, steps: list[Any], who: str) -> None:
        super().__init__()
        self.steps, self.who = steps, who

    def append(self, step: Any) -> None:
        self.steps.append((self.who, step))


async def recorded(make_ward: Any, tmp_path: Path) -> tuple[list[Any], int, Any]:
    """All steps of a run with commands of every class, and where the ward was ready."""
    steps: list[Any] = []
    vfs = RecordingVFS(f"killed-{next(_names)}")
    vfs.entries = Told(steps, "store")
    (tmp_path / "data").mkdir()
    disk = RecordingDisk(tmp_path / "data")
    disk.entries = Told(steps, "log")
    ward = await make_ward(vfs=vfs.name, audit_disk=disk)
    await ward.house.gateway.store.flush()
    ward.node.acted = lambda identifier, receipt: steps.append(("node", (identifier, receipt)))
    ready = len(steps)

    async def ask(op: str, **args: Any) -> Any:
        answer = await ward.house.ask(op, **args)
        told = answer if isinstance(answer, list) else [answer]
        steps.extend(("caller", (each["id"], each["verdict"])) for each in told if "verdict" in each)
        return answer

    ward.people.ask = ward.ask = ask
    await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1)
    await ask("send", node="gate-1", point="relay", value="off")
    await ward.people.submit("alice", "gate-1", "lamp", OPERATE, 1)
    await asyncio.gather(
        ward.people.submit("alice", "gate-1", "relay", DIRECT, 1),
        ward.people.submit("bob", "gate-1", "power_limit", DIRECT, 2200),
    )
    pending = await ward.people.pend("alice")
    await ward.people.approve("bob", pending["id"])
    await ask("safe", node="gate-1")
    await ward.people.pend("alice", value=0)
    await ward.people.pend("bob", value=1)  # supersedes it, and waits to the end
    ward.node.mute |= {messages.RECEIPT, messages.RECALL}
    await ward.people.submit("bob", "gate-1", "relay", DIRECT, 0, within_ms=100)
    return steps, ready, ward


class Cut:
    """What is left of the ward after some steps: its files, what the node knows, what callers were told."""

    def __init__(self) -> None:
        self.store, self.log = Disk(), LossyDisk()
        self.acted: dict[bytes, list[Any]] = {}
        self.told: dict[str, str] = {}

    def do(self, step: tuple[str, Any]) -> None:
        who, what = step
        if who == "store":
            self.store.do(what)
        elif who == "log":
            self.log.do(what)
        elif who == "node":
            self.acted[what[0]] = what[1]
        else:
            self.told[what[0]] = what[1]

    @property
    def is_armed(self) -> bool:
        """Something is lost now."""
        return self.store.has_pending or self.log.has_pending

    def lay(self, folder: Path, beside: Path, chance: random.Random | None) -> None:
        lay(folder, self.log.left(chance))
        for name, content in (self.store.lose_some(chance) if chance else self.store.lose_all()).items():
            (folder / name).write_bytes(content)
        for name in ("roots.json", "keyset.keyset"):
            shutil.copy(beside / name, folder / name)
        shutil.copytree(beside / "policy", folder / "policy")


async def wrong_after(cut: Cut, folder: Path, key: bytes) -> list[str]:
    """What does not agree once a gateway has started on the folder and its node has come back."""
    gateway = Gateway(settings_in(folder))
    await gateway.start()
    far = FarNode(gateway.tcp_address, "gate-1")
    far.key, far.points, far.boot = key, WARD_POINTS, 1
    node = Obedient(far)
    node.kept = dict(cut.acted)
    try:
        await node.connect()
        await until(lambda: not gateway.commands.dispatcher.open)
        await gateway.journal.record("start", "test", "test")
        await gateway.store.flush()
        rows = {row.id: row for row in commands.newest(gateway.store._connection, 1_000)}
        shown = await gateway.operations.handlers()["commands.pending"]({}, CALLER)
        found = list(_disagreements(cut, list(gateway.journal.since(0)), rows, {row["id"] for row in shown}))
        return found + [f"sent {command} again" for command in node.commands]
    finally:
        await node.stop()
        await far.hang_up()
        await gateway.stop()


def _disagreements(cut: Cut, log: list[Any], rows: dict[bytes, Any], waiting: set[str]) -> Any:
    begun = {entry.detail["id"]: entry for entry in log if entry.kind == "command"}
    asked = {entry.detail["id"] for entry in log if entry.kind in ("command", "pending")}
    ends: dict[bytes, list[Any]] = {}
    for entry in log:
        if entry.kind in ENDS:
            ends.setdefault(entry.detail["id"], []).append(entry.detail)
    for identifier in cut.acted.keys() - begun.keys():
        yield f"{identifier.hex()} was carried out and is not in the log"
    for identifier in asked:
        name, verdicts = identifier.hex(), ends.get(identifier, [])
        if len(verdicts) != (0 if name in waiting else 1):
            yield f"{name} has {len(verdicts)} verdicts in the log"
        row = rows.get(identifier)
        if row is None:
            yield f"{name} is not in the store"
        elif verdicts and (row.verdict is None or row.receipt != verdicts[0].get("receipt")):
            yield f"{name} has another end in the store"
        receipt = cut.acted.get(identifier)
        if receipt and verdicts and verdicts[0]["receipt"] != messages.encode(receipt):
            yield f"{name} was carried out, and its receipt is not its verdict"
        if receipt is None and verdicts and verdicts[0]["verdict"] == "executed":
            yield f"{name} was never carried out"
    for identifier in rows.keys() - asked:
        yield f"{identifier.hex()} is in the store and not in the log"
    for name, verdict in cut.told.items():
        ended = ends.get(bytes.fromhex(name), [])
        if verdict == "executed" and [each["verdict"] for each in ended] != ["executed"]:
            yield f"{name} was told to be executed"
        if verdict == "pending" and bytes.fromhex(name) not in asked:
            yield f"{name} was told to wait and is forgotten"


async def sweep(
    tmp_path: Path, steps: list[Any], places: list[int], key: bytes, seed: int | None
) -> tuple[int, list[str]]:
    chance = None if seed is None else random.Random(seed)
    cut, done, armed, wrong = Cut(), 0, 0, []
    for place in places:
        for step in steps[done:place]:
            cut.do(step)
        done = place
        armed += cut.is_armed
        folder = tmp_path / f"cut-{place}-{seed}"
        cut.lay(folder, tmp_path / "data", chance)
        wrong += [f"cut after step {place}: {what}" for what in await wrong_after(cut, folder, key)]
        shutil.rmtree(folder)
    return armed, wrong


@pytest.mark.timeout(900)
async def test_log_store_and_node_agree_wherever_the_gateway_is_killed(make_ward, tmp_path, tier_size):
    steps, ready, ward = await recorded(make_ward, tmp_path)
    kinds = {(who, step[0]) for who, step in steps if who in ("store", "log")}
    assert {("store", "sync"), ("store", "write"), ("log", "sync"), ("log", "write"), ("log", "rename")} <= kinds
    every = range(ready, len(steps) + 1)
    wanted = min(tier_size(60, len(every)), len(every))
    places = sorted(random.Random(5).sample(every, wanted))
    armed, wrong = await sweep(tmp_path, steps, places, ward.far.key, None)
    assert wrong == []
    assert armed > len(places) // 3, "most cuts must fall while something is not synced"
    for seed in range(tier_size(1, 3)):
        some = sorted(random.Random(seed).sample(places, tier_size(20, len(places))))
        more, wrong = await sweep(tmp_path, steps, some, ward.far.key, seed)
        assert wrong == []
        armed += more
    print(f"{armed} cuts of {len(every)} places fired")


async def test_the_sweep_finds_a_command_that_is_sent_before_it_is_logged(make_ward, tmp_path, monkeypatch):
    record = Journal.record

    async def late(self, kind, subject, actor, **detail):
        if kind != "command":
            return await record(self, kind, subject, actor, **detail)
        asyncio.get_running_loop().call_later(0.02, lambda: self.note(kind, subject, actor, **detail))
        return self.size

    monkeypatch.setattr(Journal, "record", late)
    steps, ready, ward = await recorded(make_ward, tmp_path)
    monkeypatch.undo()
    places = sorted(random.Random(6).sample(range(ready, len(steps)), 25))
    _, wrong = await sweep(tmp_path, steps, places, ward.far.key, None)
    assert any("is not in the log" in what for what in wrong)
