"""Our questions, put over TCP to the meter of the package `dlt645`, and its answers read by us."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from dlt645.service.serversvc.async_server_service import AsyncMeterServerService
from loguru import logger

from paifang.bridges.dlt645 import reading
from paifang.bridges.dlt645.frame import ANY, Frame, encode, splitter
from paifang.bridges.engines import engine_of
from paifang.bridges.errors import FrameError
from paifang.bridges.meter import Configured
from paifang.bridges.poller import Read, Send
from paifang.profiles.catalogue import Catalogue, built_in
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CATALOGUE = Catalogue((built_in(),))
METER = ("-m", "paifang_rig.dlt645_meter")
ADDRESS = "201709320072"
SENT = {
    0x00010000: ("energy_import", 1234.56, "1234.56"),
    0x00020000: ("energy_export", 0.01, "0.01"),
    0x02010100: ("voltage_a", 220.1, "220.1"),
    0x02010300: ("voltage_c", 0, "0.0"),
    0x02020100: ("current_a", 5.123, "5.123"),
    0x02030000: ("power", 12.3456, "12.3456"),
    0x02040000: ("reactive_power", 1.5, "1.5000"),
    0x02060000: ("power_factor", 0.998, "0.998"),
    0x02800002: ("frequency", 49.98, "49.98"),
}
"""Identifier -> our name for it, what the meter is told to measure, what we read."""


class Line:
    """One connection to the meter, which answers each question with one frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._frames = splitter()

    async def ask(self, question: Frame) -> Frame:
        self._frames.reset()
        self.writer.write(encode(question))
        answers: list[Frame] = []
        while not answers:
            answers = self._frames.feed(await self._reader.read(64))
        (answer,) = answers
        return answer

    async def read(self, identifier: int, address: str = ADDRESS) -> tuple[Any, ...]:
        meter = reading.Reading(address, identifier)
        while not meter.take(await self.ask(meter.question)):
            pass
        return reading.values(identifier, meter.data)


@pytest.fixture(scope="module")
def made() -> AsyncMeterServerService:
    """Takes seconds to make. The package sends an address given as text the wrong way round; bytes go as they are."""
    logger.remove()
    meter = AsyncMeterServerService.new_tcp_server("127.0.0.1", 0)
    meter.set_address(bytes.fromhex(ADDRESS)[::-1])
    return meter


@pytest.fixture
async def meter(made: AsyncMeterServerService) -> AsyncIterator[AsyncMeterServerService]:
    for identifier, (_, measured, _) in SENT.items():
        (made.set_00 if identifier >> 24 == 0 else made.set_02)(identifier, measured)
    made.server.port = 0
    async with made:
        yield made


@pytest.fixture
async def line(meter: AsyncMeterServerService) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", meter.server.port)
    yield Line(reader, writer)
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("identifier", SENT)
async def test_a_quantity_is_read_as_the_meter_measured_it(line, identifier):
    name, _, printed = SENT[identifier]
    (value,) = await line.read(identifier)
    assert (value.name, str(value.content)) == (name, printed)


async def test_power_that_flows_back(meter, line):
    meter.set_02(0x02030000, -1.5)
    (value,) = await line.read(0x02030000)
    assert value.content == Decimal("-1.5")


async def test_the_address_of_the_meter_on_the_line(line):
    question = reading.read_address()
    assert reading.address_in(question, await line.ask(question)) == ADDRESS
    (value,) = await line.read(0x02010100, ANY)
    assert value.content == Decimal("220.1")


async def test_what_the_meter_does_not_have_it_refuses_in_words(line):
    with pytest.raises(FrameError, match="no such data") as refused:
        await line.read(0x02990000)
    assert refused.value.reason == "refused"


async def test_a_question_for_another_meter_is_not_answered_as_its_own(line):
    with pytest.raises(FrameError, match="other error") as refused:
        await line.read(0x02010100, "1")
    assert refused.value.reason == "refused"


MEASURED = {
    "voltage": ("02010100", 230.1, 2301),
    "current": ("02020100", 5.123, 5123),
    "power": ("02030000", 1.2346, 12346),
    "power_factor": ("02060000", 0.998, 998),
    "frequency": ("02800002", 49.98, 4998),
    "energy_import": ("00010000", 1234.56, 123456),
    "energy_export": ("00020000", 0.01, 1),
}
"""Point -> identifier, what the meter measures, the point's integer."""


async def test_an_engine_polls_a_meter_in_another_process():
    said = {identifier: value for identifier, value, _ in MEASURED.values()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, *METER, ADDRESS, json.dumps(said), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        port = int(await process.stdout.readline())
        bus = engine_of("dlt645", [Configured(CATALOGUE.load("dlt645-single-phase"), ADDRESS)], 115_200)
        found = {}
        async for event in events(bus.engine, port):
            if isinstance(event, Read):
                found |= bus.meters[event.unit].readings(event.block, event.data)
            if found.keys() >= MEASURED.keys():
                break
    finally:
        process.stdin.close()
        await process.wait()
    good = {name: (value, messages.GOOD) for name, (_, _, value) in MEASURED.items()}
    assert {name: found[name] for name in MEASURED} == good
    assert bus.faults.total() == 0


async def events(engine, port):
    """What an engine makes of a connection, driven by the clock."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            step = engine.step(time.monotonic_ns() // 1000)
            if isinstance(step, Send):
                writer.write(step.data)
                continue
            for event in engine.take_events():
                yield event
            with contextlib.suppress(TimeoutError):
                wait_s = None if step.until_us is None else max(0, step.until_us * 1000 - time.monotonic_ns()) / 1e9
                data = await asyncio.wait_for(reader.read(4096), wait_s)
                engine.receive(data, time.monotonic_ns() // 1000)
    finally:
        writer.close()
        await writer.wait_closed()
