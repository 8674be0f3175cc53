"""A small site for tests of keys: its point table, and what two roots sign."""

from __future__ import annotations

from paifang_wire import cbor, messages

SITE = "ward-1"
PASSPHRASE = "seven wet crows"
ALL_OPS = 0b11111
EVERYWHERE = (("*", "*"),)
POINTS = (
    (1, "voltage", "V", messages.INT, -1, 0, 3000, 0, None),
    (8, "power_limit", "W", messages.INT, 0, 0, 23000, 1, None),
    (16, "relay", "", messages.BOOL, 0, None, None, 3, "1: voltage<=2530"),
    (17, "door", "", messages.BOOL, 0, None, None, 3, None),
)
TABLE = cbor.encode([list(row) for row in POINTS])


def rooted_by(rooted, keys, purpose, site=SITE):
    for key in keys:
        rooted = rooted.signed(key.sign1(site, purpose, rooted.payload, detached=True))
    return rooted
