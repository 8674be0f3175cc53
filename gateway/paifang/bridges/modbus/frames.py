"""Requests and their answers, as Modbus RTU and Modbus TCP carry them.

Modbus application protocol 1.1b3, Modbus over serial line 1.02, Modbus messaging on TCP/IP 1.0b. Only the client's
side: what is asked, and whether what came is the answer to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from paifang.bridges import crc
from paifang.bridges.asking import Answer
from paifang.bridges.errors import FrameError

READ_FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
TABLES = {function: table for table, function in READ_FUNCTIONS.items()}
BIT_FUNCTIONS = (1, 2)
WRITE_COIL = 5
WRITE_REGISTER = 6
WRITE_COILS = 15
WRITE_REGISTERS = 16
SINGLE_WRITES = (WRITE_COIL, WRITE_REGISTER)
WRITES = (*SINGLE_WRITES, WRITE_COILS, WRITE_REGISTERS)
COIL_ON = b"\xff\x00"
COIL_OFF = b"\x00\x00"

EXCEPTION = 0x80
ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
DEVICE_FAILURE = 4
BUSY = 6
NO_PATH = 10
UNREACHED = 11
EXCEPTIONS = {
    ILLEGAL_FUNCTION: "illegal function",
    ILLEGAL_ADDRESS: "illegal data address",
    ILLEGAL_VALUE: "illegal data value",
    DEVICE_FAILURE: "device failure",
    5: "acknowledged, not done yet",
    BUSY: "device busy",
    8: "memory parity error",
    NO_PATH: "gateway path not available",
    UNREACHED: "device behind the gateway does not answer",
}
"""Code -> what the device says (chapter 7)."""

CRC_LENGTH = 2
RTU_EXCEPTION_LENGTH = 5
RTU_WRITE_LENGTH = 8
MBAP_LENGTH = 7
MBAP_MOST = 260
"""Longest frame of Modbus TCP (messaging guide 4.1)."""


@dataclass(frozen=True, slots=True)
class Request:
    """`count` bits or registers from `address` on; `data`: what is written, as it goes over the line.

    `fresh`: a read whose answer must not be an earlier one to the same question, as after a write.
    """

    unit: int
    function: int
    address: int
    count: int
    data: bytes = b""
    fresh: bool = field(default=False, compare=False)

    @property
    def is_write(self) -> bool:
        return self.function not in TABLES

    @property
    def answer_bytes(self) -> int:
        """Bytes of values in the answer to a read."""
        return (self.count + 7) // 8 if self.function in BIT_FUNCTIONS else 2 * self.count

    @property
    def pdu(self) -> bytes:
        head = bytes((self.function, *self.address.to_bytes(2)))
        if self.function in SINGLE_WRITES:
            return head + self.data
        if self.is_write:
            return head + self.count.to_bytes(2) + bytes((len(self.data),)) + self.data
        return head + self.count.to_bytes(2)

    @property
    def answer_length(self) -> int:
        """Bytes of the PDU of a positive answer."""
        return 5 if self.is_write else 2 + self.answer_bytes

    @property
    def shape(self) -> tuple[int, int, int]:
        """What tells its answer from others: unit, function, bytes. RTU carries no more of a read."""
        return self.unit, self.function, self.answer_length


def read(unit: int, table: str, address: int, count: int) -> Request:
    return Request(unit, READ_FUNCTIONS[table], address, count)


def write_coil(unit: int, address: int, on: bool, function: int = WRITE_COIL) -> Request:
    if function == WRITE_COILS:
        return Request(unit, function, address, 1, bytes((int(on),)))
    return Request(unit, function, address, 1, COIL_ON if on else COIL_OFF)


def write_registers(unit: int, address: int, data: bytes, function: int | None = None) -> Request:
    """One register with function 6, several with 16, unless the device wants it otherwise."""
    count = len(data) // 2
    return Request(unit, function or (WRITE_REGISTER if count == 1 else WRITE_REGISTERS), address, count, data)


def checksum(data: bytes) -> bytes:
    """The two bytes behind `data` on a serial line."""
    return crc.crc16(data, crc.IBM, 0xFFFF).to_bytes(2, "little")


def checked(frame: bytes) -> bytes:
    """What stands before the checksum of a frame of a serial line. Raises FrameError when that is wrong."""
    body, given = frame[:-CRC_LENGTH], frame[-CRC_LENGTH:]
    right = checksum(body)
    if right != given:
        raise FrameError("checksum", f"{given.hex(' ').upper()}, of these bytes it is {right.hex(' ').upper()}")
    return body


def rtu(request: Request) -> bytes:
    body = bytes((request.unit,)) + request.pdu
    return body + checksum(body)


def tcp(request: Request, transaction: int) -> bytes:
    return mbap(transaction, request.unit, request.pdu)


def mbap(transaction: int, unit: int, pdu: bytes) -> bytes:
    return transaction.to_bytes(2) + bytes(2) + (len(pdu) + 1).to_bytes(2) + bytes((unit,)) + pdu


def rtu_answer(request: Request, frame: bytes) -> Answer[bytes]:
    """The answer in a whole frame of a serial line. Raises FrameError when it is none, or not to this request."""
    if len(frame) < RTU_EXCEPTION_LENGTH:
        raise FrameError("length", f"{len(frame)} bytes, an answer has at least {RTU_EXCEPTION_LENGTH}")
    body = checked(frame)
    return _answer(request, body[0], body[1:])


def find_answer(data: bytes) -> tuple[int, int] | None:
    """Start and end of the first whole answer on a serial line, whosever it is; None: there is none yet."""
    for start in range(len(data) - RTU_EXCEPTION_LENGTH + 1):
        end = start + _rtu_length(data, start)
        if start < end <= len(data) and checksum(data[start : end - CRC_LENGTH]) == data[end - CRC_LENGTH : end]:
            return start, end
    return None


def tcp_answer(request: Request, transaction: int, frame: bytes) -> Answer[bytes]:
    """The answer in a whole frame of Modbus TCP. Raises FrameError when it is none, or not to this request."""
    if len(frame) < MBAP_LENGTH + 2 or frame[2:4] != bytes(2):
        raise FrameError("shape", f"no Modbus TCP: {frame[:MBAP_LENGTH].hex()}")
    if int.from_bytes(frame[4:6]) != len(frame) - MBAP_LENGTH + 1:
        raise FrameError("length", f"{len(frame)} bytes, its header says {int.from_bytes(frame[4:6]) + 6}")
    if int.from_bytes(frame[:2]) != transaction:
        raise FrameError("sequence", f"transaction {int.from_bytes(frame[:2])}, {transaction} was asked")
    return _answer(request, frame[6], frame[MBAP_LENGTH:])


def _rtu_length(data: bytes, start: int) -> int:
    """Length of an answer that begins there; 0: none does."""
    function = data[start + 1]
    if function & EXCEPTION:
        return RTU_EXCEPTION_LENGTH
    if function in TABLES:
        return RTU_EXCEPTION_LENGTH + data[start + 2]
    return RTU_WRITE_LENGTH if function in WRITES else 0


def _answer(request: Request, unit: int, pdu: bytes) -> Answer[bytes]:
    if unit != request.unit:
        raise FrameError("address", f"unit {unit} answered, {request.unit} was asked")
    if pdu[0] == request.function | EXCEPTION:
        if len(pdu) != 2:
            raise FrameError("length", f"a refusal of {len(pdu)} bytes")
        return Answer(b"", pdu[1])
    if pdu[0] != request.function:
        raise FrameError("function", f"function {pdu[0]} answered, {request.function} was asked")
    if len(pdu) != request.answer_length:
        raise FrameError("length", f"{len(pdu)} bytes, {request.answer_length} were asked for")
    if request.is_write:
        return _echo(request, pdu)
    if pdu[1] != request.answer_bytes:
        raise FrameError("length", f"says {pdu[1]} bytes, {request.answer_bytes} were asked for")
    return Answer(pdu[2:])


def _echo(request: Request, pdu: bytes) -> Answer[bytes]:
    if pdu != request.pdu[:5]:
        raise FrameError("value", f"{pdu.hex()} for {request.pdu[:5].hex()}")
    return Answer(b"")


def refusal(code: int) -> str:
    """A device's refusal in words."""
    return f"exception {code}, {EXCEPTIONS.get(code, 'of its own')}"
