"""SenML as RFC 8428 has it read: labels of table 4, base values applied as in 4.6. Written from the RFC alone."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import cbor2

LABELS = {-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb",
          5: "s", 6: "t", 7: "ut", 8: "vd"}  # fmt: skip
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*")
VALUES = {"v", "vs", "vb", "vd"}


def of_json(text: bytes) -> list[dict[str, Any]]:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def of_cbor(data: bytes) -> list[dict[str, Any]]:
    return [{LABELS[label]: value for label, value in record.items()} for record in cbor2.loads(data)]


def resolved(pack: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records without base values; an AssertionError where the RFC forbids what is there."""
    base: dict[str, Any] = {}
    found = []
    for record in pack:
        base |= {label: value for label, value in record.items() if label.startswith("b")}
        own = {label: value for label, value in record.items() if not label.startswith("b")}
        own["n"] = base.get("bn", "") + own.get("n", "")
        own["t"] = base.get("bt", 0) + own.get("t", 0)
        if "u" not in own and "bu" in base and "v" in own:
            own["u"] = base["bu"]
        assert NAME.fullmatch(own["n"]), own
        assert len(VALUES & own.keys()) == 1, own
        found.append(own)
    return found
