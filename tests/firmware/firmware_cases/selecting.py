"""Points of class 2 and 3: selection, token, ledger; and what is done at most once over any end of power."""

import asyncio

from node.commands import Commands
from node.ledger import Ledger
from node.selecting import Selecting
from paifang_wire import messages
from paifang_wire.messages import BOOL, INT, OP_CANCEL, OP_DIRECT, OP_OPERATE, OP_SAFE, OP_SELECT

from .commands import BOOT, KEY, LATER_MS, NOW_MS, Role, command
from .fakes import Clock, Nvs, complete

POINTS = (
    (1, "power", "W", INT, 0, 0, 100, 0, None),
    (2, "limit", "W", INT, 0, -5, 100, 1, None),
    (4, "plan", "", INT, 0, 0, 9, 2, "1: power<=50"),
    (6, "relay", "", BOOL, 0, 0, 1, 3, "1: power<=50"),
)
PLAN, RELAY = 4, 6
A_DAY_MS = 86_400_000
SELECT_MS = 10_000
TOKEN_MS = 300_000
DONE = (messages.EXECUTED, 0)


def refused(reason):
    return messages.REFUSED, reason


class Authority:
    """`refusal`: what it examines to; `proves`: what it proves to, after `holds()` is false."""

    def __init__(self):
        self.refusal = self.proves = 0
        self.holds = lambda: False
        self.tokens = []

    def examine(self, command, row, token):
        self.tokens.append(token)
        return self.refusal, None if self.refusal else "proof"

    async def prove(self, proof):
        assert proof == "proof"
        while self.holds():
            await asyncio.sleep(0)
        return self.proves


class Node:
    """A node with points of all classes; `restarted()` is the same after the power failed."""

    def __init__(self, nvs=None, boot=BOOT):
        self.nvs, self.boot = nvs or Nvs(), boot
        self.clock, self.role, self.authority = Clock(NOW_MS), Role(), Authority()
        self.ledger = Ledger(self.nvs)
        selecting = Selecting(bytes, self.authority)
        self.commands = Commands(POINTS, self.role, self.clock.now_ms, boot, KEY, selecting, self.ledger)
        self.number = 0

    def restarted(self):
        self.nvs.staged.clear()
        return Node(self.nvs, self.boot + 1)

    def asked(self, op, value=1, point=PLAN, within_ms=A_DAY_MS, expect=None):
        self.number += 1
        return command(self.boot << 32 | self.number, point, value, op, self.clock.ms + within_ms, expect)

    def does(self, asked):
        return messages.decode(complete(self.commands.execute(asked)))

    def ends(self, *arguments, **more):
        """(verdict, reason) of a new command."""
        return tuple(self.does(self.asked(*arguments, **more))[3:5])

    def select(self, value=1, point=PLAN):
        receipt = self.does(self.asked(OP_SELECT, value, point))
        assert receipt[3:7] == [messages.EXECUTED, 0, None, None], receipt
        return receipt[7]


def test_class_2_needs_a_selection_of_the_same_value_and_uses_it_up():
    node = Node()
    assert node.ends(OP_DIRECT) == refused(messages.NOT_SELECTED)
    assert node.ends(OP_OPERATE) == refused(messages.NOT_SELECTED)
    assert node.select() is None
    assert node.ends(OP_OPERATE, 0) == refused(messages.NOT_SELECTED)
    assert node.ends(OP_OPERATE) == DONE
    assert node.ends(OP_OPERATE) == refused(messages.NOT_SELECTED)
    assert node.role.acts == [(PLAN, 1)]


def test_a_selection_is_good_for_its_time_by_the_nodes_clock():
    for point, span_ms, reason in (
        (PLAN, SELECT_MS, messages.NOT_SELECTED),
        (RELAY, TOKEN_MS, messages.WRONG_TOKEN),
    ):
        for late_ms, expected in ((0, DONE), (1, refused(reason))):
            node = Node()
            node.select(1, point)
            node.clock.ms += span_ms + late_ms
            assert node.ends(OP_OPERATE, 1, point) == expected


