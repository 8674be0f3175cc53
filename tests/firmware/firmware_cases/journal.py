"""The journal on files: order, acknowledgement, replay over boots, what is dropped, what is damaged, who goes where."""

import os

from node.journal import Journal, ids
from node.keeper import GRACE_MS, Keeper
from node.outbox import Outbox
from node.records import Records
from node.segments import FRAME, Segments
from node.wall import WallClock
from paifang_wire import messages
from paifang_wire.messages import BACKLOG, GAP_DAMAGED, GAP_JOURNAL_FULL, GAP_SETTLED_BEFORE

from .fakes import Clock, folder

BUFFER_BYTES = 1_024
BUDGET = 4 * 4_096
NOTHING = BACKLOG


def report(boot, number, value=1_000, points=1):
    values = dict.fromkeys(range(points), value)
    return messages.encode((messages.REPORT, boot, number, 1_000, None, values, {}))


def run(steps):
    for _ in steps:
        pass


def opened(path, boot=1, budget=BUDGET, live_first=1):
    return Journal(Segments(path, budget), boot, BUFFER_BYTES, lambda: live_first)


def filled(path, boot, count, points=20, budget=BUDGET):
    """A boot that has kept `count` records, some 100 bytes each."""
    journal = opened(path, boot, budget)
    for _ in range(count):
        if not journal.add(report(boot, journal.next_number, points=points), 0):
            run(journal.flushing())
            assert journal.add(report(boot, journal.next_number, points=points), 0)
    run(journal.flushing())
    return journal


def sent(journal):
    """What it says now: ("gap", boot, first, last, reason) or (boot, number), backlog numbers from 1."""
    said = []
    while True:
        payload = journal.take(0)
        if payload is None:
            return said
        message = messages.decode(payload)
        if message[0] == messages.GAP:
            said.append(("gap", message[1], message[2] - BACKLOG, message[3] - BACKLOG, message[4]))
        else:
            said.append((message[1], message[2] - BACKLOG))


def drained(journal, boots=(1,)):
    """All that it says when each window is acknowledged."""
    said = []
    while True:
        more = sent(journal)
        if not more:
            return said
        said += more
        for boot in boots:
            own = [entry[-2] if entry[0] == "gap" else entry[1] for entry in more if boot in entry[:2]]
            if own:
                journal.acknowledge(boot, BACKLOG + max(own), 0, 0)


def numbers(boot, first, last):
    return [(boot, number) for number in range(first, last + 1)]


def test_what_is_in_the_buffer_is_sent_and_never_written():
    path = folder()
    journal = opened(path)
    for _ in range(3):
        assert journal.add(report(1, journal.next_number), 0)
    assert drained(journal) == numbers(1, 1, 3)
    run(journal.tidying())
    assert (journal.buffered, journal.waiting, os.listdir(path)) == (0, 0, [])


def test_files_and_buffer_are_one_queue():
    path = folder()
    journal = filled(path, 1, 100)
    for _ in range(5):
        journal.add(report(1, journal.next_number), 0)
    assert len(sent(journal)) == 16
    assert sent(journal) == []
    journal.rewind()
    assert drained(journal) == numbers(1, 1, 105)
    run(journal.tidying())
    assert (journal.waiting, os.listdir(path)) == (0, [])


def test_a_bitmap_settles_what_came_and_the_rest_comes_again():
    journal = filled(folder(), 1, 5)
    sent(journal)
    journal.acknowledge(1, BACKLOG, 0b11010, 0)
    assert journal.resend_in_ms(0) == 5_000
    journal.rewind()
    assert sent(journal) == numbers(1, 1, 5)
    journal.acknowledge(1, BACKLOG + 5, 0, 0)
    assert journal.resend_in_ms(0) is None


def test_the_next_boot_sends_what_the_gateway_has_not():
    path = folder()
    filled(path, 1, 30)
    journal = filled(path, 2, 10)
    journal.resume([[1, BACKLOG + 25], [1, 400], [2, 7]])
    assert drained(journal, (1, 2)) == numbers(1, 26, 30) + numbers(2, 1, 10)


def test_a_gateway_that_lost_its_memory_is_told_what_is_gone():
    path = folder()
    journal = filled(path, 1, 120)
    drained(journal)
    run(journal.tidying())
    for _ in range(3):
        journal.add(report(1, journal.next_number), 0)
    journal.resume([[1, BACKLOG + 10]])
    assert sent(journal) == [("gap", 1, 11, 120, GAP_SETTLED_BEFORE)] + numbers(1, 121, 123)


def test_full_it_drops_the_oldest_and_says_so_over_boots():
    path = folder()
    filled(path, 1, 60)
    journal = filled(path, 2, 200)
    dropped = journal.dropped
    assert 60 < dropped < 200
    assert sum(os.stat(path + "/" + name)[6] for name in os.listdir(path)) <= BUDGET
    for boot in (3, 4):
        journal = opened(path, boot)
        assert journal.dropped == dropped
        said = sent(journal)
        assert said[0] == ("gap", 1, 1, 60, GAP_JOURNAL_FULL)
        assert said[1] == ("gap", 2, 1, dropped - 60, GAP_JOURNAL_FULL)
        assert said[2:4] == numbers(2, dropped - 59, dropped - 58)
    journal.rewind()
    drained(journal, (1, 2))
    run(journal.tidying())
    assert sent(opened(path, 5)) == []


