"""Power on: join the bench and put the stand-ins in place of the unix port's modules. Forgotten once it is done.

The process's arguments are inherited descriptors: control channel, flash, a pipe that never has data, then pairs of
UART number and descriptor.
"""

import struct
import sys

import bench
import vfs

arguments = [int(argument) for argument in sys.argv[1:]]
bench.channel = open(arguments[0], "rb+")
bench.SPEED, bench.FIRST_TICK, bench.RESET_CAUSE, _blocks, bench.UNIQUE_ID = struct.unpack("<HIBH6s", bench.ask(1))
bench._folder = vfs.VfsPosix(sys.path[1])

import asyncio  # on the interpreter's clock: before `time` is another one
from asyncio import core

if bench.SPEED != 1:
    import scaled_asyncio

    scaled_asyncio.install(asyncio, core, bench.SPEED)

import esp_time

sys.modules["time"] = esp_time
import socket

import esp32
import flash
import machine
import network

for i in range(3, len(arguments), 2):
    machine.uarts[arguments[i]] = arguments[i + 1]
machine.floating_fd, machine.ready_fd = arguments[2], arguments[1]
vfs.umount("/")
_flash = flash.Flash(open(arguments[1], "rb+"), _blocks)
vfs.mount(vfs.VfsLfs2(_flash, readsize=32, progsize=32, lookahead=32), "/")
sys.path[:] = ["", ".frozen", "/lib"]
sys.argv[:] = [""]
