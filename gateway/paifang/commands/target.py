"""A node with a live session, as commands see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang.store.points import Point, PointTable

TWO_PERSONS_CLASS = 3
"""Of a node's points: it checks the signatures of two persons itself."""


class Target(Protocol):
    """`session` is something that another session of the node is not equal to; `boot` the node's own count.

    `table` is None, and `description` empty, until the node has described itself.
    """

    @property
    def node(self) -> str: ...
    @property
    def table(self) -> PointTable | None: ...
    @property
    def description(self) -> bytes: ...
    @property
    def boot(self) -> int: ...
    @property
    def session(self) -> object: ...

    def two_persons(self, point: Point) -> bool:
        """Whether a command to this point needs a second person, and a token that the target gives out."""
        ...

    def uptime_ms(self) -> int:
        """What its clock says by our estimate."""
        ...

    def values(self) -> dict[int, int]:
        """The present values on the wire, as far as they are known and not old."""
        ...

    def send(self, message: Sequence[Any]) -> None: ...
