"""A serial line, question by question: what is taken for an answer, and what may be asked meanwhile."""

from __future__ import annotations

import pytest

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.line import LATE_US, SUSPECT_US, RtuLine, timing

FIRST = frames.read(1, "input", 0, 2)
ALIKE = frames.read(1, "input", 10, 2)
LONGER = frames.read(1, "input", 10, 3)
TIMEOUT_US = 300_000


def answer(request, fill, unit=None):
    body = bytes((unit or request.unit, request.function, request.answer_bytes)) + bytes((fill,)) * request.answer_bytes
    return body + frames.checksum(body)


def refusal(request):
    body = bytes((request.unit, request.function | frames.EXCEPTION, 2))
    return body + frames.checksum(body)


@pytest.fixture
def line():
    return RtuLine(timing(9600))


def asked(line, request, now_us):
    """Asks as soon as it may be, and says when that was."""
    free_us = max(line.free_us(request, now_us), now_us)
    line.ask(request, free_us, TIMEOUT_US)
    return free_us


def answered(line, request, fill, now_us):
    asked(line, request, now_us)
    outcome = line.receive(answer(request, fill), now_us + 50_000)
    assert outcome.answer.data == bytes((fill,)) * request.answer_bytes
    return now_us + 50_000


def silent(line, request, now_us):
    asked(line, request, now_us)
    outcome = line.tick(line.wake_us)
    assert (outcome.answer, outcome.fault) == (None, "silent")
    return outcome.ended_us


def test_after_silence_only_what_cannot_be_mistaken_is_asked(line):
    now_us = silent(line, FIRST, 0)
    soon_us = now_us + line.timing.silence_us
    assert line.free_us(FIRST, now_us) < soon_us, "the same again"
    assert line.free_us(LONGER, now_us) < soon_us, "its answer has another length"
    assert line.free_us(frames.read(2, "input", 10, 2), now_us) < soon_us
    assert line.free_us(frames.read(1, "holding", 10, 2), now_us) < soon_us
    assert line.free_us(frames.write_coil(1, 0, on=True), now_us) < soon_us, "its answer says what it is for"
    assert line.free_us(ALIKE, now_us) == now_us + LATE_US
    assert line.free_us(ALIKE, now_us + LATE_US) <= now_us + LATE_US


def test_an_answer_that_comes_twice_is_not_taken_for_the_next_question(line):
    now_us = answered(line, FIRST, 0x11, 0)
    asked(line, ALIKE, now_us)
    assert line.receive(answer(FIRST, 0x11), now_us + 20_000) is None
    assert line.faults == {"doubled": 1}
    assert line.receive(answer(ALIKE, 0x22), now_us + 50_000).answer.data == b"\x22" * 4
    now_us += 50_000
    assert line.free_us(FIRST, now_us) == now_us + LATE_US, "from now on its answers stay owed"
    assert line.free_us(FIRST, now_us + SUSPECT_US) < now_us + SUSPECT_US


def test_an_answer_that_equals_the_one_before_may_be_that_one_and_the_true_one_still_to_come(line):
    now_us = answered(line, FIRST, 0x11, 0)
    start_us = asked(line, FIRST, now_us + 900_000)
    assert line.receive(answer(FIRST, 0x11), start_us + 10_000).answer, "it may as well be true"
    assert line.free_us(ALIKE, start_us + 10_000) == start_us + 2 * (50_000 - line.timing.silence_us)
    assert line.free_us(LONGER, start_us + 10_000) < start_us + 20_000


def test_a_refusal_is_not_taken_while_another_question_of_its_function_is_owed(line):
    now_us = silent(line, FIRST, 0)
    asked(line, LONGER, now_us)
    assert line.receive(refusal(LONGER), now_us + 50_000) is None
    assert line.receive(answer(LONGER, 0x33), now_us + 60_000).answer.data == b"\x33" * 6
    now_us += LATE_US
    asked(line, LONGER, now_us)
    assert line.receive(refusal(LONGER), now_us + 50_000).answer.exception == 2


def test_a_late_answer_while_nothing_is_asked_makes_the_unit_a_suspect(line):
    now_us = silent(line, FIRST, 0)
    line.receive(answer(FIRST, 0x11), now_us + 100_000)
    now_us += LATE_US
    answered(line, ALIKE, 0x22, now_us)
    assert line.faults == {"silent": 1, "late": 1}
    assert line.free_us(FIRST, now_us + 60_000) == now_us + 50_000 + LATE_US


def test_a_cut_answer_ends_the_question_when_the_line_has_been_silent(line):
    start_us = asked(line, FIRST, 0)
    line.receive(answer(FIRST, 0x11)[:5], start_us + 30_000)
    assert line.wake_us == start_us + 30_000 + line.timing.pause_us
    assert line.tick(line.wake_us - 1) is None
    assert line.tick(line.wake_us).fault == "cut"
    line.ask(FIRST, start_us + 60_000, TIMEOUT_US)
    line.receive(answer(FIRST, 0x11)[:-1] + b"\x00", start_us + 90_000)
    assert line.tick(line.wake_us).fault == "garbled"


def test_the_answer_of_another_unit_ends_nothing(line):
    start_us = asked(line, FIRST, 0)
    assert line.receive(answer(FIRST, 0x99, unit=2), start_us + 30_000) is None
    assert line.receive(answer(FIRST, 0x11), start_us + 60_000).answer.data == b"\x11" * 4
    assert line.faults == {"other_unit": 1}


def test_what_never_stops_babbling_ends_a_question_all_the_same(line):
    start_us = asked(line, FIRST, 0)
    now_us = start_us
    while line.is_open:
        now_us += 5_000
        line.receive(b"\xaa", now_us)
        line.tick(now_us)
        assert now_us < start_us + 1_000_000
    assert line.faults["silent"] == 1
    for _ in range(10_000):
        line.receive(b"\xaa" * 50, now_us)
    assert len(line._buffer) <= 1_100
