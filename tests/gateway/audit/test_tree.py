"""The tree against vectors of others and against the text of RFC 6962, and as it grows in tiles."""

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import audit_vectors as vectors
import naive_tree as naive

from paifang.audit import tiles, tree
from paifang.audit.frontier import Frontier, resume

HASHES = [tree.leaf_hash(entry) for entry in vectors.LEAVES]
GARBAGE = bytes(range(32))


def grown(entries):
    """A tree over entries whose whole tiles were put away, and those tiles."""
    away = {}
    found = Frontier(lambda level, number: away[level, number])
    for entry in entries:
        found.add(tree.leaf_hash(entry))
        away.update(found.whole)
        found.whole.clear()
    return found, away


def test_roots_are_those_of_the_vectors():
    for size, expected in enumerate(vectors.ROOTS):
        assert grown(vectors.LEAVES[:size])[0].root() == expected


@pytest.mark.parametrize(("index", "size", "proof"), vectors.INCLUSION)
def test_inclusion_proofs_are_those_of_the_vectors_and_nothing_like_them_passes(index, size, proof):
    found, _ = grown(vectors.LEAVES)
    leaf, root = HASHES[index], vectors.ROOTS[size]
    assert tree.inclusion(index, size, found.at) == proof
    assert tree.is_included(leaf, index, size, proof, root)
    wrong = {
        "leafIdx - 1": (leaf, index - 1, size, proof, root),
        "leafIdx + 1": (leaf, index + 1, size, proof, root),
        "leafIdx xor 2": (leaf, index ^ 2, size, proof, root),
        "treeSize * 2": (leaf, index, size * 2, proof, root),
        "treeSize div 2": (leaf, index, size // 2, proof, root),
        "wrong leaf": (HASHES[index - 1], index, size, proof, root),
        "empty root": (leaf, index, size, proof, tree.EMPTY_ROOT),
        "random root": (leaf, index, size, proof, GARBAGE),
        "trailing garbage": (leaf, index, size, [*proof, GARBAGE], root),
        "trailing root": (leaf, index, size, [*proof, root], root),
        "preceding garbage": (leaf, index, size, [GARBAGE, *proof], root),
        "preceding root": (leaf, index, size, [root, *proof], root),
    }
    if proof:
        wrong["inserted component"] = (leaf, index, size, [proof[0], proof[0], *proof[1:]], root)
        wrong["removed component"] = (leaf, index, size, proof[:-1], root)
    for place in range(len(proof)):
        wrong[f"modified proof[{place}]"] = (leaf, index, size, modified(proof, place), root)
    assert [name for name, given in wrong.items() if tree.is_included(*given)] == []


@pytest.mark.parametrize(("old", "new", "proof"), vectors.CONSISTENCY)
def test_consistency_proofs_are_those_of_the_vectors_and_nothing_like_them_passes(old, new, proof):
    found, _ = grown(vectors.LEAVES)
    before, after = vectors.ROOTS[old], vectors.ROOTS[new]
    assert tree.consistency(old, new, found.at) == proof
    assert tree.is_consistent(old, new, proof, before, after)
    wrong = {
        "size1 - 1": (old - 1, new, proof, before, after),
        "size1 + 1": (old + 1, new, proof, before, after),
        "size1 xor 2": (old ^ 2, new, proof, before, after),
        "size2 * 2": (old, new * 2, proof, before, after),
        "size2 div 2": (old, new // 2, proof, before, after),
        "wrong root1": (old, new, proof, GARBAGE, after),
        "wrong root2": (old, new, proof, before, GARBAGE),
        "trailing garbage": (old, new, [*proof, GARBAGE], before, after),
        "trailing root1": (old, new, [*proof, before], before, after),
        "trailing root2": (old, new, [*proof, after], before, after),
        "preceding garbage": (old, new, [GARBAGE, *proof], before, after),
        "preceding root1": (old, new, [before, *proof], before, after),
        "preceding root2": (old, new, [after, *proof], before, after),
    }
    if old != new:
        wrong["swapped roots"] = (old, new, proof, after, before)
        wrong["empty proof"] = (old, new, [], before, after)
        wrong["truncated proof"] = (old, new, proof[:-1], before, after)
        wrong["preceding proof[0]"] = (old, new, [proof[0], *proof], before, after)
    for place in range(len(proof)):
        wrong[f"modified proof[{place}]"] = (old, new, modified(proof, place), before, after)
    assert [name for name, given in wrong.items() if tree.is_consistent(*given)] == []


def test_a_proof_about_an_empty_tree_is_none():
    assert not tree.is_included(HASHES[0], 0, 0, [], tree.EMPTY_ROOT)
    assert not tree.is_consistent(0, 0, [], tree.EMPTY_ROOT, tree.EMPTY_ROOT)
    assert not tree.is_consistent(0, 1, [], tree.EMPTY_ROOT, vectors.ROOTS[1])
    assert not tree.is_consistent(2, 1, [], vectors.ROOTS[2], vectors.ROOTS[1])


@given(st.integers(1, 80), st.data())
def test_every_tree_and_proof_is_that_of_the_text_of_the_rfc(size, data):
    entries = [number.to_bytes(2, "big") for number in range(size)]
    found, _ = grown(entries)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    root = naive.root(entries)
    assert found.root() == root
    assert tree.root(old, found.at) == naive.root(entries[:old]), "older trees are still to be had"
    path, proof = tree.inclusion(index, size, found.at), tree.consistency(old, size, found.at)
    assert path == naive.path(index, entries)
    assert proof == naive.proof(old, entries)
    assert tree.is_included(tree.leaf_hash(entries[index]), index, size, path, root)
    assert tree.is_consistent(old, size, proof, naive.root(entries[:old]), root)


def test_trees_of_several_levels_of_tiles_are_those_of_the_rfc(tier_size):
    chance = random.Random(7)
    size = tier_size(70_000, 140_000)
    entries = [number.to_bytes(4, "big") for number in range(size)]
    found, away = grown(entries)
    assert len(found.parts) == 3, "entries, tiles over tiles, and tiles over those"
    for edge in (255, 256, 257, 511, 512, 65_535, 65_536, 65_537, size):
        assert tree.root(edge, found.at) == naive.root(entries[:edge])
    for _ in range(tier_size(20, 400)):
        old, new = sorted(chance.randint(1, size) for _ in range(2))
        index = chance.randrange(new)
        path, proof = tree.inclusion(index, new, found.at), tree.consistency(old, new, found.at)
        root = tree.root(new, found.at)
        assert tree.is_included(tree.leaf_hash(entries[index]), index, new, path, root)
        assert tree.is_consistent(old, new, proof, tree.root(old, found.at), root)
    whole = size // tiles.WIDTH * tiles.WIDTH
    again = resume(lambda level, number: away[level, number], whole)
    for entry in entries[whole:]:
        again.add(tree.leaf_hash(entry))
    assert (again.size, again.root(), again.parts) == (found.size, found.root(), found.parts)


def test_a_view_does_not_grow_with_its_tree():
    found, _ = grown([b"1", b"2", b"3"])
    view = found.view()
    found.add(tree.leaf_hash(b"4"))
    assert (view.size, view.root()) == (3, naive.root([b"1", b"2", b"3"]))


def modified(proof, place):
    """The proof with one bit turned."""
    return [*proof[:place], bytes([proof[place][0] ^ 8, *proof[place][1:]]), *proof[place + 1 :]]
