"""Requests that no client of ours sends, and some that one does: the same ones for the same seed."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from paifang.control.lines import REQUEST_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = (
    "node", "point", "value", "within_ms", "limit", "unknown", "key", "epoch", "order", "approval", "delegation",
    "id", "keyset", "record", "index", "first", "kind", "expect", "reason", "question", "person", "op",
)  # fmt: skip
"""Arguments of all operations; each is tried with each operation."""

VALUES = (
    None, True, False, 0, 1, -1, 255, 1 << 31, -(1 << 31), 1 << 63, -(1 << 63), 1 << 64, 10**300, 0.5, -0.0, 1e308,
    float("nan"), float("inf"), "", " ", "\x00", "\n", "aq-1", "no-such-node", "..", "../../etc/passwd", "%s%n", "{}",
    "' OR 1=1 --", "\ud800", "\U0001f600" * 40, "ä" * 33, "x" * 5_000, "00" * 32, "ff" * 8, "deadbee", "0x1F", "١٢",
    [], [None], [[[[]]]], ["aq-1"] * 50, {}, {"": {}}, {"node": "aq-1"}, {"__proto__": 1}, "on", "off", "12.5", "-",
)  # fmt: skip


def each(ops: list[str]) -> Iterator[bytes]:
    """Each operation with each argument as each value."""
    for op in ops:
        yield _request(op, {})
        for name in NAMES:
            for value in VALUES:
                yield _request(op, {name: value})


def any_of(ops: list[str], seed: int) -> Iterator[bytes]:
    """Whatever comes to mind, without end."""
    dice = random.Random(seed)
    while True:
        yield _KINDS[dice.randrange(len(_KINDS))](dice, ops)


def _request(op: object, args: object, number: object = 7) -> bytes:
    return json.dumps({"id": number, "op": op, "args": args}).encode() + b"\n"


def _many_arguments(dice: random.Random, ops: list[str]) -> bytes:
    names = dice.sample(NAMES, dice.randint(1, 6))
    return _request(dice.choice(ops), {name: dice.choice(VALUES) for name in names})


def _wrong_shape(dice: random.Random, ops: list[str]) -> bytes:
    whole = {"id": dice.choice(VALUES), "op": dice.choice([*VALUES, *ops]), "args": dice.choice(VALUES)}
    for name in dice.sample(list(whole), dice.randrange(3)):
        del whole[name]
    if dice.random() < 0.2:
        whole[str(dice.choice(VALUES))] = dice.choice(VALUES)
    return json.dumps(whole).encode() + b"\n"


def _unknown_op(dice: random.Random, ops: list[str]) -> bytes:
    op = dice.choice(ops)
    return _request(dice.choice([op + "s", op[:-1], op.upper(), f" {op}", f"{op}\x00", "nodes.*", "__init__"]), {})


def _broken(dice: random.Random, ops: list[str]) -> bytes:
    data = bytearray(_many_arguments(dice, ops))
    for _ in range(dice.randint(1, 4)):
        data[dice.randrange(len(data) - 1)] = dice.randrange(256)
    return bytes(data[: dice.randint(1, len(data))]) + b"\n"


def _noise(dice: random.Random, ops: list[str]) -> bytes:
    return dice.randbytes(dice.randint(0, 200)) + b"\n"


def _nested(dice: random.Random, ops: list[str]) -> bytes:
    depth = dice.choice([10, 500, 5_000])
    opening, closing = dice.choice([(b"[", b"]"), (b'{"a":', b"}")])
    args = opening * depth + b"1" + closing * dice.choice([0, depth])
    return b'{"id": 1, "op": "%s", "args": {"node": %s}}\n' % (dice.choice(ops).encode(), args)


def _repeated_keys(dice: random.Random, ops: list[str]) -> bytes:
    return b'{"id": 1, "id": 2, "op": "status", "op": "stop", "args": {}, "args": {"a": 1}}\n'


def _long_number(dice: random.Random, ops: list[str]) -> bytes:
    return b'{"id": %s, "op": "status"}\n' % (b"9" * dice.choice([20, 4_000, 5_000]))


_KINDS = (
    _many_arguments, _many_arguments, _many_arguments, _wrong_shape, _wrong_shape, _unknown_op, _broken, _broken,
    _noise, _nested, _repeated_keys, _long_number,
)  # fmt: skip

TOO_LONG = b'{"id": 1, "op": "status", "args": {"node": "' + b"x" * REQUEST_LIMIT_BYTES
