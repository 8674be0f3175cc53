"""Which subjects a pattern takes (docs.nats.io, Subject-Based Messaging: Wildcards)."""

from __future__ import annotations


def covers(pattern: str, wanted: str) -> bool:
    """Whether who takes `pattern` takes every subject of the pattern `wanted`."""
    have, want = pattern.split("."), wanted.split(".")
    for place, part in enumerate(have):
        if part == ">":
            return place < len(want)
        if place == len(want) or want[place] == ">" or part not in {"*", want[place]}:
            return False
    return len(have) == len(want)
