"""The signal parts of the firmware, as shipped, on this interpreter: `from .shipped import interlock, ...`."""

from __future__ import annotations

import sys
import types
from pathlib import Path

FIRMWARE = Path(__file__).parents[3] / "firmware"

if str(FIRMWARE) not in sys.path:
    sys.path.append(str(FIRMWARE))
sys.modules.setdefault("micropython", types.SimpleNamespace(const=int))  # pyright: ignore[reportArgumentType]

from roles.traffic_signal import aspects, controller, detectors, interlock, monitor, phases, plans, site  # noqa: E402

__all__ = ["aspects", "controller", "detectors", "interlock", "monitor", "phases", "plans", "site"]
