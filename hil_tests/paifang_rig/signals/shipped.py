"""The signal parts of the firmware, as shipped, on this interpreter: `from .shipped import interlock, ...`."""

from __future__ import annotations

import importlib
from typing import Any

from paifang_tools.signals.shipped import part

aspects: Any = part("aspects")
interlock: Any = part("interlock")
monitor: Any = part("monitor")
phases: Any = part("phases")
plans: Any = part("plans")
points: Any = part("points")
site: Any = part("site")
role: Any = part("role")
frames: Any = importlib.import_module("drivers.loop_frames")