def test_a_new_selection_takes_the_place_of_the_one_before():
    node = Node()
    node.select(1)
    node.select(0)
    assert node.ends(OP_OPERATE, 1) == refused(messages.NOT_SELECTED)
    assert node.ends(OP_OPERATE, 0) == DONE


def test_cancel_and_the_safe_state_drop_the_selection():
    for op, acts in ((OP_CANCEL, []), (OP_SAFE, [(PLAN, "safe")])):
        node = Node()
        node.select()
        assert node.ends(op, None, within_ms=1_000) == DONE
        assert node.ends(OP_OPERATE) == refused(messages.NOT_SELECTED)
        assert node.role.acts == acts


def test_selections_of_different_points_leave_one_another_alone():
    node = Node()
    node.select(1, PLAN)
    node.select(0, RELAY)
    assert node.ends(OP_OPERATE, 1, PLAN) == DONE
    assert node.ends(OP_OPERATE, 0, RELAY) == DONE


def test_the_table_is_asked_at_the_selection_and_again_at_the_operation():
    node = Node()
    assert node.ends(OP_SELECT, 10) == refused(messages.LIMIT)
    assert node.ends(OP_SELECT, None) == refused(messages.WRONG_TYPE)
    assert node.ends(OP_SELECT, 1, expect=5) == refused(messages.UNEXPECTED)
    node.select(1)
    node.role.values[1] = 51
    assert node.ends(OP_OPERATE, 1) == refused(messages.INTERLOCK)
    node.role.values[1] = 50
    assert node.ends(OP_OPERATE, 1) == DONE


def test_tokens_differ_even_where_randomness_is_none():
    node = Node()
    tokens = [node.select(1, RELAY) for _ in range(20)]
    node = node.restarted()
    tokens.append(node.select(1, RELAY))
    assert len(set(tokens)) == 21
    assert {len(token) for token in tokens} == {16}


def test_a_token_is_used_up_by_the_first_operation_that_comes_to_the_signatures():
    for refusal, proves, ends, again in (
        (messages.NO_AUTHORITY, 0, refused(messages.NO_AUTHORITY), DONE),
        (0, messages.BAD_SIGNATURE, refused(messages.BAD_SIGNATURE), refused(messages.WRONG_TOKEN)),
        (0, 0, DONE, refused(messages.WRONG_TOKEN)),
    ):
        node = Node()
        token = node.select(1, RELAY)
        node.authority.refusal, node.authority.proves = refusal, proves
        assert node.ends(OP_OPERATE, 1, RELAY) == ends
        node.authority.refusal = node.authority.proves = 0
        assert node.ends(OP_OPERATE, 1, RELAY) == again
        assert set(node.authority.tokens) == {token}


def test_class_3_without_a_selection_or_with_another_value():
    node = Node()
    assert node.ends(OP_OPERATE, 1, RELAY) == refused(messages.WRONG_TOKEN)
    node.select(1, RELAY)
    assert node.ends(OP_OPERATE, 0, RELAY) == refused(messages.NOT_SELECTED)
    assert node.authority.tokens == []


# What happens while the signatures are looked at -> how the operation ends.
def _cancels(node):
    assert node.ends(OP_CANCEL, None, RELAY) == DONE


def _to_safe(node):
    assert node.ends(OP_SAFE, None, RELAY, within_ms=1_000) == DONE


def _selects(node):
    node.select(1, RELAY)


def _operates_again(node):
    assert node.ends(OP_OPERATE, 1, RELAY) == refused(messages.WRONG_TOKEN)


def _directs(node):
    assert node.ends(OP_DIRECT, 7, 2) == DONE


def _voltage_rises(node):
    node.role.values[1] = 51


def _deadline_passes(node):
    node.clock.ms += 60_001


def _token_dies(node):
    node.clock.ms += TOKEN_MS


