"""Where a signal's node runs: in this interpreter, in MicroPython, or on a board at the end of a line."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from paifang_rig.errors import RigError
from paifang_rig.process import interpreter
from paifang_tools import build
from paifang_wire import cbor

from . import frames
from .shipped import joined

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_MS = 100
_ANSWER_S = 10
_HEAP = "256k"
_HERE = Path(__file__).parent


class Seen(NamedTuple):
    """What a node gets to know in a tick, as in `frames.down`. `order`: (kind, phases), given once."""

    detectors: int = 0
    pedestrians: int = 0
    preempts: int = 0
    transit: int = 0
    order: tuple[int, int] | None = None
    flash: bool = False


class Port(Protocol):
    """A node of a signal. `tick` gives the aspects of all groups and the interlock's mode after 100 ms more."""

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]: ...

    def close(self) -> None: ...


class InProcess:
    """The shipped files on this interpreter."""

    def __init__(self, site_record: list[Any], plan_record: list[Any]) -> None:
        self.node = joined.Joined(cbor.encode(site_record), cbor.encode(plan_record))

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        if seen.order:
            self.node.order(*seen.order)
        self.node.flash(seen.flash)
        self.node.tick(t_ms, seen.detectors, seen.pedestrians, seen.preempts, seen.transit)
        return bytes(self.node.interlock.aspects), self.node.interlock.mode

    def close(self) -> None:
        """Nothing is held."""


class Lockstep:
    """A node at the other end of a line that speaks `frames`. `exchange(frame)` gives the answer's bytes."""

    def __init__(self, groups: int, exchange: Callable[[bytes], bytes]) -> None:
        self._groups = groups
        self._exchange = exchange
        self._seq = 0

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        order, phases = seen.order or (frames.NO_ORDER, 0)
        self._seq += 1
        priority = seen.preempts | seen.transit << 4
        flags = frames.SUPPLY_OK | frames.RELAY_CLOSED | frames.FLASH_SWITCH * seen.flash
        known = (seen.detectors, seen.pedestrians, priority, order, phases)
        answer = self._exchange(frames.down(self._seq, t_ms, *known, 0, flags))
        seq, at_ms, aspects, _, _, mode = frames.read_up(answer, self._groups)
        if seq != self._seq & 0xFFFF or at_ms != t_ms:
            raise RigError(f"the node answers tick {seq} at {at_ms} ms; asked was {self._seq} at {t_ms} ms")
        return aspects, mode


class MicroPython(Lockstep):
    """The shipped files, compiled as for a node, on MicroPython's unix port, at the other end of a socket."""

    def __init__(self, site_record: list[Any], plan_record: list[Any], heap: str = _HEAP) -> None:
        super().__init__(len(site_record[2]), self._ask)
        self._folder = tempfile.TemporaryDirectory(prefix="paifang-signal-")
        self._lay_down(Path(self._folder.name), site_record, plan_record)
        self._line, other = socket.socketpair()
        self._line.settimeout(_ANSWER_S)
        with other:
            self._process = subprocess.Popen(
                [*interpreter(), "-X", f"heapsize={heap}", "-m", "lockstep", str(other.fileno())],
                pass_fds=[other.fileno()],
                env={"MICROPYPATH": f"{self._folder.name}:{self._folder.name}/lib:.frozen"},
                cwd=self._folder.name,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )

    def close(self) -> None:
        self._line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.communicate(timeout=_ANSWER_S)
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def _lay_down(self, folder: Path, site_record: list[Any], plan_record: list[Any]) -> None:
        ours = {name: _HERE / name for name in ("frames.py", "joined.py", "lockstep.py")}
        files = build.node_files() | build.compile_files(ours)
        files |= {"site.cbor": cbor.encode(site_record), "plan.cbor": cbor.encode(plan_record)}
        for name, data in files.items():
            path = folder / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def _ask(self, frame: bytes) -> bytes:
        answer = b""
        try:
            self._line.sendall(frame)
            while len(answer) < frames.UP_BYTES:
                part = self._line.recv(frames.UP_BYTES - len(answer))
                if not part:
                    break
                answer += part
        except OSError as error:
            raise RigError(f"the node does not answer: {error}; {self._said()}") from error
        if len(answer) < frames.UP_BYTES:
            raise RigError(f"the node has ended: {self._said()}")
        return answer

    def _said(self) -> str:
        if self._process.poll() is None:
            return "it still runs"
        assert self._process.stdout is not None
        return os.read(self._process.stdout.fileno(), 4096).decode(errors="replace").strip() or "it said nothing"
