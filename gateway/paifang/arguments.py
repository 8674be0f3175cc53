"""The arguments of an operation, as they come from a socket: checked, with a clear error for what does not fit."""

from __future__ import annotations

from typing import Any

from paifang.errors import bad_argument


class Arguments:
    """Takes named arguments out of `given`; `done` refuses what nobody took. Each raises PaifangError."""

    def __init__(self, op: str, given: dict[str, Any]) -> None:
        self._op = op
        self._left = dict(given)

    def text(self, name: str) -> str:
        value = self._left.pop(name, None)
        if not isinstance(value, str) or not value:
            raise bad_argument(f"{self._op} needs {name}, a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """A number is taken for its text."""
        value = self._left.pop(name, None)
        if value is None or (isinstance(value, str) and value):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise bad_argument(f"{name} of {self._op} is a text, not {value!r}")

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        value = self._left.pop(name, None)
        if value is None:
            value = default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise bad_argument(f"{name} of {self._op} is a whole number from {least} to {most}, not {value!r}")
        return value

    def flag(self, name: str) -> bool:
        value = self._left.pop(name, None)
        if value is not None and not isinstance(value, bool):
            raise bad_argument(f"{name} of {self._op} is true or false, not {value!r}")
        return bool(value)

    def hexadecimal(self, name: str, length: int) -> bytes:
        """`length` bytes; the value itself is a secret and does not stand in the error."""
        value = self._left.pop(name, None)
        try:
            found = bytes.fromhex(value) if isinstance(value, str) else b""
        except ValueError:
            found = b""
        if len(found) != length:
            raise bad_argument(f"{name} of {self._op} is {2 * length} hexadecimal digits")
        return found

    def octets(self, name: str, most: int) -> bytes:
        """1 to `most` bytes, given as hexadecimal digits."""
        found = self.optional_octets(name, most)
        if found is None:
            raise bad_argument(f"{self._op} needs {name}, hexadecimal digits")
        return found

    def optional_octets(self, name: str, most: int) -> bytes | None:
        value = self._left.pop(name, None)
        if value is None:
            return None
        try:
            found = bytes.fromhex(value) if isinstance(value, str) and len(value) <= 2 * most else b""
        except ValueError:
            found = b""
        if not found:
            raise bad_argument(f"{name} of {self._op} is 2 to {2 * most} hexadecimal digits")
        return found

    def anything(self, name: str) -> Any:
        if name not in self._left:
            raise bad_argument(f"{self._op} needs {name}")
        return self._left.pop(name)

    def optional(self, name: str) -> Any:
        return self._left.pop(name, None)

    def done(self) -> None:
        if self._left:
            raise bad_argument(f"{self._op} knows no argument {next(iter(self._left))!r}")
