"""A node that runs for long in a node's heap: nothing grows, nothing runs out."""

from __future__ import annotations

import asyncio

import pytest

from paifang_rig.nodes import make_node

FREE_HEAP = 32
REPORTS_TEST, REPORTS_SOAK = 2_000, 36_000
EVENTS = 10
"""At most this many records of such a run are no reports."""
SPEED = 20
PERIOD_MS = 500
GROWTH_LIMIT_BYTES = 1024
"""About the work of one record, and less than a byte a report. What is under way at a moment comes and goes."""


def free_heap(gate) -> list[int]:
    """What the node reported of its own heap, in order: free bytes after a collection."""
    return [record["values"][FREE_HEAP] for record in gate.stored() if FREE_HEAP in record.get("values", {})]


async def stored(gate) -> int:
    """How many records there are, events included, without reading them all."""
    return (await gate.request("status"))["records"]["stored"]


@pytest.mark.timeout(3600)
async def test_reports_without_end_in_a_nodes_heap(bench, gateway, tier_size) -> None:
    wanted = tier_size(REPORTS_TEST, REPORTS_SOAK)
    gate = await gateway()
    made = make_node(bench, "n-1", "air_quality", gate.port, period_ms=PERIOD_MS, speed=SPEED)
    await gate.enrol(made.identity)
    made.board.power_on()
    async with asyncio.timeout(3000):
        while await stored(gate) < wanted + EVENTS:  # noqa: ASYNC110 - the gateway is asked, it does not call
            await asyncio.sleep(0.5)
    assert made.board.boot == 1, made.board.console
    assert not [line for line in made.board.console if "MemoryError" in line]
    assert sum("values" in record for record in gate.stored()) >= wanted
    samples = free_heap(gate)
    quarter = len(samples) // 4
    assert quarter >= 2, samples
    assert max(samples[-quarter:]) >= max(samples[quarter : 2 * quarter]) - GROWTH_LIMIT_BYTES, samples
