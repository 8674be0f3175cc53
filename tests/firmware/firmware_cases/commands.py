"""Commands: a table of what is refused and why, at most once, and the chain of receipts."""

import hashlib

from node.commands import Commands, check
from paifang_wire import cbor, messages
from paifang_wire.mac import Hmac256
from paifang_wire.messages import BOOL, INT

from .fakes import Clock, complete

POINTS = (
    (1, "power", "W", INT, 0, 0, 100, 0, None),
    (2, "limit", "W", INT, 0, -5, 100, 1, None),
    (3, "relay", "", BOOL, 0, 0, 1, 1, None),
    (4, "plan", "", INT, 0, None, None, 2, None),
    (5, "free", "", INT, 0, None, None, 1, None),
)
NOW_MS = 1000
LATER_MS = 2000
KEY = bytes(range(32))

# point, op, value, deadline -> refusal
TABLE = (
    (2, 0, 100, LATER_MS, 0),
    (2, 0, -5, NOW_MS, 0),
    (3, 0, 1, LATER_MS, 0),
    (5, 0, -(1 << 40), LATER_MS, 0),
    (2, 0, 50, NOW_MS - 1, messages.EXPIRED),
    (99, 0, 50, NOW_MS - 1, messages.EXPIRED),
    (99, 7, None, LATER_MS, messages.NO_SUCH_POINT),
    (1, 7, 50, LATER_MS, messages.NO_SUCH_OP),
    (2, 1, 50, LATER_MS, messages.NO_SUCH_OP),
    (1, 0, 50, LATER_MS, messages.READ_ONLY),
    (4, 0, 50, LATER_MS, messages.NO_AUTHORITY),
    (2, 0, None, LATER_MS, messages.WRONG_TYPE),
    (2, 0, True, LATER_MS, messages.WRONG_TYPE),
    (2, 0, "50", LATER_MS, messages.WRONG_TYPE),
    (3, 0, 2, LATER_MS, messages.WRONG_TYPE),
    (2, 0, 101, LATER_MS, messages.LIMIT),
    (2, 0, -6, LATER_MS, messages.LIMIT),
)


class Role:
    def __init__(self):
        self.acts = []
        self.refusal = 0

    async def write(self, point, value):
        if self.refusal:
            return self.refusal, 7, 7
        self.acts.append((point, value))
        return 0, 7, value


def commands():
    role = Role()
    return Commands(POINTS, role.write, Clock(NOW_MS).now_ms, KEY), role


def run(node, asked):
    return messages.decode(complete(node.execute(asked)))


def command(number, point=2, value=50, op=0, deadline_ms=LATER_MS):
    return [messages.COMMAND, number.to_bytes(8, "big"), point, op, value, deadline_ms]


def test_table_of_refusals():
    for point, op, value, deadline_ms, refusal in TABLE:
        found = check(POINTS, point, op, value, deadline_ms, NOW_MS)
        assert found == refusal, (point, op, value, deadline_ms, found)


def test_executed_with_the_value_read_back():
    node, role = commands()
    asked = command(1)
    receipt = run(node, asked)
    assert receipt[:8] == [
        messages.RECEIPT,
        asked[1],
        hashlib.sha256(messages.encode(asked)).digest(),
        messages.EXECUTED,
        0,
        7,
        50,
        NOW_MS,
    ]
    assert role.acts == [(2, 50)]


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


def test_receipts_are_a_chain_that_only_the_receipt_key_makes():
    node, _ = commands()
    previous = bytes(32)
    for number in range(12):
        receipt = run(node, command(number, value=number * 12))
        assert receipt[8] == previous
        assert receipt[9] == Hmac256(KEY).digest(cbor.encode(receipt[:9]))
        previous = hashlib.sha256(messages.encode(receipt)).digest()
