"""Frames on a serial line: COBS with a CRC-16 inside, found again within one frame after any damage."""

from . import cbor
from .errors import CRC, SHAPE, TOO_LONG, WireError

CRC_LENGTH = 2
_CRC_INITIAL = 0xFFFF
_COBS_RUN = 254
"""Bytes that one COBS code byte can stand before (Cheshire and Baker, 1999)."""


def serial_frame(frame: bytes) -> bytes:
    """Return `frame` with its CRC, COBS-encoded between two zero bytes.

    The leading zero ends whatever noise stood on the line before.
    """
    return b"\x00" + _cobs_encode(frame + _crc16(frame).to_bytes(CRC_LENGTH, "big")) + b"\x00"


class SerialDecoder:
    """Finds frames in the bytes of a serial line; after any damage the next zero byte is a fresh start."""

    def __init__(self, limit: int = cbor.LIMIT) -> None:
        self._frame_limit = limit
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
            data = _cobs_decode(block)
            if len(data) > self._frame_limit + CRC_LENGTH:
                raise WireError(TOO_LONG)
            frames.append(_checked(data))
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
    """CRC-16/GENIBUS: polynomial 1021, initial FFFF, inverted at the end; check value of "123456789" is D64E.

    Without the inversion a frame, its CRC and a zero would pass as a longer frame: what a damaged delimiter makes.
    """
    crc = _CRC_INITIAL
    for byte in data:
        # Four steps for eight bits, without a table: 512 bytes are better spent elsewhere on a node.
        step = (crc >> 8 ^ byte) & 0xFF
        step ^= step >> 4
        crc = (crc << 8 ^ step << 12 ^ step << 5 ^ step) & 0xFFFF
    return crc ^ 0xFFFF


def _cobs_encode(data: bytes) -> bytes:
    out = bytearray()
    start = 0
    while True:
        end = data.find(b"\x00", start)
        if end < 0:
            end = len(data)
        while end - start >= _COBS_RUN:
            out.append(_COBS_RUN + 1)
            out.extend(data[start : start + _COBS_RUN])
            start += _COBS_RUN
        out.append(end - start + 1)
        out.extend(data[start:end])
        if end == len(data):
            return bytes(out)
        start = end + 1


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
