"""Who is on a line of meters: asked with wildcards, or one address after the other, until each answers alone.

Sans-IO, with the interface of a poller; what it finds are its events.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.bridges.asking import Answer
from paifang.bridges.cjt188 import frame as cjt188_frame
from paifang.bridges.cjt188 import reading as cjt188
from paifang.bridges.dlt645 import frame as dlt645_frame
from paifang.bridges.dlt645 import identifiers
from paifang.bridges.dlt645 import reading as dlt645
from paifang.bridges.engines import ASKED
from paifang.bridges.errors import FrameError
from paifang.bridges.mbus import frame as mbus_frame
from paifang.bridges.mbus import telegram
from paifang.bridges.poller import Send, Wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.bridges.asking import Outcome
    from paifang.bridges.meter_line import MeterLine

_WITH_ADDRESS = 40
"""Bytes of an answer with an address in it, FE before it included."""
TIMEOUTS_US = {"dlt645": 600_000, "cjt188": 600_000, "mbus": 300_000}
"""DL/T 645-2007, 5.3.2: an answer begins within 500 ms; EN 13757-2, 5.4: within 330 bits and 50 ms, at 2400 baud."""


@dataclass(frozen=True, slots=True)
class Found:
    """`address` as a profile's device has it; `kind`: of CJ/T 188, else 0."""

    address: str
    kind: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """`crowd`: something was heard that was no single answer."""

    is_answered: bool
    crowd: bool


class _Call:
    """A question to whoever it may concern. `who`: the meter in an answer, None if it does not say, or FrameError."""

    fresh = False

    def __init__(
        self, unit: str, frame: Any, sent: bytes, who: Callable[[Any], Found | None], longest: int = _WITH_ADDRESS
    ) -> None:
        self.longest = longest
        self.unit = unit
        self.frame = frame
        self.shape = (unit,)
        self._sent = sent
        self._who = who

    def send(self) -> bytes:
        return self._sent

    def answered(self, frame: Any) -> Answer[Found | None]:
        return Answer(self._who(frame))


_Walk = Generator[_Call, Heard, None]


class Search:
    """One question of the walk after the other, each heard out to its end: a second answer tells of a crowd."""

    def __init__(self, line: MeterLine[Any, Found | None], walk: _Walk, timeout_us: int, now_us: int = 0) -> None:
        self.line = line
        self._timeout_us = timeout_us
        self._walk = walk
        self._next: _Call | None = next(walk)
        self._is_asked = False
        self._answer: Answer[Found | None] | None = None
        self._events: list[Found] = []
        self._listens_until_us = now_us
        self._faults = 0

    @property
    def is_over(self) -> bool:
        return self._next is None

    def step(self, now_us: int) -> Send | Wait:
        self._ended(self.line.tick(now_us))
        if self.line.is_open:
            return Wait(self.line.wake_us)
        if self._listens_until_us > now_us:
            return Wait(self._listens_until_us)
        if self._is_asked:
            self._go_on()
        return Wait(None) if self._next is None else self._ask(self._next, now_us)

    def receive(self, data: bytes, now_us: int) -> None:
        self._ended(self.line.receive(data, now_us))

    def abandon(self, now_us: int) -> None:
        """The line is gone: what was open is asked again."""
        self.line.abandon(now_us)
        self._is_asked = False

    def take_events(self) -> list[Found]:
        """Who was found since the last time."""
        events, self._events = self._events, []
        return events

    def _ask(self, call: _Call, now_us: int) -> Send | Wait:
        free_us = self.line.free_us(call, now_us)
        if free_us > now_us:
            return Wait(free_us)
        self._faults, self._is_asked, self._answer = self._not_one_answer(), True, None
        sent = self.line.ask(call, now_us, self._timeout_us)
        self._listens_until_us = self.line.wake_us or now_us
        return Send(sent)

    def _go_on(self) -> None:
        heard = Heard(self._answer is not None, self._not_one_answer() > self._faults)
        self._is_asked = False
        if self._answer is not None and self._answer.data is not None and not heard.crowd:
            self._events.append(self._answer.data)
        try:
            self._next = self._walk.send(heard)
        except StopIteration:
            self._next = None

    def _ended(self, outcome: Outcome[Any, Found | None] | None) -> None:
        if outcome is not None and outcome.answer is not None:
            self._answer = outcome.answer

    def _not_one_answer(self) -> int:
        """What a crowd makes of a line."""
        return self.line.faults.total() - self.line.faults["silent"] - self.line.faults["echo"]