def test_the_budget_may_change_between_two_boots():
    path = folder()
    filled(path, 1, 150, budget=64 * 3 * 4_096)
    assert max([os.stat(path + "/" + name)[6] for name in os.listdir(path)]) > 2 * 4_096
    assert drained(opened(path, 2), (1,)) == numbers(1, 1, 150)
    journal = filled(path, 2, 60)
    dropped = journal.dropped
    assert dropped > 0
    said = drained(opened(path, 3, budget=64 * 2 * 4_096), (1, 2))
    assert said[0] == ("gap", 1, 1, dropped, GAP_JOURNAL_FULL)
    assert said[1:] == numbers(1, dropped + 1, 150) + numbers(2, 1, 60)


def test_what_is_settled_is_not_counted_as_dropped():
    path = folder()
    journal = filled(path, 1, 100)
    drained(journal)
    filled_up = 0
    while journal.dropped == 0 and filled_up < 60:
        filled_up += 1
        if not journal.add(report(1, journal.next_number, points=20), 0):
            run(journal.flushing())
    assert journal.dropped == 0


def test_copies_of_what_waits_in_ram_are_for_the_next_boot():
    path = folder()
    journal = opened(path, live_first=3)
    for number in (2, 3, 4):
        journal.add(report(1, number), 0)
    journal.add(report(1, journal.next_number), 0)
    journal.acknowledge(1, 2, 0, 0)
    assert sent(journal) == numbers(1, 1, 1)
    run(journal.flushing())
    journal = opened(path, 2)
    journal.resume([[1, 2]])
    assert sent(journal) == [(1, 3 - BACKLOG), (1, 4 - BACKLOG), (1, 1)]


def test_every_byte_of_a_segment_may_be_damaged():
    path = folder()
    filled(path, 1, 12, points=2)
    [name] = os.listdir(path)
    with open(path + "/" + name, "rb") as file:
        whole = file.read()
    size = len(whole) // 12
    for place in range(0, len(whole), 1):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        with open(path + "/" + name, "wb") as file:
            file.write(damaged)
        hit = place // size + 1
        journal = opened(path, 2)
        said = drained(journal, (1, 2))
        expected = numbers(1, 1, hit - 1)
        if hit < 12:  # behind the last one no number tells that it is missing; the damage is told all the same
            expected += [("gap", 1, hit, hit, GAP_DAMAGED)] + numbers(1, hit + 1, 12)
        assert said == expected, (place, said)
        assert journal.damaged == 1, place


def test_a_segment_that_is_cut_short_or_gone():
    path = folder()
    filled(path, 1, 100)
    names = sorted(os.listdir(path))
    with open(path + "/" + names[0], "rb") as file:
        whole = file.read()
    with open(path + "/" + names[0], "wb") as file:
        file.write(whole[:1_000])
    os.remove(path + "/" + names[1])
    said = drained(opened(path, 2), (1, 2))
    gaps = [entry for entry in said if entry[0] == "gap"]
    assert len(gaps) == 1
    assert gaps[0][4] == GAP_DAMAGED
    assert [entry for entry in said if entry[0] != "gap"] == numbers(1, 1, gaps[0][2] - 1) + numbers(
        1, gaps[0][3] + 1, 100
    )


def test_a_record_without_room_is_not_taken():
    journal = opened(folder())
    assert not journal.add(report(1, journal.next_number, points=250) + bytes(900), 0)
    while journal.add(report(1, journal.next_number, points=20), 0):
        pass
    taken = journal.next_number
    assert not journal.add(report(1, journal.next_number, points=20), 0)
    assert (journal.next_number, ids(report(1, taken))) == (taken, (1, taken))
    assert journal.buffered > BUFFER_BYTES - FRAME - 100


class Line:
    def __init__(self):
        self.alone = 0

    def alone_ms(self, now_ms):
        return self.alone


class Node:
    def __init__(self, queue_bytes=1_500, flush_ms=60_000):
        self.clock, self.line, self.outbox = Clock(1_000), Line(), Outbox(queue_bytes)
        self.path = folder()
        self.journal = Journal(Segments(self.path, BUDGET), 1, BUFFER_BYTES, lambda: self.outbox.first)
        self.keeper = Keeper(self.journal, self.outbox, self.line, self.clock, flush_ms)
        self.records = Records(1, self.outbox, self.clock, WallClock(), lambda: None, self.keeper)
        self.keeper.attach(self.records)

    def work(self):
        run(self.keeper.working(self.clock.ms))

    def counts(self):
        """Records in RAM, in the journal's lane, bytes that are not on flash."""
        return len(self.outbox), self.journal.next_number - BACKLOG - 1, self.journal.buffered


