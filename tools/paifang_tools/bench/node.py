"""Suite `node`: what the firmware costs a node, measured on the MicroPython interpreter itself."""

import subprocess
import sys
import tempfile
from pathlib import Path

from paifang_tools import build
from paifang_tools.bench.rows import AT_MOST, Row, emit, row

_HEAP = "128k"
_KEPT = """
import asyncio, gc, hashlib
gc.collect()
before = gc.mem_alloc()
import paifang_wire.session
from node import commands, health, link, outbox, records, supervisor, tcp, trust, uptime, wall, wifi
gc.collect()
print(gc.mem_alloc() - before)
"""
_ALLOCATED = """
import gc
from paifang_wire.session import Channel
channel = Channel(bytes(32), "ward-1", "aq-1", 40, bytes(32), 0)
report = [3, 40, 5000, 86400000, 1795000000000, {1: 12, 2: 18, 3: 25, 7: 1500}, {}]
for _ in range(3000):
    channel.seal(report)
gc.collect()
gc.disable()
before = gc.mem_alloc()
frame = channel.seal(report)
print(gc.mem_alloc() - before)
"""


def main() -> None:
    """Print the suite's rows."""
    emit(rows())


def rows() -> list[Row]:
    """Measure and return the suite's rows."""
    image = build.image_size(build.build_image({}))
    how = f"64-bit unix port, heap of {_HEAP}, .mpy; without asyncio and what is forgotten after the start"
    return [
        row("heap kept by the wire and the node's runtime", _run(_KEPT) / 1024, "KiB", how, (AT_MOST, 50)),
        row("heap allocated to encode and seal a report", _run(_ALLOCATED), "B", how, (AT_MOST, 1024)),
        row("firmware on flash", image.content / 1024, "KiB", "sum of all files of a node"),
        row("firmware image, blocks in use", image.used / 1024, "KiB", f"LittleFS of {image.total // 1024} KiB"),
    ]


def _run(script: str) -> int:
    """Run `script` on the interpreter with a node's files in reach, and return the number that it prints."""
    interpreter = Path(sys.executable).with_name("micropython")
    with tempfile.TemporaryDirectory() as folder:
        for name, data in build.node_files().items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        command = [interpreter, "-X", f"heapsize={_HEAP}", "-c", script]
        path = {"MICROPYPATH": f"{folder}:{folder}/lib:.frozen"}
        done = subprocess.run(command, env=path, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{interpreter} stopped: {done.stderr}{done.stdout}")
    return int(done.stdout)


if __name__ == "__main__":
    main()
