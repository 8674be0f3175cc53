"""A node and a gateway, reduced to what the wire asks of them, and every promise checked as they talk.

Neither is a mock of the wire: sessions, marks and frames are the real ones. What is modelled is the rest of each side:
a queue that forgets only what was settled, and a store that holds each record once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from portable.flips import state

from paifang_wire import messages as m
from paifang_wire.errors import OVER_LIMIT, WireError
from paifang_wire.link import GatewayLink
from paifang_wire.marks import RecordMarks
from paifang_wire.session import NodeSession

SITE = "ward-1"
NODE = "aq-1"
KEY = bytes(range(32))
WINDOW = 32

Record = tuple[int, int]
"""(boot, number)"""


class Randomness:
    """Bytes that never repeat: a counter is enough, because nothing here may depend on their being secret."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, length: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(length, "big")


@dataclass
class Ledger:
    """Every frame that an honest party ever sent, and how often one was accepted."""

    sent: dict[tuple[str, bytes], list[Any]] = field(default_factory=dict)
    accepted: dict[bytes, int] = field(default_factory=dict)

    def send(self, way: str, frame: bytes, message: list[Any]) -> bytes:
        assert (way, frame) not in self.sent, "the same frame sealed twice"
        self.sent[way, frame] = message
        return frame

    def accept(self, way: str, frame: bytes, message: list[Any]) -> None:
        """Only what was sent this way, unchanged, and in a session once at most."""
        assert self.sent.get((way, frame)) == message, "a frame that nobody sent this way"
        self.accepted[frame] = self.accepted.get(frame, 0) + 1
        assert message[0] == m.HELLO or self.accepted[frame] == 1, "a frame accepted twice"


@dataclass
class Entry:
    """What a node keeps until it is settled: a record, or a gap that stands for records it no longer has."""

    boot: int
    first: int
    last: int
    message: list[Any]

    def settled_by(self, marks: RecordMarks) -> bool:
        return all(marks.holds(number) for number in range(self.first, self.last + 1))


class Gateway:
    """One line's gateway: a store, the marks that go with it, the least boot it believes."""

    def __init__(self, ledger: Ledger, randomness: Randomness) -> None:
        self._ledger = ledger
        self._randomness = randomness
        self.stored: set[Record] = set()
        self.lost: set[Record] = set()
        self.marks: dict[int, RecordMarks] = {}
        self.floor = 1
        self.connect()

    def connect(self) -> None:
        """A new connection: nothing of the old one is known on it."""
        self.link = GatewayLink(SITE, self._lookup, self._randomness)

    def _lookup(self, name: str) -> tuple[bytes, int] | None:
        return (KEY, self.floor) if name == NODE else None

    def receive(self, frame: bytes) -> bytes | None:
        """Take a frame; return the answer, if any. Raises WireError, having changed nothing."""
        message = untouched_unless_accepted(self.link, frame)
        self._ledger.accept("up", frame, message)
        if self.link.promoted:
            assert self.link.boot >= self.floor
            self.floor = self.link.boot
        if message[0] == m.HELLO:
            return self._welcome(message)
        if message[0] in (m.REPORT, m.EVENT, m.GAP):
            self._settle(message)
        return None

    def _welcome(self, hello: list[Any]) -> bytes:
        stored = [[boot, marks.high] for boot, marks in sorted(self.marks.items())[-8:]]
        frame = self.link.welcome(1_790_000_000_000, m.TIME_GATEWAY, stored, want_description=False)
        if ("down", frame) in self._ledger.sent:
            return frame  # a doubled hello gets the answer that it got before
        return self._ledger.send("down", frame, [m.WELCOME, hello[4], None, stored])

    def _settle(self, message: list[Any]) -> None:
        boot = message[1]
        marks = self.marks.setdefault(boot, RecordMarks())
        try:
            if message[0] == m.GAP:
                before = {(boot, n) for n in range(message[2], message[3] + 1) if not marks.holds(n)}
                fresh = marks.settle(message[2], message[3])
                declared = {record for record in before if marks.holds(record[1])}
                assert fresh == len(declared)
                self.lost |= declared
            elif marks.add(message[2]):
                assert (boot, message[2]) not in self.stored | self.lost, "stored twice"
                self.stored.add((boot, message[2]))
        except WireError as error:
            if error.reason != OVER_LIMIT:
                raise AssertionError(error.reason) from error

    def ack(self, boot: int) -> bytes:
        """Return an ack, which must cover nothing but what is stored or declared lost."""
        marks = self.marks.get(boot, RecordMarks())
        assert settled(boot, marks) == self.settled(boot), "an ack for what never came"
        return self.say([m.ACK, boot, marks.high, marks.bitmap])

    def settled(self, boot: int) -> set[Record]:
        """Return the records of `boot` that are stored or declared lost."""
        return {record for record in self.stored | self.lost if record[0] == boot}

    def say(self, message: list[Any]) -> bytes:
        """Seal a message. Raises WireError(NO_SESSION)."""
        return self._ledger.send("down", self.link.send(message), message)


