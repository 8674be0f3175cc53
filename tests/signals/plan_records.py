"""Plans for the sites of the tests, from a few words each."""

from __future__ import annotations

from typing import Any

from paifang_wire import cbor
from roles.traffic_signal import phases, plans

RINGS = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
CROSSINGS = {2: 8, 4: 9, 6: 10, 8: 11}
THROUGH = phases.DUAL_ENTRY | phases.SIMULTANEOUS_GAP
NUMBER, VEHICLES, PEDS, LEAST, PASSAGE, MOST, WALK, BEFORE, REDUCE, GAP, AMBER, RED, OPTIONS = range(13)


def phase(number: int, *, peds: int = 0, **changes: Any) -> list[Any]:
    """Phase n of a dual ring, over group n - 1. Changes by name: `least`, `most`, `passage`, `walk`, `options`, ..."""
    return [
        number,
        changes.get("groups", 1 << (number - 1)),
        peds,
        changes.get("least", 5_000),
        changes.get("passage", 3_000),
        changes.get("most", 30_000 if number % 2 == 0 else 15_000),
        changes.get("walk", 7_000 if peds else 0),
        changes.get("before", 0),
        changes.get("reduce", 0),
        changes.get("gap", 0),
        changes.get("amber", 3_000),
        changes.get("red", 2_000),
        changes.get("options", THROUGH if number % 2 == 0 else phases.SIMULTANEOUS_GAP),
    ]


def plan(**changes: Any) -> list[Any]:
    """A dual ring. Changes: `rows`, `rings`, `coordination`, `preempts`, `transit`, `detectors`; `peds` adds crossings;
    `each` are changes of every phase.
    """
    each = changes.get("each", {})
    peds = CROSSINGS if changes.get("peds") else {}
    rows = changes.get("rows") or [phase(n, peds=1 << peds[n] if n in peds else 0, **each) for n in range(1, 9)]
    parts = [changes.get(part, []) for part in ("preempts", "transit", "detectors")]
    return [
        plans.VERSION,
        changes.get("name", "day"),
        rows,
        changes.get("rings", RINGS),
        changes.get("coordination"),
        *parts,
    ]


def tables(record: list[Any], site: Any) -> Any:
    return plans.decode(cbor.encode(record), site)
