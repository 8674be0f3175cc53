"""What nodes have selected, as far as this gateway knows: for seconds in class 2, by a token for minutes in class 3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang_wire import rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.commands.target import Target


@dataclass(frozen=True, slots=True)
class Selected:
    """Good in this `boot` of the node, by our monotonic clock until `until_s`; `token` for class 3."""

    value: int | None
    boot: int
    until_s: float
    expires_ms: int
    token: bytes | None


class Selections:
    """In RAM only: what a restart forgets is selected again. The node decides in any case."""

    def __init__(self, utc_ms: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self._utc_ms = utc_ms
        self._monotonic = monotonic
        self._selected: dict[tuple[str, int], Selected] = {}

    def note(self, target: Target, point: int, value: int | None, token: bytes | None) -> Selected:
        """The node has selected `value`; it takes the place of what was selected before."""
        good_ms = rules.SELECT_MS if token is None else rules.TOKEN_MS
        until_s, expires_ms = self._monotonic() + good_ms / 1000, self._utc_ms() + good_ms
        found = self._selected[target.node, point] = Selected(value, target.boot, until_s, expires_ms, token)
        return found

    def of(self, target: Target, point: int) -> Selected | None:
        """What is selected and still good."""
        found = self._selected.get((target.node, point))
        return found if found and found.boot == target.boot and self._monotonic() < found.until_s else None

    def forget(self, node: str, point: int) -> None:
        """It was used, or dropped."""
        self._selected.pop((node, point), None)
