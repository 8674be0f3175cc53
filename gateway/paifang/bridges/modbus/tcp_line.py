"""Modbus TCP: each question has a number, so a late answer can be told from the one that is waited for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.bridges.asking import Answer, Outcome
from paifang.bridges.errors import FrameError
from paifang.bridges.modbus import frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paifang.bridges.asking import Fault
    from paifang.bridges.modbus.frames import Request

TRANSACTIONS = 1 << 16
_LENGTH_END = 6
_LENGTH_LEAST = 3
_LENGTH_MOST = frames.MBAP_MOST - _LENGTH_END


@dataclass(frozen=True, slots=True)
class _Open:
    request: Request
    transaction: int
    asked_us: int
    deadline_us: int
    rest_us: int


class TcpLine:
    """A connection to one server, with one question at a time."""

    def __init__(self) -> None:
        self.faults: Counter[Fault] = Counter()
        self._open: _Open | None = None
        self._buffer = b""
        self._transaction = 0
        self._rests_until_us: dict[int, int] = {}

    @property
    def is_open(self) -> bool:
        return self._open is not None

    @property
    def wake_us(self) -> int | None:
        return self._open.deadline_us if self._open else None

    @property
    def quiet_us(self) -> int:
        return 0

    def free_us(self, request: Request, now_us: int) -> int:
        return max(now_us, self._rests_until_us.get(request.unit, 0))

    def ask(self, request: Request, now_us: int, timeout_us: int, rest_us: int = 0) -> bytes:
        assert self._open is None
        self._transaction = (self._transaction + 1) % TRANSACTIONS
        self._open = _Open(request, self._transaction, now_us, now_us + timeout_us, rest_us)
        return frames.tcp(request, self._transaction)

    def receive(self, data: bytes, now_us: int) -> Outcome[Request, bytes] | None:
        self._buffer += data
        for frame in self._whole_frames():
            answer = self._taken(frame)
            if answer is not None:
                return self._end(now_us, answer)
        return None

    def tick(self, now_us: int) -> Outcome[Request, bytes] | None:
        if self._open is None or now_us < self._open.deadline_us:
            return None
        return self._end(now_us, None, "silent")

    def abandon(self, now_us: int) -> Outcome[Request, bytes] | None:
        self._buffer = b""
        return self._end(now_us, None, "silent") if self._open else None

    def _whole_frames(self) -> Iterator[bytes]:
        """Frames in what came, each taken out of it; what is no Modbus TCP is thrown away."""
        while len(self._buffer) >= _LENGTH_END:
            length = int.from_bytes(self._buffer[4:_LENGTH_END])
            if self._buffer[2:4] != bytes(2) or not _LENGTH_LEAST <= length <= _LENGTH_MOST:
                self.faults["noise"] += 1
                self._buffer = b""
                return
            if len(self._buffer) < _LENGTH_END + length:
                return
            frame, self._buffer = self._buffer[: _LENGTH_END + length], self._buffer[_LENGTH_END + length :]
            yield frame

    def _taken(self, frame: bytes) -> Answer[bytes] | None:
        if self._open is None:
            self.faults["late"] += 1
            return None
        try:
            return frames.tcp_answer(self._open.request, self._open.transaction, frame)
        except FrameError as error:
            kinds: dict[str, Fault] = {"sequence": "late", "address": "other_unit"}
            self.faults[kinds.get(error.reason, "garbled")] += 1
            return None

    def _end(self, now_us: int, answer: Answer[bytes] | None, fault: Fault | None = None) -> Outcome[Request, bytes]:
        assert self._open is not None
        asked, self._open = self._open, None
        self._rests_until_us[asked.request.unit] = now_us + asked.rest_us
        if fault is not None:
            self.faults[fault] += 1
        return Outcome(asked.request, answer, asked.asked_us, now_us, fault)
