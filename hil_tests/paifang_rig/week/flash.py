"""The flash of a node: a real LittleFS in RAM, which refuses, forgets and fails in the middle as it is told.

`os` and `open` are what a node's modules get for MicroPython's: the first part of a path says whose flash it is.
"""

from __future__ import annotations

import errno
import types
from typing import TYPE_CHECKING, Any, Self

from littlefs import lfs
from littlefs.context import UserContext
from littlefs.errors import LittleFSError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK_BYTES = 4_096
_IO = -errno.EIO
_GEOMETRY = {"read_size": 32, "prog_size": 32, "cache_size": 128, "lookahead_size": 32}
"""MicroPython's."""
_lfs: Any = lfs  # its stubs are partial


class Flash(UserContext):
    """`refuses`: programs and erases fail with EIO. `cut_after`: at that many more of them power fails half-way.

    `is_off` tells that it did: nothing is written any more until `mount`.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__(buffer=bytearray(b"\xff" * (blocks * BLOCK_BYTES)))
        self.blocks = blocks
        self.refuses = False
        self.cut_after: int | None = None
        self.is_off = False
        self.operations = self.refused = 0
        self.filesystem: Any = None
        self.mount(blank=True)

    def mount(self, *, blank: bool = False) -> None:
        """Power comes: what is on the flash is there, and nothing else. A blank flash is laid out first."""
        self.cut_after, self.is_off = None, False
        config = _lfs.LFSConfig(context=self, block_size=BLOCK_BYTES, block_count=self.blocks, **_GEOMETRY)
        self._config = config  # LittleFS goes on using it
        self.filesystem = _lfs.LFSFilesystem()
        if blank:
            _lfs.format(self.filesystem, config)
        _lfs.mount(self.filesystem, config)

    def spoil(self, content: bytes, sizes: Callable[[], object]) -> bool:
        """Change a byte in each place that holds `content`; whether it was there.

        Not where LittleFS keeps what it needs itself: what `sizes` tells of the files must stay as it is.
        """
        before, known = bytes(self.buffer), sizes()
        at = self.buffer.find(content)
        while at >= 0:
            self.buffer[at + len(content) // 2] ^= 0xFF
            at = self.buffer.find(content, at)
        if bytes(self.buffer) != before and self._is_mountable() and sizes() == known:
            return True
        self.buffer[:] = before
        self.mount()
        return False

    def _is_mountable(self) -> bool:
        try:
            self.mount()
        except LittleFSError:
            return False
        return True

    def read(self, cfg: Any, block: int, off: int, size: int) -> bytearray:  # noqa: ARG002 - littlefs' signature
        start = block * BLOCK_BYTES + off
        return self.buffer[start : start + size]

    def prog(self, cfg: Any, block: int, off: int, data: bytes) -> int:  # noqa: ARG002
        start = block * BLOCK_BYTES + off
        if self._fails():
            return _IO
        if self.is_off:
            data = data[: len(data) // 2]
        before = self.buffer[start : start + len(data)]
        both = int.from_bytes(before, "big") & int.from_bytes(data, "big")  # only an erase sets bits
        self.buffer[start : start + len(data)] = both.to_bytes(len(data), "big")
        return _IO if self.is_off else 0

    def erase(self, cfg: Any, block: int) -> int:  # noqa: ARG002
        start = block * BLOCK_BYTES
        if self._fails():
            return _IO
        count = BLOCK_BYTES // 2 if self.is_off else BLOCK_BYTES
        self.buffer[start : start + count] = b"\xff" * count
        return _IO if self.is_off else 0

    def _fails(self) -> bool:
        """Whether nothing is done. Where `is_off` becomes true, half of it is."""
        if self.is_off:
            return True
        if self.refuses:
            self.refused += 1
            return True
        self.operations += 1
        if self.cut_after is not None:
            self.cut_after -= 1
            self.is_off = self.cut_after <= 0
        return False


class Flashes(dict[str, Flash]):
    """By node. Has what `node.segments` asks of `os`, and its `open`; paths are "/NODE/…"."""

    def find(self, path: str) -> tuple[Any, str]:
        """(file system, path in it)."""
        _, node, rest = path.split("/", 2)
        return self[node].filesystem, rest

    def mkdir(self, path: str) -> None:
        _told(lambda: _lfs.mkdir(*self.find(path)))

    def remove(self, path: str) -> None:
        _told(lambda: _lfs.remove(*self.find(path)))

    def stat(self, path: str) -> tuple[int, ...]:
        return (0, 0, 0, 0, 0, 0, _told(lambda: _lfs.stat(*self.find(path))).size)

    def ilistdir(self, path: str) -> Iterator[tuple[str, int, int, int]]:
        """(name, type, 0, bytes) of each entry."""
        return iter(_told(lambda: _listed(*self.find(path))))

    def sizes(self, path: str) -> dict[str, int]:
        """Bytes of the files of a folder."""
        return {name: size for name, _, _, size in self.ilistdir(path)}

    def open(self, path: str, mode: str) -> File:
        """An open file: read, write, seek, close. Raises OSError."""
        filesystem, place = self.find(path)
        return File(filesystem, _told(lambda: _lfs.file_open(filesystem, place, mode.replace("b", ""))))

    def namespace(self) -> Any:
        """As a module `os`."""
        names = ("mkdir", "remove", "stat", "ilistdir")
        return types.SimpleNamespace(**{name: getattr(self, name) for name in names})


class File:
    """As MicroPython's: errors are OSError, and a close that fails has closed all the same."""

    def __init__(self, filesystem: Any, handle: Any) -> None:
        self._filesystem = filesystem
        self._handle = handle

    def read(self, count: int) -> bytes:
        return _told(lambda: _lfs.file_read(self._filesystem, self._handle, count))

    def write(self, data: bytes) -> int:
        return _told(lambda: _lfs.file_write(self._filesystem, self._handle, bytes(data)))

    def seek(self, offset: int) -> int:
        return _told(lambda: _lfs.file_seek(self._filesystem, self._handle, offset, 0))

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            _told(lambda: _lfs.file_close(self._filesystem, handle))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _listed(filesystem: Any, path: str) -> list[tuple[str, int, int, int]]:
    folder = _lfs.dir_open(filesystem, path)
    try:
        found: list[tuple[str, int, int, int]] = []
        while (entry := _lfs.dir_read(filesystem, folder)) is not None:
            if entry.name not in {".", ".."}:
                found.append((entry.name, 0, 0, entry.size))
        return found
    finally:
        _lfs.dir_close(filesystem, folder)


def _told(act: Any) -> Any:
    """What `act` returns; a fault of the file system is an OSError."""
    try:
        return act()
    except LittleFSError as error:
        raise OSError(-error.code, str(error)) from error
