"""docs/wire.md keeps its word: the annotated frame is what the code makes, and the byte counts are what it costs."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import pytest
from portable import flips

from paifang_wire import cose, messages, orders, sign1
from paifang_wire.framing import StreamDecoder, stream_frame
from paifang_wire.link import GatewayLink
from paifang_wire.names import REASONS
from paifang_wire.serial import serial_frame
from paifang_wire.session import NodeSession

from .conftest import PROTOCOLS

Party = TypeVar("Party", NodeSession, GatewayLink)

TEXT = (PROTOCOLS.parent / "docs" / "wire.md").read_text(encoding="utf-8")
REPORT = [messages.REPORT, 7, 4711, 86_400_000, 1_790_000_000_000, {1: 12, 2: 18, 3: 25, 7: 1803}, {}]
COUNTER = 4713
COMMAND = [messages.COMMAND, b"cmd-0001", 16, messages.OP_DIRECT, 1, None, 86_405_000, None, None]
TOKEN = bytes(range(16))
ORDER = orders.encode_order(
    (COMMAND[1], "meter-1", 16, bytes(8), 2, 0, None, 1_790_000_300_000, 7, "water in the substation!", TOKEN)
)
APPROVAL = orders.encode_approval([bytes(range(32)), TOKEN, 1_790_000_300_000, 7])
TWO_PERSONS = [messages.COMMAND, COMMAND[1], 16, messages.OP_OPERATE, 0, None, 86_405_000]
TWO_PERSONS += [sign1.pack(bytes(8), ORDER, bytes(64)), sign1.pack(bytes(8), APPROVAL, bytes(64))]
REPORT_BUDGET = 64
COMMAND_BUDGET = 100
TWO_PERSONS_BUDGET = 400


def at(party: Party, counter: int) -> Party:
    """Return the party as it is after `counter` frames; sealing that many would give the same."""
    channel = party._channel if isinstance(party, NodeSession) else party._live
    assert channel
    channel._counter = counter
    return party


def rows() -> list[tuple[bytes, str]]:
    """Return the annotated frame: the bytes of each line and what is said of them."""
    block = re.search(r"```\n(.*?)```", TEXT[TEXT.index("## The bytes of a report") :], re.DOTALL)
    assert block
    cut = [re.split(r"\s{2,}", line, maxsplit=1) for line in block[1].splitlines()]
    return [(bytes.fromhex(hexes), note) for hexes, note in cut]


def counts() -> list[int]:
    """Return the byte counts of the table, from top to bottom."""
    return [int(count) for count in re.findall(r"^\|[^|]+\| (\d+) \|", TEXT, re.MULTILINE)]


def test_the_annotated_frame_is_what_a_session_sends() -> None:
    here, there = flips.joined()
    wire = b"".join(piece for piece, _ in rows())
    assert wire == stream_frame(at(here, COUNTER).send(REPORT))
    (frame,) = StreamDecoder().feed(wire)
    assert there.receive(frame) == REPORT


def test_the_annotations_name_the_values() -> None:
    notes = " ".join(note for _, note in rows()).replace(",", "")
    for value in [*REPORT[1:5], COUNTER, *REPORT[5].values()]:
        assert str(value) in notes


def test_the_byte_counts_are_true() -> None:
    here, there = flips.joined()
    report = at(here, COUNTER).send(REPORT)
    old = [messages.REPORT, 300, 1_000_000, 31_536_000_000, *REPORT[4:]]
    aged = at(flips.joined()[0], 1_000_000).send(old)
    receipt = here.send(flips.UPWARD[4])
    commands = [at(there, COUNTER).send(command) for command in (COMMAND, TWO_PERSONS)]
    on_stream = [len(stream_frame(frame)) for frame in (report, aged, *commands, receipt)]
    assert counts() == [on_stream[0], len(serial_frame(report)), *on_stream[1:]]
    assert on_stream[0] <= REPORT_BUDGET
    assert on_stream[2] <= COMMAND_BUDGET
    assert on_stream[3] <= TWO_PERSONS_BUDGET
    overhead = on_stream[0] - len(messages.encode(REPORT))
    assert f"**{on_stream[0]} bytes**, of which {overhead} are framing" in TEXT


@pytest.mark.parametrize("counter", [0, 255, 256, 65_535, 65_536, 2**32 - 1])
@pytest.mark.parametrize("length", [0, 23, 24, 200, 255, 256, 4_000])
def test_a_frame_adds_a_known_number_of_bytes(counter: int, length: int) -> None:
    frame = cose.Mac0(bytes(32), b"").seal(counter, bytes(length))
    counter_length = max(1, (counter.bit_length() + 7) // 8)
    head_length = 1 if length < 24 else 2 if length < 256 else 3
    assert len(frame) == 1 + 6 + counter_length + 1 + head_length + length + 9


def test_every_kind_and_every_early_reason_is_documented() -> None:
    table: list[Any] = re.findall(r"^\| (\d+) `([a-z]+)` \|", TEXT, re.MULTILINE)
    assert [int(kind) for kind, _ in table] == list(range(len(messages.SHAPES)))
    for reason in REASONS[: REASONS.index("no-session") + 1]:
        assert f"`{reason}`" in TEXT
