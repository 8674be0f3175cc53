"""Where a signal's node runs: in this interpreter, on a simulated board, or on a board at the end of a serial line.

All three run the shipped role; what lies between it and the street is a cabinet in memory, or frames on a UART. Time
is what the caller says: nothing happens between two ticks.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paifang_rig.bench import Bench
from paifang_rig.errors import RigError

from . import node as signal_node
from .in_process import InProcess
from .seen import NO_UNIT, TICK_MS, Port, Seen, flags
from .shipped import frames
from .street import Street

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from paifang_rig.storage import PowerFault

__all__ = ("NO_UNIT", "TICK_MS", "InProcess", "Lockstep", "NodeLostError", "OnBoard", "OnLine", "Port", "Seen")

_ANSWER_S = 10
_START_S = 20
_KNOCK_S, _KNOCKS = 0.5, 40
_PERIOD_MS = 60_000
_NAME = "signal"


class NodeLostError(RigError):
    """The node does not answer any more: its power has gone, or it has reset itself."""


class Lockstep:
    """A node at the other end of a line that speaks `loop_frames`. `exchange(frame)` gives the answer's bytes."""

    def __init__(self, groups: int, exchange: Callable[[bytes], bytes]) -> None:
        self.street = Street()
        self.reason = self.trip = 0
        self._groups = groups
        self._exchange = exchange
        self._seq = 0

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        return self._step(t_ms, seen, 0)

    def sample(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        return self._step(t_ms, seen, frames.SAMPLE_ONLY)

    def _step(self, t_ms: int, seen: Seen, more: int) -> tuple[bytes, int]:
        order, phases = seen.order or (frames.NO_ORDER, 0)
        self._seq += 1
        self.street.pass_time(t_ms)
        known = (seen.detectors, seen.pedestrians, seen.preempts | seen.transit << 4, order, phases)
        bits = flags(self.street, seen) | more
        frame = frames.down(self._seq, t_ms, *known, self.street.lit(), bits, seen.clock_ms)
        seq, at_ms, aspects, lamps, enable, mode, reason = frames.read_up(self._exchange(frame), self._groups)
        if seq != self._seq & 0xFFFF or at_ms != t_ms:
            raise RigError(f"the node answers tick {seq} at {at_ms} ms; asked was {self._seq} at {t_ms} ms")
        self.reason, self.trip = reason, enable >> 1
        self.street.drive(lamps, enable & 1, t_ms)
        return aspects, mode


class OnBoard(Lockstep):
    """The shipped firmware as a whole on a simulated board, which runs in a thread of its own.

    `options` as of `node.make_signal`; `prepare(node)` is called before its power comes first. The board's flash and
    NVS outlive `power_cut` and `power_on`.
    """

    def __init__(
        self,
        site_record: Sequence[Any],
        plan_record: Sequence[Any],
        *,
        prepare: Callable[[signal_node.Node], object] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(len(site_record[2]), self._ask)
        self._records = site_record, plan_record
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._folder = tempfile.TemporaryDirectory(prefix="paifang-signal-")
        self.node = self.do(self._make, options)
        if prepare:
            self.do(prepare, self.node)
        self.power_on()

    def power_on(self, cut_after: tuple[int, bool] | None = None) -> PowerFault | None:
        """Power comes; the node is ready for frames when this returns. `cut_after`: as of the board, from now on."""
        board = self.node.board

        def switch() -> PowerFault | None:
            board.power_on()
            return board.cut_after(cut_after[0], torn=cut_after[1]) if cut_after else None

        fault = self.do(switch)
        self._join()
        return fault

    def power_cut(self) -> None:
        """Power goes: the street is left to the flasher."""
        self.do(self.node.board.power_cut)
        self.lost()

    def lost(self) -> None:
        """The node has lost its power, or has reset itself: the street is left to the flasher."""
        self.line.close()
        self.street.lose_power()

    def restarted(self, boot: int) -> None:
        """Wait until it has reset itself and is at its boot number `boot`; then as `power_on`."""
        self.lost()
        board = self.node.board
        waiting = board.bench.until(lambda: board.boot >= boot and board.powered, _START_S, f"boot {boot}")
        asyncio.run_coroutine_threadsafe(waiting, self._loop).result(2 * _START_S)
        self._join()

    def close(self) -> None:
        self.line.close()
        self.do(self.node.board.bench.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def _join(self) -> None:
        wire: socket.socket = self.do(self.node.board.borrow_uart, signal_node.LOOP_UART)
        self.line = wire.dup()  # the board closes its own when power goes, in the middle of a question or not
        self.line.settimeout(_START_S)

    def _make(self, options: dict[str, Any]) -> signal_node.Node:
        bench = Bench(Path(self._folder.name))
        site_record, plan_record = self._records
        return signal_node.make_signal(bench, _NAME, site_record, [plan_record], **{"period_ms": _PERIOD_MS, **options})

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call it in the board's thread, where everything of the board has to be done."""

        async def run() -> Any:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_ANSWER_S)

    def _ask(self, frame: bytes) -> bytes:
        answer = b""
        try:
            self.line.sendall(frame)
            while len(answer) < frames.UP_BYTES:
                part = self.line.recv(frames.UP_BYTES - len(answer))
                if not part:
                    break
                answer += part
        except OSError as error:
            raise NodeLostError(f"the node does not answer: {error}; {self._said()}") from error
        if len(answer) < frames.UP_BYTES:
            raise NodeLostError(f"the node has ended: {self._said()}")
        self.line.settimeout(_ANSWER_S)
        return answer

    def _said(self) -> str:
        lines = list(self.node.board.console)[-3:]
        return "its console: " + "; ".join(lines) if lines else "it said nothing"


class OnLine(Lockstep):
    """A node at the end of a serial line of this machine: a real board, or a simulated one behind its PTY.

    `switch(on)` switches its power, if anything can.
    """

    def __init__(
        self,
        groups: int,
        device: str,
        baud: int = signal_node.LOOP_BAUD,
        switch: Callable[[bool], object] | None = None,
    ) -> None:
        import serial  # noqa: PLC0415 - only who drives a board over a line needs it

        super().__init__(groups, self._ask)
        self._switch = switch
        self._line = serial.Serial(device, baud, timeout=_ANSWER_S)

    def power_on(self) -> None:
        """Power comes; the node is ready for frames when this returns. RigError when nothing switches it."""
        self._turn(on=True)
        self._line.timeout = _KNOCK_S
        street = self.street
        bits = flags(street, Seen()) | frames.SAMPLE_ONLY
        for _ in range(_KNOCKS):  # however many of them it finds when it wakes, to a monitor they are one sample
            self._line.write(frames.down(0, street.t_ms, currents=street.lit(), flags=bits))
            if len(self._line.read(frames.UP_BYTES)) == frames.UP_BYTES:
                break
        while self._line.read(frames.UP_BYTES):
            pass
        self._line.timeout = _ANSWER_S

    def power_cut(self) -> None:
        """Power goes: the street is left to the flasher. RigError when nothing switches it."""
        self._turn(on=False)
        self.street.lose_power()

    def close(self) -> None:
        self._line.close()

    def _turn(self, *, on: bool) -> None:
        if self._switch is None:
            raise RigError(f"{self._line.port}: nothing switches the power of this board")
        self._switch(on)

    def _ask(self, frame: bytes) -> bytes:
        self._line.write(frame)
        answer = self._line.read(frames.UP_BYTES)
        if len(answer) < frames.UP_BYTES:
            raise RigError(f"{self._line.port}: the node answers {len(answer)} of {frames.UP_BYTES} bytes")
        return answer
