"""On which line of a TOML file each key stands: what `tomllib` leaves out.

`locate` walks a file that `tomllib` has accepted, so it only has to find the ends of things: a value is
skipped by its brackets and quotes, never judged. A path is a tuple of keys and, in arrays, positions.
"""

import re
import tomllib
from collections.abc import Iterator
from itertools import count

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def locate(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every key, table and array item; `text` is TOML that `tomllib` accepts."""
    return _Walker(text.replace("\r\n", "\n")).walk()


def nearest_line(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """The line of a path, or of the nearest table above it that is written down; None for the root."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


class _Walker:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.array_lengths: dict[KeyPath, int] = {}

    def walk(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip_blank()
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self._header("]]")
            elif self.text[self.at] == "[":
                table = self._header("]")
            else:
                self._pair(table)
            self._skip_blank()
        return self.lines

    def _header(self, closing: str) -> KeyPath:
        line = self._line()
        self.at += len(closing)
        *parents, last = self._key()
        self._skip_blank()
        self.at += len(closing)
        path: KeyPath = ()
        for key in parents:
            path = self._entered((*path, key), line)
        path = (*path, last)
        if closing == "]":
            return self._entered(path, line)
        self.lines.setdefault(path, line)
        position = self.array_lengths.get(path, 0)
        self.array_lengths[path] = position + 1
        self.lines[(*path, position)] = line
        return (*path, position)

    def _entered(self, path: KeyPath, line: int) -> KeyPath:
        """A table on the way; where it is an array of tables, its latest item."""
        self.lines.setdefault(path, line)
        length = self.array_lengths.get(path)
        return path if length is None else (*path, length - 1)

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for key in self._key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._skip_blank()
        self.at += 1  # the equals sign
        self._skip_blank()
        self._value(path)

    def _key(self) -> list[str]:
        """A dotted key; the text then stands behind it."""
        parts: list[str] = []
        while True:
            self._skip_blank()
            match = _BARE_KEY.match(self.text, self.at)
            if match:
                parts.append(match[0])
            else:
                match = self._match(_STRINGS)
                parts.append(tomllib.loads(f"key = {match[0]}")["key"])
            self.at = match.end()
            self._skip_blank()
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _value(self, path: KeyPath) -> None:
        opening = self.text[self.at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self.at = self._match(_STRINGS if opening in "\"'" else _SCALAR).end()

    def _array(self, path: KeyPath) -> None:
        for position in self._items("]"):
            self.lines[(*path, position)] = self._line()
            self._value((*path, position))

    def _inline_table(self, path: KeyPath) -> None:
        for _ in self._items("}"):
            self._pair(path)

    def _items(self, closing: str) -> Iterator[int]:
        """From the opening bracket to behind the closing one, stopping at the start of each item."""
        self.at += 1
        for position in count():
            self._skip_blank()
            if self.text[self.at] == closing:
                break
            yield position
            self._skip_blank()
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"line {self._line()}: not TOML")
        return match

    def _skip_blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1
