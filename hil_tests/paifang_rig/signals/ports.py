"""Where a signal's node runs: in this interpreter, on a simulated board, or on a board at the end of a serial line.

All three run the shipped role; what lies between it and the street is a cabinet in memory, or frames on a UART. Time
is what the caller says: nothing happens between two ticks.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from paifang_rig.authority import Authority
from paifang_rig.bench import Bench
from paifang_rig.errors import RigError
from paifang_tools.signals import flash
from paifang_wire import cbor

from . import node as signal_node
from .shipped import frames, role
from .street import Street

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

TICK_MS = 100
_ANSWER_S = 10
_START_S = 20
_PERIOD_MS = 60_000
_NAME = "signal"


class Seen(NamedTuple):
    """What a node gets to know in a tick. `order`: (kind, phases), given once. `buttons`: flags of the cabinet."""

    detectors: int = 0
    pedestrians: int = 0
    preempts: int = 0
    transit: int = 0
    order: tuple[int, int] | None = None
    flash: bool = False
    supply: bool = True
    hands: int = 0


class Port(Protocol):
    """A node of a signal. `tick` gives the aspects of all groups and the interlock's mode after 100 ms more."""

    street: Street

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]: ...

    def sample(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        """The monitor alone looks at the street, as it does between two ticks."""
        ...

    def close(self) -> None: ...


def _flags(street: Street, seen: Seen) -> int:
    flags = frames.SUPPLY_OK * seen.supply | frames.RELAY_CLOSED * street.relay_closed
    return flags | frames.FLASH_SWITCH * seen.flash | seen.hands


class InProcess:
    """The shipped role on this interpreter. `events` are what it has told."""

    def __init__(self, site_record: Sequence[Any], plan_record: Sequence[Any]) -> None:
        self.street = Street()
        self.events: list[str] = []
        self._cabinet = _Cabinet()
        section = signal_node.monitor_section(site_record)
        matrix = [int(mask, 16) for mask in section["matrix"].split(",")]
        own = (matrix, int(section["vehicles"], 16), section["options"])
        self.role = role.TrafficSignal(self._cabinet, own, self, _PERIOD_MS)
        authority = Authority()
        site = signal_node.signed_site(authority, _NAME, site_record)
        nvs = _Nvs(roots=authority.roots.blob, site=flash.pointer(site), plan=1)
        with tempfile.TemporaryDirectory(prefix="paifang-signal-") as folder:
            for name, data in flash.files(site, [cbor.encode(plan_record)]).items():
                (Path(folder) / name).write_bytes(data)
            self.role.open((authority.site, _NAME), nvs, 1, folder + "/")
            self.role.attach(self)

    @property
    def unit(self) -> Any:
        """The role's `unit.Unit`."""
        return self.role.unit

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        return self._step(t_ms, seen, is_tick=True)

    def sample(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        return self._step(t_ms, seen, is_tick=False)

    def close(self) -> None:
        """Nothing is held."""

    def _step(self, t_ms: int, seen: Seen, *, is_tick: bool) -> tuple[bytes, int]:
        self.street.pass_time(t_ms)
        self._cabinet.take(t_ms, seen, self.street, is_tick)
        self.role._step(t_ms)  # noqa: SLF001 - what its `run` does for each frame
        unit = self.unit
        self.street.drive(unit.red | unit.amber << 16 | unit.green << 32, self._cabinet.level, t_ms)
        return bytes(unit.interlock.aspects), unit.interlock.mode

    # What the role asks of its node

    def report(self, values: dict[int, int | None], quality: dict[int, int]) -> None:
        """Reports go nowhere."""

    def event(self, code: int, point: int | None, detail: str) -> None:
        del code, point
        self.events.append(detail)

    def utc_ms(self) -> None:
        """The cabinet knows the time."""


class _Nvs:
    """`esp32.NVS` in memory."""

    def __init__(self, **entries: Any) -> None:
        self._entries = entries

    def get_i32(self, key: str) -> int:
        if key not in self._entries:
            raise OSError(-0x1102)
        return self._entries[key]

    def get_blob(self, key: str, buffer: bytearray) -> int:
        value = self._entries.get(key)
        if value is None:
            raise OSError(-0x1102)
        buffer[: len(value)] = value
        return len(value)

    def set_i32(self, key: str, value: int) -> None:
        self._entries[key] = value

    def commit(self) -> None:
        """Everything is kept at once."""


class _Cabinet:
    """`drivers.cabinet.Cabinet` in memory."""

    def __init__(self) -> None:
        self.order: tuple[int, int] | None = None
        self.red = self.amber = self.green = self.level = self._t_ms = 0
        self.covered = self.buttons = self.preempts = self.transit = self.flags = 0
        self.ticks = True

    def take(self, t_ms: int, seen: Seen, street: Street, is_tick: bool) -> None:
        self._t_ms, self.ticks, self.order = t_ms, is_tick, seen.order
        lit = street.lit()
        self.red, self.amber, self.green = lit & 0xFFFF, lit >> 16 & 0xFFFF, lit >> 32
        self.covered, self.buttons = seen.detectors, seen.pedestrians
        self.preempts, self.transit = seen.preempts, seen.transit
        self.flags = _flags(street, seen)

    def utc_ms(self, records_utc_ms: Callable[[], int | None]) -> int:
        del records_utc_ms
        return self._t_ms

    def show(self, unit: Any) -> None:
        """It is read from the unit."""

    def feed(self, level: int) -> None:
        self.level = level


class Lockstep:
    """A node at the other end of a line that speaks `loop_frames`. `exchange(frame)` gives the answer's bytes."""

    def __init__(self, groups: int, exchange: Callable[[bytes], bytes]) -> None:
        self.street = Street()
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
        frame = frames.down(self._seq, t_ms, *known, self.street.lit(), _flags(self.street, seen) | more)
        seq, at_ms, aspects, lamps, enable, mode = frames.read_up(self._exchange(frame), self._groups)
        if seq != self._seq & 0xFFFF or at_ms != t_ms:
            raise RigError(f"the node answers tick {seq} at {at_ms} ms; asked was {self._seq} at {t_ms} ms")
        self.street.drive(lamps, enable & 1, t_ms)
        return aspects, mode


class OnBoard(Lockstep):
    """The shipped firmware as a whole on a simulated board, which runs in a thread of its own.

    `options` as of `node.make_signal`. The board's flash and NVS outlive `power_cut` and `power_on`.
    """

    def __init__(self, site_record: Sequence[Any], plan_record: Sequence[Any], **options: Any) -> None:
        super().__init__(len(site_record[2]), self._ask)
        self._records = site_record, plan_record
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._folder = tempfile.TemporaryDirectory(prefix="paifang-signal-")
        self.node = self._call(self._make, options)
        self.power_on()

    def power_on(self) -> None:
        """Power comes; the node is ready for frames when this returns."""
        board = self.node.board
        self._call(board.power_on)
        self.line: socket.socket = self._call(board.borrow_uart, signal_node.LOOP_UART)
        self.line.settimeout(_START_S)

    def power_cut(self) -> None:
        """Power goes: the street is left to the flasher."""
        self._call(self.node.board.power_cut)
        self.street.lose_power()

    def close(self) -> None:
        self._call(self.node.board.bench.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def _make(self, options: dict[str, Any]) -> signal_node.Node:
        bench = Bench(Path(self._folder.name))
        site_record, plan_record = self._records
        return signal_node.make_signal(bench, _NAME, site_record, [plan_record], **{"period_ms": _PERIOD_MS, **options})

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Do it in the board's thread."""

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
            raise RigError(f"the node does not answer: {error}; {self._said()}") from error
        if len(answer) < frames.UP_BYTES:
            raise RigError(f"the node has ended: {self._said()}")
        self.line.settimeout(_ANSWER_S)
        return answer

    def _said(self) -> str:
        lines = list(self.node.board.console)[-3:]
        return "its console: " + "; ".join(lines) if lines else "it said nothing"


class OnLine(Lockstep):
    """A node at the end of a serial line of this machine: a real board, or a simulated one behind its PTY."""

    def __init__(self, groups: int, device: str, baud: int = signal_node.LOOP_BAUD) -> None:
        import serial  # noqa: PLC0415 - only who drives a board over a line needs it

        super().__init__(groups, self._ask)
        self._line = serial.Serial(device, baud, timeout=_ANSWER_S)

    def close(self) -> None:
        self._line.close()

    def _ask(self, frame: bytes) -> bytes:
        self._line.write(frame)
        answer = self._line.read(frames.UP_BYTES)
        if len(answer) < frames.UP_BYTES:
            raise RigError(f"{self._line.port}: the node answers {len(answer)} of {frames.UP_BYTES} bytes")
        return answer
