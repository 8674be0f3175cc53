"""Orders, key sets, signatures' containers and rules: the same answers on both interpreters."""

import hashlib

from paifang_wire import cbor, interlocks, orders, rules, sign1
from paifang_wire import messages as m
from paifang_wire.errors import WireError

from .vectors import expect

TOKEN = bytes(range(16))
ORDER = [b"order-01", "meter-1", 16, b"describe", m.OP_OPERATE, 0, 1, 1_790_000_300_000, 7, "works", TOKEN]
COMMAND = [m.COMMAND, b"order-01", 16, m.OP_OPERATE, 0, 1, 5_000, b"order", b"approval"]
ALICE, BOB = bytes(64), bytes(range(64))
ALL_OPS = 0b11111
KEYS = [
    [ALICE, "alice", 3, orders.ACTIVE, ALL_OPS, [["meter-*", "relay"]]],
    [BOB, "bob", 2, orders.REVOKED, ALL_OPS, [["*", "*"]]],
]

TABLE = (
    (1, "voltage", "V", m.INT, -1, 0, 3000, 0, None),
    (2, "limit", "W", m.INT, 0, 0, 23_000, 1, None),
    (16, "relay", "", m.BOOL, 0, 0, 1, 2, "1: voltage<=2530 & voltage>2000; 0: limit!=0"),
    (17, "breaker", "", m.BOOL, 0, 0, 1, 3, "minimum on and off time"),
    (18, "gate", "", m.BOOL, 0, 0, 1, 1, "1: nowhere=0"),
)
RULES = (
    # point, op, value, expect, voltage, refusal on the node, on the gateway
    (99, m.OP_DIRECT, 1, None, 2300, m.NO_SUCH_POINT, m.NO_SUCH_POINT),
    (1, m.OP_DIRECT, 1, None, 2300, m.READ_ONLY, m.READ_ONLY),
    (1, m.OP_SAFE, None, None, 2300, m.READ_ONLY, m.READ_ONLY),
    (2, m.OP_DIRECT, 23_000, None, 2300, 0, 0),
    (2, m.OP_DIRECT, 23_001, None, 2300, m.LIMIT, m.LIMIT),
    (2, m.OP_DIRECT, -1, None, 2300, m.LIMIT, m.LIMIT),
    (2, m.OP_DIRECT, None, None, 2300, m.WRONG_TYPE, m.WRONG_TYPE),
    (2, m.OP_SELECT, 1, None, 2300, m.NO_SUCH_OP, m.NO_SUCH_OP),
    (2, 5, 1, None, 2300, m.NO_SUCH_OP, m.NO_SUCH_OP),
    (16, m.OP_DIRECT, 1, None, 2300, m.NOT_SELECTED, m.NOT_SELECTED),
    (16, m.OP_SELECT, 1, None, 2530, 0, 0),
    (16, m.OP_OPERATE, 1, None, 2531, m.INTERLOCK, m.INTERLOCK),
    (16, m.OP_OPERATE, 1, None, 2000, m.INTERLOCK, m.INTERLOCK),
    (16, m.OP_OPERATE, 1, None, None, m.INTERLOCK, 0),
    (16, m.OP_OPERATE, 0, None, None, 0, 0),
    (16, m.OP_SELECT, 2, None, 2300, m.WRONG_TYPE, m.WRONG_TYPE),
    (16, m.OP_CANCEL, None, None, None, 0, 0),
    (16, m.OP_SAFE, None, None, None, 0, 0),
    (16, m.OP_SAFE, 0, None, None, m.WRONG_TYPE, m.WRONG_TYPE),
    (17, m.OP_OPERATE, 1, None, None, 0, 0),
    (17, m.OP_DIRECT, 1, None, 2300, m.NOT_SELECTED, m.NOT_SELECTED),
    (2, m.OP_DIRECT, 5, 7, 2300, 0, 0),
    (2, m.OP_DIRECT, 5, 8, 2300, m.UNEXPECTED, m.UNEXPECTED),
    (16, m.OP_OPERATE, 0, 1, 2300, m.UNEXPECTED, 0),
    (18, m.OP_DIRECT, 1, None, 2300, m.INTERLOCK, 0),
)


