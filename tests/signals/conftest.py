"""The safety parts of a traffic signal, as shipped, on CPython."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import shipped  # noqa: F401
