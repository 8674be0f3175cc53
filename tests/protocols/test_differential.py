"""Random items and damaged ones: our codec on CPython, the same on MicroPython and cbor2 must agree on every one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import oracle
from portable import differential
from portable.plain import digest

from paifang_wire import cbor

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import MicroPython

BATCH = 50_000


def test_intact_items(micropython: MicroPython, tier_size: Callable[[int, int], int]) -> None:
    """Written by us as by cbor2, read by both interpreters as by cbor2, written back the same."""
    count = tier_size(60_000, 600_000)
    for seed in range(0, count, BATCH):
        source = random.Random(seed)
        items = [oracle.random_item(source) for _ in range(min(BATCH, count - seed))]
        encoded = [oracle.canonical(value) for value in items]
        assert [cbor.encode(value) for value in items] == encoded
        wanted = [
            digest(value) if len(data) <= cbor.LIMIT else "!too-long"
            for value, data in zip(items, encoded, strict=True)
        ]
        compare(encoded, wanted, [differential.verdict(data) for data in encoded])
        compare(encoded, wanted, micropython.run("differential", packed(encoded)))


def test_damaged_items(micropython: MicroPython, tier_size: Callable[[int, int], int]) -> None:
    """Accepted exactly when cbor2 reads the item and writes it back the same; refused for the same reason by both."""
    count = tier_size(60_000, 600_000)
    accepted = 0
    for seed in range(0, count, BATCH):
        source = random.Random(-1 - seed)
        items = [
            oracle.damaged(source, oracle.canonical(oracle.random_item(source, 3)))
            for _ in range(min(BATCH, count - seed))
        ]
        verdicts = [differential.verdict(data) for data in items]
        assert not [(data.hex(), verdict) for data, verdict in zip(items, verdicts, strict=True) if verdict[0] == "?"]
        ours = [verdict[0] != "!" for verdict in verdicts]
        disagreed = [
            data.hex()
            for data, yes in zip(items, ours, strict=True)
            if yes != oracle.accepts(data) and len(data) <= cbor.LIMIT
        ]
        assert disagreed == []
        compare(items, verdicts, micropython.run("differential", packed(items)))
        accepted += sum(ours)
    assert count // 50 < accepted < count // 2, "the damage is too heavy or too light to tell much"


def compare(items: list[bytes], wanted: list[str], got: list[str]) -> None:
    """Fail with the first few items whose verdicts differ."""
    assert len(got) == len(items)
    differ = [(data.hex(), want, have) for data, want, have in zip(items, wanted, got, strict=True) if want != have]
    assert differ[:5] == []


def packed(items: list[bytes]) -> bytes:
    """Return the items as the portable runner reads them."""
    return b"".join(len(data).to_bytes(2, "big") + data for data in items)
