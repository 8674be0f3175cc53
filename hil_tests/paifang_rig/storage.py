"""What survives a power cut: the flash file and the NVS pages, and the fault that cuts power at the n-th operation."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang_rig.control import NvsOp
from paifang_tools import nvs

if TYPE_CHECKING:
    from pathlib import Path


class PowerLost(Exception):
    """Power failed during a storage operation; nothing after it happens."""


@dataclass(slots=True)
class PowerFault:
    """Power fails at the `after`-th storage operation from now, before it (`torn` False) or half-way through it.

    Evidence: `fired`, and `where`, the operation it fell on. A run whose fault did not fire proves nothing.
    """

    after: int
    torn: bool = False
    kinds: tuple[str, ...] = ()
    fired: bool = False
    where: str = ""

    def hits(self, kind: str, detail: str) -> bool:
        """Count an operation of `kind`; True when power fails at it."""
        if self.fired or (self.kinds and kind not in self.kinds):
            return False
        self.after -= 1
        if self.after > 0:
            return False
        self.fired, self.where = True, f"{kind} {detail}"
        return True


class StorageLog:
    """Counts the storage operations of a board by kind, keeps their order, and arms at most one fault."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.kinds: list[str] = []
        self.fault: PowerFault | None = None

    def note(self, kind: str, detail: str) -> PowerFault | None:
        """The armed fault, if power fails at this operation."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        self.kinds.append(kind)
        if self.fault and self.fault.hits(kind, detail):
            return self.fault
        return None


class NvsFile(nvs.Medium):
    """NVS pages in a file; each program and page erase is one operation of the log."""

    def __init__(self, path: Path, log: StorageLog) -> None:
        super().__init__(path.read_bytes())
        self._path = path
        self._log = log

    def program(self, offset: int, data: bytes) -> None:
        fault = self._log.note("nvs-program", f"at {offset}, {len(data)} bytes")
        if fault:
            super().program(offset, data[: len(data) // 2] if fault.torn else b"")
            self._save(offset, len(data))
            raise PowerLost
        super().program(offset, data)
        self._save(offset, len(data))

    def erase(self, page: int) -> None:
        fault = self._log.note("nvs-erase", f"page {page}")
        if fault and not fault.torn:
            raise PowerLost
        start = page * nvs.PAGE_SIZE
        kept = bytes(self.data[start + nvs.PAGE_SIZE // 2 : start + nvs.PAGE_SIZE])
        super().erase(page)
        if fault:
            self.data[start + nvs.PAGE_SIZE // 2 : start + nvs.PAGE_SIZE] = kept
        self._save(start, nvs.PAGE_SIZE)
        if fault:
            raise PowerLost

    def _save(self, offset: int, length: int) -> None:
        with self._path.open("r+b") as file:
            file.seek(offset)
            file.write(self.data[offset : offset + length])


class NvsSession:
    """One boot's view of NVS. A set is held in RAM until commit (all that ESP-IDF promises), or, with `eager`, written
    at once (what it does today): firmware must be right with both.
    """

    def __init__(self, medium: NvsFile, log: StorageLog, *, eager: bool) -> None:
        self._partition = nvs.Nvs(medium)
        self._log = log
        self._eager = eager
        self._staged: dict[tuple[str, str], nvs.Value | None] = {}

    def handle(self, payload: bytes) -> tuple[bytes, int]:
        """Answer and errno of one request: 2 ENOENT no such key, 28 ENOSPC no room."""
        op, rest = NvsOp(payload[0]), payload[1:]
        namespace, rest = _text(rest)
        key, value = _text(rest)
        if op is NvsOp.COMMIT:
            return self._commit()
        if op in {NvsOp.GET_I32, NvsOp.GET_BLOB}:
            return self._get(namespace, key, int if op is NvsOp.GET_I32 else bytes)
        if op is NvsOp.ERASE and self._current(namespace, key) is None:
            return b"", 2
        self._stage(namespace, key, None if op is NvsOp.ERASE else _value(op, value))
        return b"", 0

    def _current(self, namespace: str, key: str) -> nvs.Value | None:
        if (namespace, key) in self._staged:
            return self._staged[namespace, key]
        return self._partition.get(namespace, key)

    def _get(self, namespace: str, key: str, kind: type) -> tuple[bytes, int]:
        value = self._current(namespace, key)
        if not isinstance(value, kind):
            return b"", 2
        return (value if isinstance(value, bytes) else struct.pack("<i", value)), 0

    def _stage(self, namespace: str, key: str, value: nvs.Value | None) -> None:
        if self._log.note("nvs-set", f"{namespace}/{key}"):
            raise PowerLost
        self._staged[namespace, key] = value
        if self._eager:
            self._flush()

    def _commit(self) -> tuple[bytes, int]:
        if self._log.note("nvs-commit", f"{len(self._staged)} values"):
            raise PowerLost
        try:
            self._flush()
        except nvs.NvsError:
            return b"", 28
        return b"", 0

    def _flush(self) -> None:
        for (namespace, key), value in self._staged.items():
            if value is None:
                self._partition.erase_key(namespace, key)
            else:
                self._partition.set(namespace, key, value)
        self._staged.clear()


def _text(data: bytes) -> tuple[str, bytes]:
    length = data[0]
    return data[1 : 1 + length].decode(), data[1 + length :]


def _value(op: NvsOp, data: bytes) -> nvs.Value:
    return struct.unpack("<i", data)[0] if op is NvsOp.SET_I32 else data
