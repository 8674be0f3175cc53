"""Modbus devices that are not ours: pymodbus servers in a process of their own, over TCP or on a PTY.

    python -m paifang_rig.modbus_peer '{"tcp": 5020, "units": {"1": {"coils": [0, 0], "input": {"0": 230.2}}}}'

`serial` instead of `tcp` is the path of a link that then stands for the adapter in the gateway's machine. `framing`
may be "rtu" with `tcp`, as behind a serial server. `coils`: their states from 0 on; `input` and `holding`: floats by
address, of two registers each; `words`: holding registers by address. It says "ready PORT" once it listens, and ends
with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import tty
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

READY = "ready"
_CHUNK = 4096


class ModbusPeer:
    """Such a process; `place` is the port it listens at, or the link to its PTY. A context: it ends with it."""

    def __init__(self, units: Mapping[int, Mapping[str, Any]], **how: Any) -> None:
        self._arguments = json.dumps({"units": {str(unit): given for unit, given in units.items()}, **how})
        self._process: subprocess.Popen[str] | None = None
        self.place = ""

    def start(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "paifang_rig.modbus_peer", self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(READY), f"the peer did not start: {line!r}"
        self.place = line.removeprefix(READY).strip()
        return self

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


async def _serve(how: Mapping[str, Any]) -> None:
    from pymodbus.framer import FramerType  # noqa: PLC0415 - only the peer's own process has it
    from pymodbus.server import ModbusSerialServer, ModbusTcpServer  # noqa: PLC0415

    logging.disable()  # it logs every request that it refuses
    units = {int(unit) for unit in how["units"]}

    def silence(is_sent: bool, packet: bytes) -> bytes:
        """On a line there is nobody who could say that a unit is not there."""
        is_line = "serial" in how or how.get("framing") == "rtu"
        return b"" if is_sent and is_line and packet and packet[0] not in units else packet

    devices = [_device(int(unit), given) for unit, given in how["units"].items()]
    with contextlib.ExitStack() as stack:
        if "serial" in how:
            port = stack.enter_context(_pty(Path(how["serial"])))
            server: Any = ModbusSerialServer(
                devices, port=port, baudrate=int(how.get("baud", 9600)), trace_packet=silence
            )
        else:
            framer = FramerType.RTU if how.get("framing") == "rtu" else FramerType.SOCKET
            server = ModbusTcpServer(
                devices, address=("127.0.0.1", int(how["tcp"])), framer=framer, trace_packet=silence
            )
        await server.serve_forever(background=True)
        place = how.get("serial") or server.transport.sockets[0].getsockname()[1]
        print(READY, place, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await server.shutdown()


def _device(unit: int, given: Mapping[str, Any]) -> Any:
    """Coils, inputs, holding and input registers; a table without anything has one address that nobody asks for."""
    from pymodbus.simulator import DataType, SimData, SimDevice  # noqa: PLC0415

    def floats(name: str) -> list[Any]:
        found = {int(address): float(value) for address, value in given.get(name, {}).items()}
        return [SimData(address, values=value, datatype=DataType.FLOAT32) for address, value in found.items()]

    words = [
        SimData(int(address), values=value, datatype=DataType.REGISTERS)
        for address, value in given.get("words", {}).items()
    ]
    coils = [bool(coil) for coil in given.get("coils", ())]
    bits = [SimData(0, values=coils, datatype=DataType.BITS)] if coils else [_unused_bits()]
    unused = [SimData(65_000, values=0, datatype=DataType.REGISTERS)]
    tables = (bits, [_unused_bits()], [*floats("holding"), *words] or unused, floats("input") or unused)
    return SimDevice(unit, simdata=cast("Any", tables))


def _unused_bits() -> Any:
    from pymodbus.simulator import DataType, SimData  # noqa: PLC0415

    return SimData(65_000, values=[False] * 8, datatype=DataType.BITS)


@contextlib.contextmanager
def _pty(link: Path) -> Iterator[str]:
    """Two PTYs back to back: the server has one end, `link` leads to the other."""
    near, near_end = os.openpty()
    far, far_end = os.openpty()
    for end in (near_end, far_end):
        tty.setraw(end)
    loop = asyncio.get_running_loop()
    loop.add_reader(near, _pump, near, far)
    loop.add_reader(far, _pump, far, near)
    link.unlink(missing_ok=True)
    link.symlink_to(os.ttyname(far_end))
    yield os.ttyname(near_end)
    loop.remove_reader(near)
    loop.remove_reader(far)


def _pump(source: int, target: int) -> None:
    os.write(target, os.read(source, _CHUNK))


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
