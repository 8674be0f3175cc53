"""A node's records, from the sensor to a gateway that keeps marks as the real one does, on a flash that may fail."""

import vfs

from node.journal import Journal, ids
from node.keeper import GRACE_MS, Keeper
from node.link import Link
from node.outbox import Outbox
from node.records import Records
from node.segments import Segments
from node.wall import WallClock
from paifang_wire import messages
from paifang_wire.errors import WireError
from paifang_wire.marks import RecordMarks

MOUNT = "/flash"
POINTS = 20
"""Of a report, so that a segment holds some 40."""
FLUSH_MS = 60_000
BUFFER_BYTES = 1024
QUEUE_BYTES = 2_000
PARAMETERS = {"readsize": 32, "progsize": 32, "lookahead": 32}
_WINDOW = 32
_IDLE_ROUNDS = 12


class Dark(Exception):
    """Power has failed: this boot is over."""


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000

    def now_ms(self) -> int:
        return self.ms


class Session:
    """A session whose frames are the messages themselves."""

    def receive(self, frame):
        return frame


class Description:
    hash = bytes(8)


class Commands:
    def earlier(self):
        return None


class Transport:
    refused = 0

    async def close(self) -> None:
        pass


class Gateway:
    """`stored`: {(boot, number): message}; `lost`, as it was told: {(boot, number): reason}."""

    def __init__(self, other=None) -> None:
        self.stored = dict(other.stored) if other else {}
        self.lost = dict(other.lost) if other else {}
        self.order = []
        lanes = other.marks if other else {}
        self.marks = {lane: RecordMarks(marks.high, marks.bitmap) for lane, marks in lanes.items()}

    def welcome(self) -> list:
        boots = sorted({boot for boot, _ in self.marks})[-messages.WELCOME_BOOTS :]
        return [[boot, marks.high] for (boot, _), marks in self.marks.items() if boot in boots and marks.high]

    def take(self, payload):
        """The ack of a record or a gap; None of what is neither, or is not taken."""
        message = messages.decode(payload)
        if message[0] not in (messages.REPORT, messages.EVENT, messages.GAP):
            return None
        boot, number = message[1:3]
        lane = number >= messages.BACKLOG
        marks = self.marks.setdefault((boot, lane), RecordMarks(messages.BACKLOG if lane else 0))
        try:
            if message[0] == messages.GAP:
                self._lose(marks, boot, number, *message[3:])
            elif marks.add(number):
                assert (boot, number) not in self.stored, "stored twice"
                self.stored[boot, number] = message
                self.order.append((boot, number))
        except WireError:
            return None
        return [messages.ACK, boot, marks.high, marks.bitmap]

    def _lose(self, marks, boot, first, last, reason) -> None:
        missing = [number for number in range(first, last + 1) if not marks.holds(number)]
        assert marks.settle(first, last) == len(missing)
        for number in missing:
            self.lost[boot, number] = reason


class Node:
    """One boot. `kept` gathers the (boot, number) of all that has been flushed, `made` the values of all reports."""

    def __init__(self, flash, boot: int, budget: int, kept: set, made: dict) -> None:
        self.flash, self.boot, self.kept, self.made = flash, boot, kept, made
        vfs.mount(vfs.VfsLfs2(flash, **PARAMETERS), MOUNT)
        self.clock = clock = Clock()
        self.outbox = Outbox(QUEUE_BYTES)
        segments = Segments(MOUNT + "/journal", budget)
        self.journal = Journal(segments, boot, BUFFER_BYTES, lambda: self.outbox.first)
        parts = (Transport(), self.outbox, Commands(), None, clock, WallClock(), None)
        self.link = Link(("ward-1", "n-1", boot, b""), ("1", 1), Description(), *parts)
        self.link.journal = self.journal
        self.keeper = Keeper(self.journal, self.outbox, self.link, clock, FLUSH_MS)
        self.records = Records(boot, self.outbox, clock, WallClock(), lambda: None, self.keeper)
        self.keeper.attach(self.records)
        self._added = []
        self._watch()
        self._look()

    def off(self) -> None:
        """No power any more."""
        vfs.umount(MOUNT)

    def report(self, value: int, bills: bool = False) -> None:
        """A reading, in the lane that is for it now."""
        before = self.journal.next_number
        if bills:
            self.records.bill(values(value))
        else:
            self.records.report(values(value), {})
        lane = self.journal if self.journal.next_number != before else self.outbox
        self.made[self.boot, lane.next_number - 1] = value

    def wait(self, duration_ms: int) -> None:
        """Let time go by, with the journal's work in it. Raises Dark."""
        self.clock.ms += duration_ms
        self._work(lambda: self.keeper.working(self.clock.ms))

    def outage(self) -> None:
        """The line is lost, and stays so for longer than a moment."""
        try:
            self.link._close().send(None)
        except StopIteration:
            pass
        self.wait(GRACE_MS + 1)

    def close(self) -> None:
        """The node is about to reset itself."""

        def closing():
            self.keeper.close()
            yield

        self._work(closing)

    def connect(self, gateway) -> None:
        self.link._session = Session()
        welcome = [
            messages.WELCOME,
            bytes(16),
            bytes(16),
            None,
            messages.TIME_NONE,
            gateway.welcome(),
            False,
            _WINDOW,
            0,
        ]
        self.link._begin(welcome, self.clock.ms)

    def exchange(self, gateway, random=None, rounds: int = 1 << 20) -> None:
        """Talk until there is nothing more to say; with `random`, a sixth is lost each way. Raises Dark."""
        idle = 0
        while idle < _IDLE_ROUNDS and rounds:
            rounds -= 1
            payload = self.link._next(self.clock.ms)
            if payload is None:
                idle += 1
                self.wait(1_000)
                continue
            self.link._sent_ms = self.clock.ms
            if random is not None and not random.below(6):
                continue
            ack = gateway.take(payload)
            if ack is not None:
                idle = 0
                if random is None or random.below(6):
                    self.link._take(ack)

    def _work(self, make) -> None:
        for _ in make():
            self._look()
        self._look()
        if not self.journal.buffered:
            self.kept |= set(self._added)
            self._added.clear()

    def _watch(self) -> None:
        """Note what the journal takes."""
        add = self.journal.add

        def watched(payload, now_ms):
            taken = add(payload, now_ms)
            if taken:
                self._added.append(ids(payload))
            return taken

        self.journal.add = watched

    def _look(self) -> None:
        if self.flash.is_dark:
            raise Dark


def values(value: int) -> dict:
    """The points of a report that says `value`."""
    return {point: value + point for point in range(POINTS)}