def test_ram_while_the_line_is_up_and_flash_in_an_outage():
    node = Node()
    for node.line.alone in (0, GRACE_MS):
        node.records.report({1: 1}, {})
        node.work()
    assert node.counts() == (2, 0, 0)
    node.line.alone = GRACE_MS + 1
    node.records.report({1: 1}, {})
    node.work()
    in_ram, kept, buffered = node.counts()
    assert (in_ram, kept, buffered > 0, os.listdir(node.path)) == (2, 1, True, [])
    node.clock.ms += 60_000
    node.work()
    assert node.counts() == (2, 1, 0)
    assert sent(node.journal) == numbers(1, 1, 1)
    assert [entry[1] for entry in node.journal._sent][:2] == [1, 2], "copies of what waits in RAM lie before it"


def test_what_bills_is_kept_at_once():
    node = Node()
    node.records.bill({4: 77})
    node.work()
    assert node.counts() == (0, 1, 0)
    assert len(os.listdir(node.path)) == 1


def test_what_has_no_room_in_ram_is_kept():
    node = Node(queue_bytes=1_024)
    for _ in range(60):
        node.records.report({1: 1}, {})
        node.work()
    in_ram, kept, _ = node.counts()
    assert in_ram + kept == 60
    assert node.outbox.dropped == 0


def test_an_orderly_reset_keeps_what_is_in_ram():
    node = Node(queue_bytes=4_000)
    for _ in range(100):
        node.records.report({1: 1}, {})
    node.keeper.close()
    assert node.counts() == (100, 0, 0)
    journal = opened(node.path, 2)
    found = []
    while len(found) < 100:
        payload = journal.take(0)
        found.append(ids(payload)[1])
        journal.acknowledge(1, found[-1], 0, 0)
    assert found == list(range(1, 101))


def test_what_had_to_leave_ram_and_is_on_flash_is_not_lost():
    node = Node(queue_bytes=1_024)
    for _ in range(8):
        node.records.report(dict.fromkeys(range(20), 1_000), {})
    node.line.alone = GRACE_MS + 1
    node.clock.ms += 60_000
    node.work()
    node.clock.ms += 60_000
    node.work()
    assert node.outbox.copied == 8
    for _ in range(16):  # the flash refuses: nothing is flushed, the buffer is full, and RAM goes on alone
        node.records.report(dict.fromkeys(range(20), 1_000), {})
    assert 0 < node.outbox.released <= 8
    assert node.outbox.dropped == 0
    node.journal.resume([[1, 0]])
    released = [number for boot, number in sent(node.journal) if number < 0]
    assert released == [number - BACKLOG for number in range(1, node.outbox.released + 1)]
    node.outbox.resume(0, 0)
    assert node.outbox.take_gap(0) is None
    node.outbox.acknowledge(node.outbox.released, 0, 0)
    assert node.outbox.released == 0


def events(node):
    found = []
    for _, payload in node.outbox.unsettled(1):
        message = messages.decode(payload)
        if message[0] == messages.EVENT:
            found.append((message[5], message[7]))
    return found


def test_flash_that_refuses_is_told_once_and_tried_again():
    node = Node()
    os.rename(node.path, node.path + ".gone")
    for _ in range(5):
        node.records.bill({4: 1})
        node.work()
        node.clock.ms += 1_000
    assert node.keeper.errors == 1
    assert [code for code, _ in events(node)] == [messages.EV_JOURNAL]
    for _ in range(4):
        node.clock.ms += 900_000
        node.work()
    assert node.keeper.errors == 5
    os.rename(node.path + ".gone", node.path)
    node.clock.ms += 900_000
    node.work()
    assert node.counts()[1:] == (5, 0)
    assert len(events(node)) == 1
    assert drained(node.journal) == numbers(1, 1, 5)


def test_a_full_journal_is_told_once():
    node = Node(queue_bytes=4_000)
    node.line.alone = GRACE_MS + 1
    for _ in range(200):
        node.records.report(dict.fromkeys(range(20), 1_000), {})
        node.clock.ms += 20_000
        node.work()
    assert node.keeper.health()[1] == node.journal.dropped > 0
    assert told(node.journal) == ["journal full: the oldest records are dropped"]


def test_damage_is_told():
    node = Node()
    node.line.alone = GRACE_MS + 1
    for _ in range(8):
        node.records.report({1: 1_000}, {})
    node.clock.ms += 60_000
    node.work()
    [name] = os.listdir(node.path)
    with open(node.path + "/" + name, "r+b") as file:
        file.seek(20)
        file.write(b"?")
    node.line.alone = 0
    assert told(node.journal) == []
    node.work()
    assert node.keeper.health()[2] == 1
    assert events(node) == [(messages.EV_JOURNAL, "the journal cannot be read in places: 1")]


def told(journal):
    """The details of the events among all that it has to say."""
    found = []
    while True:
        payload = journal.take(0)
        if payload is None:
            return found
        message = messages.decode(payload)
        last = message[3] if message[0] == messages.GAP else message[2]
        journal.acknowledge(1, last, 0, 0)
        if message[0] == messages.EVENT:
            found.append(message[7])
