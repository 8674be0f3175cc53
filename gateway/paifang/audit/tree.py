"""The Merkle tree of RFC 6962 section 2.1: roots, proofs, and their verification.

A proof is a list of 32-byte hashes. `at(level, index)` stands for a tree: the hash of the perfect subtree over the
entries index * 2**level … (index + 1) * 2**level - 1, which never changes once these entries are there.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    At = Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256().digest()
_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return _sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [_sha256(b"\x01" + row[place] + row[place + 1]).digest() for place in range(0, len(row), 2)]
    return row[0]


def root(size: int, at: At) -> bytes:
    """The Merkle tree hash of the first `size` entries."""
    return _range_root(0, size, at) if size else EMPTY_ROOT


def inclusion(index: int, size: int, at: At) -> list[bytes]:
    """The audit path of entry `index` in the tree of `size` entries (section 2.1.1); 0 <= index < size."""
    path: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(_range_root(middle, end, at))
            end = middle
        else:
            path.append(_range_root(first, middle, at))
            first = middle
    path.reverse()
    return path


def consistency(old: int, new: int, at: At) -> list[bytes]:
    """The proof that the tree of `old` entries is a prefix of that of `new` (section 2.1.2); 0 < old <= new."""
    proof: list[bytes] = []
    first, end, left_edge = 0, new, True
    while old != end:
        middle = first + _split(end - first)
        if old <= middle:
            proof.append(_range_root(middle, end, at))
            end = middle
        else:
            proof.append(_range_root(first, middle, at))
            first, left_edge = middle, False
    if not left_edge:
        proof.append(_range_root(first, end, at))
    proof.reverse()
    return proof


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether `proof` leads from the leaf hash of entry `index` to the root of `size` entries (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found == expected


def is_consistent(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `proof` shows the tree of `old` entries to be a prefix of that of `new` (RFC 9162 section 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    found_old = found_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            found_old = node_hash(sibling, found_old)
            found_new = node_hash(sibling, found_new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found_new = node_hash(found_new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and found_old == old_root and found_new == new_root


def _split(count: int) -> int:
    """The greatest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range_root(first: int, end: int, at: At) -> bytes:
    """The hash over entries first … end - 1, a range that the recursion of section 2.1 comes to."""
    count = end - first
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return at(level, first >> level)
    middle = first + _split(count)
    return node_hash(_range_root(first, middle, at), _range_root(middle, end, at))
