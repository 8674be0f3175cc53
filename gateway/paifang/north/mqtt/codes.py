"""Reason codes of MQTT 5 (OASIS MQTT 5.0, 2.4): what they are called, and what becomes of a record."""

from __future__ import annotations

from enum import Enum

SUCCESS = 0x00
FAILED = 0x80
"""Codes from here on say that something was not done."""
PACKET_TOO_LARGE = 0x95

NAMES = {
    0x01: "no MQTT 5 spoken here",  # MQTT 3.1.1, 3.2.2.3: how an older broker answers
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "error of its own kind",
    0x84: "no MQTT 5 spoken here",
    0x85: "client id not valid",
    0x86: "bad user name or password",
    0x87: "not authorised",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep alive ran out",
    0x8E: "another client took this id",
    0x90: "topic name not valid",
    0x91: "packet id in use",
    0x93: "receive maximum exceeded",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x99: "payload format not valid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
}

HINTS = {
    0x84: "MQTT 5 is needed: a newer broker, or its listener's setting",
    0x01: "MQTT 5 is needed: a newer broker, or its listener's setting",
    0x85: "set client_id to one that the broker takes",
    0x86: "look at user and password_file",
    0x87: "look at user and password_file, and at what the broker's rules let this user publish",
    0x8E: "two gateways have one client_id, or two sinks: give each its own",
    0x97: "look at the broker's limits",
}


class Fate(Enum):
    CONFIRMED = "confirmed"
    NEVER = "never"
    """The broker will not take this message, however often it comes."""
    LATER = "later"
    """What is in the way lies with the broker and can be set right there: the record waits."""


_FATES = {
    0x00: Fate.CONFIRMED,
    0x10: Fate.CONFIRMED,  # nobody has subscribed to it
    0x90: Fate.NEVER,
    0x95: Fate.NEVER,
    0x99: Fate.NEVER,
}


def fate(code: int) -> Fate:
    """Of a record whose PUBACK carries `code`. A rule or a quota of the broker's may change: no reason to drop it."""
    return _FATES.get(code, Fate.LATER)


def told(code: int) -> str:
    """For people: "quota exceeded (0x97)"."""
    return f"{NAMES.get(code, 'reason')} (0x{code:02X})"
