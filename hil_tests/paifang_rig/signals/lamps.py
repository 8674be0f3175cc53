"""Lamp logs: one line a change, `t_ms aspects-as-letters mode`."""

from __future__ import annotations

from typing import NamedTuple

LETTERS = "RrGgAWwDaf-"


class Change(NamedTuple):
    """From `t_ms` on the groups show `shown`, a letter each, and the interlock is in `mode`."""

    t_ms: int
    shown: str
    mode: int


class LampLog:
    """Gathers the lines of a run."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._last: tuple[bytes, int] | None = None

    def note(self, t_ms: int, aspects: bytes, mode: int) -> bool:
        """What is shown from `t_ms` on. True if it is new."""
        if (aspects, mode) == self._last:
            return False
        self._last = (aspects, mode)
        self.lines.append(f"{t_ms} {''.join(LETTERS[aspect] for aspect in aspects)} {mode}")
        return True

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def parse(text: str) -> list[Change]:
    """The changes of a log. Raises ValueError for a line that is none."""
    changes: list[Change] = []
    for line in text.splitlines():
        t_ms, shown, mode = line.split(" ")
        if set(shown) - set(LETTERS):
            raise ValueError(f"{line!r}: letters are {LETTERS}")
        changes.append(Change(int(t_ms), shown, int(mode)))
    return changes
