"""Two persons over one token, key sets and epochs under two roots, and a verification that leaves others their turn."""

import asyncio
import hashlib
import os
import sys

from node.authority import Authority
from node.keyset import KeySet
from node.rooted import Rooted
from node.signing import Signing
from node.trust import Trust
from node.verifier import Verifier, sliced
from paifang_wire import messages, orders, p256, sign1
from paifang_wire.messages import BOOL, OP_OPERATE

from .fakes import Clock, Nvs, Random, complete

SITE, NODE = "ward-1", "meter-1"
NAME = (SITE, NODE)
DESCRIPTION = b"describe"
ROW = (6, "relay", "", BOOL, 0, 0, 1, 3, None)
TOKEN = b"t" * 16
UTC_MS = 1_790_000_000_000
SOON_MS = UTC_MS + 60_000
ALL = [["*", "*"]]
RANDOM = Random(5)


def public(name):
    return hashlib.sha256(name.encode()).digest() * 2


def kid(name):
    return sign1.key_id(public(name))


def signature(name, purpose, payload, site=SITE):
    """What stands for ES256 here: two interpreters and no key that signs."""
    return hashlib.sha256(public(name) + sign1.digest(kid(name), site, purpose, payload)).digest() * 2


async def verify(key, digest, signed):
    return signed == hashlib.sha256(key + digest).digest() * 2


def signed(name, purpose, payload, site=SITE, detached=False):
    return sign1.pack(kid(name), None if detached else payload, signature(name, purpose, payload, site))


def key(name, person=None, greatest=3, state=orders.ACTIVE, ops=31, scope=ALL):
    return [public(name), person or name, greatest, state, ops, scope]


KEYS = [
    key("alice"),
    key("bob"),
    key("bob-2", "bob"),
    key("carol", greatest=2),
    key("dave", state=orders.REVOKED),
    key("erin", state=orders.RETIRING),
    key("frank", ops=1),
    key("gina", scope=[["meter-2", "*"], ["*", "fan"]]),
    key("hugo", scope=[["meter-*", "rel*"]]),
]


class Keys:
    """A key set without storage."""

    version = 4

    def find(self, *kids):
        return [orders.find_key(KEYS, one) for one in kids]


def authority(utc_ms=UTC_MS):
    clock = Clock(100_000)
    verifier = Verifier(clock.now_ms, verify)
    return Authority(NAME, DESCRIPTION, Keys(), verifier, clock.now_ms, lambda _: utc_ms), clock, verifier


def command(by="alice", approver="bob", purpose=sign1.COMMAND, approves=sign1.APPROVAL, site=SITE, **changed):
    """A command of class 3; `changed` are fields of its order, and of its approval with `a_` before the name."""
    fields = {
        "identifier": b"12345678",
        "node": NODE,
        "point": 6,
        "description": DESCRIPTION,
        "op": OP_OPERATE,
        "value": 1,
        "expect": None,
        "expires_ms": SOON_MS,
        "keyset": 4,
        "reason": "test",
        "token": TOKEN,
    }
    approval = {"hash": None, "token": TOKEN, "expires_ms": SOON_MS, "keyset": 4}
    for name, value in changed.items():
        if name.startswith("a_"):
            approval[name[2:]] = value
        else:
            fields[name] = value
    order = orders.encode_order([fields[name] for name in _ORDER])
    approval["hash"] = approval["hash"] or hashlib.sha256(order).digest()
    approved = orders.encode_approval([approval[name] for name in _APPROVAL])
    asked = [messages.COMMAND, b"12345678", 6, OP_OPERATE, 1, None, 1_000_000]
    return asked + [signed(by, purpose, order, site), signed(approver, approves, approved, site)]


_ORDER = (
    "identifier",
    "node",
    "point",
    "description",
    "op",
    "value",
    "expect",
    "expires_ms",
    "keyset",
    "reason",
    "token",
)
_APPROVAL = ("hash", "token", "expires_ms", "keyset")


def ends(asked, utc_ms=UTC_MS):
    """The refusal of examination and proof."""
    node, _, _ = authority(utc_ms)
    refusal, proof = node.examine(asked, ROW, TOKEN)
    return refusal or complete(node.prove(proof))


