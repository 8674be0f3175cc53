"""Frames on a stream (TCP, a Unix socket): a CBOR sequence (RFC 8742) of byte strings."""

from . import cbor
from .errors import NOT_CBOR, TOO_LONG, WireError


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
            raise WireError(NOT_CBOR if length != 26 else TOO_LONG, "no frame")
        if length >= 24:
            start = pos + (2 if length == 24 else 3)
            if start > size:
                return start, 0
            least = 24 if length == 24 else 256
            length = int.from_bytes(data[pos + 1 : start], "big")
            if length < least:
                raise WireError(NOT_CBOR, "long form")
        if length > self._limit:
            raise WireError(TOO_LONG, str(length))
        return start, start + length
