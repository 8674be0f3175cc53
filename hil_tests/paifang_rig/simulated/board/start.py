"""Power on: join the bench, put the stand-ins in place of the unix port's modules, mount the flash at `/`, boot.

Arguments, all inherited descriptors: control channel, flash, a pipe that never has data, then pairs of UART number and
descriptor. What follows is what an ESP32 does: `boot.py`, then `main.py`.
"""

import gc
import sys

import bench


def _wire(arguments):
    """Import every stand-in while the host's files can still be seen, then leave the paths of an ESP32 behind."""
    bench.connect(arguments[0])
    sys.modules["asyncio"] = _asyncio()
    import esp_time

    sys.modules["time"] = esp_time
    import esp32
    import machine
    import network
    import socket

    uarts = {arguments[i]: arguments[i + 1] for i in range(3, len(arguments), 2)}
    machine.wire(uarts, arguments[2], arguments[1])
    _mount(arguments[1])
    sys.path[:] = ["", ".frozen", "/lib"]
    sys.argv[:] = [""]


def _asyncio():
    """asyncio on the interpreter's clock; when node time runs faster, its waits are shorter by the same factor."""
    import asyncio
    from asyncio import core

    if bench.SPEED != 1:
        wait_ms, speed = core.sleep_ms, bench.SPEED
        asyncio.sleep_ms = core.sleep_ms = lambda ms: wait_ms((ms + speed - 1) // speed)
    return asyncio


def _mount(flash_fd):
    import flash
    import vfs

    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(flash.Flash(flash_fd, bench.BLOCK_COUNT), readsize=32, progsize=32, lookahead=32), "/")


def _run(name):
    import os

    try:
        os.stat(name)
    except OSError:
        return
    execfile(name, {"__name__": "__main__"})


_wire([int(argument) for argument in sys.argv[1:]])
gc.collect()
_run("/boot.py")
_run("/main.py")
