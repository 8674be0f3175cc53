"""Commands to a device behind a bridge: every refusal with its reason, one receipt a command, and a chain of them."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ward_side import BURNER, DESCRIPTION, PUMP, TEMPERATURE, VALVE

from paifang.bridges.party import Ordered
from paifang.bridges.ward.executor import KEPT, NO_TAG, Executor
from paifang_wire import messages, names, rules

SIGNED = (b"order", b"approval")


class Desk:
    """An executor with its device: `now` is its uptime, `ordered` what it was told, `receipts` what it answered."""

    def __init__(self, two_persons: frozenset[int] = frozenset()) -> None:
        self.rows, self.safe, self.boot = DESCRIPTION.table.rows, DESCRIPTION.safe, 3
        self.now = 1_000
        self.known = {TEMPERATURE: 600, BURNER: 0, VALVE: 10, PUMP: 1}
        self.ordered: list[tuple[str, str, int, int]] = []
        self.faults: list[tuple[int, str]] = []
        self.receipts: list[tuple[list, bytes]] = []
        self.cannot = False
        self._ids = itertools.count(1)
        self.executor = Executor(self, two_persons, lambda *receipt: self.receipts.append(receipt), lambda n: b"t" * n)

    def uptime_ms(self) -> int:
        return self.now

    def values(self) -> dict[int, int]:
        return self.known

    def order(self, key: str, point: str, value: int, uptime_ms: int) -> None:
        if self.cannot:
            raise ValueError("no way to say this")
        self.ordered.append((key, point, value, uptime_ms))

    def fault(self, point: int, detail: str) -> None:
        self.faults.append((point, detail))

    def command(self, point, op, value=None, expect=None, deadline_ms=11_000, signed=(None, None)):
        identifier = next(self._ids).to_bytes(8, "big")
        return [messages.COMMAND, identifier, point, op, value, expect, deadline_ms, *signed]

    def told(self, *what, **more):
        """The (verdict, reason) that a command is answered with at once, None while it is under way."""
        before = len(self.receipts)
        self.executor.take(self.command(*what, **more))
        return None if len(self.receipts) == before else tuple(self.receipts[-1][0][3:5])

    def ended(self, verdict, value=None, **more):
        """The receipt once the newest order has ended so."""
        self.executor.ended(Ordered("boiler-1", self.ordered[-1][0], verdict, value, **more))
        return self.receipts[-1][0]


def refused(reason: str) -> tuple[int, int]:
    return messages.REFUSED, names.REFUSALS.index(reason)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ((TEMPERATURE, messages.OP_DIRECT, 1), "read-only"),
        ((99, messages.OP_DIRECT, 1), "unknown-point"),
        ((BURNER, messages.OP_DIRECT, 2), "bad-type"),
        ((BURNER, messages.OP_DIRECT, None), "bad-type"),
        ((BURNER, messages.OP_SELECT, 1), "unknown-op"),
        ((BURNER, 17, 1), "unknown-op"),
        ((VALVE, messages.OP_DIRECT, 50), "not-selected"),
        ((VALVE, messages.OP_SELECT, 101), "limit"),
        ((VALVE, messages.OP_OPERATE, 50), "not-selected"),
        ((VALVE, messages.OP_SAFE, None), "unknown-op"),
        ((BURNER, messages.OP_DIRECT, 1, 1), "unexpected"),
        ((BURNER, messages.OP_DIRECT, 1, None, 999), "expired"),
        ((BURNER, messages.OP_SAFE, None, None, 1_001 + rules.SAFE_WITHIN_MS), "limit"),
    ],
)
def test_what_is_refused_at_once_and_nothing_is_ordered(what, reason):
    desk = Desk()
    assert desk.told(*what) == refused(reason)
    assert not desk.ordered


@pytest.mark.parametrize("known", [{TEMPERATURE: 901}, {}], ids=["forbids", "is not known"])
def test_an_interlock_that_forbids_or_is_not_known_refuses(known):
    desk = Desk()
    desk.known = known
    assert desk.told(BURNER, messages.OP_DIRECT, 1) == refused("interlock")
    assert desk.told(BURNER, messages.OP_DIRECT, 0) is None


def test_a_direct_command_is_ordered_and_answered_with_what_was_read_back():
    desk = Desk()
    command = desk.command(BURNER, messages.OP_DIRECT, 1)
    desk.executor.take(command)
    assert desk.ordered == [(command[1].hex(), "burner", 1, 11_000)]
    receipt = desk.ended("done", 1)
    digest = hashlib.sha256(messages.encode(command)).digest()
    assert receipt[1:8] == [command[1], digest, messages.EXECUTED, 0, 0, 1, None]
    assert receipt[8:10] == [3, 1_000]
    assert receipt[11] == NO_TAG
    messages.check(receipt)


@pytest.mark.parametrize(
    ("ended", "told", "fault"),
    [
        (("done", 0), refused("inconsistent"), "taken, and reads back as another value"),
        (("done", None), (messages.UNKNOWN, 0), "taken, and not read back"),
        (("unknown",), (messages.UNKNOWN, 0), None),
        (("expired",), refused("expired"), None),
    ],
)
def test_what_was_not_seen_is_not_said_to_be_done(ended, told, fault):
    desk = Desk()
    desk.told(BURNER, messages.OP_DIRECT, 1)
    assert tuple(desk.ended(*ended)[3:5]) == told
    assert desk.faults == ([] if fault is None else [(BURNER, fault)])


@pytest.mark.parametrize(
    ("exception", "reason"), [(1, "unknown-op"), (2, "unknown-point"), (3, "limit"), (4, "inconsistent"), (6, "busy")]
)
def test_a_device_that_refuses_is_quoted(exception, reason):
    desk = Desk()
    desk.told(BURNER, messages.OP_DIRECT, 1)
    assert tuple(desk.ended("refused", why="exception", exception=exception)[3:5]) == refused(reason)
    assert desk.faults == [(BURNER, "refused: exception")]


def test_a_value_that_the_device_has_no_way_to_say():
    desk = Desk()
    desk.cannot = True
    assert desk.told(BURNER, messages.OP_DIRECT, 1) == refused("limit")
    desk.cannot = False
    assert desk.told(BURNER, messages.OP_DIRECT, 1) is None


def test_at_most_once():
    desk = Desk()
    command = desk.command(BURNER, messages.OP_DIRECT, 1)
    for _ in range(3):
        desk.executor.take(command)
        desk.executor.take([messages.RECALL, command[1]])
    assert len(desk.ordered) == 1
    assert not desk.receipts
    desk.ended("done", 1)
    first = desk.receipts[-1]
    desk.executor.take(command)
    desk.executor.take([messages.RECALL, command[1]])
    assert desk.receipts == [first] * 3
    assert len(desk.ordered) == 1
    desk.executor.take([*command[:4], 0, *command[5:]])
    assert tuple(desk.receipts[-1][0][3:5]) == refused("inconsistent")
    assert len(desk.ordered) == 1


def test_who_asks_for_what_is_not_known_is_told_so():
    desk = Desk()
    desk.executor.take([messages.RECALL, b"x" * 8])
    receipt = desk.receipts[-1][0]
    assert receipt[1:5] == [b"x" * 8, bytes(32), messages.UNKNOWN, messages.NOT_KEPT]


def test_one_order_at_a_time_to_a_point():
    desk = Desk()
    assert desk.told(BURNER, messages.OP_DIRECT, 1) is None
    assert desk.told(BURNER, messages.OP_DIRECT, 0) == refused("busy")
    desk.ended("done", 1)
    assert desk.told(BURNER, messages.OP_DIRECT, 0) is None


def test_the_safe_state_goes_past_what_is_under_way_and_supersedes_it():
    desk = Desk()
    desk.told(BURNER, messages.OP_DIRECT, 1)
    direct = desk.ordered[-1][0]
    desk.told(BURNER, messages.OP_SAFE)
    assert [order[1:3] for order in desk.ordered] == [("burner", 1), ("burner", 0)]
    desk.executor.ended(Ordered("boiler-1", direct, "done", 1))
    assert desk.receipts[-1][0][3] == messages.SUPERSEDED
    assert desk.ended("done", 0)[3:7] == [messages.EXECUTED, 0, 0, 0]


# Class 2


def test_select_before_operate():
    desk = Desk()
    assert desk.told(VALVE, messages.OP_SELECT, 50) == (messages.EXECUTED, 0)
    assert desk.receipts[-1][0][7] is None
    assert desk.told(VALVE, messages.OP_OPERATE, 51) == refused("not-selected")
    assert desk.told(VALVE, messages.OP_OPERATE, 50) == refused("not-selected")  # the wrong one used it up
    desk.told(VALVE, messages.OP_SELECT, 50)
    assert desk.told(VALVE, messages.OP_OPERATE, 50) is None
    assert desk.ended("done", 50)[3:7] == [messages.EXECUTED, 0, 10, 50]


@pytest.mark.parametrize("between", ["too late", "cancelled", "made safe"])
def test_a_selection_ends(between):
    desk = Desk()
    desk.told(PUMP, messages.OP_SELECT, 0)
    if between == "too late":
        desk.now += rules.SELECT_MS + 1
    elif between == "cancelled":
        assert desk.told(PUMP, messages.OP_CANCEL) == (messages.EXECUTED, 0)
    else:
        desk.told(PUMP, messages.OP_SAFE)
        desk.ended("done", 1)
    assert desk.told(PUMP, messages.OP_OPERATE, 0, deadline_ms=50_000) == refused("not-selected")


def test_a_point_for_two_persons_gives_a_token_and_takes_no_single_signature():
    desk = Desk(frozenset({VALVE}))
    assert desk.told(VALVE, messages.OP_SELECT, 50) == (messages.EXECUTED, 0)
    assert desk.receipts[-1][0][7] == b"t" * 16
    assert desk.told(VALVE, messages.OP_OPERATE, 50, signed=(b"order", None)) == refused("no-authority")
    desk.told(VALVE, messages.OP_SELECT, 50)
    desk.now += rules.TOKEN_MS - 1_000
    assert desk.told(VALVE, messages.OP_OPERATE, 50, deadline_ms=desk.now, signed=SIGNED) is None
    assert desk.ended("done", 50)[3] == messages.EXECUTED


# Receipts


def test_a_device_that_is_taken_away_leaves_nothing_unanswered():
    desk = Desk()
    desk.told(BURNER, messages.OP_DIRECT, 1)
    desk.executor.give_up()
    assert desk.receipts[-1][0][3:5] == [messages.UNKNOWN, 0]
    desk.executor.ended(Ordered("boiler-1", desk.ordered[-1][0], "done", 1))
    assert len(desk.receipts) == 1


def test_receipts_are_a_chain_and_old_ones_are_forgotten():
    desk = Desk()
    first = desk.command(TEMPERATURE, messages.OP_DIRECT, 1)
    desk.executor.take(first)
    for _ in range(KEPT):
        desk.told(TEMPERATURE, messages.OP_DIRECT, 1)
    before = bytes(32)
    for receipt, payload in desk.receipts:
        assert receipt[10] == before
        assert messages.decode(payload) == receipt
        before = hashlib.sha256(payload).digest()
    desk.executor.take([messages.RECALL, first[1]])
    assert desk.receipts[-1][0][4] == messages.NOT_KEPT


@given(
    st.lists(
        st.tuples(
            st.sampled_from([TEMPERATURE, BURNER, VALVE, PUMP, 9]),
            st.integers(0, 5),
            st.sampled_from([None, 0, 1, 50, -1]),
            st.sampled_from([None, 0, 1]),
            st.sampled_from(["done", "unknown", "expired", "refused", None]),
        ),
        max_size=30,
    )
)
def test_every_command_gets_one_receipt_and_only_a_read_back_is_executed(steps):
    desk = Desk(frozenset({PUMP}))
    for point, op, value, expect, verdict in steps:
        desk.now += 10
        desk.told(point, op, value, expect, desk.now + 100, signed=SIGNED)
        if desk.ordered and verdict is not None:
            desk.executor.ended(Ordered("boiler-1", desk.ordered[-1][0], verdict, desk.ordered[-1][2]))
    desk.executor.give_up()
    answered = [receipt[1] for receipt, _ in desk.receipts]
    assert sorted(answered) == [n.to_bytes(8, "big") for n in range(1, len(steps) + 1)]
    written = {bytes.fromhex(key) for key, *_ in desk.ordered}
    moved = [r for r, _ in desk.receipts if r[3] == messages.EXECUTED and r[6] is not None]
    assert {receipt[1] for receipt in moved} <= written
