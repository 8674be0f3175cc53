r"""The file that makes an append durable: the entries since the last whole bundle, one frame a group.

    head    "paifang audit tail 1\n", then the index of the first entry as 8 bytes, then 8 bytes of a check
    frame   "PAFG", index of its first entry (8), how many (4), bytes (4), check (16), then the entries as in a bundle

A check is the beginning of SHA-256. A group is written only after the one before it is synced, so only the last frame
can be torn by a power cut without anybody having been told of it; a bad frame with a good one behind it is damage.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.audit import tiles

if TYPE_CHECKING:
    from collections.abc import Sequence

_TITLE = b"paifang audit tail 1\n"
_HEAD_LENGTH = len(_TITLE) + 16
_MARK = b"PAFG"
_CHECK_LENGTH = 16
_FRAME_HEAD_LENGTH = len(_MARK) + 16 + _CHECK_LENGTH


class DamagedTailError(ValueError):
    """The file is not what was written and synced; the message says from which entry on."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The entries from index `first` on; `torn` bytes at the end were dropped, which nobody was told are there."""

    first: int
    entries: list[bytes]
    torn: int


def head(first: int) -> bytes:
    """The beginning of a tail whose first entry will be `first`."""
    named = _TITLE + first.to_bytes(8, "big")
    return named + hashlib.sha256(named).digest()[:8]


def frame(first: int, entries: Sequence[bytes]) -> bytes:
    """One group of entries, the first of which has the index `first`."""
    body = tiles.pack(entries)
    start = _MARK + first.to_bytes(8, "big") + len(entries).to_bytes(4, "big") + len(body).to_bytes(4, "big")
    return start + hashlib.sha256(start + body).digest()[:_CHECK_LENGTH] + body


def read(data: bytes) -> Tail:
    """The entries of a tail. Raises DamagedTailError."""
    if len(data) < _HEAD_LENGTH or data[:_HEAD_LENGTH] != head(
        int.from_bytes(data[len(_TITLE) : len(_TITLE) + 8], "big")
    ):
        raise DamagedTailError("its head is not that of a tail")
    first = int.from_bytes(data[len(_TITLE) : len(_TITLE) + 8], "big")
    entries: list[bytes] = []
    place = _HEAD_LENGTH
    while place < len(data):
        group = _group(data, place, first + len(entries))
        if group is None:
            if _has_good_frame(data, place):
                raise DamagedTailError(f"entry {first + len(entries)} is damaged, and entries behind it are not")
            break
        found, place = group
        entries += found
    return Tail(first, entries, len(data) - place)


def _group(data: bytes, place: int, first: int | None) -> tuple[list[bytes], int] | None:
    """The entries of the frame at `place` and where it ends; None unless it is good and begins with entry `first`."""
    start = data[place : place + _FRAME_HEAD_LENGTH - _CHECK_LENGTH]
    if len(start) < _FRAME_HEAD_LENGTH - _CHECK_LENGTH or not start.startswith(_MARK):
        return None
    count, length = int.from_bytes(start[12:16], "big"), int.from_bytes(start[16:20], "big")
    body_at = place + _FRAME_HEAD_LENGTH
    body = data[body_at : body_at + length]
    check = data[body_at - _CHECK_LENGTH : body_at]
    if len(body) != length or check != hashlib.sha256(start + body).digest()[:_CHECK_LENGTH]:
        return None
    if first is not None and int.from_bytes(start[4:12], "big") != first:
        return None
    entries, is_whole = tiles.unpack(body)
    return (entries, body_at + length) if is_whole and len(entries) == count else None


def _has_good_frame(data: bytes, place: int) -> bool:
    place = data.find(_MARK, place)
    while place >= 0:
        if _group(data, place, None) is not None:
            return True
        place = data.find(_MARK, place + 1)
    return False
