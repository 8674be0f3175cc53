"""Modules that are needed for a moment only: their heap is given back when it is over."""

import gc
import sys

_PACKAGES = ("node.", "paifang_wire.", "roles.", "drivers.")


def loaded() -> list:
    """The names of a node's own modules that are loaded now: for `forget_since`."""
    return [name for name in sys.modules if name.startswith(_PACKAGES)]


def forget_since(before: list) -> None:
    """Forget the modules of a node's own that have been loaded since `before`; nothing may refer to them any more."""
    for name in loaded():
        if name not in before:
            module = sys.modules.pop(name)
            package, _, part = name.rpartition(".")
            if package in sys.modules and getattr(sys.modules[package], part, None) is module:
                delattr(sys.modules[package], part)
    gc.collect()
