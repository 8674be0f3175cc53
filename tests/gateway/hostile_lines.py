"""Requests that no client of ours sends, and some that one does: the same ones for the same seed."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from paifang.control.lines import REQUEST_LIMIT_BYTES
from paifang_wire import cbor, sign1

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEX = "5a" * 32
_ENVELOPE = sign1.pack(bytes(8), cbor.encode([bytes(8), "meter-1", 16]), bytes(64)).hex()
_POINT: dict[str, Any] = {"node": "meter-1", "point": "relay"}
_GREENS = {"green_out": "9s", "green_back": "9s"}
_ARTERIAL: dict[str, Any] = {
    "cycle": "20s",
    "junctions": [{"node": f"j-{n}", "position_m": 100 * n, **_GREENS} for n in range(2)],
}
GOOD: dict[str, dict[str, Any]] = {
    "status": {},
    "metrics": {},
    "check": {},
    "authority.show": {},
    "nodes.list": {"unknown": False},
    "nodes.show": {"node": "meter-1"},
    "nodes.add": {"node": "meter-8", "key": _HEX, "epoch": 1},
    "nodes.remove": {"node": "meter-8"},
    "nodes.reset-boot": {"node": "meter-8"},
    "nodes.rekey": {"node": "meter-8", "key": _HEX, "epoch": 2, "record": _ENVELOPE},
    "read": {**_POINT, "limit": 5},
    "events": {"node": "meter-1", "limit": 5},
    "air.index": {"node": "meter-1", "standard": "cn-2026", "day": "2026-11-27"},
    "watch": {"node": "meter-1"},
    "send": {**_POINT, "value": 1, "within_ms": 500, "expect": 0, "reason": "because"},
    "safe": {**_POINT, "within_ms": 500},
    "commands.target": _POINT,
    "commands.submit": {"order": _ENVELOPE, "within_ms": 500, "delegation": "00" * 8, "on_gateway": False},
    "commands.approve": {"id": "00" * 8, "approval": _ENVELOPE, "within_ms": 500, "on_gateway": True},
    "commands.pending": {},
    "commands.show": {"id": "00" * 8},
    "commands.list": {"limit": 5, "node": "meter-1"},
    "keyset.show": {},
    "keyset.load": {"keyset": _ENVELOPE},
    "signals.show": {"node": "meter-1", "edition": 1, "plan": 1, "days": 1},
    "signals.site": {"node": "meter-1", "record": _ENVELOPE, "within_ms": 500},
    "signals.stage": {"node": "meter-8", "what": "plan", "payload": "80", "within_ms": 500},
    "signals.congestion": {"node": "meter-1"},
    "signals.wave": {"arterial": _ARTERIAL},
    "bridges.list": {},
    "bridges.lock": {"device": "meter-1", "locked": True},
    "bridges.trace": {"device": "meter-1"},
    "sinks.list": {},
    "sinks.pause": {"sink": "city", "paused": True},
    "sinks.replay": {"sink": "city", "since_ms": 1, "until_ms": 2},
    "delegations.list": {},
    "delegations.add": {"delegation": _ENVELOPE},
    "delegations.revoke": {"id": "00" * 8},
    "audit.list": {"first": 1, "limit": 5, "kind": "denied"},
    "audit.show": {"index": 0},
    "audit.prove": {"index": 0},
    "audit.checkpoint": {},
    "policy.explain": {"person": "alice", "action": "read", **_POINT, "class": 1, "requester": "bob", "via": "local"},
    "policy.reload": {},
    "reload": {},
    "stop": {},
}
"""Each operation with all its arguments, as a gateway takes them."""
NAMES = sorted({name for args in GOOD.values() for name in args})

VALUES = (
    None, True, False, 0, 1, -1, 255, 1 << 31, -(1 << 31), 1 << 63, -(1 << 63), 1 << 64, 10**300, 0.5, -0.0, 1e308,
    float("nan"), float("inf"), "", " ", "\x00", "\n", "aq-1", "no-such-node", "..", "../../etc/passwd", "%s%n", "{}",
    "' OR 1=1 --", "\ud800", "\U0001f600" * 40, "ä" * 33, "x" * 5_000, "00" * 32, "ff" * 8, "deadbee", "0x1F", "١٢",
    [], [None], [[[[]]]], ["aq-1"] * 50, {}, {"": {}}, {"node": "aq-1"}, {"__proto__": 1}, "on", "off", "12.5", "-",
)  # fmt: skip


def each() -> Iterator[bytes]:
    """Each operation with each of its arguments as each value, left out, and with one that is not its own."""
    for op, args in GOOD.items():
        yield _request(op, args)
        for name in args:
            yield _request(op, {each: value for each, value in args.items() if each != name})
            for value in VALUES:
                yield _request(op, {**args, name: value})
        for name in NAMES:
            yield _request(op, {**args, name: None})
            yield _request(op, {name: 1})


def any_of(seed: int) -> Iterator[bytes]:
    """Whatever comes to mind, without end."""
    dice = random.Random(seed)
    while True:
        yield _KINDS[dice.randrange(len(_KINDS))](dice)


def _request(op: object, args: object, number: object = 7) -> bytes:
    return json.dumps({"id": number, "op": op, "args": args}).encode() + b"\n"


def _many_arguments(dice: random.Random) -> bytes:
    op = dice.choice(_OPS)
    args = dict(GOOD[op])
    for name in dice.sample([*args, *args, *NAMES], dice.randint(0, 3)):
        args[name] = dice.choice(VALUES)
    return _request(op, args)


def _wrong_shape(dice: random.Random) -> bytes:
    whole = {"id": dice.choice(VALUES), "op": dice.choice([*VALUES, *_OPS]), "args": dice.choice(VALUES)}
    for name in dice.sample(list(whole), dice.randrange(3)):
        del whole[name]
    if dice.random() < 0.2:
        whole[str(dice.choice(VALUES))] = dice.choice(VALUES)
    return json.dumps(whole).encode() + b"\n"


def _unknown_op(dice: random.Random) -> bytes:
    op = dice.choice(_OPS)
    return _request(dice.choice([op + "s", op[:-1], op.upper(), f" {op}", f"{op}\x00", "nodes.*", "__init__"]), {})


def _broken(dice: random.Random) -> bytes:
    data = bytearray(_many_arguments(dice))
    for _ in range(dice.randint(1, 4)):
        data[dice.randrange(len(data) - 1)] = dice.randrange(256)
    return bytes(data[: dice.randint(1, len(data))]) + b"\n"


def _noise(dice: random.Random) -> bytes:
    return dice.randbytes(dice.randint(0, 200)) + b"\n"


def _nested(dice: random.Random) -> bytes:
    depth = dice.choice([10, 500, 5_000])
    opening, closing = dice.choice([(b"[", b"]"), (b'{"a":', b"}")])
    args = opening * depth + b"1" + closing * dice.choice([0, depth])
    return b'{"id": 1, "op": "%s", "args": {"node": %s}}\n' % (dice.choice(_OPS).encode(), args)


def _repeated_keys(dice: random.Random) -> bytes:
    return b'{"id": 1, "id": 2, "op": "status", "op": "stop", "args": {}, "args": {"a": 1}}\n'


def _long_number(dice: random.Random) -> bytes:
    return b'{"id": %s, "op": "status"}\n' % (b"9" * dice.choice([20, 4_000, 5_000]))


_OPS = list(GOOD)
_KINDS = (
    _many_arguments, _many_arguments, _many_arguments, _wrong_shape, _wrong_shape, _unknown_op, _broken, _broken,
    _noise, _nested, _repeated_keys, _long_number,
)  # fmt: skip

TOO_LONG = b'{"id": 1, "op": "status", "args": {"node": "' + b"x" * REQUEST_LIMIT_BYTES
