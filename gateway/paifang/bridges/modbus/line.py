"""Who may speak on a serial line when, and whether what comes is the answer to what was asked.

Modbus RTU carries no number of a question: an answer has a unit, a function and a length. So that none is ever taken
for another,

- a frame is taken only for the question that is open, with its unit, function, length and checksum;
- after silence its question stays *owed* for a while: until then nothing is asked whose answer would look alike, but
  for the same question again, whose answer is the same, unless it is to show what a write has done;
- a frame that equals the answer to another question of late, byte for byte, is doubted: registers may well have the
  same values. It is taken if it comes again when that is asked again, or says what it said the last time; a refusal,
  which carries no value, is not doubted. When the true answer follows, and when a frame comes that nobody asked for,
  the unit is a *suspect*: for a minute all its answers stay owed, so that a late or doubled one finds no question that
  it fits.

Nothing is sent before the line has been silent for 3.5 characters.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.bridges.asking import Answer, Outcome
from paifang.bridges.errors import FrameError
from paifang.bridges.modbus import frames
from paifang.bridges.timing import Timing, character_us

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paifang.bridges.asking import Fault
    from paifang.bridges.modbus.frames import Request

SILENT_CHARACTERS = 3.5
FAST_BAUD = 19_200
FAST_SILENCE_US = 1_750
"""Above that speed the silence is no shorter than this (Modbus over serial line 1.02, 2.5.1.1)."""
LATE_US = 5_000_000
"""An answer that is later than this is taken to be lost."""
SUSPECT_US = 60_000_000
FRAME_MOST = 256
"""Bytes of the longest frame: what goes on for longer is none."""
BUFFER_MOST = 4 * FRAME_MOST
"""Bytes that are kept of what is no frame."""
PAUSE_US = 20_000
"""How long an adapter may hold back the rest of a frame: USB ones pass bytes on every 16 ms."""


def timing(baud: int, bits: int = 11) -> Timing:
    """`bits` of a character: start, data, parity, stop."""
    silence_us = FAST_SILENCE_US if baud > FAST_BAUD else -int(-SILENT_CHARACTERS * bits * 1_000_000 // baud)
    return Timing(character_us(baud, bits), silence_us, PAUSE_US, LATE_US)


@dataclass(slots=True)
class _Open:
    """The question that waits for its answer. `echoed`: it has been heard itself, as on a line that echoes; `doubted`:
    what came may be the answer to another one, come twice.
    """

    request: Request
    sent: bytes
    asked_us: int
    deadline_us: int
    rest_us: int
    echoed: bool = False
    doubted: bytes = b""


@dataclass(frozen=True, slots=True)
class _Past:
    """A question whose answer may still come, or come again, until then; `frame`: the answer that was taken."""

    until_us: int
    request: Request
    frame: bytes = b""


class RtuLine:
    """One question at a time. Times are of any clock that only goes forward."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.faults: Counter[Fault] = Counter()
        self._open: _Open | None = None
        self._buffer = b""
        self._busy_until_us = 0
        self._heard_us = 0
        self._rests_until_us: dict[int, int] = {}
        self._past: dict[tuple[int, int, int], list[_Past]] = {}
        self._suspect_until_us: dict[int, int] = {}
        self._slowest_us: dict[int, int] = {}
        self._echoes = False
        self._said: dict[Request, bytes] = {}
        self._doubted: dict[Request, bytes] = {}

    @property
    def is_open(self) -> bool:
        return self._open is not None

    @property
    def quiet_us(self) -> int:
        return self._busy_until_us + self.timing.silence_us

    def free_us(self, request: Request, now_us: int) -> int:
        suspect = self._suspect_until_us.get(request.unit, 0) > now_us
        owed = (
            past.until_us
            for past in self._past_like(request, now_us)
            if (past.request != request or request.fresh) and (suspect or not past.frame)
        )
        owed_us = 0 if request.is_write else max(owed, default=0)
        return max(self.quiet_us, self._rests_until_us.get(request.unit, 0), owed_us)

    def ask(self, request: Request, now_us: int, timeout_us: int, rest_us: int = 0) -> bytes:
        """The bytes to send now. `timeout_us`: how long the unit may think; `rest_us`: what it needs afterwards."""
        assert self._open is None
        self._clear(now_us)
        sent = frames.rtu(request)
        answer_us = (request.answer_length + 1 + frames.CRC_LENGTH) * self.timing.character_us
        self._busy_until_us = now_us + len(sent) * self.timing.character_us
        self._open = _Open(request, sent, now_us, self._busy_until_us + timeout_us + answer_us, rest_us)
        return sent

    def receive(self, data: bytes, now_us: int) -> Outcome[Request, bytes] | None:
        """What was heard; how the open question ended, if it did."""
        self._busy_until_us = max(self._busy_until_us, now_us)
        self._heard_us = now_us
        self._buffer += data
        if self._open is None:
            if len(self._buffer) > BUFFER_MOST:
                self._clear(now_us)
            return None
        self._drop_echo(self._open)
        for frame in self._whole_frames():
            answer = self._taken(self._open, frame, now_us)
            if answer is not None:
                self._take(self._open, frame, now_us)
                return self._end(now_us, answer)
        return None

    @property
    def wake_us(self) -> int | None:
        """When `tick` is due; None: nothing is open."""
        if self._open is None:
            return None
        deadline_us, pause_over_us = self._open.deadline_us, self._heard_us + self._pause_us
        if not self._has_begun(self._open):
            pause_over_us = max(deadline_us, pause_over_us if self._buffer else 0)
        return min(pause_over_us, deadline_us + FRAME_MOST * self.timing.character_us)

    def tick(self, now_us: int) -> Outcome[Request, bytes] | None:
        """How the open question ended, if its time is over."""
        wake_us = self.wake_us
        if self._open is None or wake_us is None or now_us < wake_us:
            return None
        begun = self._has_begun(self._open)
        until_us = self._open.deadline_us if begun else now_us + self.timing.late_us
        self._remember(_Past(until_us, self._open.request))
        if self._open.doubted:
            self._doubted[self._open.request] = self._open.doubted
        if not begun:
            return self._end(now_us, None, "silent")
        whole = self._open.request.answer_length + 1 + frames.CRC_LENGTH
        return self._end(now_us, None, "cut" if len(self._buffer) < whole else "garbled")

    def abandon(self, now_us: int) -> Outcome[Request, bytes] | None:
        """The adapter is gone: what was asked is not answered, and nothing of it is kept."""
        self._buffer = b""
        return self._end(now_us, None, "silent") if self._open else None

    @property
    def _pause_us(self) -> int:
        return max(self.timing.silence_us, self.timing.pause_us)

    def _has_begun(self, asked: _Open) -> bool:
        """Whether what has come looks like the beginning of the answer."""
        return (
            len(self._buffer) > 1
            and self._buffer[0] == asked.request.unit
            and self._buffer[1] & 0x7F == asked.request.function
        )

    def _end(self, now_us: int, answer: Answer[bytes] | None, fault: Fault | None = None) -> Outcome[Request, bytes]:
        assert self._open is not None
        asked, self._open = self._open, None
        self._rests_until_us[asked.request.unit] = now_us + asked.rest_us
        if fault is not None:
            self.faults[fault] += 1
            self._buffer = b""
        return Outcome(asked.request, answer, asked.asked_us, now_us, fault)

    def _drop_echo(self, asked: _Open) -> None:
        """Some adapters hear what they send.

        A write of one value is answered by the same bytes: only where echoes are known is the first copy no answer.
        """
        doubtful = asked.request.function in frames.SINGLE_WRITES and not self._echoes
        if not asked.echoed and not doubtful and self._buffer.startswith(asked.sent):
            asked.echoed = self._echoes = True
            self.faults["echo"] += 1
            self._buffer = self._buffer[len(asked.sent) :]

    def _whole_frames(self) -> Iterator[bytes]:
        """Frames in what was heard, each taken out of it; what stands before one is noise."""
        while (found := frames.find_answer(self._buffer)) is not None:
            frame = self._buffer[slice(*found)]
            self._count_noise(found[0])
            self._buffer = self._buffer[found[1] :]
            yield frame

    def _taken(self, asked: _Open, frame: bytes, now_us: int) -> Answer[bytes] | None:
        """The answer in a frame; None: it is not the answer to the open question, or may be another's."""
        request = asked.request
        try:
            answer = frames.rtu_answer(request, frame)
        except FrameError:
            self._unasked(frame, now_us)
            return None
        if answer.exception and self._owes_another(request, now_us):
            self._unasked(frame, now_us)
            return None
        others = (past for past in self._past_like(request, now_us) if past.request != request)
        if not request.is_write and not answer.exception and any(past.frame == frame for past in others):
            return answer if self._is_believed(request, frame) else self._doubt(asked, frame)
        return answer

    def _is_believed(self, request: Request, frame: bytes) -> bool:
        """Whether a frame that looks like another's answer has been this question's before."""
        said = b"" if request.fresh else self._said.get(request)
        return frame in (said, self._doubted.get(request))

    def _doubt(self, asked: _Open, frame: bytes) -> None:
        self.faults["doubled"] += 1
        asked.doubted = frame

    def _take(self, asked: _Open, frame: bytes, now_us: int) -> None:
        """A frame is the answer.

        One that equals an earlier answer to this question may be that, come twice: the true one is then still to come,
        within the time that this unit has ever needed.
        """
        request = asked.request
        if asked.doubted:
            self._suspect_until_us[request.unit] = now_us + SUSPECT_US
        if self._doubted.pop(request, None) == frame:  # then it was the answer the first time, and none is owed
            self._past[request.shape] = [each for each in self._past_like(request, now_us) if each.request != request]
        self._said[request] = frame
        slowest_us = max(self._slowest_us.get(request.unit, 0), now_us - asked.asked_us)
        self._slowest_us[request.unit] = slowest_us
        if any(past.request == request and past.frame == frame for past in self._past_like(request, now_us)):
            self._remember(_Past(asked.asked_us + 2 * slowest_us, request))
        self._remember(_Past(now_us + self.timing.late_us, request, frame))

    def _unasked(self, frame: bytes, now_us: int) -> None:
        """A whole frame that is no answer to what is open."""
        other = self._open is not None and self._open.request.unit != frame[0]
        self.faults["other_unit" if other else "late"] += 1
        self._suspect_until_us[frame[0]] = now_us + SUSPECT_US

    def _owes_another(self, request: Request, now_us: int) -> bool:
        """Whether a refusal may be meant for another question of this function: it does not say for which."""
        return any(
            past.request != request and past.until_us > now_us and not past.frame
            for shape, pasts in self._past.items()
            if shape[:2] == request.shape[:2]
            for past in pasts
        )

    def _past_like(self, request: Request, now_us: int) -> list[_Past]:
        """Earlier questions of this shape, whose answers would look alike."""
        found = [past for past in self._past.get(request.shape, ()) if past.until_us > now_us]
        self._past[request.shape] = found
        return found

    def _remember(self, past: _Past) -> None:
        self._past.setdefault(past.request.shape, []).append(past)

    def _clear(self, now_us: int) -> None:
        """What was heard while nothing was open: nobody's answer."""
        while (found := frames.find_answer(self._buffer)) is not None:
            self._count_noise(found[0])
            self._unasked(self._buffer[slice(*found)], now_us)
            self._buffer = self._buffer[found[1] :]
        self._count_noise(len(self._buffer))
        self._buffer = b""

    def _count_noise(self, length: int) -> None:
        if length:
            self.faults["noise"] += 1