# What is said or signed otherwise than it must be -> refusal.
TABLE = (
    ({}, 0),
    ({"by": "bob", "approver": "alice"}, 0),
    ({"by": "erin", "approver": "hugo"}, 0),
    ({"by": "bob", "approver": "bob-2"}, messages.SAME_PERSON),
    ({"approver": "alice"}, messages.SAME_PERSON),
    ({"by": "carol"}, messages.NO_AUTHORITY),
    ({"approver": "carol"}, messages.NO_AUTHORITY),
    ({"by": "dave"}, messages.NO_AUTHORITY),
    ({"approver": "dave"}, messages.NO_AUTHORITY),
    ({"by": "frank"}, messages.NO_AUTHORITY),
    ({"approver": "frank"}, messages.NO_AUTHORITY),
    ({"by": "gina"}, messages.NO_AUTHORITY),
    ({"approver": "gina"}, messages.NO_AUTHORITY),
    ({"by": "nobody"}, messages.NO_AUTHORITY),
    ({"approver": "nobody"}, messages.NO_AUTHORITY),
    ({"purpose": sign1.APPROVAL}, messages.BAD_SIGNATURE),
    ({"approves": sign1.COMMAND}, messages.BAD_SIGNATURE),
    ({"site": "ward-2"}, messages.BAD_SIGNATURE),
    ({"identifier": b"87654321"}, messages.INCONSISTENT),
    ({"node": "meter-2"}, messages.INCONSISTENT),
    ({"point": 5}, messages.INCONSISTENT),
    ({"description": b"relabels"}, messages.INCONSISTENT),
    ({"op": 0}, messages.INCONSISTENT),
    ({"value": 0}, messages.INCONSISTENT),
    ({"expect": 0}, messages.INCONSISTENT),
    ({"a_hash": bytes(32)}, messages.INCONSISTENT),
    ({"token": None}, messages.WRONG_TOKEN),
    ({"token": bytes(16)}, messages.WRONG_TOKEN),
    ({"a_token": bytes(16)}, messages.WRONG_TOKEN),
    ({"expires_ms": UTC_MS - 1}, messages.EXPIRED),
    ({"a_expires_ms": UTC_MS - 1}, messages.EXPIRED),
    ({"keyset": 5}, messages.OLD_KEYSET),
    ({"a_keyset": 5}, messages.OLD_KEYSET),
    ({"keyset": 1, "a_keyset": 1}, 0),
)


def test_table_of_orders_and_approvals():
    for changed, refusal in TABLE:
        assert ends(command(**changed)) == refusal, (changed, refusal)


def test_a_node_that_knows_no_time_goes_by_the_token():
    assert ends(command(expires_ms=5, a_expires_ms=5), None) == 0


def test_what_is_no_order_or_no_approval():
    good = command()
    for place, changed, refusal in (
        (7, None, messages.NO_AUTHORITY),
        (8, None, messages.NO_AUTHORITY),
        (7, b"\x00", messages.BAD_SIGNATURE),
        (8, b"\x00", messages.BAD_SIGNATURE),
        (7, good[8], messages.BAD_SIGNATURE),
        (8, good[7], messages.BAD_SIGNATURE),
        (7, sign1.pack(kid("alice"), None, bytes(64)), messages.BAD_SIGNATURE),
        (8, sign1.pack(kid("bob"), None, bytes(64)), messages.BAD_SIGNATURE),
        (7, good[7][:-1] + b"\xff", messages.BAD_SIGNATURE),
        (8, good[8][:-1] + b"\xff", messages.BAD_SIGNATURE),
    ):
        asked = list(good)
        asked[place] = changed
        assert ends(asked) == refusal, (place, changed)


def test_time_that_passes_while_signatures_are_looked_at():
    clock = Clock(100_000)
    node = Authority(
        NAME,
        DESCRIPTION,
        Keys(),
        Verifier(clock.now_ms, verify),
        clock.now_ms,
        lambda now_ms: UTC_MS - 100_000 + now_ms,
    )
    refusal, proof = node.examine(command(), ROW, TOKEN)
    assert refusal == 0
    clock.ms += 60_001
    assert complete(node.prove(proof)) == messages.EXPIRED


