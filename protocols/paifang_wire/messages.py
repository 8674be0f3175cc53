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

KINDS = (
    "hello",
    "welcome",
    "describe",
    "report",
    "event",
    "gap",
    "ack",
    "command",
    "receipt",
    "clock",
    "time",
    "bye",
)
UPWARD = (HELLO, DESCRIBE, REPORT, EVENT, GAP, RECEIPT, CLOCK, BYE)
DOWNWARD = (WELCOME, ACK, COMMAND, TIME, BYE)

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
QUALITY = (
    "good",
    "settling",
    "out-of-range",
    "implausible",
    "absent",
    "mute",
    "garbled",
    "stale",
    "indicative",
    "fault",
)

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
EVENTS = (
    "none",
    "sensor-absent",
    "sensor-mute",
    "sensor-garbled",
    "implausible",
    "recovered",
    "task-restarted",
    "safe-state",
    "records-dropped",
    "output-fault",
    "started",
)

GAP_QUEUE_FULL = 1
GAP_SETTLED_BEFORE = 2
GAPS = ("none", "queue-full", "settled-before")
"""Why records will never come; `settled-before` is said to a gateway that has lost its own memory of them."""

EXECUTED = 0
REFUSED = 1
SUPERSEDED = 2
UNKNOWN = 3
VERDICTS = ("executed", "refused", "superseded", "unknown")

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
REFUSALS = (
    "none",
    "no-authority",
    "not-selected",
    "interlock",
    "limit",
    "expired",
    "busy",
    "inconsistent",
    "unknown-point",
    "bad-signature",
    "bad-type",
    "read-only",
    "unknown-op",
    "too-soon",
)

RESETS = ("unknown", "power-on", "hard", "watchdog", "deep-sleep", "soft")
"""By the numbers of machine.reset_cause() on an ESP32."""

OP_DIRECT = 0
OPS = ("direct",)

INT = 0
BOOL = 1
TYPES = ("int", "bool")

TIME_NONE = 0
TIME_GATEWAY = 1
TIME_QUALITY = ("none", "gateway-clock")

NONCE_LENGTH = 16
DESCRIPTION_LENGTH = 8
COMMAND_ID_LENGTH = 8
HASH_LENGTH = 32
WELCOME_BOOTS = 8
"""Boots whose marks a welcome names: the newest ones."""
TEXT_LIMIT = 64
POINT_LIMIT = 255


def encode(message: "Sequence[Any]") -> bytes:
    """Return the payload of `message`. Raises WireError(SHAPE) when it is not of its kind's shape."""
    _check(message)
    return cbor.encode(message)


def decode(payload: bytes) -> "list[Any]":
    """Return the checked fields, kind first. Raises WireError: NOT_CBOR, TOO_LONG, SHAPE."""
    message = cbor.decode(payload)
    _check(message)
    return message


def _check(message: "Any") -> None:
    kind = message[0] if isinstance(message, (list, tuple)) and message else None
    if type(kind) is not int or not 0 <= kind < len(_SHAPES):
        raise WireError(SHAPE, "no such message")
    shape = _SHAPES[kind]
    if len(message) != len(shape) + 1:
        raise WireError(SHAPE, KINDS[kind] + " of another length")
    index = 0
    for fits in shape:
        index += 1
        if not fits(message[index]):
            raise WireError(SHAPE, KINDS[kind] + ", field " + str(index))


def _uint(value: "Any") -> bool:
    return type(value) is int and value >= 0


def _counted(value: "Any") -> bool:
    """Boots and record numbers: they start at 1."""
    return type(value) is int and value > 0


def _integer(value: "Any") -> bool:
    return type(value) is int


def _optional(value: "Any") -> bool:
    return value is None or type(value) is int


def _optional_uint(value: "Any") -> bool:
    return value is None or (type(value) is int and value >= 0)


def _truth(value: "Any") -> bool:
    return value is True or value is False


