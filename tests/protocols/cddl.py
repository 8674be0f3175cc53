"""wire.cddl as a judge of bytes, and messages of every kind for it to judge."""

from __future__ import annotations

import re
from functools import cache

import cbor2
import pycddl
from hypothesis import strategies as st

from .conftest import PROTOCOLS
from .grammar import Grammar

SOURCE = (PROTOCOLS / "wire.cddl").read_text(encoding="utf-8")
RULES = re.findall("^message = (.*)$", SOURCE, re.MULTILINE)[0].split(" / ")
"""The rule of each kind of message, in the order of the kinds."""


GRAMMAR = Grammar(SOURCE)


@cache
def schema(rule: str) -> pycddl.Schema:
    """Return wire.cddl with `rule` as its root (a CDDL's root is its first rule)."""
    return pycddl.Schema(f"root = {rule}\n{SOURCE}")


def passes_pycddl(rule: str, data: bytes) -> bool:
    """Tell whether pycddl has no objection to the encoded item `data`."""
    try:
        schema(rule).validate_cbor(data)
    except pycddl.ValidationError:
        return False
    return True


def fits(rule: str, data: bytes) -> bool:
    """Tell whether the encoded item `data` is what `rule` says, by pycddl and by our own stricter judge."""
    return passes_pycddl(rule, data) and GRAMMAR.fits(rule, cbor2.loads(data))


def fits_message(data: bytes) -> bool:
    """Tell whether `data` is a `message`. One rule after the other: pycddl 0.6 takes too much in a choice of arrays."""
    return any(fits(rule, data) for rule in RULES)


def fits_frame(frame: bytes) -> bool:
    """Tell whether `frame` is a `frame` and the strings inside it hold what their comments say."""
    if not fits("frame", frame):
        return False
    protected, _, payload, _ = cbor2.loads(frame)
    return fits("protected-header", protected) and fits_message(payload)


UINT = st.integers(0, 2**64 - 1) | st.integers(0, 30)
COUNTED = st.integers(1, 2**64 - 1) | st.integers(1, 30)
INT = st.integers(-(2**64), 2**64 - 1) | st.integers(-30, 30)
TEXT = st.text(st.characters(codec="utf-8"), max_size=64)
NAME = st.text(st.characters(codec="utf-8"), min_size=1, max_size=64)
POINT = st.integers(0, 255)
OPTIONAL_UINT = st.none() | UINT
OPTIONAL_INT = st.none() | INT
SIGNED = st.binary(min_size=1, max_size=200)


def exactly(length: int) -> st.SearchStrategy[bytes]:
    """Return byte strings of one length."""
    return st.binary(min_size=length, max_size=length)


ROW = st.tuples(
    POINT, NAME, TEXT, st.integers(0, 1), INT, OPTIONAL_INT, OPTIONAL_INT, st.integers(0, 3), st.none() | NAME
)
MESSAGES = {
    "hello": (NAME, NAME, COUNTED, exactly(16), UINT, TEXT, exactly(8), UINT, UINT, UINT, UINT),
    "welcome": (
        exactly(16),
        exactly(16),
        OPTIONAL_UINT,
        UINT,
        st.lists(st.tuples(COUNTED, UINT).map(list), max_size=8),
        st.booleans(),
        UINT,
        UINT,
    ),
    "describe": (exactly(8), st.lists(ROW.map(list), max_size=4)),
    "report": (
        COUNTED,
        COUNTED,
        UINT,
        OPTIONAL_UINT,
        st.dictionaries(POINT, OPTIONAL_INT, max_size=6),
        st.dictionaries(POINT, st.integers(1, 9), max_size=3),
    ),
    "event": (COUNTED, COUNTED, UINT, OPTIONAL_UINT, UINT, st.none() | POINT, TEXT),
    "gap": (COUNTED, COUNTED, COUNTED, UINT),
    "ack": (COUNTED, UINT, UINT),
    "command": (exactly(8), POINT, UINT, OPTIONAL_INT, OPTIONAL_INT, UINT, st.none() | SIGNED, st.none() | SIGNED),
    "receipt": (
        exactly(8),
        exactly(32),
        UINT,
        UINT,
        OPTIONAL_INT,
        OPTIONAL_INT,
        st.none() | exactly(16),
        COUNTED,
        UINT,
        exactly(32),
        exactly(32),
    ),
    "clock": (UINT,),
    "time": (UINT, UINT, UINT),
    "bye": (UINT,),
    "rooted": (UINT, SIGNED, SIGNED, SIGNED),
    "held": (UINT, UINT, UINT),
    "recall": (exactly(8),),
    "stage": (UINT, SIGNED),
}
"""Name -> its fields after the kind; the kind is the position in this table."""


def messages_of(name: str) -> st.SearchStrategy[list[object]]:
    """Return valid messages of one kind."""
    kind = list(MESSAGES).index(name)
    return st.tuples(*MESSAGES[name]).map(lambda fields: [kind, *fields])


ANY_MESSAGE = st.one_of([messages_of(name) for name in MESSAGES])