class Node:
    """A node's sender: numbers records, keeps them over reboots, forgets them when an ack or a welcome settles them."""

    def __init__(self, ledger: Ledger, randomness: Randomness, gateway: Gateway) -> None:
        self._ledger = ledger
        self._randomness = randomness
        self._gateway = gateway  # looked into by assertions only
        self.boot = 1
        self.number = 0
        self.handshake = -1
        self.queue: list[Entry] = []
        self.created: set[Record] = set()
        self.commands: list[bytes] = []
        self.connect()

    def connect(self) -> bytes:
        """Begin a new session; return its hello."""
        self.handshake += 1
        self.session, frame = self._hello(self.boot, self.handshake)
        return frame

    def reboot(self) -> bytes:
        """Come back with the next boot count; what was queued had been written to flash."""
        self.boot += 1
        self.number = 0
        self.handshake = -1
        return self.connect()

    def forgetful_hello(self, boot: int) -> bytes:
        """Return the hello of a node that has lost its boot count; it is authentic, and it must not be believed."""
        return self._hello(boot, 10_000 + self.handshake)[1]

    def _hello(self, boot: int, handshake: int) -> tuple[NodeSession, bytes]:
        session = NodeSession(SITE, NODE, boot, KEY, self._randomness, handshake)
        frame = session.hello("1.0", bytes(8), 1000, 1, 0, len(self.queue))
        session_nonce = state(session._nonce)
        message = [m.HELLO, SITE, NODE, boot, bytes.fromhex(session_nonce), 1, "1.0", bytes(8), 1000, 1, 0]
        return session, self._ledger.send("up", frame, [*message, len(self.queue)])

    def record(self) -> None:
        """Measure something: a report or an event with the next number."""
        self.number += 1
        self.created.add((self.boot, self.number))
        message: list[Any] = [m.REPORT, self.boot, self.number, 5, None, {1: self.number}, {}]
        if self.number % 5 == 0:
            message = [m.EVENT, self.boot, self.number, 5, None, m.EV_RECOVERED, None, ""]
        self.queue.append(Entry(self.boot, self.number, self.number, message))

    def overflow(self, count: int) -> None:
        """Give up the oldest `count` records of one boot and declare them lost."""
        records = [entry for entry in self.queue if entry.message[0] != m.GAP]
        given_up = [entry for entry in records if entry.boot == records[0].boot][:count] if records else []
        runs = given_up[:1]
        for entry in given_up[1:]:
            if entry.first != runs[-1].last + 1:
                return  # only an unbroken run is declared in one gap
            runs.append(entry)
        if runs:
            boot, first, last = runs[0].boot, runs[0].first, runs[-1].last
            kept = [entry for entry in self.queue if entry not in runs]
            self.queue = [Entry(boot, first, last, [m.GAP, boot, first, last, m.GAP_QUEUE_FULL]), *kept]

    def send(self, count: int) -> list[bytes]:
        """Return frames of the oldest `count` entries, at most a window. Raises WireError(NO_SESSION)."""
        return [self.say(entry.message) for entry in self.queue[: min(count, WINDOW)]]

    def say(self, message: list[Any]) -> bytes:
        """Seal a message. Raises WireError(NO_SESSION)."""
        return self._ledger.send("up", self.session.send(message), message)

    def receive(self, frame: bytes) -> None:
        """Take a frame. Raises WireError, having changed nothing."""
        message = untouched_unless_accepted(self.session, frame)
        if message[0] == m.WELCOME:
            self._ledger.accept("down", frame, [m.WELCOME, message[1], None, message[5]])
            for boot, high in message[5]:
                self._forget(boot, RecordMarks(high))
            return
        self._ledger.accept("down", frame, message)
        if message[0] == m.ACK:
            self._forget(message[1], RecordMarks(message[2], message[3]))
        elif message[0] == m.COMMAND:
            assert message[1] not in self.commands, "a command executed twice"
            self.commands.append(message[1])

    def _forget(self, boot: int, marks: RecordMarks) -> None:
        kept: list[Entry] = []
        for entry in self.queue:
            if entry.boot != boot or not entry.settled_by(marks):
                kept.append(entry)
                continue
            numbers = {(boot, number) for number in range(entry.first, entry.last + 1)}
            assert numbers <= self._gateway.stored | self._gateway.lost, "forgotten before it was stored"
        self.queue = kept


def settled(boot: int, marks: RecordMarks) -> set[Record]:
    """Return the records that marks name, found by asking about each."""
    return {(boot, number) for number in range(1, marks.high + 66) if marks.holds(number)}


def untouched_unless_accepted(receiver: NodeSession | GatewayLink, frame: bytes) -> list[Any]:
    """Return the message of `frame`. Raises WireError, and AssertionError when a refused frame has moved something."""
    before = state_of(receiver)
    try:
        return receiver.receive(frame)
    except WireError:
        assert state_of(receiver) == before, "a refused frame has moved something"
        raise


def state_of(receiver: NodeSession | GatewayLink) -> str:
    """Return all that the receiver holds but what tells of the last frame only."""
    return state(receiver)
