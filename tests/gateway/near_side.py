"""The gateway in a test: its settings, and what it holds of the process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from paifang.control.authority import ALL_ROLES, Caller, Principal
from paifang.settings import NodesSettings, Settings, StoreSettings, TcpSettings

CALLER = Caller(1, 1000, 1000, principal=Principal("ops", "ops", ALL_ROLES, 1000))
"""Somebody on this machine who may do all."""


def settings_in(folder: Path, **changes: Any) -> Settings:
    """Those of a gateway in `folder`, at any free port, that commits without delay."""
    nodes = NodesSettings(tcp=TcpSettings(listen="127.0.0.1:0"))
    return Settings(**{"data": folder, "nodes": nodes, "store": StoreSettings(commit_ms=1), **changes})


def open_files() -> int:
    """Of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident_bytes() -> int:
    """What of this process lies in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
