"""Commands of class 1: a table of what is refused and why, the safe state, at most once, and the chain of receipts."""

import asyncio
import hashlib

from node.commands import Commands
from paifang_wire import cbor, messages
from paifang_wire.mac import Hmac256
from paifang_wire.messages import BOOL, INT, OP_CANCEL, OP_DIRECT, OP_OPERATE, OP_SAFE, OP_SELECT

from .fakes import Clock, complete

POINTS = (
    (1, "power", "W", INT, 0, 0, 100, 0, None),
    (2, "limit", "W", INT, 0, -5, 100, 1, None),
    (3, "relay", "", BOOL, 0, 0, 1, 1, "1: power<=50"),
    (5, "free", "", INT, 0, None, None, 1, "for people"),
)
NOW_MS = 1000
LATER_MS = 2000
BOOT = 7
KEY = bytes(range(32))

# point, op, value, deadline, expect -> refusal
TABLE = (
    (2, OP_DIRECT, 100, LATER_MS, None, 0),
    (2, OP_DIRECT, -5, NOW_MS, None, 0),
    (3, OP_DIRECT, 1, LATER_MS, None, 0),
    (5, OP_DIRECT, -(1 << 40), LATER_MS, None, 0),
    (2, OP_DIRECT, 50, LATER_MS, 7, 0),
    (2, OP_DIRECT, 50, LATER_MS, 8, messages.UNEXPECTED),
    (5, OP_DIRECT, 50, LATER_MS, 8, messages.UNEXPECTED),
    (2, OP_DIRECT, 50, NOW_MS - 1, None, messages.EXPIRED),
    (99, OP_DIRECT, 50, NOW_MS - 1, None, messages.EXPIRED),
    (99, 7, None, LATER_MS, None, messages.NO_SUCH_POINT),
    (2, 7, 50, LATER_MS, None, messages.NO_SUCH_OP),
    (2, OP_SELECT, 50, LATER_MS, None, messages.NO_SUCH_OP),
    (2, OP_OPERATE, 50, LATER_MS, None, messages.NO_SUCH_OP),
    (2, OP_CANCEL, None, LATER_MS, None, messages.NO_SUCH_OP),
    (1, OP_DIRECT, 50, LATER_MS, None, messages.READ_ONLY),
    (1, OP_SAFE, None, LATER_MS, None, messages.READ_ONLY),
    (2, OP_DIRECT, None, LATER_MS, None, messages.WRONG_TYPE),
    (2, OP_DIRECT, True, LATER_MS, None, messages.WRONG_TYPE),
    (3, OP_DIRECT, 2, LATER_MS, None, messages.WRONG_TYPE),
    (2, OP_DIRECT, 101, LATER_MS, None, messages.LIMIT),
    (2, OP_DIRECT, -6, LATER_MS, None, messages.LIMIT),
    (3, OP_SAFE, None, LATER_MS, None, 0),
    (3, OP_SAFE, None, NOW_MS + 30_000, None, 0),
    (3, OP_SAFE, None, NOW_MS + 30_001, None, messages.LIMIT),
    (3, OP_SAFE, None, NOW_MS - 1, None, messages.EXPIRED),
    (3, OP_SAFE, 0, LATER_MS, None, messages.WRONG_TYPE),
)


class Role:
    """`values`: {point: present value}; `acts`: what was done, in order."""

    def __init__(self):
        self.values = {1: 50, 2: 7, 3: 0, 4: 0, 6: 0}
        self.acts = []
        self.refusal = 0
        self.holds = None
        self.fails = False

    def read(self, point):
        return self.values.get(point)

    async def write(self, point, value):
        before = self.values.get(point)
        if self.refusal:
            return self.refusal, before, before
        self.acts.append((point, value))
        if self.fails:
            raise OSError(5)
        self.values[point] = value
        while self.holds is not None and self.holds():
            await asyncio.sleep(0)
        return 0, before, self.values[point]

    async def to_safe(self, point):
        before, self.values[point] = self.values.get(point), 0
        self.acts.append((point, "safe"))
        return 0, before, 0


def commands():
    role = Role()
    return Commands(POINTS, role, Clock(NOW_MS).now_ms, BOOT, KEY), role


def run(node, asked):
    return messages.decode(complete(node.execute(asked)))


def command(number, point=2, value=50, op=OP_DIRECT, deadline_ms=LATER_MS, expect=None, order=None, approval=None):
    identifier = number.to_bytes(8, "big")
    return [messages.COMMAND, identifier, point, op, value, expect, deadline_ms, order, approval]