def search_of(protocol: str, baud: int, now_us: int = 0) -> Search:
    """A search on a line of meters: dlt645, cjt188 or mbus."""
    return Search(ASKED[protocol].line(baud), WALKS[protocol](), TIMEOUTS_US[protocol], now_us)


def _dlt645() -> _Walk:
    """All are asked for their address; those that answer at once are called by the last digits of it."""
    yield from _narrowed(dlt645_frame.ADDRESS_DIGITS, _dlt645_call)


def _cjt188() -> _Walk:
    yield from _narrowed(cjt188_frame.ADDRESS_DIGITS, _cjt188_call)


def _mbus() -> _Walk:
    """Meters by their identification, one digit more wherever a crowd answers; then each primary address in turn."""
    heads = [""]
    while heads:
        head = heads.pop(0)
        number = head.ljust(mbus_frame.NUMBER_DIGITS, "F")
        selected = yield _mbus_call(number, mbus_frame.select(number), None)
        if not (selected.is_answered or selected.crowd):
            continue
        asked = yield _mbus_data(number)
        if asked.crowd and len(head) < mbus_frame.NUMBER_DIGITS:
            heads += [f"{head}{digit}" for digit in range(10)]
    for address in range(mbus_frame.MAX_ADDRESS + 1):
        yield _mbus_call(str(address), mbus_frame.begin(address), Found(str(address)))


WALKS: dict[str, Callable[[], _Walk]] = {"dlt645": _dlt645, "cjt188": _cjt188, "mbus": _mbus}


def _narrowed(digits: int, call: Callable[[str], _Call]) -> _Walk:
    """Two digits more, from the end of the address on, wherever a crowd answers."""
    tails = [""]
    while tails:
        tail = tails.pop(0)
        heard = yield call("A" * (digits - len(tail)) + tail)
        if heard.crowd and len(tail) < digits:
            tails += [f"{pair:02d}{tail}" for pair in range(100)]


def _dlt645_call(address: str) -> _Call:
    """The question for an address is for one meter alone on the line; parts of an address go with a plain read."""
    alone = address == dlt645_frame.ANY
    question = dlt645.read_address() if alone else dlt645.read(address, identifiers.ADDRESS)

    def who(answer: dlt645_frame.Frame) -> Found:
        dlt645.check_answer(question, answer)
        return Found(answer.address)

    return _Call(address, question, dlt645_frame.encode(question), who)


def _cjt188_call(address: str) -> _Call:
    alone = address == cjt188_frame.ANY
    question = cjt188.read_address(1) if alone else cjt188.read(cjt188_frame.ANY_KIND, address, 1)

    def who(answer: cjt188_frame.Frame) -> Found:
        cjt188.check_answer(question, answer)
        return Found(answer.address, answer.kind)

    return _Call(address, question, cjt188_frame.encode(question), who)


def _mbus_call(unit: str, frame: mbus_frame.Frame, found: Found | None) -> _Call:
    """What is acknowledged with E5, which does not say by whom."""

    def who(answer: mbus_frame.Frame | mbus_frame.Acknowledged) -> Found | None:
        if not isinstance(answer, mbus_frame.Acknowledged):
            raise FrameError("function", "no acknowledgement")
        return found

    return _Call(unit, frame, mbus_frame.encode(frame), who)


def _mbus_data(number: str) -> _Call:
    """Who was selected says in its header who it is."""
    question = mbus_frame.ask(mbus_frame.SELECTED, frame_count=True)

    def who(answer: mbus_frame.Frame | mbus_frame.Acknowledged) -> Found:
        return Found(telegram.identification(mbus_frame.data_in(question, answer)))

    return _Call(number, question, mbus_frame.encode(question), who, mbus_frame.LONGEST)
