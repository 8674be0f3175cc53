"""Plans and day plans on flash: `plan.1` to `plan.8`, `days`, and `staged`, which counts for nothing yet.

A file is a header (id of the content, CRC of the site record it was checked against, length and CRC of the packed
tables), the tables, and the content as it came. It takes its place by being renamed: whole, or not at all.
"""

import hashlib
import os
from binascii import crc32
from struct import pack, unpack

from micropython import const

SLOTS = const(8)
_HEADER = ">6sIHI"
_HEADER_BYTES = const(16)
_STEP_BYTES = const(256)
_STAGED = "staged"
_DAYS = "days"


def id_of(payload: bytes) -> int:
    """The number by which a command names a plan or day plans: the first 6 bytes of the SHA-256."""
    return int.from_bytes(hashlib.sha256(payload).digest()[:6], "big")


class Shelf:
    """`folder`: where the files are. A place is a slot, 1 to 8, or one of `DAYS`, `STAGED`."""

    DAYS = _DAYS
    STAGED = _STAGED

    def __init__(self, folder: str = "/") -> None:
        self._folder = folder

    def write(self, place, payload: bytes, packed: bytes, site_crc: int) -> None:
        """Put a record and its tables (b"" of day plans) there. Raises OSError."""
        for _ in self.writing(place, payload, packed, site_crc):
            pass

    def writing(self, place, payload: bytes, packed: bytes, site_crc: int):
        """As `write`, in steps: flash stands in everybody's way while it is erased and written."""
        name = self._path("new")
        with open(name, "wb") as file:
            yield
            file.write(pack(_HEADER, id_of(payload).to_bytes(6, "big"), site_crc, len(packed), crc32(packed)))
            for data in (packed, payload):
                for begin in range(0, len(data), _STEP_BYTES):
                    file.write(data[begin : begin + _STEP_BYTES])
                    yield
        yield
        os.rename(name, self._path(place))

    def move(self, place) -> None:
        """What is staged takes its place there. Raises OSError."""
        os.rename(self._path(_STAGED), self._path(place))

    def id_at(self, place) -> int:
        """The id of what is there; 0 for nothing."""
        head = self._head(place)
        return int.from_bytes(head[0], "big") if head else 0

    def site_at(self, place) -> int:
        """The CRC of the site record that what is there was checked against; -1 for nothing there."""
        head = self._head(place)
        return head[1] if head else -1

    def packed(self, place):
        """The packed tables; None for nothing there, or nothing whole."""
        head = self._head(place)
        if not head:
            return None
        with open(self._path(place), "rb") as file:
            file.seek(_HEADER_BYTES)
            data = file.read(head[2])
        return data if len(data) == head[2] and crc32(data) == head[3] else None

    def payload(self, place):
        """The record as it came; None for nothing there, or nothing whole."""
        head = self._head(place)
        if not head:
            return None
        with open(self._path(place), "rb") as file:
            file.seek(_HEADER_BYTES + head[2])
            data = file.read()
        return data if id_of(data) == int.from_bytes(head[0], "big") else None

    def _head(self, place):
        try:
            with open(self._path(place), "rb") as file:
                data = file.read(_HEADER_BYTES)
        except OSError:
            return None
        return unpack(_HEADER, data) if len(data) == _HEADER_BYTES else None

    def _path(self, place) -> str:
        return self._folder + (place if isinstance(place, str) else "plan." + str(place))
