"""A DL/T 645 meter on its line: identifiers are read in as many parts as it makes of them, and its relay is set."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from paifang.bridges.addresses import checked
from paifang.bridges.asking import Answer
from paifang.bridges.dlt645 import reading, relay
from paifang.bridges.dlt645.frame import ADDRESS_DIGITS, MAX_DATA_LENGTH, OVERHEAD_LENGTH, WAKE_UP, Frame, encode
from paifang.bridges.errors import FrameError
from paifang.bridges.matching import Matcher
from paifang.bridges.meter import cannot_be_set, grouped, understood
from paifang.bridges.writes import Order
from paifang.profiles.attributes import Dlt645Attributes
from paifang.profiles.conversion import Converter

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from paifang.bridges.meter import Configured, Item, Wish
    from paifang.profiles.conversion import Reading

SILENCE_US = 20_000
"""Between an answer and the next question, at least (2007, 5.3.2: Td)."""
PAUSE_US = 500_000
"""Between two bytes of a frame, at most (2007, 5.3.2: Tb)."""
SETTLE_US = 1_000_000
"""From an order to the relay until the status word shows it."""
CLOCK_SLACK = timedelta(minutes=10)
"""How wrong a meter's clock may be: one that is fast takes an order for expired. It acts at once or not at all."""
LEVEL = 2
"""PA where none is given, as utilities have it."""
REFUSED = 0x100
"""Added to an error byte, so that a refusal without a reason is one too."""
REFUSALS = range(REFUSED, 2 * REFUSED)

_LONGEST = WAKE_UP + OVERHEAD_LENGTH + MAX_DATA_LENGTH
_DIGITS_1997 = 4


def refusal(exception: int) -> str:
    """A meter's refusal in words."""
    return reading.refusal(exception - REFUSED)


class Question:
    """`take` gets each answer: what was read, or None when the next part is to be asked for, see `frame`."""

    longest = _LONGEST

    def __init__(
        self, address: str, frame: Callable[[], Frame], take: Callable[[Frame], bytes | None], *, fresh: bool = False
    ) -> None:
        self.unit = address
        self.fresh = fresh
        self._frame = frame
        self._take = take

    @property
    def frame(self) -> Frame:
        return self._frame()

    def send(self) -> bytes:
        return encode(self.frame)

    @property
    def shape(self) -> tuple[str, int, bytes]:
        """The answer to an order carries no data."""
        frame = self.frame
        return self.unit, frame.function, b"" if frame.control == relay.CONTROL else frame.data

    def answered(self, frame: Frame) -> Answer[bytes] | Self:
        try:
            data = self._take(frame)
        except FrameError as error:
            if error.reason != "refused":
                raise
            return Answer(b"", REFUSED + reading.error_byte(frame))
        return self if data is None else Answer(data)


def read(address: str, identifier: str, *, fresh: bool = False) -> Question:
    """Question for an identifier as a profile has it: eight digits, or four of the edition of 1997."""
    code = int(identifier, 16)
    if len(identifier) == _DIGITS_1997:
        question = reading.read_1997(address, code)
        return Question(address, lambda: question, partial(reading.data_1997, question), fresh=fresh)
    parts = reading.Reading(address, code)

    def take(answer: Frame) -> bytes | None:
        return parts.data if parts.take(answer) else None

    return Question(address, lambda: parts.question, take, fresh=fresh)


def set_relay(address: str, order: relay.Order) -> Question:
    frame = relay.encode(address, order)

    def take(answer: Frame) -> bytes:
        reading.check_answer(frame, answer)
        return answer.data

    return Question(address, lambda: frame, take, fresh=True)


class Meter:
    def __init__(self, configured: Configured) -> None:
        self.address = checked(configured.address, ADDRESS_DIGITS)
        self._authority = _authority(configured)
        self._profile = configured.profile
        self._matcher = Matcher(configured.profile)

    def items(self) -> dict[str, list[Item]]:
        return grouped(self._profile, lambda name: self._attributes(name).di)

    def ask(self, block: Item) -> Question:
        return read(self.address, block.key)

    def readings(self, block: Item, data: bytes) -> dict[str, Reading]:
        values = reading.values_1997 if len(block.key) == _DIGITS_1997 else reading.values
        return understood(block, lambda: self._matcher.readings(values(int(block.key, 16), data), block.key))

    def order(self, wish: Wish) -> Order[Question]:
        """Whether the relay moved is in the status word, which is read after it."""
        attributes = self._attributes(wish.point)
        if attributes.write != "relay":
            raise cannot_be_set(self._profile, wish.point)
        is_open = bool(Converter(self._profile.points[wish.point]).sent(wish.value))
        action = relay.Action.TRIP if is_open else relay.Action.CLOSE
        order = relay.Order(action, wish.expires + CLOCK_SLACK, *self._authority)
        return Order(
            wish.key,
            set_relay(self.address, order),
            read(self.address, attributes.di, fresh=True),
            wish.expires_us,
            timeout_us=self._profile.line.timeout_ms * 1000,
            settle_us=SETTLE_US,
            rest_us=self._profile.line.turnaround_ms * 1000,
        )

    def _attributes(self, point: str) -> Dlt645Attributes:
        attributes = self._profile.points[point].attributes
        assert isinstance(attributes, Dlt645Attributes)
        return attributes


def _authority(configured: Configured) -> tuple[int, bytes, bytes]:
    """Level, password and operator of orders. Raises FrameError for what is none."""
    given, operator = configured.password, configured.operator
    level, password = (given[0], given[1:]) if len(given) > relay.PASSWORD_LENGTH else (LEVEL, given)
    if len(password) != relay.PASSWORD_LENGTH or len(operator) != relay.OPERATOR_LENGTH:
        what = f"meter {configured.address}: a password is P0 P1 P2 or PA P0 P1 P2, an operator C0 C1 C2 C3"
        raise FrameError("length", what)
    return level, password, operator
