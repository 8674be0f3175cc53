"""Frames on a byte stream: a CBOR sequence (RFC 8742) on TCP, COBS with a CRC-16 on a serial line."""

from . import cbor
from .errors import CRC, NOT_CBOR, SHAPE, TOO_LONG, WireError

CRC_LENGTH = 2
_CRC_INITIAL = 0xFFFF
_COBS_RUN = 254
"""Bytes that one COBS code byte can stand before (Cheshire and Baker, 1999)."""


def stream_frame(frame: bytes) -> bytes:
    """Return `frame` as one item of the CBOR sequence."""
    return cbor.byte_string(frame)


class StreamDecoder:
    """Cuts a CBOR sequence of byte strings into frames. After an error the stream cannot be trusted: drop it."""

    def __init__(self, limit: int = cbor.LIMIT) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> "list[bytes]":
        """Return the frames that `data` completes.

        Raises WireError: TOO_LONG for a frame above the limit, NOT_CBOR for anything but a definite byte string
        with the shortest head. Frames before the fault in the same `data` are lost with the stream.
        """
        if self._rest:
            data = self._rest + data
        frames: "list[bytes]" = []
        pos = 0
        size = len(data)
        while pos < size:
            start, end = self._span(data, pos, size)
            if end > size or not end:
                break
            frames.append(data[start:end])
            pos = end
        self._rest = data[pos:]
        return frames

    def _span(self, data: bytes, pos: int, size: int) -> "tuple[int, int]":
        """Return (start, end) of the frame at `pos`; end is 0 while its head is incomplete."""
        length = data[pos] - 0x40
        start = pos + 1
        if length < 0 or length > 25:
            raise WireError(NOT_CBOR if length != 26 else TOO_LONG, "not a byte string of a frame's length")
        if length >= 24:
            start = pos + (2 if length == 24 else 3)
            if start > size:
                return start, 0
            least = 24 if length == 24 else 256
            length = int.from_bytes(data[pos + 1 : start], "big")
            if length < least:
                raise WireError(NOT_CBOR, "length not in its shortest form")
        if length > self._limit:
            raise WireError(TOO_LONG, "frame of " + str(length) + " bytes")
        return start, start + length


def serial_frame(frame: bytes) -> bytes:
    """Return `frame` with its CRC, COBS-encoded between two zero bytes.

    The leading zero ends whatever noise stood on the line before.
    """
    return b"\x00" + _cobs_encode(frame + _crc16(frame).to_bytes(CRC_LENGTH, "big")) + b"\x00"


class SerialDecoder:
    """Finds frames in the bytes of a serial line; after any damage the next zero byte is a fresh start."""

    def __init__(self, limit: int = cbor.LIMIT) -> None:
        self._limit = limit + CRC_LENGTH + (limit + CRC_LENGTH) // _COBS_RUN + 1
        self._rest = b""
        self._skipping = False
        self.errors: "dict[str, int]" = {}
        """How many blocks were thrown away, by reason."""

    def feed(self, data: bytes) -> "list[bytes]":
        """Return the intact frames that `data` completes. Never raises."""
        blocks = (self._rest + data).split(b"\x00")
        self._rest = blocks.pop()
        frames: "list[bytes]" = []
        for block in blocks:
            if self._skipping:
                self._skipping = False
            elif block:
                self._take(block, frames)
        if len(self._rest) > self._limit:
            if not self._skipping:
                self._count(TOO_LONG)
            self._skipping = True
            self._rest = b""
        return frames

    def _take(self, block: bytes, frames: "list[bytes]") -> None:
        try:
            if len(block) > self._limit:
                raise WireError(TOO_LONG)
            frames.append(_checked(_cobs_decode(block)))
        except WireError as error:
            self._count(error.reason)

    def _count(self, reason: str) -> None:
        self.errors[reason] = self.errors.get(reason, 0) + 1


def _checked(data: bytes) -> bytes:
    frame = data[:-CRC_LENGTH]
    if len(data) <= CRC_LENGTH or _crc16(frame) != int.from_bytes(data[-CRC_LENGTH:], "big"):
        raise WireError(CRC)
    return frame


def _crc16(data: bytes) -> int:
    """CRC-16/IBM-3740 ("CCITT-FALSE"): polynomial 1021, initial FFFF; check value of "123456789" is 29B1."""
    crc = _CRC_INITIAL
    for byte in data:
        # Four steps for eight bits, without a table: 512 bytes are better spent elsewhere on a node.
        step = (crc >> 8 ^ byte) & 0xFF
        step ^= step >> 4
        crc = (crc << 8 ^ step << 12 ^ step << 5 ^ step) & 0xFFFF
    return crc


def _cobs_encode(data: bytes) -> bytes:
    out = bytearray()
    parts = data.split(b"\x00")
    for part in parts:
        while len(part) >= _COBS_RUN:
            out.append(_COBS_RUN + 1)
            out.extend(part[:_COBS_RUN])
            part = part[_COBS_RUN:]
        out.append(len(part) + 1)
        out.extend(part)
    return bytes(out)


def _cobs_decode(block: bytes) -> bytes:
    out = bytearray()
    pos = 0
    while True:
        code = block[pos]
        end = pos + code
        if end > len(block):
            raise WireError(SHAPE, "broken COBS block")
        out.extend(block[pos + 1 : end])
        pos = end
        if pos == len(block):
            return bytes(out)
        if code <= _COBS_RUN:
            out.append(0)