def test_one_verification_at_a_time_and_each_key_seldom():
    node, clock, verifier = authority()
    refusal, proof = node.examine(command(), ROW, TOKEN)
    assert (refusal, complete(node.prove(proof))) == (0, 0)
    others = command("erin", "hugo")
    assert node.examine(others, ROW, TOKEN)[0] == 0
    for by, approver in (("alice", "hugo"), ("erin", "alice"), ("erin", "bob")):
        assert node.examine(command(by, approver), ROW, TOKEN)[0] == messages.BUSY
    clock.ms += 4_999
    assert node.examine(command(), ROW, TOKEN)[0] == messages.BUSY
    clock.ms += 1
    assert node.examine(command(), ROW, TOKEN)[0] == 0
    verifier._is_busy = True
    assert node.examine(others, ROW, TOKEN)[0] == messages.BUSY


def test_what_class_3_takes_is_loaded_for_a_command_and_forgotten_after_the_last():
    clock, held = Clock(100_000), Keys()
    node = Signing(NAME, DESCRIPTION, held, Verifier(clock.now_ms, verify), clock, lambda _: UTC_MS)
    sys.modules.pop("node.authority", None)
    assert node.examine(command(value=0), ROW, TOKEN) == (messages.INCONSISTENT, None)
    assert (node._authority, "node.authority" in sys.modules) == (None, False)
    proofs = [node.examine(command(*persons), ROW, TOKEN) for persons in (("alice", "bob"), ("erin", "hugo"))]
    for refusal, proof in proofs:
        assert refusal == 0
        assert node._authority is not None
        assert complete(node.prove(proof)) == 0
    assert (node._authority, "node.authority" in sys.modules) == (None, False)
    clock.ms += 5_000
    held.find = no_heap
    assert node.examine(command(), ROW, TOKEN) == (messages.BUSY, None)
    assert (node._authority, "node.authority" in sys.modules) == (None, False)


def no_heap(*_):
    raise MemoryError


# RFC 6979, A.2.5, SHA-256 of "sample"; s is n - s of the text, the lower of the two.
VECTOR = (
    (
        "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
        "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
    ),
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
    0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
)


class Gc:
    """A heap with so much room."""

    def __init__(self, free):
        self.free = free

    def collect(self):
        pass

    def mem_free(self):
        return self.free


def test_signatures_that_the_heap_has_no_room_for_are_not_looked_at():
    clock = Clock(100_000)
    heap = Gc(3_000)
    verifier = Verifier(clock.now_ms, verify, heap)
    node = Authority(NAME, DESCRIPTION, Keys(), verifier, clock.now_ms, lambda _: UTC_MS)
    assert node.examine(command(), ROW, TOKEN) == (messages.BUSY, None)
    heap.free = 30_000
    refusal, proof = node.examine(command(), ROW, TOKEN)
    assert (refusal, complete(node.prove(proof))) == (0, 0)


def test_a_real_signature_is_proven_in_many_turns():
    key_bytes = bytes.fromhex(VECTOR[0])
    digest = hashlib.sha256(b"sample").digest()
    good = bytes.fromhex(VECTOR[1]) + (p256.N - VECTOR[2]).to_bytes(32, "big")
    turns = [0]

    async def sleep_ms(duration_ms):
        turns[0] += 1
        await asyncio.sleep(0)

    clock = Clock()
    verifier = Verifier(clock.now_ms, sliced(sleep_ms))
    found = asyncio.run(verifier.prove((b"k",), ((key_bytes, digest, good),)))
    assert found == 0
    assert turns[0] > 128
    bad = good[:-1] + bytes((good[-1] ^ 1,))
    assert asyncio.run(verifier.prove((b"k",), ((key_bytes, digest, bad),))) == messages.BAD_SIGNATURE
    both = ((key_bytes, digest, good), (key_bytes, digest, bad))
    assert asyncio.run(verifier.prove((b"k",), both)) == messages.BAD_SIGNATURE


class Folder:
    """A folder for the two files, taken away at the end."""

    def __init__(self):
        self.path = "/tmp/paifang-keyset-" + os.urandom(6).hex()

    def __enter__(self):
        os.mkdir(self.path)
        return self

    def __exit__(self, *_):
        for name in os.listdir(self.path):
            os.remove(self.path + "/" + name)
        os.rmdir(self.path)

    def spoil(self, slot):
        with open(self.path + "/keyset." + str(slot), "r+b") as file:
            file.write(b"\xff")


