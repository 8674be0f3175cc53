"""Bench suite `bridges-tcp`: readings of many Modbus TCP devices through the bridge into the store.

    python -m paifang_rig.bridges_ingest

The devices are in a process of their own, each behind an address of the loopback network, and are asked as often as the
bridge can. What counts is what the store has synced, and the processor time of the process that asks and stores.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import struct
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from paifang.bridges.service import BridgeService
from paifang.bridges.ward.bridged import Clock
from paifang.config.bridges import BridgeSettings, DeviceSettings
from paifang.profiles.catalogue import Catalogue
from paifang.store import Store
from paifang_rig.errors import RigError
from paifang_tools.bench.rows import AT_LEAST, Row, emit, middle, row

DEVICES, POINTS, ROUNDS, ROUND_S, UP_S = 500, 30, 5, 4.0, 60
_PROFILE = f"""\
name = "crowd"
title = "One of many"
maker = "Nobody"
model = "C1"
protocol = "modbus"
source = "made up"
[groups]
live = "100ms"
[defaults]
attributes = {{ table = "holding", type = "uint16" }}
properties = {{ group = "live", unit = "W" }}
[points]
{"".join(f"p{number} = {{ attributes = {{ address = {number} }} }}{chr(10)}" for number in range(POINTS))}
[[examples]]
source = "made up"
request = "01 03 00 00 00 01 84 0A"
frame = "01 03 02 02 58 B8 DE"
values = {{ p0 = 600 }}
"""
_HEAD = struct.Struct(">HHHBBHH")


def main() -> None:
    """Print the suite's rows; with an argument, be the devices."""
    _allow_many_connections()
    if len(sys.argv) > 1:
        asyncio.run(_devices())
    else:
        emit(uvloop.run(_measure()))


def _allow_many_connections() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _hosts() -> list[str]:
    return [f"127.0.{2 + number // 250}.{1 + number % 250}" for number in range(DEVICES)]


class _Device(asyncio.Protocol):
    """Answers any reading of registers, with numbers that change."""

    def __init__(self) -> None:
        self._asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        for at in range(0, len(data), _HEAD.size):
            transaction, _, _, unit, function, _, count = _HEAD.unpack_from(data, at)
            self._asked += 1
            registers = struct.pack(f">{count}H", *(self._asked + place & 0xFFFF for place in range(count)))
            head = struct.pack(">HHHBBB", transaction, 0, 3 + len(registers), unit, function, len(registers))
            self._write(head + registers)


async def _devices() -> None:
    """Says the port, and is there until it is ended."""
    loop = asyncio.get_running_loop()
    hosts = _hosts()
    first = await loop.create_server(_Device, hosts[0], 0)
    port = first.sockets[0].getsockname()[1]
    await loop.create_server(_Device, hosts[1:], port)
    print(port, flush=True)
    await asyncio.Event().wait()


async def _measure() -> list[Row]:
    command = (sys.executable, "-m", "paifang_rig.bridges_ingest", "devices")
    peer = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert peer.stdout is not None
    try:
        with tempfile.TemporaryDirectory() as place:
            return await _played(Path(place), int(await peer.stdout.readline()))
    finally:
        peer.terminate()
        await peer.wait()


async def _played(folder: Path, port: int) -> list[Row]:
    (folder / "profiles").mkdir()
    (folder / "profiles" / "crowd.toml").write_text(_PROFILE)
    store = Store(folder / "bench.db", settled=lambda _batch: None, commit_ms=50)
    await store.open()
    before = _resident_bytes()
    clock = Clock(time.monotonic, lambda: time.time_ns() // 1_000_000, secrets.token_bytes)
    service = BridgeService(store, clock)
    await service.start(_settings(port), Catalogue.of(folder))
    await _all_up(service)
    rounds = [await _round(store) for _ in range(ROUNDS)]
    memory = (_resident_bytes() - before) / DEVICES / 1024
    await service.stop()
    await store.close()
    return _rows(rounds, memory)


def _settings(port: int) -> list[BridgeSettings]:
    return [
        BridgeSettings(tcp=f"{host}:{port}", devices=(DeviceSettings(name=f"c-{number}", profile="crowd", unit=1),))
        for number, host in enumerate(_hosts())
    ]


async def _all_up(service: BridgeService) -> None:
    try:
        async with asyncio.timeout(UP_S):
            while any(each["state"] != "up" for each in service.rows()):  # noqa: ASYNC110 - it is only looked at
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise RigError(f"the devices are not up within {UP_S} s: {service.status()[:3]}") from error


async def _round(store: Store) -> tuple[float, float]:
    """Readings stored a second, and a second of the processor."""
    stored, began_s, began_processor_s = store.stored, time.monotonic(), time.process_time()
    await asyncio.sleep(ROUND_S)
    readings = (store.stored - stored) * POINTS
    return readings / (time.monotonic() - began_s), readings / (time.process_time() - began_processor_s)


def _rows(rounds: list[tuple[float, float]], memory_kib: float) -> list[Row]:
    how = f"median of {ROUNDS} rounds of {ROUND_S:g} s: {DEVICES} devices of {POINTS} points, a connection each"
    asked = f"{how}; asked for ten times a second each, {DEVICES * POINTS * 10:,}/s in all"
    return [
        row("readings from Modbus TCP to synced SQLite", middle([each for each, _ in rounds]), "1/s", asked),
        row(
            "readings from Modbus TCP to synced SQLite, a core",
            middle([each for _, each in rounds]),
            "1/s",
            f"{how}; by processor time of the process, the store's thread included",
            (AT_LEAST, 40_000),
        ),
        row("memory of a bridged device", memory_kib, "KiB", "resident, over all of them, store and profile included"),
    ]


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
