"""The signal parts of the firmware, as shipped, on this interpreter: `from .shipped import interlock, ...`."""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from paifang_tools import build

if TYPE_CHECKING:
    from pathlib import Path

_SHIM: Any = types.SimpleNamespace(const=int)


def _part(name: str) -> Any:
    return importlib.import_module(f"roles.traffic_signal.{name}")


def _make_importable(firmware: Path) -> None:
    if str(firmware) not in sys.path:
        sys.path.append(str(firmware))
    sys.modules.setdefault("micropython", _SHIM)


_make_importable(build.firmware_folder())

aspects: Any = _part("aspects")
interlock: Any = _part("interlock")
monitor: Any = _part("monitor")
phases: Any = _part("phases")
plans: Any = _part("plans")
site: Any = _part("site")
joined: Any = importlib.import_module("paifang_rig.signals.joined")