ROOTS = ("root-1", "root-2", "root-3")


class Held:
    """A node that holds key set `version`, with three root keys."""

    def __init__(self, folder, roots=ROOTS):
        self.folder = folder
        self.nvs = Nvs(epoch=7)
        if roots:
            self.nvs.stored["roots"] = b"".join([public(root) for root in roots])
        self.clock = Clock(100_000)
        self.restarts, self.said = [], []
        self.start()

    def start(self):
        """As after a power cut: what was not committed is gone."""
        self.nvs.staged.clear()
        self.keyset = KeySet(self.nvs, self.folder.path)
        self.verifier = Verifier(self.clock.now_ms, verify)

    def take(self, what, payload, purpose=None, by=ROOTS[:2], detached=True, site=SITE):
        purpose = purpose or (sign1.KEYSET, sign1.EPOCH)[what]
        rooted = Rooted(NAME, self.nvs, self.keyset, self.verifier)
        message = [messages.ROOTED, what, payload] + [signed(root, purpose, payload, site, detached) for root in by]
        return complete(rooted.take(message))


def keys(version, names=("alice", "bob")):
    return orders.encode_keyset(version, [entry for entry in KEYS if entry[1] in names])


def test_a_key_set_is_taken_kept_and_found_again():
    with Folder() as folder:
        node = Held(folder)
        assert (node.keyset.version, node.keyset.find(kid("alice"))) == (0, [None])
        for version in (1, 2, 9):
            assert node.take(0, keys(version)) == (version, 0)
            node.start()
            assert node.keyset.version == version
            found = node.keyset.find(kid("bob-2"), kid("nobody"), kid("alice"))
            assert found == [KEYS[2], None, KEYS[0]]


def test_a_key_set_that_is_not_newer():
    with Folder() as folder:
        node = Held(folder)
        node.take(0, keys(5))
        assert node.take(0, keys(4)) == (5, messages.OLD_KEYSET)
        assert node.take(0, keys(5, ("alice",))) == (5, messages.OLD_KEYSET)
        assert node.take(0, keys(5)) == (5, 0)
        assert node.take(0, keys(5), by=("eve", "mallory")) == (5, 0)  # it is held already: nothing is taken


# signers, further arguments of `take` -> refusal
ROOTED = (
    (ROOTS[1:], {}, 0),
    ((ROOTS[2], ROOTS[0]), {}, 0),
    ((ROOTS[0], ROOTS[0]), {}, messages.NO_AUTHORITY),
    ((ROOTS[0], "eve"), {}, messages.NO_AUTHORITY),
    (("alice", "bob"), {}, messages.NO_AUTHORITY),
    (ROOTS[:2], {"detached": False}, messages.NO_AUTHORITY),
    (ROOTS[:2], {"site": "ward-2"}, messages.BAD_SIGNATURE),
    (ROOTS[:2], {"purpose": sign1.COMMAND}, messages.BAD_SIGNATURE),
    (ROOTS[:2], {"purpose": sign1.DELEGATION}, messages.BAD_SIGNATURE),
)


def test_two_root_keys_must_have_signed():
    for what, payload, old, new in ((0, keys(3), 0, 3), (1, orders.encode_epoch([NODE, 8]), 7, 8)):
        for by, more, refusal in ROOTED:
            with Folder() as folder:
                node = Held(folder)
                assert node.take(what, payload, by=by, **more) == (old if refusal else new, refusal), (by, more)
                node.start()
                assert (node.keyset.version, node.nvs.stored["epoch"])[what] == (old if refusal else new)


def test_a_node_without_roots_believes_nobody():
    with Folder() as folder:
        node = Held(folder, roots=())
        assert node.take(0, keys(3)) == (0, messages.NO_AUTHORITY)


def test_what_is_no_key_set_and_no_epoch():
    with Folder() as folder:
        node = Held(folder)
        assert node.take(0, b"\x00") == (0, messages.WRONG_TYPE)
        assert node.take(1, b"\x00") == (7, messages.WRONG_TYPE)
        assert node.take(1, keys(3)) == (7, messages.WRONG_TYPE)
        assert node.take(2, keys(3), purpose=sign1.KEYSET) == (0, messages.NO_SUCH_OP)


