"""A node, the line to it, a gateway, the persons and the clocks: everything that happens, at a time of its own.

Time passes when the game says so. Chance comes from one seed, so that a game can be played again.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any

import auditor
import cbor2
from cast import APPROVAL, COMMAND, EVERY_OP, KEYSET, RETIRING, ROOTS, SITE, Key, Person, rooted, row
from gateway_side import Desk
from line import DOWN, UP, Line
from node_side import Board
from oracle import DIRECT, EXECUTED, OPERATE, SELECT, want
from points import NAMES, TABLE

from paifang_wire import keys, messages

if TYPE_CHECKING:
    from collections.abc import Sequence

NODE = "aq-1"
MASTER = bytes(range(32))
WITHIN_MS = 20_000
UTC_MS = 1_800_000_000_000
DESCRIPTION = hashlib.sha256(cbor2.dumps(TABLE)).digest()[:8]


class Station:
    """A node, its line, and the gateway's desk for it."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.line = Line(world.chance)
        self.board = Board(world, name, MASTER)
        node_key = keys.node_key(self.board.master, SITE, 1)
        self.desk = Desk(name, node_key, self.line, world.chance, world.gateway_utc_ms)
        self.board.oracle.log = self.desk.log

    @property
    def is_honest(self) -> bool:
        """Whether the gateway is still its owner's: what it says is then consistent, and held against the node."""
        return self.desk.is_honest

    @is_honest.setter
    def is_honest(self, value: bool) -> None:
        self.desk.is_honest = self.board.oracle.is_gateway_honest = value

    def power_on(self) -> None:
        self.board.power_on()
        self.connect()

    def connect(self) -> None:
        """The node has made a new connection: what the old one carried is lost."""
        self.line.cut()
        self.desk.connected()
        for frame in self.board.connect():
            self.line.put(UP, frame)

    def deliver(self, way: str) -> bool:
        """Let the next frame of one direction arrive. Tells whether there was one under way."""
        if not self.line.waiting(way):
            return False
        frame = self.line.take(way)
        if frame is not None and way == UP:
            self.desk.receive(frame)
        elif frame is not None:
            self.board.receive(frame)
        return True

    def flush(self) -> None:
        """What the node has to say goes onto the line."""
        for frame in self.board.outgoing():
            self.line.put(UP, frame)

    def settle(self) -> None:
        """Everything under way arrives, and the node does what it has to do."""
        healthy, self.line.healthy = self.line.healthy, True
        busy = True
        while busy:
            busy = self.deliver(DOWN) | self.board.drain()
            self.flush()
            busy |= self.deliver(UP)
        self.line.healthy = healthy

    def tell(self, message: list[Any]) -> None:
        """Send a message as the gateway, and let everything happen that comes of it."""
        self.desk.send(message)
        self.settle()

    def ask(self, command: list[Any]) -> list[Any]:
        """Submit a command and return [verdict, reason, before, after, token] of its receipt."""
        self.desk.submit(command)
        self.settle()
        return self.answer(command[1])

    def answer(self, identifier: bytes) -> list[Any]:
        """[verdict, reason, before, after, token] of the last receipt that came for a command; [] without one."""
        for payload in reversed(self.desk.evidence):
            receipt = cbor2.loads(payload)
            if receipt[1] == identifier:
                return receipt[3:8]
        return []


