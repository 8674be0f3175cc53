"""Questions as people ask them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from paifang.errors import PaifangError
from paifang.policy import Ask
from paifang.policy.sentences import parse_ask

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
"""A Friday."""


def at(day: int, hour: int, minute: int = 0) -> int:
    return round(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


NOW_MS = at(20, 12, 30)

READ = [
    ("alice operate relay-7", Ask("alice", action="operate", node="relay-7", utc_ms=NOW_MS)),
    ("alice operate relay-7 on", Ask("alice", action="operate", node="relay-7", value=1, utc_ms=NOW_MS)),
    ("alice direct m-1 relay off", Ask("alice", action="direct", node="m-1", point="relay", value=0, utc_ms=NOW_MS)),
    ("a direct m-1 limit -5", Ask("a", action="direct", node="m-1", point="limit", value=-5, utc_ms=NOW_MS)),
    ("a direct m-1 limit", Ask("a", action="direct", node="m-1", point="limit", utc_ms=NOW_MS)),
    ("bob approve s-1 for alice", Ask("bob", action="approve", node="s-1", requester="alice", utc_ms=NOW_MS)),
    ("a read n at 22:00", Ask("a", action="read", node="n", utc_ms=at(20, 22))),
    ("a read n at fri 01:05", Ask("a", action="read", node="n", utc_ms=at(20, 1, 5))),
    ("a read n at thu 01:05", Ask("a", action="read", node="n", utc_ms=at(26, 1, 5))),
    ("a read n at 2026-11-03 23:59", Ask("a", action="read", node="n", utc_ms=at(3, 23, 59))),
    ("at read for on", Ask("at", action="read", node="for", value=1, utc_ms=NOW_MS)),
    (
        "bob approve s-1 lamp on for alice at sat 06:00",
        Ask("bob", action="approve", node="s-1", point="lamp", value=1, requester="alice", utc_ms=at(21, 6)),
    ),
]


@pytest.mark.parametrize(("text", "question"), READ, ids=[text for text, _ in READ])
def test_a_question_is_read(text, question):
    assert parse_ask(text, NOW) == question


WRONG = [
    ("", "expected PERSON ACTION NODE"),
    ("alice operate", "expected PERSON ACTION NODE"),
    ("alice operate a b c d", "expected PERSON ACTION NODE"),
    ("alice opperate relay-7", 'no action "opperate".*did you mean'),
    ("alice frob relay-7", "there are read, direct"),
    ("alice operate relay-7 relay full", '"full" is no value'),
    ("alice operate relay-7 relay 2.5", '"2.5" is no value'),
    ("alice operate relay-7 at noon", '"noon" is no time'),
    ("alice operate relay-7 at", "is no time"),
    ("alice operate relay-7 at 25:00", "is no time"),
    ("alice operate relay-7 at fri sat 20:00", "is no time"),
    ("alice approve relay-7 for", "expected PERSON ACTION NODE"),
    ("alice approve relay-7 for bob carl", "expected PERSON ACTION NODE"),
]


@pytest.mark.parametrize(("text", "told"), WRONG, ids=[text or "nothing" for text, _ in WRONG])
def test_what_cannot_be_read_is_told(text, told):
    with pytest.raises(PaifangError, match=told):
        parse_ask(text, NOW)
