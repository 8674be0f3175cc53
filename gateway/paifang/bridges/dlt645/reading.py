"""Questions to a meter and what its answers say (DL/T 645-2007, clause 7)."""

from __future__ import annotations

from paifang.bridges.addresses import checked, stands_for
from paifang.bridges.dlt645 import identifiers as di
from paifang.bridges.dlt645.frame import ADDRESS_DIGITS, ANY, Frame
from paifang.bridges.errors import FrameError
from paifang.bridges.values import Value, bcd, bcd_digits, local_time, scaled

READ = 0x11
READ_NEXT = 0x12
READ_ADDRESS = 0x13
READ_1997 = 0x01

IDENTIFIER_LENGTH = 4
IDENTIFIER_LENGTH_1997 = 2
ABSENT = b"\xff"
"""What fills a number that the meter does not have, as of phases B and C of a single-phase meter."""
MAX_PARTS = 255
"""The number of a part is one byte and begins at 1 (7.2)."""

REFUSALS = (
    "other error",
    "no such data",
    "wrong password or not authorised",
    "the baud rate cannot be changed",
    "too many yearly time zones",
    "too many daily periods",
    "too many tariffs",
)
"""Bit of the error byte -> what it means (2007, annex C: ERR). The bits of 1997 mean the same, bit 0 illegal data."""


def read(address: str, identifier: int) -> Frame:
    """Question for one identifier, or for a block of them."""
    return Frame(checked(address, ADDRESS_DIGITS), READ, identifier.to_bytes(IDENTIFIER_LENGTH, "little"))


def read_1997(address: str, identifier: int) -> Frame:
    return Frame(checked(address, ADDRESS_DIGITS), READ_1997, identifier.to_bytes(IDENTIFIER_LENGTH_1997, "little"))


def read_address(address: str = ANY) -> Frame:
    """Question for the address of the one meter that is on the line."""
    return Frame(checked(address, ADDRESS_DIGITS), READ_ADDRESS)


def address_in(question: Frame, answer: Frame) -> str:
    """The address a meter gives when it is asked for it."""
    check_answer(question, answer)
    address = bcd_digits(answer.data)
    if len(address) != ADDRESS_DIGITS:
        raise FrameError("length", f"an address of {len(answer.data)} bytes")
    return address


def check_answer(question: Frame, answer: Frame) -> None:
    """FrameError unless `answer` is the meter's positive answer to `question`; a refusal in the meter's words."""
    if not answer.is_reply or answer.function != question.function:
        raise FrameError("function", f"asked {question.control:02X}, answered {answer.control:02X}")
    if not stands_for(question.address, answer.address):
        raise FrameError("address", f"asked {question.address}, {answer.address} answered")
    if answer.failed:
        raise FrameError("refused", f"meter {answer.address}: {refusal(error_byte(answer))}")


def error_byte(answer: Frame) -> int:
    """Of a refusal; 0 if the meter gives no reason."""
    return answer.data[0] if answer.data else 0


def refusal(bits: int) -> str:
    """An error byte in words."""
    said = [word for bit, word in enumerate(REFUSALS) if bits >> bit & 1]
    return ", ".join(said) or f"error byte {bits:02X}"


class Reading:
    """One identifier being read, in as many parts as the meter makes of it.

    `question` is what to send now; `take` gets each answer and says whether that was the last. Then `data` is whole.
    """

    def __init__(self, address: str, identifier: int) -> None:
        self.question = read(address, identifier)
        self.data = b""
        self._identifier = identifier.to_bytes(IDENTIFIER_LENGTH, "little")
        self._part = 0

    def take(self, answer: Frame) -> bool:
        """FrameError if that is not the answer to `question`: the question stands."""
        check_answer(self.question, answer)
        if answer.data[:IDENTIFIER_LENGTH] != self._identifier:
            raise FrameError("function", f"asked for another identifier than {answer.data[:IDENTIFIER_LENGTH].hex()}")
        self.data += self._content(answer.data)
        if answer.more:
            self._ask_for_next(answer.address)
        return not answer.more

    def _content(self, data: bytes) -> bytes:
        """Without the identifier, and without the number of the part that follows all but the first."""
        if not self._part:
            return data[IDENTIFIER_LENGTH:]
        if data[IDENTIFIER_LENGTH:][-1:] != bytes((self._part,)):
            raise FrameError("sequence", f"part {self._part} was asked for")
        return data[IDENTIFIER_LENGTH:-1]

    def _ask_for_next(self, address: str) -> None:
        if self._part == MAX_PARTS:
            raise FrameError("sequence", f"more than {MAX_PARTS} parts")
        self._part += 1
        self.question = Frame(address, READ_NEXT, self._identifier + bytes((self._part,)))


