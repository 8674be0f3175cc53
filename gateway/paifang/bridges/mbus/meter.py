"""An M-Bus meter on its line: its telegrams, one after the other until it has no more (EN 13757-2, 5.5 to 5.7).

The frame count bit tells a meter whether its last telegram has come through: it alternates from one answered question
on. Where the meter stands is unknown at first, and after a telegram that was not the last: it is told to begin anew.
One that is known by its identification is selected each time, which has it begin anew too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.bridges.asking import Answer
from paifang.bridges.errors import FrameError
from paifang.bridges.matching import Matcher
from paifang.bridges.mbus import frame as mbus
from paifang.bridges.mbus import telegram
from paifang.bridges.mbus.frame import Acknowledged, Frame
from paifang.bridges.meter import cannot_be_set, grouped, understood

if TYPE_CHECKING:
    from typing import Self

    from paifang.bridges.meter import Configured, Item, Wish
    from paifang.bridges.writes import Order
    from paifang.profiles.conversion import Reading

SILENCE_BITS = 33
"""Before a question; EN 13757-2 wants 11 at least behind an answer, older meters 33."""
PAUSE_US = 100_000
"""No pause is allowed inside a frame; adapters and transparent servers make some."""
TELEGRAMS_MOST = 16
REFUSED = 1
"""Added to the code of an application error."""
REFUSALS = range(REFUSED, REFUSED + 0x100)

_ALL = "data"
_WITH_HEADER = bytes((telegram.VARIABLE_DATA,))

Telegrams = tuple[bytes, ...]
"""From CI on, each."""


def silence_us(baud: int) -> int:
    return -(-SILENCE_BITS * 1_000_000 // baud)


def refusal(exception: int) -> str:
    """A meter's refusal in words."""
    return telegram.refusal(bytes((exception - REFUSED,)))


@dataclass(frozen=True, slots=True)
class _Place:
    """`opening`: what has the meter begin anew. `number`: its identification, if it is known by that."""

    unit: str
    asked_as: int
    opening: Frame
    number: str = ""

    def check(self, data: bytes) -> None:
        """FrameError unless a telegram is of this meter: what was selected before may answer late."""
        if not self.number or data[:1] != _WITH_HEADER:
            return
        found = telegram.identification(data)
        if any(wanted not in {"F", digit} for wanted, digit in zip(self.number, found, strict=True)):
            raise FrameError("address", f"asked {self.number}, {found} answered")


@dataclass(slots=True)
class _Link:
    """What is known of where the meter stands: the next frame count bit, None when it has to begin anew."""

    frame_count: bool | None = None


class Question:
    """`fresh`: a telegram has no number, so one that is late must be lost before the next question."""

    longest = mbus.LONGEST
    fresh = True

    def __init__(self, place: _Place, link: _Link) -> None:
        self.unit = place.unit
        self._place = place
        self._link = link
        self._found: list[bytes] = []
        self.frame = self._next()

    def send(self) -> bytes:
        return mbus.encode(self.frame)

    @property
    def shape(self) -> tuple[str]:
        return (self.unit,)

    def answered(self, frame: Frame | Acknowledged) -> Answer[Telegrams] | Self:
        if self.frame == self._place.opening:
            return self._begun(frame)
        data = mbus.data_in(self.frame, frame)
        self._place.check(data)
        if data in self._found:
            raise FrameError("sequence", "the telegram before")
        self._found.append(data)
        try:
            more = telegram.decode(data).more
        except FrameError as error:
            # What cannot be understood has come through all the same.
            self._link.frame_count = None
            code = int.from_bytes(data[1:2])
            return Answer((), REFUSED + code) if error.reason == "refused" else Answer(tuple(self._found))
        self._count(more=more)
        if not more or len(self._found) == TELEGRAMS_MOST:
            return Answer(tuple(self._found))
        self.frame = mbus.ask(self._place.asked_as, frame_count=not self.frame.control & mbus.FRAME_COUNT)
        return self

    def _next(self) -> Frame:
        if self._link.frame_count is None:
            return self._place.opening
        return mbus.ask(self._place.asked_as, frame_count=self._link.frame_count)

    def _begun(self, frame: Frame | Acknowledged) -> Self:
        if not isinstance(frame, Acknowledged):
            raise FrameError("function", "no acknowledgement")
        self.frame = mbus.ask(self._place.asked_as, frame_count=True)
        self._stands_at(frame_count=True)
        return self

    def _count(self, *, more: bool) -> None:
        if more or len(self._found) > 1:
            self._link.frame_count = None
        else:
            self._stands_at(frame_count=not self.frame.control & mbus.FRAME_COUNT)

    def _stands_at(self, *, frame_count: bool) -> None:
        """A meter that is selected stands there only as long as no other one is."""
        self._link.frame_count = None if self._place.number else frame_count


class Meter:
    def __init__(self, configured: Configured) -> None:
        self._place = _place(configured.address)
        self.address = self._place.unit
        self._profile = configured.profile
        self._matcher = Matcher(configured.profile)
        self._link = _Link()

    def items(self) -> dict[str, list[Item]]:
        return grouped(self._profile, lambda _name: _ALL)

    def ask(self, block: Item) -> Question:  # noqa: ARG002 - a meter tells all it has
        return Question(self._place, self._link)

    def readings(self, block: Item, data: Telegrams) -> dict[str, Reading]:
        return understood(block, lambda: self._readings(data))

    def order(self, wish: Wish) -> Order[Question]:
        raise cannot_be_set(self._profile, wish.point)

    def _readings(self, data: Telegrams) -> dict[str, Reading]:
        records = [record for each in data for record in telegram.decode(each).records]
        return self._matcher.readings(records)


def _place(text: str) -> _Place:
    """Of a meter known by its primary address, 0 to 250, or by the eight digits of its identification."""
    if len(text) == mbus.NUMBER_DIGITS:
        number = text.upper()
        return _Place(number, mbus.SELECTED, mbus.select(number), number)
    if not text.isdecimal() or not (int(text) <= mbus.MAX_ADDRESS or int(text) == mbus.ANYBODY):
        right = f"0 to {mbus.MAX_ADDRESS}, {mbus.ANYBODY} for any, or the {mbus.NUMBER_DIGITS} digits on the meter"
        raise FrameError("address", f"{text} is no address of M-Bus: {right}")
    return _Place(str(int(text)), int(text), mbus.begin(int(text)))
