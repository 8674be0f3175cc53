"""Subjects of messages (docs.nats.io, Subject-Based Messaging)."""

from __future__ import annotations

import re
from functools import lru_cache

REPORT, EVENT = "report", "event"

# What parts tokens or stands for any, what a line cannot carry, and the escape itself.
_FORBIDDEN = re.compile(r"[.*>%\s\x00-\x1f\x7f]")


@lru_cache(maxsize=4096)
def token(name: str) -> str:
    """`name` as one token of a subject: "aq.1" -> "aq%2E1", as a URL writes it."""
    return _FORBIDDEN.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name) or "%"


@lru_cache(maxsize=8192)
def subject(prefix: str, site: str, node: str, what: str) -> str:
    """PREFIX.SITE.NODE.report or .event."""
    return f"{prefix}.{token(site)}.{token(node)}.{what}"