def test_epochs_go_up_and_are_of_this_node():
    with Folder() as folder:
        node = Held(folder)
        for epoch, refusal in ((7, messages.EXPIRED), (6, messages.EXPIRED), (1 << 31, messages.LIMIT)):
            assert node.take(1, orders.encode_epoch([NODE, epoch])) == (7, refusal)
        assert node.take(1, orders.encode_epoch(["meter-2", 9])) == (7, messages.INCONSISTENT)
        assert node.take(1, orders.encode_epoch([NODE, 9])) == (9, 0)
        assert node.nvs.stored["epoch"] == 9


def test_signatures_of_roots_that_are_bad_are_not_looked_at_again_soon():
    with Folder() as folder:
        node = Held(folder)
        assert node.take(0, keys(3), site="ward-2") == (0, messages.BAD_SIGNATURE)
        assert node.take(0, keys(3)) == (0, messages.BUSY)
        node.clock.ms += 5_000
        assert node.take(0, keys(3)) == (3, 0)
        assert node.take(0, keys(4)) == (4, 0)


def test_a_key_set_that_the_flash_lost_is_asked_for_again_but_no_older_one():
    with Folder() as folder:
        node = Held(folder)
        node.take(0, keys(5))
        folder.spoil(node.keyset._slot)
        node.start()
        assert (node.keyset.version, node.keyset.find(kid("alice"))) == (0, [None])
        assert node.take(0, keys(4)) == (0, messages.OLD_KEYSET)
        assert node.take(0, keys(5, ("alice",))) == (0, messages.OLD_KEYSET)
        assert node.take(0, keys(5)) == (5, 0)


def test_power_that_fails_before_the_pointer_leaves_the_key_set_before():
    with Folder() as folder:
        node = Held(folder)
        node.take(0, keys(1))
        node.nvs.is_full = True
        assert node.take(0, keys(2)) == (1, messages.BUSY)
        assert node.keyset.find(kid("alice")) == [KEYS[0]]
        node.nvs.is_full = False
        node.start()
        assert (node.keyset.version, node.keyset.find(kid("alice"))) == (1, [KEYS[0]])
        assert node.take(0, keys(2)) == (2, 0)


def trust(node, keyset, verifier=None, gc=None):
    clock = Clock(node.clock.ms)
    return Trust(NAME, node.nvs, clock, lambda: node.restarts.append(clock.ms), keyset, verifier, gc)


def told(node, trusted, what, payload, purpose):
    message = [messages.ROOTED, what, payload] + [signed(root, purpose, payload, detached=True) for root in ROOTS[:2]]
    complete(trusted.take(message, node.said.append))
    return messages.decode(node.said.pop())[1:]


def test_a_new_epoch_is_told_and_then_the_node_starts_again():
    with Folder() as folder:
        node = Held(folder)
        trusted = trust(node, node.keyset, node.verifier)
        assert told(node, trusted, 0, keys(3), sign1.KEYSET) == [0, 3, 0]
        assert trusted.version == 3
        assert told(node, trusted, 1, orders.encode_epoch([NODE, 7]), sign1.EPOCH) == [1, 7, messages.EXPIRED]
        assert node.restarts == []
        assert told(node, trusted, 1, orders.encode_epoch([NODE, 8]), sign1.EPOCH) == [1, 8, 0]
        assert len(node.restarts) == 1


def test_a_node_without_points_of_class_3_takes_epochs_and_no_key_sets():
    with Folder() as folder:
        node = Held(folder)
        trusted = trust(node, None)
        assert trusted.version == 0
        assert told(node, trusted, 0, keys(3), sign1.KEYSET) == [0, 0, messages.NO_SUCH_OP]
        # With the arithmetic of the curve, for which these keys are none.
        assert told(node, trusted, 1, orders.encode_epoch([NODE, 8]), sign1.EPOCH) == [1, 7, messages.BAD_SIGNATURE]
        assert node.restarts == []


def test_what_the_heap_has_no_room_for_is_not_begun():
    for free, ends in ((5_000, [0, 0, messages.BUSY]), (50_000, [0, 3, 0])):
        with Folder() as folder:
            node = Held(folder)
            assert told(node, trust(node, node.keyset, node.verifier, Gc(free)), 0, keys(3), sign1.KEYSET) == ends
