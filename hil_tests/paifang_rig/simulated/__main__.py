"""`python -m paifang_rig.simulated aq-1.vfs aq-1.nvs`: a simulated board that runs what would be flashed.

It shows the board's console and runs until Ctrl-C. Flash and NVS are the two files themselves, so the next run is the
node's next boot. The sensors of the role are wired to its default pins.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from paifang_rig.bench import Bench
from paifang_rig.errors import RigError
from paifang_rig.nodes import SENSORS
from paifang_tools import build, nvs
from paifang_tools.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paifang_rig.board import SimBoard

_NAME = "board"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m paifang_rig.simulated", description=__doc__)
    parser.add_argument("vfs", type=Path, help="the file system that paifang_tools.build has made")
    parser.add_argument("nvs", type=Path, help="the NVS partition that paifang_tools.provision has made")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_run(options.vfs, options.nvs))
    except (RigError, ToolError, OSError) as error:
        print(f"simulated: {error}", file=sys.stderr)
        return 2
    return 0


async def _run(vfs: Path, partition: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _bench_folder(vfs, partition) as folder:
        async with Bench(folder) as bench:
            board = _board(bench, vfs, partition)
            _say("power on; Ctrl-C cuts it")
            board.power_on()
            await stop.wait()


def _board(bench: Bench, vfs: Path, partition: Path) -> SimBoard:
    image = vfs.read_bytes()
    try:
        config = {"role": "", "link": {}, **json.loads(build.read_file(image, "config.json"))}
    except ToolError as error:
        raise RigError(f"{vfs}: {error}") from error
    master = partition.read_bytes()
    if len(master) != len(nvs.blank()):
        raise RigError(f"{partition}: an NVS partition has {len(nvs.blank())} bytes, this file {len(master)}")
    serial = config["link"].get("kind") == "serial"
    sensors = SENSORS.get(config["role"], list)()
    board = bench.board(_NAME, image, nvs=master, sensors=sensors, serial=serial, heard=_say)
    if serial:
        _say(f'for the gateway, in a [[nodes.serial]]: device = "{board.serial_path}"')
    return board


@contextlib.contextmanager
def _bench_folder(vfs: Path, partition: Path) -> Iterator[Path]:
    """Where the bench finds the board's flash and NVS: links to the two files."""
    with tempfile.TemporaryDirectory(prefix="paifang-board-") as folder:
        place = Path(folder) / _NAME
        place.mkdir()
        (place / "flash.bin").symlink_to(vfs.resolve())
        (place / "nvs.bin").symlink_to(partition.resolve())
        yield Path(folder)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
