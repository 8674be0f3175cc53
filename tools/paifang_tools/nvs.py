"""ESP-IDF's NVS partition, version 2 pages: read, changed and written as the flash of an ESP32 holds it.

The layout is ESP-IDF's ("Non-volatile storage library", internals): pages of 4096 bytes, each a header of 32, a bitmap
of 32 with two bits an entry, and 126 entries of 32. Every change is a sequence of single programs and page erases of
the `Medium`, in an order that leaves the old or the new value after a power cut at any of them.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TypeAlias

from paifang_tools.errors import ToolError

PAGE_SIZE = 4096
PAGE_COUNT = 6  # the nvs row of MicroPython's stock partition tables: 0x6000 bytes
KEY_LIMIT = 15
ENTRY_COUNT = 126
ENTRY_SIZE = 32
_BITMAP = 32
_ENTRIES = 64

_EMPTY_PAGE, _ACTIVE, _FULL, _FREEING = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8
_VERSION_2 = 0xFE
_WRITTEN, _ERASED, _EMPTY = 0b10, 0b00, 0b11
_U8, _I32, _BLOB_DATA, _BLOB_INDEX = 0x01, 0x14, 0x42, 0x48
_NO_CHUNK = 0xFF
_CHUNK_BASES = (0x00, 0x80)  # successive values of a blob take turns, so that old and new can both be on flash

Value: TypeAlias = int | bytes


class NvsError(ToolError):
    """A value that does not fit, or a partition that is none."""


class Medium:
    """Flash in RAM: a program only clears bits, an erase sets a page to ones."""

    def __init__(self, data: bytes | bytearray) -> None:
        if len(data) % PAGE_SIZE or len(data) < 2 * PAGE_SIZE:
            raise NvsError(f"an NVS partition is two or more pages of {PAGE_SIZE} bytes, this is {len(data)} bytes")
        self.data = bytearray(data)

    def program(self, offset: int, data: bytes) -> None:
        old = self.data[offset : offset + len(data)]
        self.data[offset : offset + len(data)] = bytes(a & b for a, b in zip(old, data, strict=True))

    def erase(self, page: int) -> None:
        self.data[page * PAGE_SIZE : (page + 1) * PAGE_SIZE] = b"\xff" * PAGE_SIZE


@dataclass(frozen=True, slots=True)
class _Item:
    """One written entry: where it starts, how many entries it spans, what it holds."""

    page: int
    index: int
    span: int
    namespace: int
    kind: int
    chunk: int
    key: str
    data: bytes


class Nvs:
    """The partition on a medium. Opening it finishes what a power cut interrupted."""

    def __init__(self, medium: Medium) -> None:
        self._medium = medium
        self._items: dict[tuple[int, str, int, int], _Item] = {}
        self._pages = len(medium.data) // PAGE_SIZE
        self._recover_freeing()
        self._load()

    def get(self, namespace: str, key: str) -> Value | None:
        """The value, or None where there is no such key."""
        ns = self._namespace(namespace)
        if ns is None:
            return None
        if item := self._items.get((ns, key, _I32, _NO_CHUNK)):
            return struct.unpack_from("<i", item.data)[0]
        index = self._items.get((ns, key, _BLOB_INDEX, _NO_CHUNK))
        if index is None:
            return None
        size, count, start = struct.unpack_from("<IBB", index.data)
        return b"".join(self._items[ns, key, _BLOB_DATA, start + i].data for i in range(count))[:size]

    def set(self, namespace: str, key: str, value: Value) -> None:
        """Write `value` (i32 or blob); the one before it is erased only after the new one is on flash."""
        ns = self._namespace(namespace)
        if ns is None:
            ns = 1 + max((item.data[0] for item in self._items.values() if item.namespace == 0), default=0)
            self._write(0, namespace, _U8, _NO_CHUNK, bytes((ns,)))
        if self.get(namespace, key) == value:
            return
        old = [item for item in self._items.values() if (item.namespace, item.key) == (ns, key)]
        if isinstance(value, int):
            self._write(ns, key, _I32, _NO_CHUNK, struct.pack("<i", value))
        else:
            self._write_blob(ns, key, value, old)
        for item in old:
            self._forget(item)

    def erase_key(self, namespace: str, key: str) -> bool:
        """True when there was such a key."""
        ns = self._namespace(namespace)
        found = [item for item in self._items.values() if (item.namespace, item.key) == (ns, key)]
        for item in sorted(found, key=lambda item: item.kind, reverse=True):  # a blob's index before its chunk
            self._forget(item)
        return bool(found)

    def _namespace(self, name: str) -> int | None:
        item = self._items.get((0, name, _U8, _NO_CHUNK))
        return item.data[0] if item else None

    def _write_blob(self, ns: int, key: str, value: bytes, old: list[_Item]) -> None:
        used = {item.chunk for item in old if item.kind == _BLOB_DATA}
        base = _CHUNK_BASES[1] if _CHUNK_BASES[0] in used else _CHUNK_BASES[0]
        self._write(ns, key, _BLOB_DATA, base, value)
        self._write(ns, key, _BLOB_INDEX, _NO_CHUNK, struct.pack("<IBBH", len(value), 1, base, 0xFFFF))

    def _write(self, ns: int, key: str, kind: int, chunk: int, data: bytes) -> None:
        body = data if kind == _BLOB_DATA else b""
        span = 1 + -(-len(body) // ENTRY_SIZE)
        if span > ENTRY_COUNT:
            raise NvsError(f"{key}: a blob of {len(data)} bytes does not fit in one page")
        page, index = self._room(span)
        entries = _encode(ns, key, kind, chunk, span, data) + body.ljust((span - 1) * ENTRY_SIZE, b"\xff")
        offset = page * PAGE_SIZE
        self._medium.program(offset + _ENTRIES + index * ENTRY_SIZE, entries)
        self._mark(page, index, span, _WRITTEN)
        inline = data if kind != _BLOB_DATA else body
        item = _Item(page, index, span, ns, kind, chunk, key, bytes(inline))
        replaced = self._items.get((ns, key, kind, chunk))
        self._items[ns, key, kind, chunk] = item
        if replaced:
            self._mark(replaced.page, replaced.index, replaced.span, _ERASED)

    def _forget(self, item: _Item) -> None:
        """Mark it erased, unless a newer one has taken its place already or a page move has."""
        identity = (item.namespace, item.key, item.kind, item.chunk)
        current = self._items.get(identity)
        if current and current.data == item.data:
            del self._items[identity]
            self._mark(current.page, current.index, current.span, _ERASED)

    def _mark(self, page: int, index: int, span: int, state: int) -> None:
        first, last = index // 4, (index + span - 1) // 4
        bits = bytearray(b"\xff" * (last - first + 1))
        for entry in range(index, index + span):
            shift = entry % 4 * 2
            bits[entry // 4 - first] &= ~(0b11 << shift) & 0xFF | state << shift
        self._medium.program(page * PAGE_SIZE + _BITMAP + first, bytes(bits))

    def _state_of(self, page: int, index: int) -> int:
        return self._medium.data[page * PAGE_SIZE + _BITMAP + index // 4] >> index % 4 * 2 & 0b11

    def _header(self, page: int) -> tuple[int, int]:
        """State and sequence number; a page whose header is damaged counts as empty."""
        raw = self._medium.data[page * PAGE_SIZE : page * PAGE_SIZE + 32]
        state, sequence = struct.unpack_from("<II", raw)
        good = struct.unpack_from("<I", raw, 28)[0] == zlib.crc32(raw[4:28], 0xFFFFFFFF)
        return (state, sequence) if good else (_EMPTY_PAGE, 0)

    def _free(self) -> list[int]:
        return [page for page in range(self._pages) if self._header(page)[0] == _EMPTY_PAGE]

    def _ordered(self) -> list[int]:
        used = [page for page in range(self._pages) if self._header(page)[0] != _EMPTY_PAGE]
        return sorted(used, key=lambda page: self._header(page)[1])

    def _activate(self, page: int) -> None:
        if bytes(self._medium.data[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]).strip(b"\xff"):
            self._medium.erase(page)
        sequence = max((self._header(used)[1] for used in self._ordered()), default=-1) + 1
        body = struct.pack("<IB", sequence, _VERSION_2).ljust(24, b"\xff")
        header = struct.pack("<I", _ACTIVE) + body + struct.pack("<I", zlib.crc32(body, 0xFFFFFFFF))
        self._medium.program(page * PAGE_SIZE, header)

    def _next_index(self, page: int) -> int:
        return next(
            (i + 1 for i in range(ENTRY_COUNT - 1, -1, -1) if self._used(page, i)),
            0,
        )

    def _used(self, page: int, index: int) -> bool:
        """An entry is used once a bit of it is programmed, whatever its state says: a cut falls between the two."""
        start = page * PAGE_SIZE + _ENTRIES + index * ENTRY_SIZE
        blank = not bytes(self._medium.data[start : start + ENTRY_SIZE]).strip(b"\xff")
        return not blank or self._state_of(page, index) != _EMPTY

    def _room(self, span: int) -> tuple[int, int]:
        """Page and index where `span` entries fit, after a page change or a clean-up if need be."""
        for _ in range(self._pages + 1):
            active = [page for page in self._ordered() if self._header(page)[0] == _ACTIVE]
            if active:
                index = self._next_index(active[-1])
                if index + span <= ENTRY_COUNT:
                    return active[-1], index
                self._medium.program(active[-1] * PAGE_SIZE, struct.pack("<I", _FULL))
            free = self._free()
            if len(free) > 1:
                self._activate(free[0])
            else:
                self._clean_up(free)
        raise NvsError("the NVS partition is full")

    def _clean_up(self, free: list[int]) -> None:
        """Copy what is alive on the page with the most erased entries to the last free one, then erase it."""
        if not free:
            raise NvsError("the NVS partition has no free page left")
        page = min(self._ordered(), key=lambda used: sum(i.span for i in self._items.values() if i.page == used))
        self._medium.program(page * PAGE_SIZE, struct.pack("<I", _FREEING))
        self._move(page, free[0])

    def _move(self, page: int, target: int) -> None:
        self._activate(target)
        index = 0
        for item in sorted((i for i in self._items.values() if i.page == page), key=lambda item: item.index):
            start = page * PAGE_SIZE + _ENTRIES + item.index * ENTRY_SIZE
            entries = bytes(self._medium.data[start : start + item.span * ENTRY_SIZE])
            self._medium.program(target * PAGE_SIZE + _ENTRIES + index * ENTRY_SIZE, entries)
            self._mark(target, index, item.span, _WRITTEN)
            moved = _Item(target, index, item.span, item.namespace, item.kind, item.chunk, item.key, item.data)
            self._items[item.namespace, item.key, item.kind, item.chunk] = moved
            index += item.span
        self._medium.erase(page)

    def _recover_freeing(self) -> None:
        """A page found half moved: its copy, the newest page, is dropped, and the move is made again."""
        freeing = [page for page in self._ordered() if self._header(page)[0] == _FREEING]
        for page in freeing:
            newest = self._ordered()[-1]
            if newest != page and self._header(newest)[0] == _ACTIVE:
                self._medium.erase(newest)
        self._load()
        for page in freeing:
            self._move(page, self._free()[0])

    def _load(self) -> None:
        """Read every good entry, oldest page first; erase what is damaged, superseded or orphaned."""
        self._items.clear()
        for page in self._ordered():
            index = 0
            while index < ENTRY_COUNT:
                index += self._load_entry(page, index) if self._state_of(page, index) == _WRITTEN else 1
        for item in [item for item in self._items.values() if item.kind == _BLOB_DATA]:
            index_item = self._items.get((item.namespace, item.key, _BLOB_INDEX, _NO_CHUNK))
            start, count = (index_item.data[5], index_item.data[4]) if index_item else (0, 0)
            if not start <= item.chunk < start + count:
                self._forget(item)
        self._drop_older_kind()

    def _drop_older_kind(self) -> None:
        """A key holds one kind of value: where a cut left both, the one written later stays."""
        order = {page: place for place, page in enumerate(self._ordered())}
        numbers = [item for item in self._items.values() if item.kind == _I32]
        for number in numbers:
            blob = self._items.get((number.namespace, number.key, _BLOB_INDEX, _NO_CHUNK))
            if blob:
                older = min(number, blob, key=lambda item: (order[item.page], item.index))
                for item in list(self._items.values()):
                    same = (item.namespace, item.key) == (older.namespace, older.key)
                    if same and (item.kind == _I32) == (older.kind == _I32):
                        self._forget(item)

    def _load_entry(self, page: int, index: int) -> int:
        """Take the entry at `index` in; how many entries it spans."""
        start = page * PAGE_SIZE + _ENTRIES + index * ENTRY_SIZE
        raw = bytes(self._medium.data[start : start + ENTRY_SIZE])
        ns, kind, span, chunk, crc = struct.unpack_from("<BBBBI", raw)
        if crc != zlib.crc32(raw[:4] + raw[8:], 0xFFFFFFFF) or not 1 <= span <= ENTRY_COUNT - index:
            self._mark(page, index, 1, _ERASED)
            return 1
        data = raw[24:]
        if kind == _BLOB_DATA:
            size, _, data_crc = struct.unpack_from("<HHI", raw, 24)
            data = bytes(self._medium.data[start + ENTRY_SIZE : start + ENTRY_SIZE + size])
            if zlib.crc32(data, 0xFFFFFFFF) != data_crc:
                self._mark(page, index, span, _ERASED)
                return span
        key = raw[8:24].split(b"\0")[0].decode()
        older = self._items.get((ns, key, kind, chunk))
        self._items[ns, key, kind, chunk] = _Item(page, index, span, ns, kind, chunk, key, data)
        if older:
            self._mark(older.page, older.index, older.span, _ERASED)
        return span


def _encode(ns: int, key: str, kind: int, chunk: int, span: int, data: bytes) -> bytes:
    """The 32 bytes of an entry's head."""
    name = key.encode()
    if not 0 < len(name) <= KEY_LIMIT:
        raise NvsError(f"{key!r}: a key or namespace is 1 to {KEY_LIMIT} bytes")
    value = struct.pack("<HHI", len(data), 0xFFFF, zlib.crc32(data, 0xFFFFFFFF)) if kind == _BLOB_DATA else data
    front, back = struct.pack("<BBBB", ns, kind, span, chunk), name.ljust(16, b"\0") + value.ljust(8, b"\xff")
    return front + struct.pack("<I", zlib.crc32(front + back, 0xFFFFFFFF)) + back


def blank(page_count: int = PAGE_COUNT) -> bytes:
    """An erased partition."""
    return b"\xff" * (page_count * PAGE_SIZE)