MEANWHILE = (
    (_cancels, (messages.SUPERSEDED, 0)),
    (_to_safe, (messages.SUPERSEDED, 0)),
    (_selects, (messages.SUPERSEDED, 0)),
    (_operates_again, DONE),
    (_directs, DONE),
    (_voltage_rises, refused(messages.INTERLOCK)),
    (_deadline_passes, refused(messages.EXPIRED)),
    (_token_dies, refused(messages.WRONG_TOKEN)),
)


def test_what_happens_while_signatures_are_looked_at():
    for meanwhile, expected in MEANWHILE:
        node = Node()
        node.select(1, RELAY)
        node.clock.ms += 1
        holds = [True]
        node.authority.holds = lambda holds=holds: holds
        within_ms = A_DAY_MS if meanwhile is _token_dies else 60_000
        asked = node.asked(OP_OPERATE, 1, RELAY, within_ms)

        async def main(node=node, asked=asked, holds=holds, meanwhile=meanwhile):
            running = asyncio.create_task(node.commands.execute(asked))
            await asyncio.sleep(0)
            assert await node.commands.execute(asked) is None
            assert node.commands.recall(asked[1]) is None
            meanwhile(node)
            holds.clear()
            return messages.decode(await running)

        receipt = asyncio.run(main())
        assert tuple(receipt[3:5]) == expected, meanwhile
        assert ((RELAY, 1) in node.role.acts) == (expected == DONE), meanwhile
        assert bool(node.nvs.log) == (expected == DONE), meanwhile
        assert node.does(asked) == receipt


def test_it_is_in_the_ledger_before_it_is_done_and_its_receipt_after():
    for point in (PLAN, RELAY):
        node = Node()
        node.select(1, point)
        seen = []
        node.role.holds = lambda node=node, seen=seen: seen.append(dict(node.nvs.stored))
        asked = node.asked(OP_OPERATE, 1, point)
        receipt = node.does(asked)
        assert [len(stored["cmd0"]) for stored in seen] == [44]
        assert node.nvs.stored["cmd0"][4:12] == asked[1]
        assert node.nvs.stored["cmd0"][44:] == messages.encode(receipt)
        assert node.nvs.log == ["cmd0", "cmd0"]


def test_an_nvs_that_takes_nothing_is_a_refusal():
    node = Node()
    node.select()
    node.nvs.is_full = True
    assert node.ends(OP_OPERATE) == refused(messages.BUSY)
    assert node.role.acts == []
    assert node.ends(OP_SAFE, None, within_ms=1_000) == DONE
    assert node.ends(OP_DIRECT, 7, 2) == DONE
    node.nvs.is_full = False
    node.select()
    assert node.ends(OP_OPERATE) == DONE


def test_what_was_refused_for_the_nvs_is_not_told_after_a_reset():
    for number in range(10):  # in the place of nothing, or of a receipt
        node = Node()
        for _ in range(number):
            node.select()
            assert node.ends(OP_OPERATE) == DONE
        node.select()
        asked = node.asked(OP_OPERATE)
        node.nvs.is_stuck = True
        assert tuple(node.does(asked)[3:5]) == refused(messages.BUSY)
        node.nvs.is_stuck = False
        node.nvs.set_i32("epoch", 2)
        node.nvs.commit()
        node = node.restarted()
        payload = node.commands.earlier()
        while payload is not None:
            assert messages.decode(payload)[3] == messages.EXECUTED
            payload = node.commands.earlier()
        assert tuple(messages.decode(node.commands.recall(asked[1]))[3:5]) == (messages.UNKNOWN, messages.NOT_KEPT)


def test_a_receipt_that_the_nvs_does_not_take_is_kept_in_ram():
    node = Node()
    node.select()
    asked = node.asked(OP_OPERATE)
    node.role.holds = lambda: setattr(node.nvs, "is_full", True)
    receipt = node.does(asked)
    assert receipt[3] == messages.EXECUTED
    assert node.does(asked) == receipt
    assert messages.decode(node.commands.recall(asked[1])) == receipt
    node = node.restarted()
    assert messages.decode(node.commands.recall(asked[1]))[3] == messages.UNKNOWN