def test_table_of_refusals():
    number = 0
    for point, op, value, deadline_ms, expect, refusal in TABLE:
        node, role = commands()
        number += 1
        if value is True:
            continue  # no message carries it, and no message is made of it
        receipt = run(node, command(number, point, value, op, deadline_ms, expect))
        assert receipt[4] == refusal, (point, op, value, deadline_ms, receipt[4])
        assert (receipt[3] == messages.REFUSED) == bool(refusal)
        assert len(role.acts) == (0 if refusal else 1)


def test_executed_with_the_value_read_back():
    node, role = commands()
    asked = command(1)
    digest = hashlib.sha256(messages.encode(asked)).digest()
    receipt = run(node, asked)
    assert receipt[:10] == [messages.RECEIPT, asked[1], digest, messages.EXECUTED, 0, 7, 50, None, BOOT, NOW_MS]
    assert role.acts == [(2, 50)]


def test_an_interlock_refuses_and_so_does_a_value_that_is_not_known():
    node, role = commands()
    number = 0
    for power, refusal in ((50, 0), (51, messages.INTERLOCK), (None, messages.INTERLOCK)):
        role.values[1] = power
        number += 2
        assert run(node, command(number, 3, 1))[4] == refusal
        assert run(node, command(number + 1, 3, 0))[4] == 0


def test_refused_does_nothing():
    node, role = commands()
    receipt = run(node, command(1, value=101))
    assert receipt[3:7] == [messages.REFUSED, messages.LIMIT, None, None]
    role.refusal = messages.TOO_SOON
    receipt = run(node, command(2))
    assert receipt[3:7] == [messages.REFUSED, messages.TOO_SOON, 7, 7]
    assert role.acts == []


def test_at_most_once_by_id():
    node, role = commands()
    receipts = [run(node, command(number, value=number)) for number in range(8)]
    for number in range(8):
        assert run(node, command(number, value=number)) == receipts[number]
    assert len(role.acts) == 8
    other = run(node, command(3, value=77))
    assert other[3:5] == [messages.REFUSED, messages.INCONSISTENT]
    assert len(role.acts) == 8
    assert run(node, command(3, value=3)) == receipts[3]


def test_a_recall_gives_the_receipt_or_says_that_there_is_none():
    node, role = commands()
    receipt = run(node, command(1))
    assert messages.decode(node.recall(receipt[1])) == receipt
    lost = messages.decode(node.recall(b"\xff" * 8))
    assert lost[1:6] == [b"\xff" * 8, bytes(32), messages.UNKNOWN, messages.NOT_KEPT, None]
    assert len(role.acts) == 1
    late = run(node, command((1 << 64) - 1))  # what is said of an id that was not kept is not kept for it
    assert late[3] == messages.EXECUTED


def test_what_fails_while_it_is_done_has_an_unknown_end():
    node, role = commands()
    role.fails = True
    receipt = run(node, command(1))
    assert receipt[3:7] == [messages.UNKNOWN, 0, None, None]
    assert run(node, command(1)) == receipt
    assert len(role.acts) == 1


def test_receipts_are_a_chain_that_only_the_receipt_key_makes():
    node, _ = commands()
    previous = bytes(32)
    for number in range(12):
        receipt = run(node, command(number, value=number * 12))
        assert receipt[10] == previous
        assert receipt[11] == Hmac256(KEY).digest(cbor.encode(receipt[:11]))
        previous = hashlib.sha256(messages.encode(receipt)).digest()


def test_the_safe_state_comes_between_and_the_command_says_so():
    node, role = commands()
    held = [True]
    role.holds = lambda: held

    async def main():
        acting = asyncio.create_task(node.execute(command(1, 3, 1)))
        await asyncio.sleep(0)
        assert await node.execute(command(1, 3, 1)) is None  # the same once more
        assert node.recall(command(1)[1]) is None
        busy = messages.decode(await node.execute(command(2, 3, 1)))
        safe = messages.decode(await node.execute(command(3, 3, None, OP_SAFE)))
        held.clear()
        return busy, safe, messages.decode(await acting)

    busy, safe, acted = asyncio.run(main())
    assert busy[3:5] == [messages.REFUSED, messages.BUSY]
    assert safe[3:7] == [messages.EXECUTED, 0, 1, 0]
    assert acted[3:7] == [messages.SUPERSEDED, 0, 0, 0]
    assert role.acts == [(3, 1), (3, "safe")]
