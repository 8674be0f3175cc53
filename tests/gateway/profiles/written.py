"""A profile as somebody writes it, small enough to be spoiled in one place."""

from __future__ import annotations

from pathlib import Path

from paifang.profiles.load import ProfileError, parse

FILE = Path("/etc/paifang/profiles/meter.toml")

METER = """\
name = "meter"
title = "A meter"
maker = "Nobody"
model = "M1"
protocol = "modbus"
source = "its manual"

[modbus]
max_registers = 80
forbidden = [{ table = "holding", first = 0x0200, last = 0x02FF }]

[groups]
live = "5s"
energy = "1m"

[defaults]
attributes = { table = "holding", type = "float32" }
properties = { group = "live" }

[points]
voltage = { attributes = { address = 0 }, properties = { unit = "V", scale = -1, min = 0, max = 300 } }
energy = { attributes = { address = 2, unit = "kWh" }, properties = { unit = "Wh", group = "energy" } }
serial = { attributes = { address = 8, type = "string", registers = 4 }, properties = { type = "text" } }

[points.relay]
attributes = { address = 16, type = "uint16" }
properties = { type = "switch", access = "read-write", class = 2, interlock = "1: voltage<=2530" }

[[examples]]
source = "made"
request = "01 03 00 00 00 02 C4 0B"
frame = "01 03 04 43 66 33 34 5A CF"
values = { voltage = 230.2 }
"""


def spoilt(old: str, new: str) -> str:
    """The meter with one change."""
    assert METER.count(old) == 1, f"{old!r} stands there {METER.count(old)} times"
    return METER.replace(old, new)


def told(text: str) -> list[str]:
    """What is said about a file, its name left out."""
    try:
        parse(text, FILE)
    except ProfileError as error:
        return [str(problem).removeprefix(f"{FILE}:") for problem in error.problems]
    return []
