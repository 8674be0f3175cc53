"""Who is on a line of meters: one alone, several that answer at once, nobody."""

from __future__ import annotations

import pytest
from virtual_meters import BAUD, KINDS, THINK_US, NumberedMbusMeter

from paifang.bridges.cjt188 import frame as cjt188_frame
from paifang.bridges.dlt645 import frame as dlt645_frame
from paifang.bridges.mbus import frame as mbus_frame
from paifang.bridges.search import Found, search_of
from paifang.bridges.timing import character_us
from paifang_rig.virtual_bus import MINUTE, SECOND, VirtualLine

ADDRESSES = {"dlt645": ("201709320072", "000000000161", "123456789072"), "cjt188": ("20151027058801", "08050000010001")}
KIND = 0x20
HOUR = 60 * MINUTE


def answers(protocol, address, question):
    """What a meter with this address sends to a call for whoever is there."""
    if not address.endswith(question.address.lstrip("A")):
        return b""
    if protocol == "dlt645":
        content = question.data + bytes.fromhex(address)[::-1]
        return dlt645_frame.encode(dlt645_frame.Frame(address, question.control | 0x80, content), preamble=2)
    frame = cjt188_frame.Frame(KIND, address, question.control | 0x80, question.identifier, question.serial)
    return cjt188_frame.encode(frame, preamble=2)


def line_of(protocol, addresses, apart_us=0):
    """Answers that begin at the same moment spoil one another; `apart_us`: they follow one another."""

    def answer(sent):
        said = [answers(protocol, address, KINDS[protocol].decode(sent)) for address in addresses]
        said = [each for each in said if each]
        if len(said) > 1 and not apart_us:
            return THINK_US, bytes(first & second for first, second in zip(*said[:2], strict=False))
        return (THINK_US, b"".join(said)) if said else None

    return VirtualLine(search_of(protocol, BAUD), character_us(BAUD), answer)


@pytest.mark.parametrize("protocol", ADDRESSES)
def test_one_meter_says_its_address_at_the_first_question(protocol):
    line = line_of(protocol, ADDRESSES[protocol][:1])
    line.run(MINUTE)
    assert line.events == [Found(ADDRESSES[protocol][0], KIND if protocol == "cjt188" else 0)]
    assert len(line.sent) == 1
    assert line.engine.is_over


@pytest.mark.parametrize("apart_us", [0, 1])
@pytest.mark.parametrize("protocol", ADDRESSES)
def test_several_that_answer_at_once_are_called_by_more_and_more_of_their_digits(protocol, apart_us):
    line = line_of(protocol, ADDRESSES[protocol], apart_us)
    line.run(HOUR)
    assert sorted(found.address for found in line.events) == sorted(ADDRESSES[protocol])
    assert line.engine.is_over


@pytest.mark.parametrize("protocol", ["dlt645", "cjt188"])
def test_nobody_is_a_matter_of_a_second(protocol):
    line = line_of(protocol, ())
    line.run(2 * SECOND)
    assert (line.events, line.engine.is_over) == ([], True)


def question_of_data(address):
    return mbus_frame.ask(address, frame_count=True)


@pytest.mark.parametrize("protocol", ADDRESSES)
def test_two_meters_with_one_address_are_nobody_and_the_search_ends(protocol):
    line = line_of(protocol, ADDRESSES[protocol][:1] * 2, apart_us=1)
    line.run(HOUR)
    assert (line.events, line.engine.is_over) == ([], True)


def test_two_mbus_meters_with_one_number_are_nobody_and_the_search_ends():
    meters = [NumberedMbusMeter(12345678), NumberedMbusMeter(12345678)]

    def answer(sent):
        question = mbus_frame.decode(sent)
        said = [mbus_frame.encode(meter.answer(question)) for meter in meters if meter.is_meant(question)]
        return (THINK_US, said[0] if len(said[0]) == 1 else said[0][:20] + said[1]) if said else None

    line = VirtualLine(search_of("mbus", BAUD), character_us(BAUD), answer)
    line.run(HOUR)
    assert (line.events, line.engine.is_over) == ([], True)


def test_mbus_meters_are_found_by_their_numbers_and_then_by_their_addresses():
    meters = [NumberedMbusMeter(number) for number in (12345678, 12345679, 12400000, 87654321)]

    def answer(sent):
        question = mbus_frame.decode(sent)
        if question.control == mbus_frame.SND_NKE:
            said = {0: b"\xe5", 5: b"\xe5", 7: mbus_frame.encode(meters[0].answer(question_of_data(7)))}
            return (THINK_US, said[question.address]) if question.address in said else None
        said = [mbus_frame.encode(meter.answer(question)) for meter in meters if meter.is_meant(question)]
        if len(said) > 1:  # E5 and E5 is E5
            return THINK_US, bytes(first & second for first, second in zip(*said[:2], strict=False))
        return (THINK_US, said[0]) if said else None

    line = VirtualLine(search_of("mbus", BAUD), character_us(BAUD), answer)
    line.run(HOUR)
    assert line.engine.is_over
    assert [found.address for found in line.events] == ["87654321", "12400000", "12345678", "12345679", "0", "5"]
    assert len(line.sent) < 2 * 80 + 251


def test_what_was_open_when_the_line_went_is_asked_again():
    line = line_of("dlt645", ADDRESSES["dlt645"][:1])
    line.at(100_000, lambda: line.engine.abandon(100_000))
    line.at(100_000, line._heap.clear)
    line.run(MINUTE)
    assert [data for _, data in line.sent] == [line.sent[0][1]] * 2
    assert line.events == [Found(ADDRESSES["dlt645"][0])]
