"""The windows against the plainest model there is, a set, on long random sequences; the same ones everywhere."""

from paifang_wire.errors import OVER_LIMIT, REPLAY
from paifang_wire.marks import MARKS_SPAN, RecordMarks
from paifang_wire.messages import BACKLOG
from paifang_wire.windows import REPLAY_WINDOW, ReplayWindow

from .plain import refusal
from .vectors import expect

STEPS = 60
"""Operations in one sequence: enough to run through the window several times."""


class Dice:
    """Random numbers that are the same on every interpreter (a linear congruential generator, modulus 2**31)."""

    def __init__(self, seed):
        self._state = seed * 2654435761 + 1 & 0x7FFFFFFF

    def below(self, limit):
        """Return an integer from 0 to `limit` - 1, at most 2**15."""
        self._state = self._state * 1103515245 + 12345 & 0x7FFFFFFF
        return (self._state >> 16) % limit

    def bytes(self, length):
        """Return random bytes in which zeros and long runs without one are both common."""
        kind = self.below(4)
        out = bytearray(length)
        for index in range(length):
            out[index] = self.below(2) if kind == 2 else 1 + self.below(255) if kind == 3 else self.below(256)
        return bytes(out)


def check_replay_window(seed):
    """A counter passes when it was never used and is less than 32 behind the highest; checking alone moves nothing."""
    dice = Dice(seed)
    window = ReplayWindow()
    used = set()
    high = -1
    for _ in range(STEPS):
        counter = max(0, high + (1 + dice.below(3) if dice.below(3) else dice.below(90) - 45))
        wanted = REPLAY if counter in used or counter <= high - REPLAY_WINDOW else None
        expect(refusal(window.check, counter), wanted)
        expect(refusal(window.check, counter), wanted)
        if wanted is None and dice.below(4):
            window.commit(counter)
            used.add(counter)
            high = max(high, counter)
        expect(window.high, high)


def check_record_marks(seed):
    """`high` and `bitmap` name exactly the settled numbers of a lane, whatever arrives in whatever order."""
    dice = Dice(seed)
    base = BACKLOG if seed & 1 else 0
    marks = RecordMarks(base)
    settled = set()
    for _ in range(STEPS):
        high = contiguous(settled, base)
        first = max(
            base + 1, high + dice.below(MARKS_SPAN + 12) - 5 if dice.below(4) == 0 else high + 1 + dice.below(6) - 2
        )
        if dice.below(4):
            add(marks, settled, high, first)
        else:
            settle(marks, settled, high, first, first + dice.below(100) - 3)
        if dice.below(10) == 0:
            marks = RecordMarks(marks.high, marks.bitmap)  # as read back from the store
        compare(marks, settled, base)


def add(marks, settled, high, number):
    """One record arrives."""
    if number > high + MARKS_SPAN:
        expect(refusal(marks.add, number), OVER_LIMIT)
        return
    expect(marks.add(number), number not in settled)
    settled.add(number)


def settle(marks, settled, high, first, last):
    """A range is declared lost; what no ack could name yet stays open."""
    if last < first or first > high + MARKS_SPAN:
        expect(refusal(marks.settle, first, last), OVER_LIMIT)
        return
    end = last if first <= high + 1 else min(last, high + MARKS_SPAN)
    fresh = set(range(first, end + 1)) - settled
    expect(marks.settle(first, last), len(fresh))
    settled.update(fresh)


def compare(marks, settled, base):
    """Marks and model name the same numbers."""
    high = contiguous(settled, base)
    expect(marks.high, high)
    bitmap = 0
    for number in settled:
        if number > high:
            bitmap |= 1 << number - high - 1
    expect(marks.bitmap, bitmap)
    for number in range(max(base, high - 2), high + MARKS_SPAN + 2):
        expect(marks.holds(number), number == base or number in settled)


def contiguous(settled, base):
    """Return the greatest n with all of base + 1..n settled."""
    high = base
    while high + 1 in settled:
        high += 1
    return high


def check_seeds(first, count):
    """Return the first complaint of `count` sequences of each kind, or "ok"."""
    for seed in range(first, first + count):
        for check in (check_replay_window, check_record_marks):
            try:
                check(seed)
            except AssertionError as error:
                return check.__name__ + ", seed " + str(seed) + ": " + str(error)
    return "ok"


def main():
    """Read "first count" from standard input; print the outcome."""
    import sys

    for line in sys.stdin:
        first, count = line.split()
        print(check_seeds(int(first), int(count)))