def check_rules():
    """Every row of RULES; a point's present value comes from the row, `limit` is at 7, all others are unknown."""
    for point, op, value, wanted, voltage, on_node, on_gateway in RULES:
        present = {1: voltage, 2: 7}
        for is_node, refusal in ((True, on_node), (False, on_gateway)):
            found = rules.refusal(TABLE, point, op, value, wanted, present.get, is_node)
            expect((point, op, value, voltage, is_node, found), (point, op, value, voltage, is_node, refusal))


def check_interlock_texts():
    """What is a rule, and what is only for people."""
    expect(interlocks.parse("1: a<=5 & b!=0; 0: c=-1"), [(1, [("a", "<=", 5), ("b", "!=", 0)]), (0, [("c", "=", -1)])])
    for text in (
        None,
        "",
        "minimum on and off time",
        "1: a",
        "1 a=1",
        "1: =5",
        "1: a=b",
        "1: a=1;",
        "x: a=1",
        "1:a=1:b=2",
    ):
        expect(interlocks.parse(text), [])
    for left, comparison, right, wanted in (
        (1, "<", 1, False),
        (1, "<=", 1, True),
        (2, ">=", 3, False),
        (3, ">", 2, True),
    ):
        expect(interlocks.holds(left, comparison, right), wanted)


def check_order():
    """An order is what its command says, or it is refused with the reason."""
    payload = orders.encode_order(ORDER)
    expect(orders.decode_order(payload), ORDER)
    approval = [hashlib.sha256(payload).digest(), TOKEN, 1_790_000_300_000, 7]
    expect(orders.decode_approval(orders.encode_approval(approval)), approval)
    here = ("meter-1", b"describe", TOKEN, 7, 1_790_000_300_000)
    expect(orders.order_refusal(ORDER, COMMAND, *here), 0)
    expect(orders.order_refusal(ORDER, COMMAND, "meter-1", b"describe", TOKEN, 7, None), 0)
    expect(orders.approval_refusal(approval, payload, TOKEN, 7, None), 0)
    for place, other in (
        (0, b"order-02"),
        (1, "meter-2"),
        (2, 17),
        (3, b"anothers"),
        (4, m.OP_SELECT),
        (5, 1),
        (6, None),
    ):
        expect(orders.order_refusal(replaced(ORDER, place, other), COMMAND, *here), m.INCONSISTENT)
    expect(orders.order_refusal(replaced(ORDER, 10, bytes(16)), COMMAND, *here), m.WRONG_TOKEN)
    expect(orders.order_refusal(replaced(ORDER, 10, None), COMMAND, *here), m.WRONG_TOKEN)
    expect(orders.order_refusal(replaced(ORDER, 7, 1_790_000_299_999), COMMAND, *here), m.EXPIRED)
    expect(orders.order_refusal(replaced(ORDER, 8, 8), COMMAND, *here), m.OLD_KEYSET)
    for place, other, refusal in (
        (0, bytes(32), m.INCONSISTENT),
        (1, bytes(16), m.WRONG_TOKEN),
        (2, 1, m.EXPIRED),
        (3, 8, m.OLD_KEYSET),
    ):
        expect(orders.approval_refusal(replaced(approval, place, other), payload, TOKEN, 7, 2), refusal)


def check_keys():
    """Who may: known, not revoked, of the class, the operation and the scope."""
    payload = orders.encode_keyset(7, KEYS)
    version, keys = orders.decode_keyset(payload)
    expect((version, keys), (7, KEYS))
    alice, bob = orders.find_key(keys, sign1.key_id(ALICE)), orders.find_key(keys, sign1.key_id(BOB))
    expect((alice[1], bob[1], orders.find_key(keys, bytes(8))), ("alice", "bob", None))
    expect(orders.key_refusal(alice, 3, m.OP_OPERATE, "meter-1", "relay"), 0)
    expect(orders.key_refusal(replaced(alice, 3, orders.RETIRING), 3, m.OP_OPERATE, "meter-1", "relay"), 0)
    for key, point_class, node, point in (
        (None, 1, "meter-1", "relay"),
        (bob, 1, "meter-1", "relay"),
        (replaced(alice, 2, 2), 3, "meter-1", "relay"),
        (replaced(alice, 4, 0b11), 3, "meter-1", "relay"),
        (alice, 3, "aq-1", "relay"),
        (alice, 3, "meter-1", "relays"),
        (replaced(alice, 5, []), 3, "meter-1", "relay"),
    ):
        expect(orders.key_refusal(key, point_class, m.OP_OPERATE, node, point), m.NO_AUTHORITY)
    expect(orders.persons_refusal(alice, bob), 0)
    expect(orders.persons_refusal(alice, replaced(bob, 1, "alice")), m.SAME_PERSON)


