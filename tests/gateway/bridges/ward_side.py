"""A profile small enough to be known by heart, and what a device of it stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paifang.bridges.ward.description import Description
from paifang.bridges.ward.device import WardDevice
from paifang.profiles.load import parse
from paifang_wire import messages

BOILER = """\
name = "boiler"
title = "A boiler"
maker = "Nobody"
model = "B1"
protocol = "modbus"
source = "made up"

[line]
timeout = "200ms"

[groups]
live = "1s"
slow = "10s"

[defaults]
attributes = { table = "holding", type = "uint16" }
properties = { group = "live" }

[points]
serial = { attributes = { address = 50, type = "string", registers = 2 }, properties = { type = "text" } }

[points.temperature]
attributes = { address = 0, factor = 0.1 }
properties = { unit = "°C", scale = -1, min = 0, max = 120 }

[points.heat]
attributes = { address = 1 }
properties = { unit = "kWh", kind = "counter", quality = { rate = 100 }, group = "slow" }

[points.burner]
attributes = { table = "coil", address = 0, type = "bit" }
properties = { type = "switch", access = "read-write", class = 1, interlock = "1: temperature<=900", safe = false }

[points.valve]
attributes = { address = 10 }
properties = { unit = "%", min = 0, max = 100, access = "read-write", class = 2 }

[points.pump]
attributes = { table = "coil", address = 1, type = "bit" }
properties = { type = "switch", access = "read-write", class = 2, safe = true }

[[examples]]
source = "made"
request = "01 03 00 00 00 01 84 0A"
frame = "01 03 02 02 58 B8 DE"
values = { temperature = 60 }
"""
PROFILE = parse(BOILER, Path("boiler.toml"))
DESCRIPTION = Description.of(PROFILE)
TEMPERATURE, HEAT, BURNER, VALVE, PUMP = 1, 2, 3, 4, 5
GOOD = messages.GOOD


class Written:
    """A recorder that remembers. `reports`: (values, quality, uptime_ms), `events`: (code, point, detail)."""

    def __init__(self) -> None:
        self.reports: list[tuple[dict[int, int | None], dict[int, int], int]] = []
        self.events: list[tuple[int, int | None, str]] = []

    def report(self, values: Any, quality: Any, uptime_ms: int) -> None:
        self.reports.append((dict(values), dict(quality), uptime_ms))

    def event(self, code: int, point: int | None, detail: str) -> None:
        self.events.append((code, point, detail))


def boiler(started_us: int = 0) -> tuple[WardDevice, Written]:
    written: Any = Written()
    return WardDevice("boiler-1", PROFILE, DESCRIPTION, written, started_us), written
