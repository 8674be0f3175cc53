"""What a scenario may ask of a board, simulated or on a USB port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Board(Protocol):
    """What the two kinds cannot both do (storage faults, Wi-Fi in the bench's hand) is on `SimBoard` only."""

    name: str

    @property
    def powered(self) -> bool: ...

    @property
    def console(self) -> Sequence[str]:
        """The console so far, oldest line first; old ones go when there are many."""
        ...

    def power_on(self) -> None: ...

    def power_cut(self) -> None: ...

    async def wait_line(self, text: str, deadline_s: float = 20.0) -> str:
        """The first console line that contains `text`; RigError after the deadline."""
        ...

    def close(self) -> None: ...