def check_shapes():
    """What is not of the shape is refused, to write and to read."""
    for bad in (
        ORDER[:-1],
        ORDER + [0],
        replaced(ORDER, 0, b"short"),
        replaced(ORDER, 10, b"short"),
        replaced(ORDER, 1, ""),
    ):
        expect(reason(orders.encode_order, bad), "shape")
        expect(reason(orders.decode_order, cbor.encode(bad)), "shape")
    twice = [KEYS[0], replaced(KEYS[0], 3, orders.REVOKED)]
    for version, keys in (
        (0, KEYS),
        (7, [KEYS[0][:-1]]),
        (7, twice),
        (7, [replaced(KEYS[0], 2, 4)]),
        (7, [replaced(KEYS[0], 3, 3)]),
    ):
        expect(reason(orders.encode_keyset, version, keys), "shape")
    many = [[number.to_bytes(64, "big"), "p", 3, 0, 31, [["*", "*"]]] for number in range(48)]
    expect(reason(orders.encode_keyset, 1, many), "shape")


def check_site():
    """A site record comes back as it was, and is anything in a list; node and edition are not."""
    site = ["signal-1", 3, [1, "CN", [["north", 0, 5_000, [0, 3_000, 3_000]]], [0]]]
    expect(orders.decode_site(orders.encode_site(site)), site)
    for bad in (site[:-1], replaced(site, 0, ""), replaced(site, 1, 0), replaced(site, 2, {}), replaced(site, 2, None)):
        expect(reason(orders.encode_site, bad), "shape")
        expect(reason(orders.decode_site, cbor.encode(bad)), "shape")


def check_sign1():
    """One shape only."""
    signed = sign1.pack(b"kid-kid-", b"payload", bytes(64))
    expect(sign1.split(signed), (b"kid-kid-", b"payload", bytes(64)))
    expect(sign1.split(sign1.pack(b"kid-kid-", None, bytes(64))), (b"kid-kid-", None, bytes(64)))
    protected = b"\xa2\x01\x26\x04\x48kid-kid-"
    for fields in (
        [protected, {}, b"payload"],
        [protected, {4: b"kid-kid-"}, b"payload", bytes(64)],
        [protected + b"x", {}, b"payload", bytes(64)],
        [b"\xa2\x01\x27\x04\x48kid-kid-", {}, b"payload", bytes(64)],
        [b"\xa1\x01\x26", {}, b"payload", bytes(64)],
        [protected, {}, b"payload", bytes(63)],
        [protected, {}, "payload", bytes(64)],
        [protected, {}, b"", bytes(64)],
    ):
        expect(reason(sign1.split, cbor.encode(fields)), "shape")
    expect(reason(sign1.split, b"\xd2" + signed), "not-strict-cbor")
    digests = [
        sign1.digest(*what) for what in ((b"kid-kid-", "w", "command", b"p"), (b"kid-kid-", "w", "approval", b"p"))
    ]
    digests += [
        sign1.digest(*what) for what in ((b"kid-kid-", "v", "command", b"p"), (b"kid-kie-", "w", "command", b"p"))
    ]
    expect(len(set(digests)), 4)


def reason(function, *arguments):
    """Return the reason of the WireError, None without one."""
    try:
        function(*arguments)
    except WireError as error:
        return error.reason
    return None


def replaced(fields, place, value):
    """Return a copy with one field replaced."""
    copy = list(fields)
    copy[place] = value
    return copy


CHECKS = (check_rules, check_interlock_texts, check_order, check_keys, check_shapes, check_site, check_sign1)


def main():
    """Print "ok" for each check, or what was wrong."""
    for check in CHECKS:
        try:
            check()
        except Exception as error:
            print(check.__name__, repr(error))
        else:
            print("ok")
