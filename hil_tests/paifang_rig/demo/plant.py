"""Third-party devices beside the demo's nodes: a meter and a relay board on one Modbus line, a DL/T 645 meter, and a
Bluetooth thermometer.

Each is a program of somebody else: pymodbus and the meter of the package dlt645 in processes of their own, bumble's
peripheral around the gateway's (see `on_air`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING

from paifang.bridges.ble.radio import ANY_ADAPTER
from paifang.errors import PaifangError
from paifang_rig import on_air
from paifang_rig.modbus_peer import ModbusPeer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from paifang_rig.demo.ward import Ward

METER, RELAYS, CHINESE_METER, THERMOMETER = "shop-7", "pump-9", "shop-8", "roof-1"
DEVICES = METER, RELAYS, CHINESE_METER, THERMOMETER
_BAUD = 9600
_METER_UNIT, _RELAY_UNIT = 1, 2
_VALUES = {0x0000: 231.4, 0x0006: 3.21, 0x000C: 742.8, 0x0012: 743.0, 0x0018: 12.5, 0x001E: 0.999, 0x0046: 49.98}
_COUNTERS = {0x0048: 1234.5, 0x004A: 0.0, 0x004C: 17.25, 0x004E: 0.0, 0x0156: 1234.5, 0x0158: 17.25}
"""Registers of an Eastron SDM120, which has more of them than anybody wants to know."""
_REGISTERS = 0x0160
_ADDRESS = "201709320072"
_MEASURED = {"02010100": 229.8, "02020100": 1.5, "02030000": 0.3447, "02060000": 0.999, "00010000": 5678.9}
"""Data identifiers: voltage, current, kW, power factor, kWh."""


@contextlib.asynccontextmanager
async def open_plant(folder: Path) -> AsyncIterator[str]:
    """The devices run meanwhile; gives what the gateway's settings say of them."""
    link = folder / "usb-rs485"
    given = {**dict.fromkeys(range(0, _REGISTERS, 2), 0.0), **_VALUES, **_COUNTERS}
    registers = {str(address): value for address, value in given.items()}
    units = {_METER_UNIT: {"input": registers}, _RELAY_UNIT: {"coils": [0] * 8}}
    command = (sys.executable, "-m", "paifang_rig.dlt645_meter", _ADDRESS, json.dumps(_MEASURED))
    pipe = asyncio.subprocess.PIPE
    meter = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert meter.stdout is not None
    peer = ModbusPeer(units, serial=str(link), baud=_BAUD)
    try:
        await asyncio.to_thread(peer.start)
        yield _settings(link, int(await meter.stdout.readline()))
    finally:
        peer.stop()
        meter.kill()
        await meter.wait()


class Relays:
    """The demo's chapter of a device that is not ours."""

    def __init__(self, ward: Ward, say: Callable[..., None]) -> None:
        self._ward = ward
        self._say = say

    async def switch(self) -> None:
        self._say(f"$ paifang send {RELAYS} relay_1 on --key bob          (a relay board on a Modbus line, class 2)")
        await self._set("relay_1", 1)

    async def together(self) -> None:
        self._say(f"$ paifang send {RELAYS} relay_8 on --key alice          (two-person, gateway-enforced)")
        answer = await self._ward.operators.set("alice", RELAYS, "relay_8", 1)
        self._say(f"{answer['verdict']}: the board checks nobody, so the gateway waits for a second person")
        self._say(f"$ paifang approve {answer['id']} --key carol")
        self._tell(await self._ward.operators.approve("carol", str(answer["id"])))

    async def _set(self, point: str, value: int) -> None:
        try:
            self._tell(await self._ward.operators.set("bob", RELAYS, point, value))
        except PaifangError as error:
            self._say(f"refused by the gateway: {error.message}", "refused")

    def _tell(self, receipt: dict[str, object]) -> None:
        if receipt["verdict"] != "executed":
            self._say(f"receipt of {RELAYS}: {receipt['verdict']}: {receipt['reason']}", "refused")
            return
        before, after = ("on" if receipt[key] else "off" for key in ("before", "after"))
        words = f"executed: {receipt['point']} was {before}, reads back {after}"
        self._say(f"receipt by way of the bridge: {words}", "did")


def _settings(link: Path, port: int) -> str:
    return f"""
[[bridges]]
serial = "{link}"
baud = {_BAUD}

[[bridges.devices]]
name = "{METER}"
profile = "eastron-sdm120"
unit = {_METER_UNIT}

[[bridges.devices]]
name = "{RELAYS}"
profile = "modbus-relay-8"
unit = {_RELAY_UNIT}
two_persons = ["relay_8"]

[[bridges]]
tcp = "127.0.0.1:{port}"

[[bridges.devices]]
name = "{CHINESE_METER}"
profile = "dlt645-single-phase"
address = "{_ADDRESS}"

[[bridges]]
ble = "{ANY_ADAPTER}"

[[bridges.devices]]
name = "{THERMOMETER}"
profile = "bthome"
address = "{on_air.ADDRESS}"
key = "{on_air.KEY.hex()}"
"""
