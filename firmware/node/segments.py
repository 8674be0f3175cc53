"""The files of the journal: a ring of segments on the flash, each a run of framed entries, named by its place in time.

An entry is a mark, its length, the CRC-32 of both and the payload, and the payload. What does not fit its CRC is passed
over, to the next mark that begins an entry which does. LittleFS has a file as it was when it was last closed, whatever
happens to the power later; that, and not a write, is when an entry is kept.
"""

import os
from binascii import crc32

from micropython import const

BLOCK = const(4096)
FRAME = const(7)
"""Bytes of an entry beside its payload."""
ENTRY_LIMIT = const(1024)
SEGMENTS = const(64)
"""About as many there are when the journal is full; each is at least a block."""
_MARK = const(0xA6)
_MARK_BYTE = b"\xa6"
_HEAD = const(3)
_USABLE = const(4088)  # LittleFS puts up to two pointers into a block of a file that has several
_NAME_DIGITS = const(8)
_CHUNK = const(128)
_STEP_BYTES = const(256)  # flash stands in everybody's way while it is erased and written
_LOST = "lost"


class Segments:
    """`folder` holds the files, which take `budget` bytes, in whole blocks, at the most.

    `first` and `last` are the numbers of the oldest and the newest one there (`first` > `last`: none).
    """

    def __init__(self, folder: str, budget: int) -> None:
        self._folder = folder + "/"
        self._segment_blocks = max(budget // (BLOCK * SEGMENTS), 1)
        self.size = self._segment_blocks * _USABLE
        self._budget_blocks = budget // BLOCK
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there, or the first write will say what is wrong
        self.bytes = self._blocks = 0
        numbers = []
        for number in self._listing():
            numbers.append(number)
            size = max(_size(self._path(number)), 0)
            self.bytes += size
            self._blocks += _blocks(size)
        self.first = min(numbers) if numbers else 1
        self.last = max(numbers) if numbers else 0

    @property
    def is_full(self) -> bool:
        """One more segment would not fit the budget."""
        return self.first <= self.last and self._blocks + self._segment_blocks > self._budget_blocks

    @property
    def is_half_empty(self) -> bool:
        return 2 * self._blocks < self._budget_blocks

    def following(self, number: int) -> int:
        """The number of the next segment behind `number`; `last` + 1 when there is none."""
        found = self.last + 1
        for other in self._listing():
            if number < other < found:
                found = other
        return found

    def append(self, number: int, size: int, data):
        """Add entries to a segment that has `size` bytes, in steps. Raises OSError; what was there is there then."""
        with open(self._path(number), "r+b" if size else "wb") as file:
            file.seek(size)  # a try before may have come further than it knew
            for begin in range(0, len(data), _STEP_BYTES):
                yield
                file.write(data[begin : begin + _STEP_BYTES])
            yield
        self.bytes += len(data)
        self._blocks += _blocks(size + len(data)) - _blocks(size)
        if self.first > self.last:
            self.first = number
        self.last = number

    def remove_first(self) -> None:
        """Delete the oldest segment. Raises OSError."""
        path = self._path(self.first)
        size = max(_size(path), 0)
        os.remove(path)
        self.bytes -= size
        self._blocks -= _blocks(size)
        self.first = self.following(self.first)

    def read(self, number: int, offset: int) -> tuple:
        """(payload, offset behind it, damaged bytes passed over) of the next entry; payload is None at the end."""
        try:
            with open(self._path(number), "rb") as file:
                return _next_entry(file, offset)
        except OSError:
            return None, offset, 1

    def save_lost(self, data: bytes) -> None:
        """Keep what stands for segments that were dropped, in the place of what was kept before. Raises OSError."""
        with open(self._folder + _LOST, "wb") as file:
            file.write(framed(data))

    def load_lost(self) -> bytes:
        """What was kept by `save_lost`, b"" for nothing, or nothing whole."""
        try:
            with open(self._folder + _LOST, "rb") as file:
                head = file.read(FRAME)
                data = file.read(ENTRY_LIMIT)
        except OSError:
            return b""
        return data if len(head) == FRAME and _crc(head, data) == head[_HEAD:] else b""

    def _listing(self):
        """The number of each segment, in no order."""
        try:
            for entry in os.ilistdir(self._folder):
                if len(entry[0]) == _NAME_DIGITS:
                    yield int(entry[0], 16)
        except OSError:
            pass  # no folder, no segments

    def _path(self, number: int) -> str:
        return self._folder + "%08x" % number


def framed(payload: bytes) -> bytes:
    """The entry of a payload."""
    head = bytes((_MARK, len(payload) >> 8, len(payload) & 0xFF))
    return head + _crc(head, payload) + payload


def ids(payload: bytes) -> tuple:
    """(boot, number) of a report or an event."""
    boot, at = _uint(payload, 2)  # behind the array and its kind
    return boot, _uint(payload, at)[0]


def _uint(data: bytes, at: int) -> tuple:
    """(number, where it ends) of a CBOR integer."""
    first = data[at]
    if first < 24:
        return first, at + 1
    end = at + 1 + (1 << first - 24)
    return int.from_bytes(data[at + 1 : end], "big"), end


def _crc(head: bytes, payload: bytes) -> bytes:
    return crc32(payload, crc32(head[:_HEAD])).to_bytes(4, "big")


def _next_entry(file, offset: int) -> tuple:
    """As `Segments.read`."""
    damaged = 0
    while True:
        file.seek(offset)
        head = file.read(FRAME)
        if not head:
            return None, offset, damaged
        length = head[1] << 8 | head[2] if len(head) == FRAME and head[0] == _MARK else ENTRY_LIMIT + 1
        payload = file.read(length) if length <= ENTRY_LIMIT else b""
        if len(payload) == length and _crc(head, payload) == head[_HEAD:]:
            return payload, offset + FRAME + length, damaged
        step = _to_mark(file, offset)
        offset += step
        damaged += step


def _to_mark(file, offset: int) -> int:
    """How far it is from the mark at `offset` to the next byte that may be one, or to the end."""
    step = 1
    while True:
        file.seek(offset + step)
        chunk = file.read(_CHUNK)
        place = chunk.find(_MARK_BYTE)
        if place >= 0 or not chunk:
            return step + max(place, 0)
        step += len(chunk)


def _blocks(size: int) -> int:
    return (size + _USABLE - 1) // _USABLE


def _size(path: str) -> int:
    """Bytes of a file, -1 of none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1