class World:
    """`verification` is the class that nodes check signatures with."""

    def __init__(self, seed: int, verification: Any) -> None:
        self.chance = random.Random(seed)
        self.verification = verification
        self.now_ms = 0
        self.utc_error_ms: int | None = 0
        self._identifiers = 0
        self.requester = Person("ann", Key(1), Key(2))
        self.approver = Person("bob", Key(3))
        self.pairs = ((self.requester, self.approver), (Person("fay", Key(41)), Person("gus", Key(42))))
        self.limited = [Key(4), Key(5), Key(6)]
        self.version = 1
        self.rows = [
            row(self.requester.keys[0], "ann"),
            row(self.requester.keys[1], "ann"),
            row(self.approver.keys[0], "bob"),
            *(row(person.keys[0], person.name) for person in self.pairs[1]),
            row(self.limited[0], "cyd", 2),
            row(self.limited[1], "dan", ops=EVERY_OP & ~(1 << OPERATE)),
            row(self.limited[2], "eli", scope=(("aq-2", "*"), ("*", "val"))),
        ]
        self.orders: list[list[Any]] = []
        """Class-3 commands that persons have signed: what a gateway has seen."""
        self.keysets: list[tuple[bytes, bytes, bytes]] = []
        self.station = Station(self, NODE)
        self.station.power_on()
        self.station.settle()
        self.publish()

    def gateway_utc_ms(self) -> int | None:
        return None if self.utc_error_ms is None else UTC_MS + self.now_ms + self.utc_error_ms

    def pass_time(self, duration_ms: int) -> None:
        self.now_ms += duration_ms

    def identifier(self) -> bytes:
        self._identifiers += 1
        return hashlib.sha256(b"id%d" % self._identifiers).digest()[:8]

    def command(self, point: int, op: int = DIRECT, value: int | None = None, **more: Any) -> list[Any]:
        """A command to the node; `within_ms`, `expect`, `signed` (order, approval), `identifier`."""
        deadline_ms = max(self.station.board.uptime_ms() + more.get("within_ms", WITHIN_MS), 0)
        order, approval = more.get("signed", (None, None))
        identifier = more.get("identifier") or self.identifier()
        return [messages.COMMAND, identifier, point, op, value, more.get("expect"), deadline_ms, order, approval]

    def select(self, point: int, value: int, **more: Any) -> bytes | None:
        """Select a point, expecting it to be granted; the token, for class 3."""
        answer = self.station.ask(self.command(point, SELECT, value, **more))
        want(answer and answer[0] == EXECUTED, f"the select is granted: {answer}")
        return answer[4]

    def order(self, key: Key, identifier: bytes, point: int, value: int, token: bytes | None, **more: Any) -> bytes:
        """What an operator signs who has been shown this; `node`, `description`, `shown` name, `until_ms`, `least`."""
        until_ms = more.get("until_ms", UTC_MS + self.now_ms + 600_000)
        node = more.get("node", self.station.name)
        what = [identifier, node, point, more.get("description", DESCRIPTION), more.get("op", OPERATE), value]
        payload = cbor2.dumps([*what, more.get("expect"), until_ms, more.get("least", 1), "as agreed", token])
        self.station.board.oracle.on_offered(payload, more.get("shown", NAMES[point]), point)
        return key.sign1(more.get("purpose", COMMAND), payload, site=more.get("site", SITE))

    def approval(self, key: Key, order: bytes, token: bytes | None, **more: Any) -> bytes:
        """The second person's signature over an order; `until_ms`, `least`."""
        until_ms = more.get("until_ms", UTC_MS + self.now_ms + 600_000)
        order_hash = hashlib.sha256(cbor2.loads(order)[2]).digest()
        payload = cbor2.dumps([order_hash, token, until_ms, more.get("least", 1)])
        return key.sign1(more.get("purpose", APPROVAL), payload)

    def signed(self, point: int, value: int, token: bytes | None, **more: Any) -> list[Any]:
        """The operate of class 3 that two persons have signed; `identifier` and what order and approval take."""
        identifier = more.pop("identifier", None) or self.identifier()
        key = more.pop("key", self.requester.keys[0])
        order = self.order(key, identifier, point, value, token, **more)
        more.pop("purpose", None)
        approval = self.approval(more.pop("second", self.approver.keys[0]), order, token, **more)
        expect = more.get("expect")
        return self.command(point, OPERATE, value, identifier=identifier, expect=expect, signed=(order, approval))

    def publish(self, signers: Sequence[Key] = ROOTS[:2]) -> None:
        """The roots sign the rows as they are under the next version, and the gateway gives it to the node."""
        keyset = self.sign_keyset(signers)
        self.station.tell([messages.ROOTED, messages.ROOTED_KEYSET, *keyset])

    def rotate(self, person: Person) -> None:
        """Somebody gets a new key; with the next key set, the oldest of theirs is on its way out."""
        old = person.keys.pop(0)
        person.keys.append(Key(1_000 + len(self.rows)))
        for line in self.rows:
            if line[0] == old.public:
                line[3] = RETIRING
        self.rows.append(row(person.keys[-1], person.name))

    def sign_keyset(self, signers: Sequence[Key] = ROOTS[:2]) -> tuple[bytes, bytes, bytes]:
        """(payload, signature, signature) of the rows as they are, under the next version."""
        payload = cbor2.dumps([self.version, self.rows])
        self.keysets.append(rooted(KEYSET, payload, (signers[0], signers[1])))
        self.version += 1
        return self.keysets[-1]

    def audit(self, station: Station) -> None:
        """An auditor reads what the gateway hands over: what carries the node's tag was made by the node.

        And the node has heard nobody but the gateway.
        """
        sent = {cbor2.dumps(message) for message in station.desk.sent + station.desk.nonsense}
        want(all(cbor2.dumps(message) in sent for message in station.board.heard), "no stranger is heard")
        board = station.board
        believed, is_one_history = auditor.believed(station.name, board.oracle.receipt_key, station.desk.evidence)
        want(all(payload in board.made for payload in believed), "what the auditor believes was said by the node")
        want(len(believed) >= len(board.made.intersection(station.desk.evidence)), "the node is believed")
        want(is_one_history, "a node tells one history")
