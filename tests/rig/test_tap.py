"""The tap passes everything on, unless told otherwise, and leaves evidence of what it did."""

from __future__ import annotations

import asyncio

import pytest

from paifang_rig.errors import RigError
from paifang_rig.tap import DOWN, UP, Tap, message_of, split
from paifang_wire import messages
from paifang_wire.cose import Mac0
from paifang_wire.framing import stream_frame

REPORT = stream_frame(Mac0(bytes(32), b"").seal(3, messages.encode((messages.REPORT, 1, 7, 1000, None, {1: 5}, {}))))
CLOCK = stream_frame(Mac0(bytes(32), b"").seal(4, messages.encode((messages.CLOCK, 1000))))


@pytest.fixture
async def echo():
    """A far side that answers what it gets; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def tap(echo):
    async with Tap(echo) as tap:
        yield tap


@pytest.fixture
async def line(tap):
    reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
    yield reader, writer
    writer.transport.abort()


async def say(line, data: bytes, expected: bytes) -> None:
    line[1].write(data)
    assert await asyncio.wait_for(line[0].readexactly(len(expected)), 10) == expected


def test_items_are_split_at_their_heads():
    long = b"\x58\x20" + bytes(32)
    assert split(b"\x43abc" + long + b"\x42x") == ([b"\x43abc", long], b"\x42x")
    assert split(b"\x59\x01\x00" + bytes(255)) == ([], b"\x59\x01\x00" + bytes(255))
    assert split(b"\xff rubbish") == ([b"\xff rubbish"], b"")


def test_messages_are_told_by_their_payload():
    assert message_of(REPORT)[:3] == [messages.REPORT, 1, 7]
    assert message_of(b"\x43abc") is None
    assert message_of(b"\xff") is None


async def test_everything_passes_and_is_counted(tap, line):
    heard = []
    tap.heard = lambda connection, direction, message: heard.append((connection, direction, message[0]))
    await say(line, REPORT + CLOCK, REPORT + CLOCK)
    assert tap.counts.frames == {UP: 2, DOWN: 2}
    assert heard.count((1, UP, messages.REPORT)) == 1
    assert heard.count((1, DOWN, messages.CLOCK)) == 1


async def test_a_dropped_and_a_changed_frame(tap, line):
    drop, corrupt = tap.drop(UP, 2), tap.corrupt(DOWN, 2, bit=0)
    await say(line, b"\x41a\x41b\x41c", b"\x41a\x41b"[:2] + b"\x41" + bytes((ord("c") ^ 1,)))
    assert drop.fired
    assert corrupt.fired
    assert drop.where == "frame 2 up, 2 bytes"


async def test_a_fault_that_cannot_be_is_refused(tap):
    with pytest.raises(RigError, match="direction"):
        tap.drop("sideways")
    with pytest.raises(RigError, match="from 1 on"):
        tap.drop(UP, 0)


async def test_a_stalled_line_stays_open(tap, line):
    tap.stall()
    line[1].write(REPORT)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(line[0].read(1), 0.2)
    tap.resume()
    assert await asyncio.wait_for(line[0].readexactly(len(REPORT)), 10) == REPORT


async def test_a_cut_breaks_the_line_and_a_refusal_keeps_it_broken(tap, line):
    await say(line, b"\x41a", b"\x41a")
    assert tap.cut() == 2
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(line[0].readexactly(1), 10)
    tap.refuse = True
    reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 10)
    writer.transport.abort()


async def test_the_trigger_waits_for_a_report_and_holds_what_comes_down(tap, line):
    fired = []
    trigger = tap.before_ack(lambda: fired.append(tap.counts.frames[UP]), skip=1)
    await say(line, CLOCK + REPORT, CLOCK + REPORT)
    assert not trigger.fired
    line[1].write(REPORT)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(line[0].read(1), 0.2)
    assert trigger.fired
    assert fired == [3]
    tap.release()
    await say(line, CLOCK, CLOCK)
