"""Orders, key sets and rules on both interpreters; and wire.cddl says the same of what persons sign."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import cbor2
import pytest
from portable import authority

from paifang_wire import orders, sign1
from paifang_wire.errors import WireError

from . import cddl
from .test_cddl import WRONG

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import MicroPython

APPROVAL = [bytes(32), bytes(16), 1_790_000_300_000, 7]
DELEGATION = [authority.BOB, "scada", 1, [["meter-*", "limit"]], 1, 60, 1_790_000_300_000, 7]
SIGNED = {
    "order": (authority.ORDER, orders.decode_order),
    "approval": (APPROVAL, orders.decode_approval),
    "delegation": (DELEGATION, orders.decode_delegation),
    "epoch": (["meter-1", 2], orders.decode_epoch),
    "site-edition": (["signal-1", 3, [1, "CN", [["north", 0, [3_000]]], {}, None]], orders.decode_site),
    "keyset": ([7, authority.KEYS], orders.decode_keyset),
}


@pytest.mark.parametrize("check", authority.CHECKS)
def test_on_cpython(check: Callable[[], None]) -> None:
    check()


def test_on_micropython(micropython: MicroPython) -> None:
    assert micropython.run("authority") == ["ok"] * len(authority.CHECKS)


@pytest.mark.parametrize("rule", SIGNED)
def test_code_and_grammar_agree_on_near_misses(rule: str) -> None:
    fields, decode = SIGNED[rule]
    assert cddl.GRAMMAR.fits(rule, fields)
    assert cddl.passes_pycddl(rule, cbor2.dumps(fields))
    assert takes(decode, fields)
    for near in [[*fields, 0], fields[:-1], [], {}, None]:
        assert not takes(decode, near)
        assert not cddl.GRAMMAR.fits(rule, near)
    for place, value in product(range(len(fields)), [*WRONG, bytes(64), [["a", "b"]], [["a"]], [["", "b"]]]):
        near = authority.replaced(fields, place, value)
        assert takes(decode, near) == cddl.GRAMMAR.fits(rule, near), (rule, place, value)


@pytest.mark.parametrize("place", range(6))
def test_code_and_grammar_agree_on_keys(place: int) -> None:
    for value in [*WRONG, bytes(64), [["a", "b"]], [["a"]]]:
        key = authority.replaced(authority.KEYS[0], place, value)
        assert takes(orders.decode_keyset, [7, [key]]) == cddl.GRAMMAR.fits("keyset", [7, [key]]), (place, value)


def test_a_signature_fits_the_grammar() -> None:
    for payload in (b"payload", None):
        fields: Any = cbor2.loads(sign1.pack(bytes(8), payload, bytes(64)))
        assert cddl.GRAMMAR.fits("sign1", fields)
        assert cddl.GRAMMAR.fits("sign1-header", cbor2.loads(fields[0]))
    structure: Any = cbor2.loads(sign1.signed_bytes(bytes(8), "ward-1", sign1.KEYSET, b"payload"))
    assert structure[0] == "Signature1"
    assert cddl.GRAMMAR.fits("signed-context", cbor2.loads(structure[2]))


def takes(decode: Callable[[bytes], Any], fields: Any) -> bool:
    """Tell whether the code takes the payload."""
    try:
        decode(cbor2.dumps(fields))
    except WireError:
        return False
    return True
