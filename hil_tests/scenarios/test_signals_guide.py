"""Every command of docs/signals.md, as it stands there, in its order: with a gateway and the shipped firmware."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import pytest_asyncio

from paifang_rig.gateway import GatewayProcess
from paifang_rig.guide import Shell, sections
from paifang_rig.nodes import WIFI, tcp_link
from paifang_rig.signals.node import HEAP
from paifang_rig.simulated.models.cabinet import Cabinet
from paifang_tools import build

GUIDE = Path(__file__).parents[2] / "docs" / "signals.md"
KEYS_GUIDE = GUIDE.with_name("keys.md")
NAME = "signal-1"
SPEED = 2
FLASHING = 3
AT_HAND = """
paifang keys root new --out roots --site ward-1
paifang keys new wang-laptop --person wang
echo 'version = 1' > keyset.toml
paifang keys export wang-laptop --toml --class 3 >> keyset.toml
paifang keys set build keyset.toml -o ward-1.keyset
paifang keys root sign ward-1.keyset --key roots/root-1.key
paifang keys root sign ward-1.keyset --key roots/root-2.key
cp roots/roots.json ~/.local/state/paifang/roots.json
paifang keys set load ward-1.keyset
"""
"""What the guide takes from docs/keys.md."""
IN_PASSING = """
sed -i 's/^edition = 1/edition = 2/; s/"SB", "walk S", "6s"/"SB", "walk S", "7s"/' site.toml
paifang signal site sign site.toml --key roots/root-1.key --since signal-1-e1.site
paifang signal site check site.toml
paifang send signal-1 plan 2
paifang send signal-1 plan 0
paifang send signal-1 mode 1
paifang send signal-1 mode 0
timeout --foreground --preserve-status -s INT 5 paifang signal status signal-1 --watch --json
paifang signal status signal-1 --json
paifang audit list --kind site-record
"""
"""What it names in its sentences."""


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


@pytest_asyncio.fixture
async def gate(shell):
    process = GatewayProcess(shell.data, files={"policy/people.toml": '[people.wang]\nroles = ["operator"]\n'})
    await process.start()
    yield process
    await process.kill()


@pytest.fixture
def power(bench, shell, gate):
    """`power()`: the node with the files of the workbench, its cabinet around it."""

    def on() -> None:
        config = shell.folder / f"{NAME}.json"
        found = json.loads(config.read_text())
        config.write_text(json.dumps({**found, "link": tcp_link(gate.port), "wifi": WIFI}))
        image = shell.folder / f"{NAME}.vfs"
        assert build.main(["--config", str(config), "--out", str(image)]) == 0
        partition = (shell.folder / f"{NAME}.nvs").read_bytes()
        options = {"sensors": [Cabinet()], "heap": HEAP, "speed": SPEED}
        bench.board(NAME, image.read_bytes(), nvs=partition, **options).power_on()

    return on


def written(shell) -> None:
    """The node's configuration as the guide prints it."""
    (block,) = sections(GUIDE, "json")["The node and its monitor"]
    (shell.folder / f"{NAME}.json").write_text(block)


async def until(gate, **values) -> None:
    """Wait until the node has reported these values of its points."""

    def is_so(shown) -> bool:
        found = {point["name"]: point["value"] for point in shown["points"]}
        return shown["connected"] and values.items() <= {**found, "boot": shown["boot"]}.items()

    await gate.until(is_so, "nodes.show", node=NAME, deadline_s=60)


@pytest.mark.timeout(300)  # fifty commands, each a process of its own
async def test_the_guide(shell, gate, power) -> None:
    await shell.run(AT_HAND)
    await shell.section(GUIDE, "From the drawing to site.toml")
    written(shell)
    said = await shell.section(GUIDE, "The node and its monitor")
    assert re.search(r'"monitor": \{.*?\}', (shell.folder / f"{NAME}.json").read_text())[0] in said
    power()
    await until(gate, state=FLASHING, edition=0)
    said = await shell.section(GUIDE, "Two roots sign the site record")
    assert "signal-1 holds it, flashes, and starts anew with it" in said
    await until(gate, edition=1, boot=2)
    said = await shell.section(GUIDE, "A plan")
    assert re.search(r"executed: signal-1 plan_load was 0, reads back \d+", said)
    await until(gate, plan=1)
    said = await shell.section(GUIDE, "What it does, and what it has done")
    assert 'plan 1 "day"   cycle ' in said
    assert "edition 1 (CN)" in said
    assert "walk S" in said
    assert 'goes by plan 1, "day"' in said
    assert 'utc_offset = "+08:00"' in said
    said = await shell.run(IN_PASSING)
    assert "intergreen SB > walk S: 6s  ->  7s" in said
    assert "executed: signal-1 plan was 1, reads back 2" in said
    assert said.count('"slot": ') >= 2


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", GUIDE.read_text("utf-8")):
        assert (GUIDE.parent / target).exists(), target


def test_every_section_with_commands_is_run() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [heading for heading, blocks in sections(GUIDE).items() if blocks and f'"{heading}"' not in source] == []


def test_the_guide_names_every_option_and_is_short() -> None:
    text = GUIDE.read_text("utf-8")
    from paifang_tools.signals import plan_file

    for word in (*plan_file.PHASE_OPTIONS.words, *plan_file.DETECTOR["options"].words):
        assert f"`{word}`" in text
