"""The checks of the shipped firmware, on this interpreter: `from .shipped import site, ...`.

The one place on the host that runs a node's code outside an interpreter of its own, for a person who waits: the judge
of a record must be the one that the node will ask, not a copy of it. What is loaded are pure functions of lists and
integers; the same sources run the same tests on both interpreters.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from paifang_tools.sources import firmware_folder

if TYPE_CHECKING:
    from pathlib import Path

_SHIM: Any = types.SimpleNamespace(const=int)


def part(name: str) -> Any:
    """The module `name` of the signal's role."""
    return importlib.import_module(f"roles.traffic_signal.{name}")


def _make_importable(firmware: Path) -> None:
    if str(firmware) not in sys.path:
        sys.path.append(str(firmware))
    sys.modules.setdefault("micropython", _SHIM)


_make_importable(firmware_folder())

aspects: Any = part("aspects")
countries: Any = part("countries")
days: Any = part("days")
plans: Any = part("plans")
site: Any = part("site")
