"""A real ESP32 on a USB port, behind the interface of the simulated board.

Written against the interfaces of pyserial and esptool; nothing in this file has been run on silicon yet.
Its power is switched by a command that gets "on" or "off" (a USB hub with per-port power, a network socket).
"""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import serial
from serial.tools import list_ports

from paifang_rig.console import Console
from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from collections.abc import Sequence

VFS_OFFSET = "0x200000"  # MicroPython's stock 4 MB table: the file system takes the upper 2 MB, 512 blocks
CONSOLE_BAUD = 115200
_ESPTOOL_TIMEOUT_S = 120


def find_port(mac: str) -> str:
    """The device whose USB serial number is `mac` (chips with USB inside), or whose chip says so (behind a bridge)."""
    wanted = mac.replace(":", "").lower()
    ports = list(list_ports.comports())
    for port in ports:
        if (port.serial_number or "").replace(":", "").lower() == wanted:
            return port.device
    for port in ports:
        if port.vid is not None and wanted in _esptool(port.device, "read-mac").replace(":", "").lower():
            return port.device
    seen = ", ".join(port.device for port in ports) or "no serial port at all"
    raise RigError(f"no board with the MAC {mac} on USB (seen: {seen}); plug it in, or run with --board sim")


class UsbBoard:
    """`image` is written to the board's file system before its first power-on; NVS is left as it is."""

    def __init__(self, name: str, mac: str, image: bytes, power_command: str = "") -> None:
        self.name = name
        self._mac = mac
        self._image: bytes | None = image
        self._power_command = power_command
        self._console = Console(name)
        self._port: Any = None

    @property
    def powered(self) -> bool:
        return self._port is not None

    @property
    def console(self) -> Sequence[str]:
        return self._console.lines

    def power_on(self) -> None:
        if self._power_command:
            self._switch("on")
        device = find_port(self._mac)
        if self._image:
            self._flash(device, self._image)
            self._image = None
        self._port = serial.Serial(device, CONSOLE_BAUD, timeout=0)
        self._console.begin()
        asyncio.get_running_loop().add_reader(self._port.fileno(), self._read)

    def power_cut(self) -> None:
        if not self._power_command:
            raise RigError(f"{self.name}: a board on USB needs --board-power to cut its power; a reset is not the same")
        self._hang_up()
        self._switch("off")

    async def wait_line(self, text: str, deadline_s: float = 20.0) -> str:
        return await self._console.wait_line(text, deadline_s)

    def close(self) -> None:
        self._hang_up()

    def _read(self) -> None:
        try:
            self._console.feed(self._port.read(4096))
        except serial.SerialException:  # unplugged, or its power went
            self._hang_up()

    def _hang_up(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            asyncio.get_running_loop().remove_reader(port.fileno())
            port.close()

    def _switch(self, to: str) -> None:
        done = subprocess.run([*shlex.split(self._power_command), to], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RigError(
                f"{self.name}: {self._power_command} {to} failed: {done.stderr.strip() or done.stdout.strip()}"
            )

    def _flash(self, device: str, image: bytes) -> None:
        with tempfile.NamedTemporaryFile(suffix=".img") as file:
            file.write(image)
            file.flush()
            said = _esptool(device, "write-flash", VFS_OFFSET, file.name)
        if "verified" not in said.lower():
            raise RigError(f"{self.name}: flashing {device} failed:\n{said}")


def _esptool(device: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "esptool", "--port", device, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ESPTOOL_TIMEOUT_S)
    return done.stdout + done.stderr
