"""The messages: positional arrays `[kind, field, …]`, checked against one table on both sides.

`decode` gives the list of fields to unpack, for example
`_, boot, number, uptime_ms, utc_ms, values, quality = message`. `wire.cddl` states the same shapes.
"""

from . import cbor
from .errors import SHAPE, WireError

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

HELLO = 0
WELCOME = 1
DESCRIBE = 2
REPORT = 3
EVENT = 4
GAP = 5
ACK = 6
COMMAND = 7
RECEIPT = 8
CLOCK = 9
TIME = 10
BYE = 11
ROOTED = 12
HELD = 13
RECALL = 14
STAGE = 15

UPWARD = (REPORT, EVENT, GAP, CLOCK, RECEIPT, DESCRIBE, BYE, HELD)
"""What a node may say in a session."""
DOWNWARD = (ACK, TIME, COMMAND, BYE, ROOTED, RECALL, STAGE)
"""What a gateway may say in a session."""

SHAPES = (
    # hello: site, node, boot, nonce, suite, firmware, description, uptime_ms, reset_cause, keyset, depth
    "nncNutduuuu",
    # welcome: node_nonce, gateway_nonce, utc_ms, utc_quality, [[boot, high]], want_description, window, max_frame
    "NNUusbuu",
    # describe: hash, points
    "dD",
    # report: boot, number, uptime_ms, utc_ms, {point: value}, {point: quality}
    "ccuUvq",
    # event: boot, number, uptime_ms, utc_ms, code, point, detail
    "ccuUuPt",
    # gap: boot, first, last, reason
    "cccu",
    # ack: boot, high, bitmap
    "cuu",
    # command: id, point, op, value, expect, deadline_ms, order, approval
    "dpuoouYY",
    # receipt: id, command_hash, verdict, reason, before, after, token, boot, uptime_ms, previous_hash, tag
    "dhuuooTcuhh",
    # clock: uptime_ms
    "u",
    # time: echoed uptime_ms, utc_ms, utc_quality
    "uuu",
    # bye: reason
    "u",
    # rooted: what, payload, signature, signature
    "uyyy",
    # held: what, version, refusal
    "uuu",
    # recall: id
    "d",
    # stage: what, payload
    "uy",
)
"""By kind, one letter a field: c counted from 1, u unsigned, i integer, b truth, n name, t text, p point number,
d 8 bytes, N 16 bytes, h 32 bytes, g 64 bytes, y bytes, v values, q qualities, s stored marks, D points, l an array,
W pairs of names; U, o, P, x, T, Y: u, i, p, n, N, y or null; k type, S key state, K class."""
POINT_SHAPE = "pntkiooKx"
"""One row of a description: number, name, unit, type, scale, min, max, class, interlock."""

WELCOME_BOOTS = 8
"""Boots whose marks a welcome names: the newest ones, each with a mark a lane."""
BACKLOG = 1 << 29
"""A boot's records have two lanes: numbers from 1 are sent as they come, numbers from BACKLOG + 1 when there is time.

It is a small integer for an ESP32; a live lane of a record each second would get there in 17 years.
"""
TEXT_LIMIT = 64
"""Characters of a name or a text."""
POINT_LIMIT = 255

GOOD = 0
SETTLING = 1
OUT_OF_RANGE = 2
IMPLAUSIBLE = 3
ABSENT = 4
MUTE = 5
GARBLED = 6
STALE = 7
INDICATIVE = 8
FAULT = 9

EV_SENSOR_ABSENT = 1
EV_SENSOR_MUTE = 2
EV_SENSOR_GARBLED = 3
EV_IMPLAUSIBLE = 4
EV_RECOVERED = 5
EV_TASK_RESTARTED = 6
EV_SAFE_STATE = 7
EV_RECORDS_DROPPED = 8
EV_OUTPUT_FAULT = 9
EV_STARTED = 10
EV_SIGNAL = 11
EV_JOURNAL = 12

GAP_QUEUE_FULL = 1
GAP_SETTLED_BEFORE = 2
GAP_JOURNAL_FULL = 3
GAP_DAMAGED = 4

EXECUTED = 0
REFUSED = 1
SUPERSEDED = 2
UNKNOWN = 3

