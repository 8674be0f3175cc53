"""A CJ/T 188 meter on its line: all it has comes with one question, and its valve is set.

Meters differ in which byte of an identifier comes first. One that has never answered is asked both ways in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.addresses import checked
from paifang.bridges.asking import Answer
from paifang.bridges.cjt188 import reading
from paifang.bridges.cjt188.frame import (
    ADDRESS_DIGITS,
    MAX_DATA_LENGTH,
    OVERHEAD_LENGTH,
    WAKE_UP,
    Frame,
    encode,
)
from paifang.bridges.errors import FrameError
from paifang.bridges.matching import Matcher
from paifang.bridges.meter import cannot_be_set, grouped, understood
from paifang.bridges.writes import Order
from paifang.profiles.attributes import Cjt188Attributes
from paifang.profiles.conversion import Converter
from paifang.profiles.model import Cjt188Profile, Cjt188Ways

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.bridges.meter import Configured, Item, Wish
    from paifang.profiles.conversion import Reading

SILENCE_US = 20_000
PAUSE_US = 500_000
"""As of DL/T 645, which these meters share lines with."""
SETTLE_US = 15_000_000
"""A valve's motor takes its time: until then it is neither open nor closed."""
REFUSED = 1
REFUSALS = (REFUSED,)
SERIALS = 256

_LONGEST = WAKE_UP + OVERHEAD_LENGTH + MAX_DATA_LENGTH


def refusal(_exception: int) -> str:
    """A meter's refusal in words: it says no more."""
    return "the meter refuses"


class _Numbering:
    """Serial number of each question, and which byte of its identifier goes first."""

    def __init__(self) -> None:
        self.low_first: bool | None = None
        self._serial = 0

    def next(self) -> tuple[int, bool]:
        self._serial = (self._serial + 1) % SERIALS
        return self._serial, not self._serial & 1 if self.low_first is None else self.low_first


class Question:
    """Each time it is sent it has another serial number, which comes back in the answer: a late one is known by it."""

    longest = _LONGEST
    fresh = False

    def __init__(self, numbering: _Numbering, make: Callable[[int, bool], Frame]) -> None:
        self.frame = make(0, False)
        self.unit = self.frame.address
        self._numbering = numbering
        self._make = make

    def send(self) -> bytes:
        self.frame = self._make(*self._numbering.next())
        return encode(self.frame)

    @property
    def shape(self) -> tuple[str, int, int]:
        return self.unit, self.frame.serial, self.frame.control

    def answered(self, frame: Frame) -> Answer[Frame]:
        try:
            reading.check_answer(self.frame, frame)
        except FrameError as error:
            if error.reason != "refused":
                raise
            return Answer(frame, REFUSED)
        self._numbering.low_first = self.frame.low_first
        return Answer(frame)


class Meter:
    def __init__(self, configured: Configured) -> None:
        self.address = checked(configured.address, ADDRESS_DIGITS)
        ways = configured.profile.cjt188 if isinstance(configured.profile, Cjt188Profile) else Cjt188Ways()
        self._kind, self._unit_first = ways.kind, ways.unit_first
        self._profile = configured.profile
        self._matcher = Matcher(configured.profile)
        self._numbering = _Numbering()

    def items(self) -> dict[str, list[Item]]:
        return grouped(self._profile, lambda name: self._attributes(name).di)

    def ask(self, block: Item) -> Question:  # noqa: ARG002 - there is one answer to read
        return self._read()

    def readings(self, block: Item, data: Frame) -> dict[str, Reading]:
        return understood(block, lambda: self._matcher.readings(reading.values(data, unit_first=self._unit_first)))

    def order(self, wish: Wish) -> Order[Question]:
        """Where the valve is now is read after it."""
        attributes = self._attributes(wish.point)
        if attributes.write != "valve":
            raise cannot_be_set(self._profile, wish.point)
        is_closed = bool(Converter(self._profile.points[wish.point]).sent(wish.value))
        valve = reading.Valve.CLOSE if is_closed else reading.Valve.OPEN

        def make(serial: int, low_first: bool) -> Frame:
            return reading.order_valve(self._kind, self.address, serial, valve, low_first=low_first)

        return Order(
            wish.key,
            Question(self._numbering, make),
            self._read(),
            wish.expires_us,
            timeout_us=self._profile.line.timeout_ms * 1000,
            settle_us=SETTLE_US,
            rest_us=self._profile.line.turnaround_ms * 1000,
        )

    def _read(self) -> Question:
        def make(serial: int, low_first: bool) -> Frame:
            return reading.read(self._kind, self.address, serial, low_first=low_first)

        return Question(self._numbering, make)

    def _attributes(self, point: str) -> Cjt188Attributes:
        attributes = self._profile.points[point].attributes
        assert isinstance(attributes, Cjt188Attributes)
        return attributes
