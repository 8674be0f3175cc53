"""The outgoing queue against a model: nothing is lost silently, nothing sent twice without need, the window holds."""

from node.outbox import Outbox
from paifang_wire.messages import GAP_QUEUE_FULL, GAP_SETTLED_BEFORE

from .fakes import ROUNDS, Random, raises


def payload(number, size=20):
    return (number.to_bytes(4, "big") * ((size + 3) // 4))[:size]


def filled(count, capacity=2000):
    outbox = Outbox(capacity)
    for number in range(1, count + 1):
        outbox.add(payload(number))
    return outbox


def drain(outbox, now_ms=0):
    taken = []
    while True:
        data = outbox.take(now_ms)
        if data is None:
            return taken
        taken.append(int.from_bytes(data[:4], "big"))


def test_sends_in_order_within_the_window():
    outbox = filled(50)
    assert drain(outbox) == list(range(1, 33))
    outbox.acknowledge(10, 0, 0)
    assert drain(outbox) == list(range(33, 43))
    outbox.window = 1
    outbox.acknowledge(42, 0, 0)
    assert drain(outbox) == [43]


def test_bitmap_settles_beyond_a_hole():
    outbox = filled(5)
    drain(outbox)
    outbox.acknowledge(0, 0b11110, 0)
    assert (outbox.first, len(outbox)) == (1, 5)
    outbox.rewind()
    assert drain(outbox) == [1]
    outbox.acknowledge(1, 0, 0)
    assert (outbox.first, len(outbox)) == (6, 0)


def test_resend_falls_due_after_silence_only():
    outbox = filled(3)
    assert outbox.resend_in_ms(0) is None
    outbox.take(1000)
    assert outbox.resend_in_ms(2000) == 4000
    assert outbox.resend_in_ms(9000) == 0
    outbox.acknowledge(1, 0, 9000)
    assert outbox.resend_in_ms(9000) is None
    drain(outbox, 9000)
    outbox.rewind()
    assert drain(outbox, 9000) == [2, 3]


def test_overflow_drops_the_oldest_and_declares_it():
    outbox = Outbox(22 * 10)
    for number in range(1, 13):
        outbox.add(payload(number))
    assert (outbox.first, len(outbox), outbox.dropped) == (3, 10, 2)
    assert outbox.take_gap(0) == (1, 2, GAP_QUEUE_FULL)
    assert outbox.take_gap(0) is None
    assert drain(outbox) == list(range(3, 13))
    outbox.add(payload(13))
    assert outbox.take_gap(0) == (1, 3, GAP_QUEUE_FULL)
    outbox.rewind()
    assert outbox.take_gap(0) == (1, 3, GAP_QUEUE_FULL)
    outbox.acknowledge(3, 0, 0)
    assert outbox.take_gap(0) is None
    assert outbox.dropped == 3


def test_a_gateway_that_lost_its_memory_is_told_what_is_gone():
    outbox = filled(20)
    drain(outbox)
    outbox.acknowledge(15, 0, 0)
    outbox.resume(15, 0)
    assert outbox.take_gap(0) is None
    outbox.resume(4, 0)
    assert outbox.take_gap(0) == (5, 15, GAP_SETTLED_BEFORE)
    assert drain(outbox) == [16, 17, 18, 19, 20]
    outbox.resume(2, 0)
    assert outbox.take_gap(0) == (3, 15, GAP_SETTLED_BEFORE)
    assert outbox.take_gap(0) is None
    outbox.acknowledge(15, 0, 0)
    outbox.rewind()
    assert outbox.take_gap(0) is None


def test_what_was_dropped_is_no_lost_memory():
    outbox = Outbox(22 * 10)
    for number in range(1, 16):
        outbox.add(payload(number))
    outbox.resume(0, 0)
    assert outbox.take_gap(0) == (1, 5, GAP_QUEUE_FULL)
    assert outbox.take_gap(0) is None
    outbox.resume(3, 0)
    assert outbox.take_gap(0) == (1, 5, GAP_QUEUE_FULL)
    assert outbox.take_gap(0) is None


def test_an_acknowledgement_of_what_was_never_made():
    outbox = filled(2)
    drain(outbox)
    outbox.acknowledge(1 << 60, 0, 0)
    assert (outbox.first, len(outbox)) == (3, 0)
    assert outbox.add(payload(3)) == 0
    assert drain(outbox) == [3]


def test_a_record_that_can_never_fit():
    outbox = Outbox(100)
    raises(ValueError, outbox.add, bytes(99))
    assert (len(outbox), outbox.dropped) == (0, 0)


class Receiver:
    """What a gateway keeps: stored numbers, declared gaps."""

    def __init__(self):
        self.stored = set()
        self.lost = set()

    def high(self):
        number = 0
        while number + 1 in self.stored or number + 1 in self.lost:
            number += 1
        return number

    def bitmap(self):
        high, bits = self.high(), 0
        for number in self.stored | self.lost:
            if number > high:
                bits |= 1 << (number - high - 1)
        return bits


def run(seed, steps=400):
    """A lossy line with reconnects and a queue that overflows; returns nothing, asserts the balance on the way."""
    random = Random(seed)
    outbox = Outbox(200 + random.below(600))
    receiver = Receiver()
    made = now_ms = dropped = 0
    for _ in range(steps):
        now_ms += random.below(800)
        act = random.below(10)
        if act < 4:
            made += 1
            dropped += outbox.add(payload(made, 4 + random.below(60)))
        elif act < 7:
            if outbox.resend_in_ms(now_ms) == 0:
                outbox.rewind()
            for _ in range(1 + random.below(8)):
                deliver(outbox, receiver, now_ms, random.below(4) != 0)
        elif act < 9:
            outbox.acknowledge(receiver.high(), receiver.bitmap(), now_ms)
        else:
            outbox.resume(receiver.high(), now_ms)
        assert outbox.next_number == made + 1
        assert outbox.first + len(outbox) == outbox.next_number
    settle(outbox, receiver, now_ms)
    assert receiver.stored | receiver.lost == set(range(1, made + 1))
    assert dropped == outbox.dropped >= len(receiver.lost - receiver.stored)


def deliver(outbox, receiver, now_ms, arrives):
    gap = outbox.take_gap(now_ms)
    if gap is not None:
        if arrives:
            receiver.lost |= set(range(gap[0], gap[1] + 1))
        return True
    data = outbox.take(now_ms)
    if data is None:
        return False
    number = int.from_bytes(data[:4], "big")
    assert outbox.first <= number < outbox.first + outbox.window
    if arrives:
        receiver.stored.add(number)
    return True


def settle(outbox, receiver, now_ms):
    """A line without faults, at last."""
    for _ in range(1000):
        outbox.rewind()
        while deliver(outbox, receiver, now_ms, True):
            pass
        outbox.acknowledge(receiver.high(), receiver.bitmap(), now_ms)
        if not len(outbox) and outbox.take_gap(now_ms) is None:
            return
    raise AssertionError("never settles")


def test_balance_on_a_lossy_line():
    for seed in range(40 * ROUNDS):
        run(seed)


def test_no_growth():
    outbox = Outbox(500)
    size = len(outbox._ring)
    for number in range(1, 3000):
        outbox.add(payload(number, 5 + number % 40))
    assert len(outbox._ring) == size
    assert len(outbox._gaps) == 1
