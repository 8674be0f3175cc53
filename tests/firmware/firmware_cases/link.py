"""The node's side of a session, what it says and believes, without a transport."""

import asyncio

from node.description import Description
from node.link import Link
from node.outbox import Outbox
from node.wall import WallClock
from paifang_wire import messages
from paifang_wire.errors import NO_SESSION, WireError

from .fakes import Clock

BOOT = 3
DESCRIPTION = Description(((1, "voltage", "V", messages.INT, -1, 0, 3000, 0, None),))
UTC_MS = 1_790_000_000_000
A_WHILE_MS = 10_000
HELD = messages.encode([messages.HELD, 0, 7, 0])  # stands for any answer


class Session:
    """A session whose frames are the messages themselves."""

    def receive(self, frame):
        if frame is None:
            raise WireError(NO_SESSION)
        return frame


class Transport:
    refused = 0


class Commands:
    """Answers to commands, recalls and what root keys have signed."""

    def __init__(self):
        self.old = []

    def earlier(self):
        return self.old.pop(0) if self.old else None

    async def execute(self, command):
        await asyncio.sleep(0)
        if command[3] == messages.OP_DIRECT:
            await asyncio.sleep(100)
        return HELD

    def recall(self, identifier):
        return HELD if identifier[0] else None

    async def take(self, message, answer):
        answer(HELD)


class Node:
    """A link that has been welcomed, with one record to send."""

    def __init__(self, want_description=False, utc_ms=None):
        self.clock = Clock(1_000)
        self.wall = WallClock()
        outbox = Outbox(1024)
        outbox.add(b"record 1")
        identity = ("ward-1", "meter-1", BOOT, bytes(32))
        self.commands = Commands()
        parts = (Transport(), outbox, self.commands, self.commands, self.clock, self.wall, None)
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
        self.link._take(message)


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


def command(op):
    return [messages.COMMAND, bytes(8), 1, op, 1, None, 1_000, None, None]


def hears_all(node, heard):
    """What the node says after all that, when everything that can go on has."""

    async def main():
        for message in heard:
            node.link._take(message)
        for _ in range(4):
            await asyncio.sleep(0)

    asyncio.run(main())
    return node.says()


def test_a_command_that_takes_long_holds_up_no_other():
    node = Node()
    node.says()
    long = [command(messages.OP_DIRECT)] * 3
    assert hears_all(node, long + [command(messages.OP_SELECT)]) == [messages.HELD]


def test_there_is_room_for_the_safe_state_when_there_is_none_for_commands():
    node = Node()
    node.says()
    safe = [command(messages.OP_SAFE)] * 3
    heard = [command(messages.OP_DIRECT)] * 8 + [command(messages.OP_SELECT)] * 3
    assert hears_all(node, heard + safe) == [messages.HELD] * 3


def test_receipts_of_earlier_boots_come_after_the_greeting_and_once():
    node = Node()
    node.commands.old = [HELD, HELD]
    assert node.says() == [messages.CLOCK, messages.HELD, messages.HELD, "record"]
    assert node.says() == []


def test_a_recall_is_answered_unless_the_command_is_under_way():
    node = Node()
    node.says()
    assert hears_all(node, [[messages.RECALL, b"\x01" * 8]]) == [messages.HELD]
    assert hears_all(node, [[messages.RECALL, bytes(8)]]) == []


def test_what_root_keys_have_signed_is_answered():
    node = Node()
    node.says()
    assert hears_all(node, [[messages.ROOTED, messages.ROOTED_EPOCH, b"x", b"x", b"x"]]) == [messages.HELD]