def test_power_that_fails_at_any_step_of_the_storage():
    """Cut at each set and commit: after it the node has done it once or not, and says so, or that it does not know."""

    class Cut(BaseException):
        pass

    for after in range(1, 6):
        node = Node()
        node.select()
        asked = node.asked(OP_OPERATE)
        steps = []
        set_blob, commit = node.nvs.set_blob, node.nvs.commit

        def cut(work, *arguments, steps=steps, after=after):
            steps.append(1)
            if len(steps) == after:
                raise Cut
            work(*arguments)

        node.nvs.set_blob = lambda key, value, cut=cut, work=set_blob: cut(work, key, value)
        node.nvs.commit = lambda cut=cut, work=commit: cut(work)
        receipt = None
        try:
            receipt = node.does(asked)
        except Cut:
            pass
        acts = list(node.role.acts)
        node.nvs.set_blob, node.nvs.commit = set_blob, commit
        later = node.restarted()
        told = messages.decode(later.commands.recall(asked[1]))
        assert later.role.acts == []
        if after <= 2:
            assert (acts, told[3:5]) == ([], [messages.UNKNOWN, messages.NOT_KEPT])
        elif after <= 4:
            assert (acts, told[3:5]) == ([(PLAN, 1)], [messages.UNKNOWN, 0])
        else:
            assert (acts, told) == ([(PLAN, 1)], receipt)


def test_receipts_of_earlier_boots_are_told_once_and_found():
    node = Node()
    receipts = []
    for _ in range(10):
        node.select()
        receipts.append(node.does(node.asked(OP_OPERATE)))
    assert node.commands.earlier() is None
    node = node.restarted()
    told = [messages.decode(node.commands.earlier()) for _ in range(8)]
    assert told == receipts[2:]
    assert node.commands.earlier() is None
    for receipt in receipts[2:]:
        assert messages.decode(node.commands.recall(receipt[1])) == receipt
    assert messages.decode(node.commands.recall(receipts[1][1]))[4] == messages.NOT_KEPT


def test_what_power_broke_off_is_unknown_and_stays_so():
    node = Node()
    asked = node.asked(OP_OPERATE)
    digest = bytes(range(32))
    assert node.ledger.open(asked[1], digest)
    node = node.restarted()
    told = messages.decode(node.commands.earlier())
    assert told[1:10] == [asked[1], digest, messages.UNKNOWN, 0, None, None, None, BOOT + 1, NOW_MS]
    node = node.restarted()
    assert messages.decode(node.commands.earlier()) == told
    assert node.ends(OP_DIRECT, 7, 2) == DONE


def test_a_repeated_id_is_not_done_again_after_a_restart():
    node = Node()
    node.select()
    asked = node.asked(OP_OPERATE)
    receipt = node.does(asked)
    node = node.restarted()
    node.select()
    assert node.does(asked) == receipt
    other = list(asked)
    other[4] = 0
    assert tuple(node.does(other)[3:5]) == refused(messages.INCONSISTENT)
    assert node.role.acts == []


def test_eight_that_are_under_way_leave_no_room():
    ledger = Ledger(Nvs())
    for number in range(8):
        assert ledger.open(bytes(7) + bytes((number,)), bytes(32))
    assert not ledger.open(bytes(8), bytes(32))
    assert ledger.close(bytes(7) + b"\x03", b"receipt")
    assert not ledger.close(bytes(7) + b"\x03", b"receipt")
    assert ledger.find(bytes(7) + b"\x03") == b"receipt"
    assert ledger.open(b"12345678", bytes(32))
    assert ledger.find(bytes(7) + b"\x03") is None


def test_the_deadline_stands_before_all_else():
    node = Node()
    assert node.ends(OP_SELECT, 1, within_ms=-1) == refused(messages.EXPIRED)
    node.select()
    assert node.ends(OP_OPERATE, 1, within_ms=-1) == refused(messages.EXPIRED)
    assert node.ends(OP_SAFE, None, within_ms=30_001) == refused(messages.LIMIT)
    assert LATER_MS > NOW_MS
