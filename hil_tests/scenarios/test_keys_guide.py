"""Every command of docs/keys.md, as it stands there, in its order: on a shell, with a gateway and a node."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import sys
from pathlib import Path

import pytest
import pytest_asyncio

from paifang_rig.authority import relay_of_class
from paifang_rig.gateway import GatewayProcess
from paifang_rig.guide import Shell, sections
from paifang_rig.nodes import WIFI, tcp_link
from paifang_tools import build

GUIDE = Path(__file__).parents[2] / "docs" / "keys.md"
NAME = "meter-1"
TOLD = {"TOKEN": r"--token ([0-9a-f]{32})", "ID": r"paifang approve ([0-9a-f]{16})"}
IN_PASSING = """
paifang keys list
paifang keys use li-desk
paifang audit list --kind command
paifang delegations
paifang delegations revoke {delegation}
paifang nodes show meter-1
paifang nodes reset-boot meter-1
paifang nodes remove meter-1
paifang audit verify
"""
"""What the guide and docs/security.md name in their sentences."""
PEOPLE = '[people.{}]\nroles = ["operator", "approver", "safety"]\n'
NODE_PAUSE_S = 5.5
"""A node looks at no two signatures of one key within five seconds."""


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest_asyncio.fixture
async def gate(shell):
    files = {"policy/people.toml": PEOPLE.format("wang") + PEOPLE.format("li")}
    process = GatewayProcess(shell.data, files=files)
    await process.start()
    yield process
    await process.kill()


@pytest_asyncio.fixture
async def power():
    """`await power(folder, port)`: a node flashed with the workbench's files, for as long as the test lasts."""
    boards: list[asyncio.subprocess.Process] = []

    async def on(folder: Path, port: int) -> None:
        settings = {"node": NAME, "site": "ward-1", "role": "smart_meter", "period_ms": 500, "wifi": WIFI}
        flash = folder / "flash"
        flash.mkdir()
        (flash / f"{NAME}.nvs").write_bytes((folder / f"{NAME}.nvs").read_bytes())
        config = flash / f"{NAME}.json"
        config.write_text(json.dumps(settings | {"link": tcp_link(port)} | relay_of_class(3)))
        assert build.main(["--config", str(config), "--out", str(flash / f"{NAME}.vfs")]) == 0
        command = ("-m", "paifang_rig.simulated", f"{NAME}.vfs", f"{NAME}.nvs")
        boards.append(await asyncio.create_subprocess_exec(sys.executable, *command, cwd=flash, stdout=-3, stderr=-3))

    yield on
    for board in boards:
        with contextlib.suppress(ProcessLookupError):
            board.send_signal(signal.SIGINT)
        await board.wait()


async def until(gate, condition) -> None:
    await gate.until(lambda shown: shown["connected"] and condition(shown), "nodes.show", node=NAME, deadline_s=30)


@pytest.mark.timeout(300)  # a hundred commands, each a process of its own
async def test_the_guide(shell, gate, power) -> None:
    for heading in ("The owner: three root keys", "Each person: a key"):
        await shell.section(GUIDE, heading, TOLD)
    await shell.run("paifang keys new li-desk --person li\npaifang keys export li-desk -o li.pub")
    await shell.section(GUIDE, "The key set: whose keys may command what")
    await shell.section(GUIDE, "The gateway and its nodes")
    await power(shell.folder, gate.port)
    await until(gate, lambda shown: shown["keyset"] == 1)

    await shell.section(GUIDE, "Each person who signs: whose word counts")
    said = await shell.section(GUIDE, "Two persons", TOLD)
    assert "executed: meter-1 relay was off, reads back on" in said
    await asyncio.sleep(NODE_PAUSE_S)
    said = await shell.section(GUIDE, "Signing without a network", TOLD)
    assert "executed: meter-1 relay was on, reads back off" in said
    await shell.section(GUIDE, "A key is rotated")
    await until(gate, lambda shown: shown["keyset"] == 2)
    said = await shell.section(GUIDE, "A person's key is lost, or was in other hands")
    assert "revoked" in said
    await until(gate, lambda shown: shown["keyset"] == 3)
    await shell.section(GUIDE, "A root key is lost")
    await gate.kill()
    shell.data.rename(shell.home / "stolen")
    await gate.start()
    await shell.section(GUIDE, "The gateway is stolen")
    await until(gate, lambda shown: shown["epoch"] == 2 and shown["keyset"] == 3)
    said = await shell.section(GUIDE, "A service")
    delegation = re.findall(r"delegation ([0-9a-f]{16}) is in force", said)[0]
    await shell.run(IN_PASSING.format(delegation=delegation))
    said = await shell.run("paifang audit verify --receipts meter-1.receipt-key --data ../home/stolen")
    assert "receipt" in said


def test_links_lead_somewhere() -> None:
    for page in (GUIDE, GUIDE.with_name("security.md")):
        for target, anchor in re.findall(r"\]\(([^)#:]*)#?([^)]*)\)", page.read_text("utf-8")):
            file = page.parent / target if target else page
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in {"", *anchors}, (page.name, target, anchor)


def test_every_section_with_commands_is_run() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [heading for heading, blocks in sections(GUIDE).items() if blocks and f'"{heading}"' not in source] == []
