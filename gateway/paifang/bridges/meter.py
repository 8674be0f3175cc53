"""A meter of a profile on a line: what it is asked for, and what its answers say of its points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from paifang.bridges.errors import FrameError
from paifang.bridges.unit import RETRY_US
from paifang.profiles.conversion import NO_SENSE, NOT_THERE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from paifang.bridges.meter_line import Question
    from paifang.bridges.writes import Order
    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import AnyProfile

F = TypeVar("F")
D = TypeVar("D")
D_contra = TypeVar("D_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Configured:
    """A meter as the settings have it.

    `address`: the digits on it, or of M-Bus its primary address; of one that pushes, any name. `password` and
    `operator` are for the relay of DL/T 645, as on the line: P0 P1 P2 or PA P0 P1 P2, and C0 to C3.
    """

    profile: AnyProfile
    address: str
    password: bytes = field(default=bytes(3), repr=False)
    operator: bytes = bytes(4)


@dataclass(frozen=True, slots=True)
class Item:
    """What one question gets: the data identifier, or all there is; and the points that are in it."""

    key: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """A point that is to be set to an integer of it, until `expires_us`; `expires` is that in the meter's time."""

    point: str
    value: int
    key: str
    expires_us: int
    expires: datetime


class Readable(Protocol[D_contra]):
    """Turns what was read into points, whatever it is: nothing is raised."""

    address: str

    def readings(self, block: Item, data: D_contra) -> dict[str, Reading]: ...


class Meter(Protocol[F, D]):
    """A meter that is asked, and is readable."""

    address: str

    def readings(self, block: Item, data: D) -> dict[str, Reading]: ...

    def items(self) -> dict[str, list[Item]]:
        """What is to be read, by group."""
        ...

    def ask(self, block: Item) -> Question[F, D]: ...

    def order(self, wish: Wish) -> Order[Any]:
        """Raises ValueError when the point cannot be set."""
        ...


class Items:
    """The items of one meter: one that it refuses is left out for a while, and costs no other its value."""

    def __init__(self, groups: Mapping[str, Sequence[Item]]) -> None:
        self._groups = groups
        self._refused_until_us: dict[Item, int] = {}

    def look(self, turn: int) -> tuple[Item, ...]:
        items = list(dict.fromkeys(item for group in self._groups.values() for item in group))
        return (items[turn % len(items)],) if items else ()

    def blocks(self, groups: Iterable[str], now_us: int) -> list[Item]:
        wanted = dict.fromkeys(item for name in groups for item in self._groups[name])
        return [item for item in wanted if self._refused_until_us.get(item, 0) <= now_us]

    def answered(self, block: Item) -> None:
        self._refused_until_us.pop(block, None)

    def refused(self, block: Item, code: int, now_us: int) -> tuple[Item, ...]:  # noqa: ARG002 - nothing of it can be had
        self._refused_until_us[block] = now_us + RETRY_US
        return ()


def grouped(profile: AnyProfile, key_of: Callable[[str], str]) -> dict[str, list[Item]]:
    """Items by group, of points that have a key in common. A point is read with all groups that want its item."""
    points: dict[str, list[str]] = {}
    for name in profile.points:
        points.setdefault(key_of(name), []).append(name)
    items = {key: Item(key, tuple(names)) for key, names in points.items()}
    return {group: list(dict.fromkeys(_of_group(profile, group, items, key_of))) for group in profile.groups}


def understood(block: Item, read: Callable[[], Mapping[str, Reading]]) -> dict[str, Reading]:
    """Readings of all points of a block: those that are not in the answer the meter does not have."""
    try:
        found = read()
    except FrameError:
        return dict.fromkeys(block.points, NO_SENSE)
    return {name: found.get(name, NOT_THERE) for name in block.points}


def cannot_be_set(profile: AnyProfile, point: str) -> ValueError:
    return ValueError(f"{profile.name} has no command that sets {point}")


def _of_group(
    profile: AnyProfile, group: str, items: Mapping[str, Item], key_of: Callable[[str], str]
) -> Iterator[Item]:
    for name, point in profile.points.items():
        if point.properties.group == group:
            yield items[key_of(name)]
