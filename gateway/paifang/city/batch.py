"""Messages as they came, and the rows they become. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from paifang.city.document import Document, MalformedError, decoded

if TYPE_CHECKING:
    from collections.abc import Iterable

_ACK_TOKENS = 9
_LONG_ACK_TOKENS = 11


class Message(NamedTuple):
    """`place` is its sequence in the stream; `tries` how often it was handed out, this time included."""

    subject: str
    reply: str
    body: bytes
    place: int
    tries: int


class Stored(NamedTuple):
    """A message with the document it carries."""

    message: Message
    document: Document


@dataclass(frozen=True, slots=True)
class Refusal:
    """`site` is empty where the message does not say."""

    message: Message
    reason: str
    site: str = ""


@dataclass(slots=True)
class Batch:
    stored: list[Stored] = field(default_factory=list[Stored])
    refused: list[Refusal] = field(default_factory=list[Refusal])

    def __len__(self) -> int:
        return len(self.stored) + len(self.refused)

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of the same messages, to find the one that cannot be stored."""
        middle = len(self.stored) // 2
        return Batch(self.stored[:middle], self.refused), Batch(self.stored[middle:])


def message(subject: str, reply: str, body: bytes) -> Message:
    """A message as a consumer hands it out (NATS ADR-15: what its reply subject tells). Raises MalformedError."""
    tokens = reply.split(".")
    first = 2 if len(tokens) == _ACK_TOKENS else 4 if len(tokens) >= _LONG_ACK_TOKENS else 0
    if not first or not (tokens[first + 2].isdecimal() and tokens[first + 3].isdecimal()):
        raise MalformedError(f"{reply} is no subject of a consumer")
    return Message(subject, reply, body, int(tokens[first + 3]), int(tokens[first + 2]))


def sorted_out(messages: Iterable[Message]) -> Batch:
    """What can be read, and what cannot."""
    batch = Batch()
    for each in messages:
        try:
            batch.stored.append(Stored(each, decoded(each.body)))
        except MalformedError as error:
            batch.refused.append(Refusal(each, str(error)))
    return batch
