"""What the street behind a node has shown, to 20 ms: which lamps were lit, which were asked for, and who lit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .street import Street


class Picture(NamedTuple):
    """From `t_ms` on `lit` is what people see and `asked` what the node has switched on: bits as in `street`."""

    t_ms: int
    lit: int
    asked: int
    by_flasher: bool


class StreetLog:
    """The pictures in their order; the last one lasts until `end_ms`."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.end_ms = 0

    def note(self, t_ms: int, street: Street) -> None:
        """How it looks from `t_ms` on."""
        self.add(Picture(t_ms, street.lit(), street.driven, not street.relay_closed))

    def add(self, picture: Picture) -> None:
        """As `note`."""
        self.end_ms = picture.t_ms
        if not self.pictures or self.pictures[-1][1:] != picture[1:]:
            self.pictures.append(picture)

    def since(self, t_ms: int) -> list[Picture]:
        """The pictures that begin at `t_ms` or later."""
        return [picture for picture in self.pictures if picture.t_ms >= t_ms]

    def part(self, first: int) -> StreetLog:
        """A log of the pictures from number `first` on."""
        made = StreetLog()
        made.pictures, made.end_ms = self.pictures[first:], self.end_ms
        return made
