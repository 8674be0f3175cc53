"""What a stream answers to messages that were sent ahead: confirmed, kept already, never, or not now. No I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

TOO_LARGE = "too-large"
"""Why a record is dropped that the server's or the stream's limit of a message does not let through."""

NO_RESPONDERS = "503"
"""The status that comes back when no stream takes the subject, or its servers have no leader (NATS ADR-4)."""

# JetStream's err_code of a message that will be refused whenever it comes (nats-server, server/errors.json). All others
# pass: no leader, no room, a stream that is sealed or read-only for now. They are for the operator, and it comes again.
_NEVER = {
    10054: TOO_LARGE,  # JSStreamMessageExceedsMaximumErr
    10097: TOO_LARGE,  # JSStreamHeaderExceedsMaximumErr
}
# What to do about those that an operator can help, by err_code.
_HELP = {
    10023: "the servers lack memory or disk for JetStream",
    10047: "the servers' disk for JetStream is full: let the stream keep less, or give it more",
    10060: "another stream takes this subject: name it as `stream`",
    10077: "the stream is full and set to refuse: let it keep less, discard old messages, or give it more room",
    10109: "the stream is sealed: write into another",
}


class Confirmations:
    """Of `count` messages, by their place. What comes twice, or for no place, is passed over."""

    def __init__(self, count: int) -> None:
        self.refused: dict[int, str] = {}
        """{place: why} of those that are never taken."""
        self.duplicates = 0
        self.failure = ""
        """Why the rest cannot be sent now, the first reason given."""
        self.hint = ""
        self._open = set(range(count))
        self._kept = set[int]()

    @property
    def is_over(self) -> bool:
        """All are answered, or one cannot be sent now."""
        return not self._open or bool(self.failure)

    @property
    def overtaken(self) -> int:
        """How many were kept while one before them was not: when all come again, that one comes behind them."""
        first = min(self._open, default=None)
        return 0 if first is None else sum(place > first for place in self._kept)

    def refuse(self, place: int, why: str) -> None:
        """It was not even sent."""
        self._open.discard(place)
        self.refused[place] = why

    def take(self, place: int, headers: Mapping[str, str] | None, data: bytes) -> None:
        """The answer to the message at `place`: a PubAck in JSON, or a status in the headers."""
        if place not in self._open:
            return
        if headers and headers.get("Status") == NO_RESPONDERS:
            self._fail("no stream takes it now", "see that the stream exists and its servers have a leader")
            return
        answer = _object(data)
        error = answer.get("error")
        if isinstance(error, dict):
            self._error(place, cast("dict[str, Any]", error))
        elif isinstance(answer.get("seq"), int):
            self._open.discard(place)
            self._kept.add(place)
            self.duplicates += answer.get("duplicate") is True
        else:
            self._fail(f"an answer that is no confirmation: {data[:60]!r}", "see which service took the subject")

    def _error(self, place: int, error: dict[str, Any]) -> None:
        code = error.get("err_code")
        why = _NEVER.get(code) if isinstance(code, int) else None
        if why is None:
            self._fail(f"{error.get('description')} ({code})", _HELP.get(code, "") if isinstance(code, int) else "")
        else:
            self.refuse(place, why)

    def _fail(self, reason: str, hint: str) -> None:
        if not self.failure:
            self.failure, self.hint = reason, hint


def _object(data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError:
        return {}
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
