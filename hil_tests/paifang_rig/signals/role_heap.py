"""Heap that the role keeps for itself on a node, measured on the MicroPython interpreter: code, tables, a running unit.

The wire, the node's runtime and what verifies signatures are loaded before; the lamps are as they should be.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from paifang_rig.authority import Authority
from paifang_rig.errors import RigError
from paifang_tools import build
from paifang_tools.signals import flash, site_file
from paifang_wire import cbor

from .node import example, signed_site
from .shipped import monitor, role

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = "signal-1"
_SCRIPT = """
import asyncio, gc, hashlib
import paifang_wire.session
from node import commands, health, ledger, link, modules, outbox, records, selecting, signing, slots, supervisor, tcp
from node import config, keyset, trust, uptime, verifier, wall
NVS = {nvs!r}
class Nvs:
    def get_i32(self, key):
        if key not in NVS:
            raise OSError(2)
        return NVS[key]
    def get_blob(self, key, buffer):
        if key not in NVS:
            raise OSError(2)
        buffer[: len(NVS[key])] = NVS[key]
        return len(NVS[key])
    def set_i32(self, key, value):
        NVS[key] = value
    def commit(self):
        pass
class Machine:
    class Pin:
        OUT = 1
        fed_ms, level = -{holds_ms}, 0
        def __init__(self, number, *_args, **_options):
            self.number = number
        def __call__(self, value):
            if self.number == {enable} and value != self.level:
                Machine.Pin.fed_ms = uptime.ms
                self.level = value
    class SPI:
        def __init__(self, *_args, **_options):
            pass
        def write_readinto(self, out, into):
            for place in range(6):  # the lamps are as the drivers want them
                into[place] = out[len(out) - 7 + place]
            into[-1] = {supply} | {relay} * (uptime.ms - Machine.Pin.fed_ms < {holds_ms})
class Uptime:
    ms = 0
    def now_ms(self):
        return self.ms
    async def sleep_ms(self, ms):
        self.ms += ms
        await asyncio.sleep(0)
class Records:
    def utc_ms(self):
        return 1_795_000_000_000 + uptime.ms
    def report(self, _values, _qualities):
        pass
    def event(self, _code, _point, _text):
        pass
async def go(role):
    task = asyncio.create_task(role.run(lambda: None))
    while uptime.ms < 60_000:
        await asyncio.sleep(0)
    task.cancel()
nvs, uptime, reports = Nvs(), Uptime(), Records()
gc.collect()
before = gc.mem_alloc()
from roles.traffic_signal import role as module
wired = {{"monitor": {monitor!r}, "cabinet": {{key: usual[0] for key, usual in module.HARDWARE["cabinet"].items()}}}}
role = module.build(wired, Machine, uptime, 1000)
del wired, module.build, module.HARDWARE, module.OPTIONAL
role.open(("ward-1", "{name}"), nvs, 1, {folder!r})
role.attach(reports)
asyncio.run(go(role))
assert role.unit.interlock.mode == 2, "it does not run"
gc.collect()
gc.collect()
print(gc.mem_alloc() - before)
"""
_RELAY_HOLDS_MS = 100
"""Without a change of the pin that feeds it."""


def kept_bytes() -> int:
    """Bytes, after a minute of a junction of 8 vehicle and 4 pedestrian groups. Raises RigError when it did not run."""
    site_record, plan = example()
    authority = Authority()
    site = signed_site(authority, _NAME, site_record)
    nvs = {"roots": authority.roots.blob, "site": flash.pointer(site), "plan": 1}
    with tempfile.TemporaryDirectory() as place:
        _write(Path(place, "image"), build.node_files())
        _write(Path(place, "flash"), flash.files(site, [cbor.encode(plan)]))
        script = _SCRIPT.format(
            nvs=nvs,
            monitor=site_file.monitor_config(site_record),
            name=_NAME,
            folder=f"{place}/flash/",
            enable=role.HARDWARE["cabinet"]["enable"][0],
            supply=monitor.SUPPLY_OK,
            relay=monitor.RELAY_CLOSED,
            holds_ms=_RELAY_HOLDS_MS,
        )
        return _run(Path(place, "image"), script)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        target = folder / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _run(folder: Path, script: str) -> int:
    command = [Path(sys.executable).with_name("micropython"), "-X", "heapsize=2m", "-c", script]
    path = {"MICROPYPATH": f"{folder}:{folder}/lib:.frozen"}
    done = subprocess.run(command, env=path, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise RigError(f"the role did not run: {done.stderr}{done.stdout}")
    return int(done.stdout.split()[-1])
