"""A log or a disk that fails: nothing is commanded but the safe state, nothing is lost that was, telemetry goes on."""

from __future__ import annotations

import asyncio
import errno

import pytest
from far_side import RELAY, until
from persons import LAMP, ended, restarted

from paifang.audit.disk import Disk
from paifang.errors import PaifangError
from paifang_wire import messages

DIRECT, SELECT, OPERATE = 0, 1, 2
ALL = {8, RELAY, 20, LAMP, 22}


class FullDisk(Disk):
    """A disk that takes nothing while `is_full`."""

    is_full = False

    def open(self, path, mode=0o644):
        self._check()
        return super().open(path, mode)

    def write(self, file, data):
        self._check()
        super().write(file, data)

    def _check(self):
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
async def broken(make_ward):
    """A ward whose log has just met a full disk."""
    disk = FullDisk()
    ward = await make_ward(audit_disk=disk)
    ward.disk = disk
    disk.is_full = True
    ward.house.gateway.journal.note("start", "test", "test")
    await until(lambda: ward.house.gateway.journal.broken)
    return ward


async def test_commands_are_refused_with_a_clear_reason(broken):
    for asking in (
        broken.people.submit("alice", "gate-1", "relay", DIRECT, 1),
        broken.people.submit("alice", "gate-1", "lamp", OPERATE, 1),
        broken.ask("send", node="gate-1", point="relay", value="on"),
        broken.ask("nodes.add", node="gate-2", key="00" * 32),
    ):
        with pytest.raises(PaifangError, match=r"cannot be logged.*No space left") as raised:
            await asking
        assert raised.value.code == "audit-broken"
    assert broken.node.commands == []
    await broken.report(1, {1: 2300})
    status = await broken.ask("status")
    assert status["state"] == "degraded"
    (finding,) = [row for row in await broken.ask("check") if row["subject"] == "audit"]
    assert finding["level"] == "error"


async def test_the_safe_state_is_open_and_logged_late(broken):
    answers = await broken.ask("safe", node="gate-1")
    assert {answer["verdict"] for answer in answers} == {"executed"}
    assert {command[2] for command in broken.node.commands} == ALL
    broken.disk.is_full = False
    await until(lambda: broken.house.gateway.journal.broken is None)
    late = [detail["kind"] for _, detail in await broken.log("audit-late") if "kind" in detail]
    assert (late.count("command"), late.count("verdict")) == (len(ALL), len(ALL))
    assert (await broken.people.submit("alice", "gate-1", "relay", DIRECT, 1))["verdict"] == "executed"


async def test_what_was_logged_late_is_logged_once(broken, start):
    await broken.ask("safe", node="gate-1", point="relay")
    broken.disk.is_full = False
    await until(lambda: broken.house.gateway.journal.broken is None)
    for _ in range(2):
        await restarted(broken, start)
        entries = await broken.log("command", "verdict", "audit-late")
        kinds = [detail.get("kind", kind) for kind, detail in entries if "id" in detail.get("detail", detail)]
        assert [kind for kind in kinds if kind != "receipt"] == ["command", "verdict"]


async def test_what_could_not_be_logged_before_the_end_is_logged_after_it(broken, start):
    (answer,) = await broken.ask("safe", node="gate-1", point="relay")
    await restarted(broken, start)
    logged = await broken.log("command", "verdict")
    assert [kind for kind, detail in logged if detail["id"] == answer["id"]] == ["command", "verdict"]
    assert all(detail["late"] for _, detail in logged)
    await restarted(broken, start)
    assert len(await broken.log("command", "verdict")) == 2


async def test_a_verdict_that_meets_a_full_disk(make_ward, start):
    disk = FullDisk()
    ward = await make_ward(audit_disk=disk)
    ward.node.mute.add(messages.COMMAND)
    asking = asyncio.create_task(ward.people.submit("alice", "gate-1", "relay", DIRECT, 1))
    await until(lambda: ward.node.unheard)
    disk.is_full = True
    ward.node._command(ward.node.unheard[-1])
    answer = await asking
    assert answer["verdict"] == "executed"
    ward.node.mute.clear()
    await restarted(ward, start)
    assert await ward.verdicts(answer["id"]) == ["executed"]
    assert (await ended(ward.ask, answer["id"]))["verdict"] == "executed"


async def test_a_log_that_cannot_be_opened_leaves_the_safe_state(make_ward, start, tmp_path):
    ward = await make_ward()
    await ward.node.stop()
    await ward.far.hang_up()
    await ward.house.gateway.stop()
    tail = tmp_path / "data" / "audit" / "tail"
    tail.write_bytes(b"x" + tail.read_bytes()[1:])
    house = await start(ward.house.gateway.settings)
    ward.house, ward.ask, ward.people.ask = house, house.ask, house.ask
    ward.far.address = house.gateway.tcp_address
    await ward.node.connect()
    with pytest.raises(PaifangError, match="damaged") as raised:
        await ward.people.submit("alice", "gate-1", "relay", DIRECT, 1)
    assert raised.value.code == "audit-broken"
    (answer,) = await ward.ask("safe", node="gate-1", point="relay")
    assert answer["verdict"] == "executed"
    await ward.report(1, {1: 2300})


async def test_the_safe_state_with_a_store_that_takes_nothing(ward):
    ward.house.gateway.store.problem = PaifangError("no space is left", code="resource")
    (answer,) = await ward.ask("safe", node="gate-1", point="barrier")
    assert answer["verdict"] == "executed"


async def test_the_safe_state_with_a_disk_that_answers_nothing(ward, monkeypatch):
    pending = await ward.people.pend("alice")

    async def hangs(*_, **__):
        await asyncio.Event().wait()

    monkeypatch.setattr(ward.house.gateway.journal, "record", hangs)
    async with asyncio.timeout(8):
        answers = await ward.ask("safe", node="gate-1", within_ms=20_000)
    assert {answer["verdict"] for answer in answers} == {"executed"}
    assert pending["id"] not in {row["id"] for row in await ward.ask("commands.pending")}


async def test_what_somebody_makes_up_is_logged_short(ward):
    for node, value in (("x" * 60_000, "on"), ("gate-1", "y" * 60_000)):
        with pytest.raises(PaifangError):
            await ward.ask("send", node=node, point="relay", value=value)
    assert all(len(str(detail)) < 2_000 for _, detail in await ward.log("refused"))


async def test_the_safe_state_of_a_node_that_is_away_is_not_kept(ward):
    await ward.far.hang_up()
    await until(lambda: not ward.house.gateway.nodes.desk.sessions)
    with pytest.raises(PaifangError, match="not connected"):
        await ward.ask("safe", node="gate-1")
    await ward.node.connect()
    await ward.report(1, {1: 2300})
    assert ward.node.commands == []


async def test_a_signed_safe_state_takes_the_role_too(broken):
    answer = await broken.people.submit("bob", "gate-1", "barrier", messages.OP_SAFE)
    assert answer["verdict"] == "executed"
    with pytest.raises(PaifangError, match="alice may not safe"):
        await broken.people.submit("alice", "gate-1", "barrier", messages.OP_SAFE)
