"""The two files that would be flashed, made by the tools' own commands, run on a board as a user would run them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

from paifang_rig.nodes import WIFI, tcp_link
from paifang_rig.simulated import __main__ as simulated
from paifang_tools import build, provision

DEADLINE_S = 30.0


def flash_files(folder, capsys, link):
    """(file system, NVS partition, what provisioning printed) for a node aq-1."""
    config, vfs, nvs = folder / "aq-1.json", folder / "aq-1.vfs", folder / "aq-1.nvs"
    settings = {"node": "aq-1", "site": "ward-1", "role": "air_quality", "period_ms": 1_000, "link": link, "wifi": WIFI}
    config.write_text(json.dumps(settings))
    assert provision.main(["aq-1", "--nvs", str(nvs)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert build.main(["--config", str(config), "--out", str(vfs)]) == 0
    return vfs, nvs, printed


async def test_each_run_is_the_next_boot_of_the_node_in_the_files(tmp_path, capsys, bench, gateway):
    house = await gateway()
    vfs, nvs, printed = flash_files(tmp_path, capsys, tcp_link(house.port))
    await house.request("nodes.add", node=printed["node"], key=printed["key"], epoch=printed["epoch"])
    for boot in (1, 2):
        board = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "paifang_rig.simulated", str(vfs), str(nvs), stdout=asyncio.subprocess.PIPE
        )
        await bench.until(lambda b=boot: any(record["boot"] == b for record in house.stored()), DEADLINE_S)
        os.kill(board.pid, signal.SIGINT)
        said, _ = await board.communicate()
        assert board.returncode == 0
        assert said.startswith(b"power on; Ctrl-C cuts it\n")


async def test_what_the_node_says_about_a_wrong_configuration_is_seen(tmp_path, capsys):
    vfs, nvs, _ = flash_files(tmp_path, capsys, {"kind": "carrier pigeon"})
    board = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "paifang_rig.simulated", str(vfs), str(nvs), stdout=asyncio.subprocess.PIPE
    )
    assert board.stdout
    async with asyncio.timeout(DEADLINE_S):
        while b"link.kind" not in (line := await board.stdout.readline()):
            assert line
    assert b"expected one of: serial, tcp" in line
    os.kill(board.pid, signal.SIGTERM)
    assert await board.wait() == 0


def test_files_that_are_no_node_are_refused(tmp_path, capsys):
    vfs, nvs, _ = flash_files(tmp_path, capsys, {"kind": "serial"})
    for arguments, said in (
        ((nvs, vfs), "aq-1.nvs: no config.json in it: it is not the file system of a node"),
        ((vfs, vfs), "an NVS partition has 24576 bytes"),
        ((vfs, tmp_path / "none"), "No such file or directory"),
    ):
        assert simulated.main([str(each) for each in arguments]) == 2
        assert said in capsys.readouterr().err