NO_AUTHORITY = 1
NOT_SELECTED = 2
INTERLOCK = 3
LIMIT = 4
EXPIRED = 5
BUSY = 6
INCONSISTENT = 7
NO_SUCH_POINT = 8
BAD_SIGNATURE = 9
WRONG_TYPE = 10
READ_ONLY = 11
NO_SUCH_OP = 12
TOO_SOON = 13
OLD_KEYSET = 14
WRONG_TOKEN = 15
UNEXPECTED = 16
SAME_PERSON = 17
NOT_KEPT = 18

OP_DIRECT = 0
OP_SELECT = 1
OP_OPERATE = 2
OP_CANCEL = 3
OP_SAFE = 4

ROOTED_KEYSET = 0
ROOTED_EPOCH = 1
ROOTED_SITE = 2
STAGED_PLAN = 3
STAGED_DAYS = 4

INT = 0
BOOL = 1

TIME_NONE = 0
TIME_GATEWAY = 1

_BYTES_LENGTHS = {"d": 8, "N": 16, "T": 16, "h": 32, "g": 64}


def encode(message: "Sequence[Any]") -> bytes:
    """Return the payload of `message`. Raises WireError(SHAPE) when it is not of its kind's shape."""
    check(message)
    return cbor.encode(message)


def decode(payload: bytes) -> "list[Any]":
    """Return the checked fields, kind first. Raises WireError: NOT_CBOR, TOO_LONG, SHAPE."""
    message = cbor.decode(payload)
    check(message)
    return message


def check(message: "Any") -> None:
    """Raise WireError(SHAPE) unless `message` is of its kind's shape."""
    kind: Any = message[0] if _is_array(message) and message else None
    if type(kind) is not int or not 0 <= kind < len(SHAPES):
        raise WireError(SHAPE, "no message")
    shape = SHAPES[kind]
    if len(message) != len(shape) + 1:
        raise WireError(SHAPE, "message " + str(kind) + ", length")
    index = 0
    for code in shape:
        index += 1
        value = message[index]
        if type(value) is int and value > 0 and code in "cuU":
            continue  # most fields: no call for them
        if not _fits(code, value):
            raise WireError(SHAPE, "message " + str(kind) + ", field " + str(index))


def fits_row(shape: str, fields: "Any") -> bool:
    """Tell whether `fields` is an array of what the letters of `shape` say."""
    if not _is_array(fields) or len(fields) != len(shape):
        return False
    for index in range(len(shape)):
        if not _fits(shape[index], fields[index]):
            return False
    return True


def _fits(code: str, value: "Any") -> bool:
    """Tell whether `value` is what the letter of SHAPES says; the most frequent ones come first."""
    kind = value.__class__
    if kind is int:
        if value < 0:
            return code in "io"
        return code in "uUio" or (code == "c" and value > 0) or value <= _greatest(code)
    if value is None:
        return code in "UoPxTY"
    if kind is dict:
        return _fits_map(code, value)
    if kind is bytes:
        return len(value) == _BYTES_LENGTHS.get(code) or (code in "yY" and value != b"")
    if kind is str:
        return code in "ntx" and len(value) <= TEXT_LIMIT and (code == "t" or value != "")
    if kind is bool:
        return code == "b"
    return _is_array(value) and _fits_rows(code, value)


def _is_array(value: "Any") -> bool:
    return isinstance(value, list) or isinstance(value, tuple)  # noqa: SIM101 - a tuple of types is built anew each time


def _greatest(code: str) -> int:
    """The greatest integer of a letter; -1 where no integer fits."""
    if code in "pP":
        return POINT_LIMIT
    return 1 if code == "k" else 2 if code == "S" else 3 if code == "K" else -1


def _fits_map(code: str, value: "dict[Any, Any]") -> bool:
    """`v`: {point: value or null}; `q`: {point: quality}, only what is not GOOD."""
    if code == "v":
        for point in value:
            number = value[point]
            if type(point) is not int or not 0 <= point <= POINT_LIMIT or not (number is None or type(number) is int):
                return False
        return True
    for point in value:
        quality = value[point]
        if not _fits("p", point) or type(quality) is not int or not GOOD < quality <= FAULT:
            return False
    return code == "q"


def _fits_rows(code: str, rows: "Sequence[Any]") -> bool:
    """`s`: [[boot, high], …]; `D`: the rows of a description; `W`: pairs of names; `l`: anything."""
    if code == "l":
        return True
    if code not in "sDW" or (code == "s" and len(rows) > 2 * WELCOME_BOOTS):
        return False
    shape = "cu" if code == "s" else "nn" if code == "W" else POINT_SHAPE
    for row in rows:
        if not fits_row(shape, row):
            return False
    return True
