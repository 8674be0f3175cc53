"""The auditor's look at receipts: every changed bit, every hole and every second history of a node's boot."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from near_log import NOW_MS, make

from paifang.audit import entries
from paifang.audit.receipts import Receipts, read_keys
from paifang.audit.verify import verify_folder
from paifang_wire import cbor, messages
from paifang_wire.mac import Hmac256

KEYS = {"aq-1": bytes(range(32)), "meter-1": bytes(range(1, 33))}


class Chain:
    """A node's receipts of one boot, as the node makes them."""

    def __init__(self, node="meter-1", boot=4):
        self._seal = Hmac256(KEYS[node])
        self._boot = boot
        self._previous = bytes(32)
        self._count = 0

    def next(self, verdict=messages.EXECUTED):
        self._count += 1
        receipt = [messages.RECEIPT, self._count.to_bytes(8, "big"), bytes(32), verdict, 0, 0, 1, None, self._boot]
        receipt += [1_000 * self._count, self._previous]
        receipt.append(self._seal.digest(cbor.encode(receipt)))
        payload = messages.encode(receipt)
        self._previous = hashlib.sha256(payload).digest()
        return payload


def logged(payload, node="meter-1"):
    return entries.encode(NOW_MS, "receipt", node, node, {"receipt": payload, "verdict": "executed"})


def look(*given, keys=KEYS):
    """What is wrong with receipts logged in that order."""
    found = Receipts(keys)
    for index, data in enumerate(given):
        found.take(entries.decode(index, data))
    return found.wrong()


def test_receipts_as_nodes_make_them_are_good():
    old, new, other = Chain(boot=4), Chain(boot=5), Chain("aq-1", boot=4)
    made = [old.next() for _ in range(3)]
    lines = [
        logged(made[0]),
        logged(other.next(), "aq-1"),
        logged(made[1]),
        logged(made[1]),
        logged(new.next()),
        logged(made[2]),
    ]
    assert look(*lines) == [], "repeated ones, and one of an earlier boot that came late"


def test_a_receipt_that_was_logged_late_is_looked_at_too():
    first, second = (chain := Chain()).next(), chain.next()
    detail = {"kind": "receipt", "utc_ms": NOW_MS, "detail": {"receipt": first}}
    late = entries.encode(NOW_MS, entries.LATE, "meter-1", "meter-1", detail)
    assert look(logged(second), late) == []
    detail["detail"]["receipt"] = first[:-1] + bytes([first[-1] ^ 1])
    forged = entries.encode(NOW_MS, entries.LATE, "meter-1", "meter-1", detail)
    assert [index for index, _ in look(logged(second), forged)] == [0, 1]


def test_every_turned_bit_of_a_receipt_is_found():
    chain = Chain()
    first, second = chain.next(), chain.next()
    for byte in range(len(second)):
        for bit in range(8):
            turned = bytearray(second)
            turned[byte] ^= 1 << bit
            assert [index for index, _ in look(logged(first), logged(bytes(turned)))] == [1]


def test_a_receipt_that_was_left_out_is_found_by_the_one_behind_it():
    chain = Chain()
    first, _, third = chain.next(), chain.next(), chain.next()
    [(index, what)] = look(logged(first), logged(third))
    assert index == 1
    assert "meter-1 in boot 4 follows one that is not in the log" in what


def test_two_histories_of_one_boot_are_found():
    one, other = Chain(), Chain()
    [(index, what)] = look(logged(one.next()), logged(other.next(messages.REFUSED)))
    assert index == 1
    assert "two histories" in what


def test_a_receipt_under_another_nodes_name_is_found():
    [(index, what)] = look(logged(Chain("aq-1").next(), "meter-1"))
    assert (index, "was not made by that node" in what) == (0, True)


@pytest.mark.parametrize("payload", [b"", b"\x82\x0b\x01", "text", 5])
def test_what_is_no_receipt_is_found(payload):
    [(index, _)] = look(logged(payload))
    assert index == 0


def test_receipts_without_a_key_are_counted():
    found = Receipts({"aq-1": KEYS["aq-1"]})
    found.take(entries.decode(0, logged(Chain().next())))
    assert (found.wrong(), found.checked, found.without_key) == ([], 0, {"meter-1": 1})


def test_a_folder_is_verified_with_its_receipts(tmp_path):
    chain = Chain()
    lines = [logged(chain.next()) for _ in range(300)]
    lines[270] = logged(b"\x00" * 40)
    key = make(tmp_path / "audit", [lines])
    report = verify_folder(tmp_path / "audit" / "public", key, KEYS)
    assert [(each.path, each.entry) for each in report.findings] == [
        ("tile/entries/001", 270),
        ("tile/entries/001", 271),
    ]
    assert report.receipts.checked == 300
    assert verify_folder(tmp_path / "audit" / "public", key).is_good, "without the keys nobody can know"


def test_keys_are_read_line_by_line():
    text = "".join(f'{{"node": "{node}", "receipt_key": "{key.hex()}"}}\n' for node, key in KEYS.items())
    assert read_keys(text + "\n") == KEYS


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[]",
        '{"node": "a"}',
        '{"node": "a", "receipt_key": "00"}',
        '{"node": 1, "receipt_key": "%s"}' % ("0" * 64),
    ],
)
def test_a_bad_line_of_keys_is_named(line):
    with pytest.raises(ValueError, match="line 2"):
        read_keys(f"\n{line}\n")
