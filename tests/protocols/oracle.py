"""Random wire values and damaged encodings, and what cbor2 says about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cbor2

if TYPE_CHECKING:
    from random import Random

DEPTH_LIMIT = 8
EDGES = [0, 1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
LETTERS = "abz µ³水\x00\x7f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"
LENGTHS = [0, 1, 2, 3, 8, 22, 23, 24, 25]


def canonical(value: Any) -> bytes:
    """Encode with cbor2, the maps put into the order of RFC 8949 section 4.2.1 first (cbor2's own is the older one)."""
    return cbor2.dumps(_ordered(value))


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=cbor2.dumps)}
    return value


def accepts(data: bytes) -> bool:
    """Whether `data` is one whole item of the profile in its one encoding, found by cbor2: read, check, write back."""
    try:
        value = cbor2.loads(data)
        return in_profile(value, DEPTH_LIMIT) and canonical(value) == data
    except Exception:
        return False


def in_profile(value: Any, depth: int) -> bool:
    """Whether the wire has a place for `value`, at most `depth` containers deep."""
    kind = type(value)
    if kind is int:
        return -(2**64) <= value < 2**64
    if kind is list:
        return depth > 0 and all(in_profile(item, depth - 1) for item in value)
    if kind is dict:
        return depth > 0 and all(
            type(key) in (int, bytes, str) and in_profile(key, 0) and in_profile(item, depth - 1)
            for key, item in value.items()
        )
    return value is None or kind in (bool, bytes, str)


def random_item(random: Random, depth: int = 4) -> Any:
    """Return a value of the profile, three times in four a container."""
    return random_value(random, depth, least=7 if random.random() < 0.75 else 0)


def random_value(random: Random, depth: int, least: int = 0) -> Any:
    """Return a value of the profile, weighted towards the borders of the encoding."""
    kind = random.randrange(least, 10 if depth else 7)
    if kind < 3:
        return random_integer(random)
    if kind == 3:
        return random.choice((True, False, None))
    if kind in (4, 5):
        return random_string(random, text=kind == 5)
    if kind == 6:
        return random.choice((0, 1, "", b"", [], {}))
    if kind == 7:
        return {random_key(random): random_value(random, depth - 1) for _ in range(random_count(random))}
    return [random_value(random, depth - 1) for _ in range(random_count(random))]


def random_count(random: Random) -> int:
    """Return how many items a container gets: few, or just over what fits the first byte."""
    return 24 if random.random() < 0.02 else random.randrange(1, 5)


def random_integer(random: Random) -> int:
    """Return a 64-bit integer: small, near a border, or of random length."""
    kind = random.randrange(3)
    if kind == 0:
        value = random.randrange(30)
    elif kind == 1:
        value = min(max(random.choice(EDGES) + random.randrange(-1, 2), 0), 2**64 - 1)
    else:
        value = random.getrandbits(random.randrange(1, 65))
    return -1 - value if random.random() < 0.3 else value


def random_key(random: Random) -> int | bytes | str:
    """Return a map key; mostly the small integers of the wire."""
    kind = random.randrange(8)
    if kind < 5:
        return random.randrange(40)
    if kind == 5:
        return random_integer(random)
    return random_string(random, text=kind == 7)


def random_string(random: Random, *, text: bool) -> bytes | str:
    """Return a byte or text string of a length near a border of the encoding."""
    length = random.choice(LENGTHS)
    if text:
        return "".join(random.choice(LETTERS) for _ in range(length))
    return random.randbytes(random.choice((length, 255, 256)) if random.random() < 0.05 else length)


def damaged(random: Random, data: bytes) -> bytes:
    """Return `data` after one to three random edits: bits, bytes, cuts, doublings."""
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        where = random.randrange(len(out)) if out else 0
        edit = random.randrange(6)
        if edit == 0 and out:
            out[where] ^= 1 << random.randrange(8)
        elif edit == 1 and out:
            out[where] = random.randrange(256)
        elif edit == 2:
            out.insert(where, random.randrange(256))
        elif edit == 3 and out:
            del out[where]
        elif edit == 4:
            del out[where:]
        else:
            out[where:where] = out[where : where + random.randrange(1, 6)]
    return bytes(out)
