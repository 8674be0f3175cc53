"""Makes the firmware's modules importable on CPython, from their place on a node's flash."""

from __future__ import annotations

import sys
import types
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

for place in (ROOT / "protocols", ROOT / "firmware", HERE):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
sys.modules.setdefault("micropython", types.SimpleNamespace(const=int))  # pyright: ignore[reportArgumentType]
