"""Names for people of what is a number on the wire; nodes do without them."""

from .errors import (
    BAD_MAC,
    BAD_TYPE,
    BOOT_BACK,
    CRC,
    NO_SESSION,
    NOT_CBOR,
    OVER_LIMIT,
    RATE,
    REPLAY,
    SHAPE,
    TOO_LONG,
    UNKNOWN_NODE,
    UNKNOWN_POINT,
    WRONG_SITE,
    WRONG_SUITE,
)

REASONS = (
    TOO_LONG,
    NOT_CBOR,
    SHAPE,
    CRC,
    UNKNOWN_NODE,
    BAD_MAC,
    REPLAY,
    BOOT_BACK,
    WRONG_SITE,
    WRONG_SUITE,
    NO_SESSION,
    UNKNOWN_POINT,
    BAD_TYPE,
    OVER_LIMIT,
    RATE,
)
"""Of a `WireError`: why a frame was refused."""
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
    "rooted",
    "held",
    "recall",
    "stage",
)
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
    "signal",
    "journal",
)
GAPS = ("none", "queue-full", "settled-before", "journal-full", "damaged")
"""Why records will never come; `settled-before` is said to a gateway that has lost its own memory of them."""
VERDICTS = ("executed", "refused", "superseded", "unknown")
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
    "old-keyset",
    "wrong-token",
    "unexpected",
    "same-person",
    "not-kept",
)
OPS = ("direct", "select", "operate", "cancel", "safe")
KEY_STATES = ("active", "retiring", "revoked")
HELD = ("keyset", "epoch", "site-record", "plan", "day-plans")
"""What a node may hold that it was given: the first three are signed by root keys."""
RESETS = ("unknown", "power-on", "hard", "watchdog", "deep-sleep", "soft")
"""By the numbers of machine.reset_cause() on an ESP32."""
TYPES = ("int", "bool")
TIME_QUALITY = ("none", "gateway-clock")
