"""The node's side of a session, what it says and believes, without a transport."""

from node.link import Link
from node.outbox import Outbox
from node.wall import WallClock
from paifang_wire import messages
from paifang_wire.errors import NO_SESSION, WireError

from .fakes import Clock, complete

BOOT = 3
DESCRIPTION = (bytes(8), ((1, "voltage", "V", messages.INT, -1, 0, 3000, 0, None),))
UTC_MS = 1_790_000_000_000
A_WHILE_MS = 10_000


class Session:
    """A session whose frames are the messages themselves."""

    def receive(self, frame):
        if frame is None:
            raise WireError(NO_SESSION)
        return frame


class Transport:
    refused = 0


class Node:
    """A link that has been welcomed, with one record to send."""

    def __init__(self, want_description=False, utc_ms=None):
        self.clock = Clock(1_000)
        self.wall = WallClock()
        outbox = Outbox(1024)
        outbox.add(b"record 1")
        identity = ("ward-1", "meter-1", BOOT, bytes(32))
        parts = (Transport(), outbox, None, self.clock, self.wall, None)
        self.link = Link(identity, ("1.0", 1), DESCRIPTION, *parts)
        self.link._session = Session()
        stored = [[BOOT, 0]]
        quality = messages.TIME_NONE if utc_ms is None else messages.TIME_GATEWAY
        welcome = [messages.WELCOME, bytes(16), bytes(16), utc_ms, quality, stored, want_description, 32, 4096]
        self.link._begin(welcome, self.clock.now_ms())

    def says(self):
        """All that it has to say now: kinds of messages, or the record."""
        said = []
        while True:
            payload = self.link._next(self.clock.now_ms())
            if payload is None:
                return said
            self.link._sent_ms = self.clock.now_ms()
            said.append("record" if payload == b"record 1" else messages.decode(payload)[0])

    def hears(self, message):
        complete(self.link._take(message))


def test_a_gateway_without_a_date_gives_none():
    node = Node()
    node.hears([messages.TIME, 1_000, 0, messages.TIME_NONE])
    assert node.wall.utc_ms(1_000) is None
    node.hears([messages.TIME, 1_000, UTC_MS, messages.TIME_GATEWAY])
    assert node.wall.utc_ms(1_000) == UTC_MS


def test_a_gateway_that_loses_its_date_takes_none_away():
    node = Node(utc_ms=UTC_MS)
    node.hears([messages.TIME, 1_000, 0, messages.TIME_NONE])
    assert node.wall.utc_ms(1_000) == UTC_MS


def test_the_time_is_asked_for_until_it_is_known_and_then_seldom():
    """Reports keep the line busy, so that no keepalive asks by the way."""
    node = Node()
    node.says()
    node.hears([messages.ACK, BOOT, 1, 0])
    for utc_ms, quality, least, most in ((0, messages.TIME_NONE, 8, 10), (UTC_MS, messages.TIME_GATEWAY, 0, 1)):
        node.hears([messages.TIME, node.clock.ms, utc_ms, quality])
        asked = 0
        for _ in range(30):
            node.clock.ms += A_WHILE_MS
            node.link._sent_ms = node.clock.ms
            asked += node.says().count(messages.CLOCK)
        assert least <= asked <= most


def test_a_description_that_was_lost_on_the_way_is_said_again():
    """Without it no report is taken, and only what goes unanswered tells the node so."""
    node = Node(want_description=True)
    assert node.says() == [messages.CLOCK, messages.DESCRIBE, "record"]
    node.hears([messages.TIME, 1_000, UTC_MS, messages.TIME_GATEWAY])
    assert node.says() == []
    node.clock.ms += A_WHILE_MS
    assert node.says() == [messages.CLOCK, messages.DESCRIBE, "record"]
    node.hears([messages.ACK, BOOT, 1, 0])
    node.clock.ms += A_WHILE_MS
    assert node.says() == []


def test_a_description_that_nobody_wants_is_not_said():
    node = Node()
    assert node.says() == [messages.CLOCK, "record"]
    node.clock.ms += A_WHILE_MS
    assert node.says() == [messages.CLOCK, "record"]
