"""What a node keeps over a reset: its NVS and its files, with a power supply that can fail at any operation.

The power fails before or after an operation has had its effect. What was set in the NVS but not committed may be there
afterwards or not, key by key; a file is as it was when it was last closed.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import random

NOT_FOUND = -0x1102
NO_SPACE = -0x1105
TOO_SHORT = -0x110C
ENOENT = 2


class PowerCutError(BaseException):
    """The supply failed. Not an Exception: no code of the node's can survive it."""


class Power:
    """Counts storage operations; after `cut_after(n)` the supply fails at the n-th from then on."""

    def __init__(self) -> None:
        self.operations = 0
        self.cuts = 0
        self.is_out = False
        self.is_full = False
        """Nothing can be written until the next start."""
        self._left: int | None = None
        self._takes_effect = False

    def cut_after(self, operations: int | None, *, takes_effect: bool = False) -> None:
        self._left, self._takes_effect = operations, takes_effect

    def restore(self) -> None:
        self.is_out, self.is_full, self._left = False, False, None

    def operate(self, effect: Any, *, takes_room: bool = True) -> None:
        """Let one storage operation happen, if the supply lasts and there is room. Raises PowerCutError, OSError."""
        if self.is_out:
            raise PowerCutError
        if self.is_full and takes_room:
            raise OSError(NO_SPACE)
        self.operations += 1
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self.is_out = True
                self.cuts += 1
                if self._takes_effect:
                    effect()
                raise PowerCutError
        effect()


class Nvs:
    """One namespace of `esp32.NVS`: its methods, its errors."""

    def __init__(self, power: Power, chance: random.Random) -> None:
        self._power = power
        self._chance = chance
        self._kept: dict[str, Any] = {}
        self._pending: dict[str, Any] = {}

    @property
    def kept(self) -> dict[str, Any]:
        """What a reset would leave for certain."""
        return dict(self._kept)

    def get_i32(self, key: str) -> int:
        value = self._get(key)
        assert isinstance(value, int)
        return value

    def set_i32(self, key: str, value: int) -> None:
        assert -(1 << 31) <= value < 1 << 31
        self._set(key, value)

    def get_blob(self, key: str, buffer: bytearray) -> int:
        value = self._get(key)
        if len(value) > len(buffer):
            raise OSError(TOO_SHORT)
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key: str, value: bytes) -> None:
        self._set(key, bytes(value))

    def erase_key(self, key: str) -> None:
        self._get(key)
        self._set(key, None)

    def commit(self) -> None:
        self._power.operate(self._settle, takes_room=False)

    def after_reset(self) -> None:
        """Decide what became of what was not committed."""
        for key in sorted(self._pending):
            if self._chance.random() < 0.5:
                self._kept[key] = self._pending[key]
        self._pending = {}

    def _get(self, key: str) -> Any:
        assert 0 < len(key) <= 15
        value = self._pending[key] if key in self._pending else self._kept.get(key)
        if value is None:
            raise OSError(NOT_FOUND)
        return value

    def _set(self, key: str, value: Any) -> None:
        assert 0 < len(key) <= 15
        self._power.operate(lambda: self._pending.__setitem__(key, value))

    def _settle(self) -> None:
        self._kept.update(self._pending)
        self._pending = {}


class Flash:
    """LittleFS as far as a node uses it: files that are whole or as before, and renames that happen or do not."""

    def __init__(self, power: Power) -> None:
        self._power = power
        self.files: dict[str, bytes] = {}

    def open(self, path: str, mode: str = "r") -> Any:
        if mode == "rb":
            return io.BytesIO(self._content(path))
        assert mode == "wb", mode
        return _Writing(self, path)

    def rename(self, old: str, new: str) -> None:
        self._content(old)
        self._power.operate(lambda: self.files.__setitem__(new, self.files.pop(old)))

    def remove(self, path: str) -> None:
        self._content(path)
        self._power.operate(lambda: self.files.pop(path))

    def sync(self) -> None:
        """Nothing waits: a closed file is on the flash."""

    def close_file(self, path: str, content: bytes) -> None:
        self._power.operate(lambda: self.files.__setitem__(path, content))

    def program(self) -> None:
        """A block is written that no file shows yet."""
        self._power.operate(lambda: None)

    def _content(self, path: str) -> bytes:
        if path not in self.files:
            raise OSError(ENOENT)
        return self.files[path]


class _Writing:
    """A file being written; nothing of it is seen before it is closed."""

    def __init__(self, flash: Flash, path: str) -> None:
        self._flash = flash
        self._path = path
        self._content = bytearray()

    def write(self, data: bytes) -> int:
        self._flash.program()
        self._content += data
        return len(data)

    def flush(self) -> None:
        self._flash.close_file(self._path, bytes(self._content))

    def close(self) -> None:
        self._flash.close_file(self._path, bytes(self._content))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
