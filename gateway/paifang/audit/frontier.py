"""A growing tree as tiles: the unfinished one of each level in memory, the whole ones handed on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from paifang.audit import tiles, tree

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[[int, int], list[bytes]]

_KEPT_TILES = 64


class Frontier:
    """The tree over the leaf hashes given to `add`.

    `load(level, number)` returns the 256 hashes of a whole tile that was taken out of `whole`. `parts` are the hashes
    of each level's unfinished tile, for a tree that exists already.
    """

    def __init__(self, load: Load, size: int = 0, parts: list[list[bytes]] | None = None) -> None:
        self.size = size
        self.parts = parts or []
        self.whole: dict[tuple[int, int], list[bytes]] = {}
        """Whole tiles by (level, number), until the owner has put them away and takes them out."""
        self._load = load
        self._cached = lru_cache(_KEPT_TILES)(load)

    def add(self, leaf: bytes) -> None:
        self.size += 1
        self._push(0, leaf)

    def root(self) -> bytes:
        return tree.root(self.size, self.at)

    def view(self) -> Frontier:
        """A copy that does not grow, for another thread."""
        copy = Frontier(self._load, self.size, [list(part) for part in self.parts])
        copy.whole = dict(self.whole)
        copy._cached = self._cached
        return copy

    def at(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree, as `tree` asks for it."""
        tile_level, inner = divmod(level, tiles.HEIGHT)
        first = index << inner
        hashes = self._tile(tile_level, first // tiles.WIDTH)
        offset = first % tiles.WIDTH
        return tree.perfect_root(hashes[offset : offset + (1 << inner)])

    def _tile(self, level: int, number: int) -> list[bytes]:
        if number == self.size >> tiles.HEIGHT * (level + 1):
            return self.parts[level]
        found = self.whole.get((level, number))
        return self._cached(level, number) if found is None else found

    def _push(self, level: int, hash_: bytes) -> None:
        if level == len(self.parts):
            self.parts.append([])
        part = self.parts[level]
        part.append(hash_)
        if len(part) == tiles.WIDTH:
            number = (self.size >> tiles.HEIGHT * (level + 1)) - 1
            self.whole[level, number] = part
            self.parts[level] = []
            self._push(level + 1, tree.perfect_root(part))


def resume(load: Load, size: int) -> Frontier:
    """The tree of `size` entries, a multiple of 256, from its whole tiles alone."""
    parts: list[list[bytes]] = [[]] if size else []
    tiles_below = size // tiles.WIDTH
    while tiles_below:
        level = len(parts)
        first = tiles_below // tiles.WIDTH * tiles.WIDTH
        parts.append([tree.perfect_root(load(level - 1, number)) for number in range(first, tiles_below)])
        tiles_below //= tiles.WIDTH
    return Frontier(load, size, parts)