def _text(value: "Any") -> bool:
    return type(value) is str and len(value) <= TEXT_LIMIT


def _name(value: "Any") -> bool:
    return type(value) is str and 0 < len(value) <= TEXT_LIMIT


def _nonce(value: "Any") -> bool:
    return type(value) is bytes and len(value) == NONCE_LENGTH


def _eight(value: "Any") -> bool:
    return type(value) is bytes and len(value) == DESCRIPTION_LENGTH


def _hash(value: "Any") -> bool:
    return type(value) is bytes and len(value) == HASH_LENGTH


def _point(value: "Any") -> bool:
    return type(value) is int and 0 <= value <= POINT_LIMIT


def _optional_point(value: "Any") -> bool:
    return value is None or _point(value)


def _values(value: "Any") -> bool:
    """{point: value or null}."""
    if type(value) is not dict:
        return False
    for point, number in value.items():
        if type(point) is not int or not 0 <= point <= POINT_LIMIT or not (number is None or type(number) is int):
            return False
    return True


def _qualities(value: "Any") -> bool:
    """{point: quality}, only what is not GOOD."""
    if type(value) is not dict:
        return False
    for point, quality in value.items():
        if not _point(point) or type(quality) is not int or not 0 < quality < len(QUALITY):
            return False
    return True


def _stored(value: "Any") -> bool:
    """[[boot, high], …]."""
    if type(value) is not list or len(value) > WELCOME_BOOTS:
        return False
    for pair in value:
        if type(pair) is not list or len(pair) != 2 or not _counted(pair[0]) or not _uint(pair[1]):
            return False
    return True


def _points(value: "Any") -> bool:
    """[[number, name, unit, type, scale, min, max, class, interlock], …]."""
    if not isinstance(value, (list, tuple)):
        return False
    for row in value:
        if not isinstance(row, (list, tuple)) or len(row) != len(_POINT_SHAPE):
            return False
        for fits, field in zip(_POINT_SHAPE, row):
            if not fits(field):
                return False
    return True


def _type_code(value: "Any") -> bool:
    return type(value) is int and 0 <= value < len(TYPES)


def _class(value: "Any") -> bool:
    return type(value) is int and 0 <= value <= 3


def _optional_text(value: "Any") -> bool:
    return value is None or _name(value)


_POINT_SHAPE = (_point, _name, _text, _type_code, _integer, _optional, _optional, _class, _optional_text)

_SHAPES = (
    # hello: site, node, boot, nonce, suite, firmware, description, uptime_ms, reset_cause, keyset, depth
    (_name, _name, _counted, _nonce, _uint, _text, _eight, _uint, _uint, _uint, _uint),
    # welcome: node_nonce, gateway_nonce, utc_ms, utc_quality, [[boot, high]], want_description, window, max_frame
    (_nonce, _nonce, _optional_uint, _uint, _stored, _truth, _uint, _uint),
    # describe: hash, points
    (_eight, _points),
    # report: boot, number, uptime_ms, utc_ms, {point: value}, {point: quality}
    (_counted, _counted, _uint, _optional_uint, _values, _qualities),
    # event: boot, number, uptime_ms, utc_ms, code, point, detail
    (_counted, _counted, _uint, _optional_uint, _uint, _optional_point, _text),
    # gap: boot, first, last, reason
    (_counted, _counted, _counted, _uint),
    # ack: boot, high, bitmap
    (_counted, _uint, _uint),
    # command: id, point, op, value, deadline_ms
    (_eight, _point, _uint, _optional, _uint),
    # receipt: id, command_hash, verdict, reason, before, after, uptime_ms, previous_hash, tag
    (_eight, _hash, _uint, _uint, _optional, _optional, _uint, _hash, _hash),
    # clock: uptime_ms
    (_uint,),
    # time: echoed uptime_ms, utc_ms, utc_quality
    (_uint, _uint, _uint),
    # bye: reason
    (_uint,),
)
