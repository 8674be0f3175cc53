"""A tap on the line between nodes and gateway: it counts frames, and can cut, delay, drop or change them.

Each fault leaves evidence: that it `fired`, `at_ms`, and `where`. A run whose fault did not fire proves nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from paifang_rig.errors import RigError
from paifang_wire import cbor, messages
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

UP, DOWN = "up", "down"
_READ_BYTES = 65536
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
_HEADS = {0x58: 1, 0x59: 2, 0x5A: 4}  # CBOR byte strings (RFC 8949 section 3.1) with their length in 1, 2 or 4 bytes


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole items of a CBOR sequence of byte strings, heads included, and what is left; garbage passes as one item."""
    items: list[bytes] = []
    while data:
        extra = _HEADS.get(data[0], 0)
        if not (0x40 <= data[0] <= 0x57 or extra):
            return [*items, data], b""
        if len(data) < 1 + extra:
            break
        length = int.from_bytes(data[1 : 1 + extra], "big") if extra else data[0] - 0x40
        end = 1 + extra + length
        if len(data) < end:
            break
        items.append(data[:end])
        data = data[end:]
    return items, data


def message_of(item: bytes) -> list[Any] | None:
    """The message in one item of the sequence, its MAC unchecked; None when there is none."""
    with contextlib.suppress(WireError, IndexError, TypeError, ValueError):
        return messages.decode(cbor.decode(cbor.decode(item))[2])
    return None


@dataclass(slots=True)
class Fault:
    """Acts on the `at`-th frame in `direction` that passes from now on (1 is the next), once.

    `act` gets the frame and gives what passes instead, b"" for nothing.
    """

    direction: str
    at: int
    act: Callable[[bytes], bytes]
    fired: bool = False
    at_ms: int = 0
    where: str = ""


@dataclass(slots=True)
class Trigger:
    """Calls `action` when a report has passed up and before any frame comes down: its ack is still on the way.

    `skip` reports pass up before. Until `Tap.release` nothing comes down after it.
    """

    action: Callable[[], None]
    skip: int = 0
    fired: bool = False
    at_ms: int = 0
    where: str = ""


@dataclass(slots=True)
class Counts:
    connections: int = 0
    frames: dict[str, int] = field(default_factory=lambda: {UP: 0, DOWN: 0})
    octets: dict[str, int] = field(default_factory=lambda: {UP: 0, DOWN: 0})


class Tap:
    """`async with Tap(gateway_port) as tap`: nodes connect to `tap.port`. `port_of` may be a function for a gateway
    that moves. `stall()` keeps connections open and passes nothing, `resume()` ends it; `delay_ms` holds each frame.
    `heard(connection, direction, message)` is called for each message that passed whole.
    """

    def __init__(self, port_of: int | Callable[[], int]) -> None:
        self._port_of = port_of if callable(port_of) else lambda: port_of
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._faults: list[Fault] = []
        self._trigger: Trigger | None = None
        self.heard: Callable[[int, str, list[Any]], None] | None = None
        self.counts = Counts()
        self.delay_ms = 0
        self.refuse = False
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> int:
        """Every connection breaks now, with a reset; how many there were. New ones are taken unless `refuse`."""
        broken = len(self._writers)
        for writer in list(self._writers):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            writer.transport.abort()
        return broken

    def stall(self) -> None:
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def drop(self, direction: str, at: int = 1) -> Fault:
        """The frame vanishes, the connection lives on."""
        return self._arm(direction, at, lambda _: b"")

    def corrupt(self, direction: str, at: int = 1, bit: int = 100) -> Fault:
        """One bit of the frame is wrong: bit `bit` after its head, modulo its length."""
        return self._arm(direction, at, lambda frame: _flip(frame, bit))

    def change(self, direction: str, act: Callable[[bytes], bytes], at: int = 1) -> Fault:
        """`act` gives the bytes that pass instead."""
        return self._arm(direction, at, act)

    def before_ack(self, action: Callable[[], None], skip: int = 0) -> Trigger:
        """Call `action` when a report is up and its ack not yet down; what comes down after that is not passed on."""
        self._trigger = Trigger(action, skip)
        return self._trigger

    def _arm(self, direction: str, at: int, act: Callable[[bytes], bytes]) -> Fault:
        if direction not in {UP, DOWN} or at < 1:
            raise RigError(f"a fault needs direction {UP!r} or {DOWN!r} and a frame from 1 on, not {direction!r}, {at}")
        fault = Fault(direction, at, act)
        self._faults.append(fault)
        return fault

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError):
                await self._join(reader, writer)
        except asyncio.CancelledError:
            pass  # the tap stops; a server's handler that ends as cancelled would be reported as an error
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port_of())
        self._writers |= {writer, far_writer}
        self.counts.connections += 1
        number = self.counts.connections
        pumps = [
            asyncio.create_task(self._pump(number, reader, far_writer, UP)),
            asyncio.create_task(self._pump(number, far_reader, writer, DOWN)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers -= {writer, far_writer}
            far_writer.transport.abort()

    async def _pump(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        rest = b""
        while data := await reader.read(_READ_BYTES):
            frames, rest = split(rest + data)
            for frame in frames:
                if self.delay_ms:
                    await asyncio.sleep(self.delay_ms / 1000)
                await self._flowing.wait()
                await self._pass(number, frame, writer, direction)

    async def _pass(self, number: int, frame: bytes, writer: asyncio.StreamWriter, direction: str) -> None:
        self.counts.frames[direction] += 1
        self.counts.octets[direction] += len(frame)
        trigger = self._trigger
        if direction == DOWN and trigger and trigger.fired:
            return
        passed = self._after_faults(frame, direction)
        if passed:
            writer.write(passed)
            await writer.drain()
        message = message_of(frame) if passed == frame and (self.heard or trigger) else None
        if message and self.heard:
            self.heard(number, direction, message)
        if trigger and not trigger.fired and direction == UP and message and message[0] == messages.REPORT:
            self._pull(trigger)

    def _pull(self, trigger: Trigger) -> None:
        if trigger.skip:
            trigger.skip -= 1
            return
        trigger.fired, trigger.at_ms = True, _now_ms()
        trigger.where = f"after frame {self.counts.frames[UP]} up, {self.counts.frames[DOWN]} down"
        trigger.action()

    def release(self) -> None:
        """Forget the trigger: frames come down again."""
        self._trigger = None

    def _after_faults(self, frame: bytes, direction: str) -> bytes:
        for fault in [fault for fault in self._faults if fault.direction == direction]:
            fault.at -= 1
            if fault.at == 0:
                self._faults.remove(fault)
                fault.fired, fault.at_ms = True, _now_ms()
                fault.where = f"frame {self.counts.frames[direction]} {direction}, {len(frame)} bytes"
                frame = fault.act(frame)
        return frame

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def _flip(frame: bytes, bit: int) -> bytes:
    head = 1 + _HEADS.get(frame[0], 0)
    place = bit % ((len(frame) - head) * 8 or 1)
    changed = bytearray(frame)
    changed[head + place // 8] ^= 1 << place % 8
    return bytes(changed)


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
