"""Who may speak on a line of meters when, and whether what comes is the answer to what was asked.

One discipline for DL/T 645, CJ/T 188 and M-Bus; what is particular to them is in their questions. A frame is taken only
for the question that is open, and only when the question says that it is its answer. After silence an answer stays
*owed* for a while, and until it is lost

- no question is asked that it could be taken for, if the question wants to know what is now (`fresh`);
- a refusal, which does not say for what, is not taken for another question of that meter.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from paifang.bridges.asking import Answer, Outcome
from paifang.bridges.errors import FrameError
from paifang.bridges.timing import Timing, character_us

if TYPE_CHECKING:
    from collections.abc import Hashable

    from paifang.bridges.asking import Address, Fault
    from paifang.bridges.errors import Reason
    from paifang.bridges.stream import Splitter

F = TypeVar("F")
D = TypeVar("D")

LATE_US = 5_000_000
_FAULTS: dict[Reason, Fault] = {"address": "other_unit", "function": "late", "sequence": "late"}
"""Why a frame is no answer -> what it is then counted as; otherwise as garbled."""


class Question(Protocol[F, D]):
    """What is asked of a meter. It may change as it is answered part by part."""

    @property
    def unit(self) -> Address: ...

    @property
    def frame(self) -> F:
        """What is asked: on a line that echoes it is heard again."""
        ...

    def send(self) -> bytes:
        """The frame as it goes over the line now, with what wakes the meter up."""
        ...

    @property
    def longest(self) -> int:
        """Bytes of the longest answer."""
        ...

    @property
    def shape(self) -> tuple[Hashable, ...]:
        """What tells its answer from others. The first two of it tell a refusal from others."""
        ...

    @property
    def fresh(self) -> bool:
        """Whether a late answer to an earlier question of this shape would be a wrong one."""
        ...

    def answered(self, frame: F) -> Answer[D] | Question[F, D]:
        """What a frame answers, or what to ask next. FrameError if it is not the answer: the question stands."""
        ...


def timing(baud: int, silence_us: int, pause_us: int, bits: int = 11) -> Timing:
    return Timing(character_us(baud, bits), silence_us, pause_us, LATE_US)


@dataclass(slots=True)
class _Open(Generic[F, D]):
    """The question that waits for its answer. `garbled`: a frame with a wrong checksum came."""

    question: Question[F, D]
    asked_us: int
    deadline_us: int
    last_us: int
    rest_us: int
    garbled: bool = False


class MeterLine(Generic[F, D]):
    """One question at a time. Times are of any clock that only goes forward."""

    def __init__(self, timing: Timing, splitter: Splitter[F]) -> None:
        self.timing = timing
        self.faults: Counter[Fault] = Counter()
        self._splitter = splitter
        self._open: _Open[F, D] | None = None
        self._busy_until_us = 0
        self._heard_us = 0
        self._rests_until_us: dict[Address, int] = {}
        self._owed_until_us: dict[tuple[Hashable, ...], int] = {}

    @property
    def is_open(self) -> bool:
        return self._open is not None

    @property
    def wake_us(self) -> int | None:
        """When `tick` is due: a frame that has begun may be waited for a little longer."""
        if self._open is None:
            return None
        pause_over_us = self._heard_us + self.timing.pause_us if self._splitter.pending else 0
        return min(max(self._open.deadline_us, pause_over_us), self._open.last_us)

    @property
    def quiet_us(self) -> int:
        return self._busy_until_us + self.timing.silence_us

    def free_us(self, request: Question[F, D], now_us: int) -> int:
        owed_us = self._owed_until_us.get(request.shape, 0) if request.fresh else 0
        return max(now_us, self.quiet_us, self._rests_until_us.get(request.unit, 0), owed_us)

    def ask(self, request: Question[F, D], now_us: int, timeout_us: int, rest_us: int = 0) -> bytes:
        assert self._open is None
        self._clear()
        sent = request.send()
        answer_us = request.longest * self.timing.character_us
        self._busy_until_us = now_us + len(sent) * self.timing.character_us
        deadline_us = self._busy_until_us + timeout_us + answer_us
        self._open = _Open(request, now_us, deadline_us, deadline_us + answer_us, rest_us)
        return sent

    def receive(self, data: bytes, now_us: int) -> Outcome[Question[F, D], D] | None:
        self._busy_until_us = max(self._busy_until_us, now_us)
        self._heard_us = now_us
        found = None
        for frame in self._frames(data):
            found = self._heard(frame, now_us) or found
        return found

    def tick(self, now_us: int) -> Outcome[Question[F, D], D] | None:
        wake_us = self.wake_us
        if self._open is None or wake_us is None or now_us < wake_us:
            return None
        if self._splitter.pending:
            return self._fail(self._open, now_us, "cut")
        return self._fail(self._open, now_us, "garbled" if self._open.garbled else "silent")

    def abandon(self, now_us: int) -> Outcome[Question[F, D], D] | None:
        self._clear()
        return self._fail(self._open, now_us, "silent") if self._open else None

    def _frames(self, data: bytes) -> list[F]:
        """Whole frames; what is none is counted."""
        refused, skipped = self._splitter.refused.total(), self._splitter.skipped
        frames = self._splitter.feed(data)
        garbled = self._splitter.refused.total() - refused
        if garbled:
            self.faults["garbled"] += garbled
            if self._open is not None:
                self._open.garbled = True
        elif self._splitter.skipped > skipped:
            self.faults["noise"] += 1
        return frames

    def _heard(self, frame: F, now_us: int) -> Outcome[Question[F, D], D] | None:
        asked = self._open
        if asked is None:
            self.faults["late"] += 1
            return None
        if frame == asked.question.frame:
            self.faults["echo"] += 1
            return None
        try:
            answer = asked.question.answered(frame)
        except FrameError as error:
            self.faults[_FAULTS.get(error.reason, "garbled")] += 1
            return None
        if isinstance(answer, Answer) and answer.exception and self._owes_another(asked.question, now_us):
            self.faults["late"] += 1
            return None
        self._close(asked, now_us)
        if isinstance(answer, Answer):
            return Outcome(asked.question, answer, asked.asked_us, now_us)
        return Outcome(asked.question, None, asked.asked_us, now_us, then=answer)

    def _fail(self, asked: _Open[F, D], now_us: int, fault: Fault) -> Outcome[Question[F, D], D]:
        if fault != "garbled":  # which was counted when it was heard
            self.faults[fault] += 1
        self._owed_until_us = {shape: us for shape, us in self._owed_until_us.items() if us > now_us}
        self._owed_until_us[asked.question.shape] = now_us + self.timing.late_us
        self._splitter.reset()
        self._close(asked, now_us)
        return Outcome(asked.question, None, asked.asked_us, now_us, fault)

    def _close(self, asked: _Open[F, D], now_us: int) -> None:
        self._open = None
        self._rests_until_us[asked.question.unit] = now_us + asked.rest_us

    def _owes_another(self, question: Question[F, D], now_us: int) -> bool:
        """Whether a refusal may be meant for an earlier question."""
        return any(
            until_us > now_us and shape != question.shape and shape[:2] == question.shape[:2]
            for shape, until_us in self._owed_until_us.items()
        )

    def _clear(self) -> None:
        """Half a frame from before is nobody's answer."""
        if self._splitter.pending:
            self.faults["noise"] += 1
            self._splitter.reset()