def values(identifier: int, data: bytes) -> tuple[Value, ...]:
    """What `data` under this identifier says; FrameError "unknown" for an identifier that no table here has."""
    if item := di.ITEMS.get(identifier):
        return _numbers((item,), data)
    if block := di.BLOCKS.get(identifier):
        return _numbers(block, data)
    if name := di.DIGITS.get(identifier):
        return (Value(name, bcd_digits(_exactly(data, 6))),)
    if reader := _READERS.get(identifier):
        return reader(data)
    raise FrameError("unknown", f"identifier {identifier:08X}")


def data_1997(question: Frame, answer: Frame) -> bytes:
    """What a meter of the edition of 1997 answers to `read_1997`, without the identifier."""
    check_answer(question, answer)
    if answer.data[:IDENTIFIER_LENGTH_1997] != question.data:
        raise FrameError("function", f"answered {answer.data[:IDENTIFIER_LENGTH_1997][::-1].hex()}")
    return answer.data[IDENTIFIER_LENGTH_1997:]


def values_1997(identifier: int, data: bytes) -> tuple[Value, ...]:
    """What `data` under this identifier of 1997 says; FrameError "unknown" for one that no table here has."""
    if identifier not in di.ITEMS_1997:
        raise FrameError("unknown", f"identifier {identifier:04X} of 1997")
    return _numbers((di.ITEMS_1997[identifier],), data)


def _numbers(items: tuple[di.Item, ...], data: bytes) -> tuple[Value, ...]:
    """Items one after the other; the last ones may be left out, but none may be cut."""
    length = items[0].length
    count = len(data) // length
    if not data or len(data) != count * length or count > len(items):
        raise FrameError("length", f"{len(data)} bytes for {items[0].name}, {length} bytes each")
    return tuple(_number(item, data[at * length : (at + 1) * length]) for at, item in enumerate(items[:count]))


def _number(item: di.Item, data: bytes) -> Value:
    if not data.strip(ABSENT):
        return Value(item.name, None, item.unit)
    negative = item.signed and bool(data[-1] & 0x80)
    if negative:
        data = data[:-1] + bytes((data[-1] & 0x7F,))
    mantissa = bcd(data)
    return Value(item.name, scaled(-mantissa if negative else mantissa, -item.decimals), item.unit)


def _date(data: bytes) -> tuple[Value, ...]:
    _weekday, day, month, year = (bcd(data[at : at + 1]) for at in range(len(_exactly(data, 4))))
    return (Value("date", local_time(2000 + year, month, day).date()),)


def _time(data: bytes) -> tuple[Value, ...]:
    second, minute, hour = (bcd(data[at : at + 1]) for at in range(len(_exactly(data, 3))))
    return (Value("time", local_time(2000, 1, 1, hour, minute, second).time().isoformat()),)


def _status_3(data: bytes) -> tuple[Value, ...]:
    word = int.from_bytes(_exactly(data, 2), "little")
    return tuple(Value(name, bool(word >> bit & 1)) for bit, name in di.STATUS_BITS.items())


_READERS = {di.DATE: _date, di.TIME: _time, di.STATUS_3: _status_3}


def _exactly(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise FrameError("length", f"{len(data)} bytes, not {length}")
    return data
