"""What a line of any kind does for whoever polls: one question at a time, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from collections import Counter

Address = int | str
"""How a device is called on its line: the number of a Modbus unit or an M-Bus meter, the digits on a Chinese meter."""


class Asked(Protocol):
    """A question, as a poller sees it."""

    @property
    def unit(self) -> Address:
        """Who is asked."""
        ...


Q = TypeVar("Q", bound=Asked)
D = TypeVar("D")

Fault = Literal["silent", "garbled", "cut", "other_unit", "late", "doubled", "noise", "echo"]
"""silent: nothing came that could be taken. garbled: with a wrong checksum. cut: too short. other_unit: from a unit
that was not asked. late: an answer that nobody waited for any more. doubled: it equals the answer to another question.
noise: bytes that are no frame. echo: what was sent, heard again."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[D]):
    """`data`: what a read gave, as it came. `exception`: a code of the device's refusal; 0: none."""

    data: D
    exception: int = 0


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Q, D]):
    """How a question ended: `answer` None when there was none that could be taken, and `fault` says why.

    `then`: the device has more to say, and what to ask for it; then there is neither answer nor fault yet.
    """

    request: Q
    answer: Answer[D] | None
    asked_us: int
    ended_us: int
    fault: Fault | None = None
    then: Q | None = None


class Line(Protocol[Q, D]):
    """One question at a time. Times are of any clock that only goes forward, in microseconds."""

    @property
    def faults(self) -> Counter[Fault]:
        """What went wrong, and how often."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether a question waits for its answer."""
        ...

    @property
    def wake_us(self) -> int | None:
        """When `tick` is due; None: nothing is open."""
        ...

    @property
    def quiet_us(self) -> int:
        """From when on anything may be sent."""
        ...

    def free_us(self, request: Q, now_us: int) -> int:
        """From when on this may be asked, as far as is known now."""
        ...

    def ask(self, request: Q, now_us: int, timeout_us: int, rest_us: int = 0) -> bytes:
        """The bytes to send now. `timeout_us`: how long the unit may think; `rest_us`: what it needs afterwards."""
        ...

    def receive(self, data: bytes, now_us: int) -> Outcome[Q, D] | None:
        """What was heard; how the open question ended, if it did."""
        ...

    def tick(self, now_us: int) -> Outcome[Q, D] | None:
        """How the open question ended, if its time is over."""
        ...

    def abandon(self, now_us: int) -> Outcome[Q, D] | None:
        """The line is gone: what was asked is not answered."""
        ...
