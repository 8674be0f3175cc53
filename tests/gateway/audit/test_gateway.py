"""The log in the running gateway: one that is gone or damaged is told, and nothing but the safe state is commanded."""

from __future__ import annotations

import asyncio
import hashlib
import shutil

import pytest
from far_side import until
from near_side import settings_in

from paifang.audit import notes
from paifang.audit.verify import verify_folder
from paifang.errors import PaifangError
from paifang_wire import messages


async def moved(house, far):
    """A command that was executed; its verdict."""
    asking = asyncio.create_task(house.ask("send", node=far.node, point="relay", value="on", within_ms=20_000))
    command = await far.hear(messages.COMMAND)
    digest = hashlib.sha256(messages.encode(command)).digest()
    far.say([messages.RECEIPT, command[1], digest, messages.EXECUTED, 0, 0, 1, None, 1, 5_000, bytes(32), bytes(32)])
    return (await asking)["verdict"]


async def stopped(house):
    for far in house.nodes:
        await far.hang_up()
    await house.gateway.stop()


async def test_what_a_command_left_in_the_log_verifies(start, tmp_path):
    house = await start(settings_in(tmp_path / "data"))
    assert await moved(house, await house.enrolled()) == "executed"
    await until(lambda: house.gateway.journal.size >= 5)
    key = notes.verifier_of(house.gateway.journal.log.public_key)
    await stopped(house)
    report = verify_folder(tmp_path / "data" / "audit" / "public", key)
    assert report.findings == []
    assert report.checkpoint.size >= 5


@pytest.mark.parametrize("gone", [True, False])
async def test_a_gateway_without_its_log_commands_nothing_and_begins_no_other(start, tmp_path, gone):
    house = await start(settings_in(tmp_path / "data"))
    far = await house.enrolled()
    assert await moved(house, far) == "executed"
    await stopped(house)
    folder = tmp_path / "data" / "audit"
    if gone:
        shutil.rmtree(folder)
    else:
        (folder / "tail").write_bytes((folder / "tail").read_bytes()[:-9])
    again = await start(settings_in(tmp_path / "data"))
    said = "it is gone" if gone else "is damaged"
    assert said in (await again.ask("status"))["commands"]["audit"]["problem"]
    far = again.far(far.node, 2)
    await far.connect()
    with pytest.raises(PaifangError, match=said):
        await again.ask("send", node=far.node, point="relay", value="off", within_ms=1_000)
    with pytest.raises(PaifangError):
        await again.ask("audit.list")
    assert not (folder / "log.key").exists() or not gone
