"""Names for people of what is a number on the wire; nodes do without them."""

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
)
GAPS = ("none", "queue-full", "settled-before")
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
