"""What an ESP32 does when power comes: `boot.py`, then `main.py`."""

import gc
import sys

import wiring

del sys.modules["wiring"], sys.modules["flash"], wiring
gc.collect()


def run(name):
    import os

    try:
        os.stat(name)
    except OSError:
        return
    execfile(name, {"__name__": "__main__"})  # noqa: F821 - a built-in of MicroPython


run("/boot.py")
run("/main.py")
