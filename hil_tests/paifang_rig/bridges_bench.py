"""Bench suite `bridges`: requests that planning saves, how much of a serial bus is used, and how long a write waits.

The bus is a model at 9600 baud on a virtual clock, in which each byte takes its time: its figures are the same on every
machine. Its limit: bytes of questions and answers, the silence before each, and the time that units think.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
import tty

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.layout import Layout
from paifang.bridges.modbus.line import timing
from paifang.bridges.modbus.planner import Block, Limits, Span, plan, serial_cost
from paifang.bridges.modbus.points import Device
from paifang.bridges.poller import Missed, Read, Send
from paifang.bridges.unit import Patience, Unit
from paifang.bridges.writes import Order
from paifang.profiles.catalogue import Catalogue, built_in
from paifang.profiles.model import ModbusProfile
from paifang_rig.virtual_bus import MINUTE, NEVER, SECOND, VirtualBus, VirtualUnit, byte_by_byte
from paifang_tools.bench.rows import AT_LEAST, AT_MOST, Row, emit, row

BAUD = 9600
TIMING = timing(BAUD)
THINK_US = 5_000
COST = serial_cost(TIMING.character_us, 2 * TIMING.silence_us + THINK_US)
PATIENCE = Patience(timeout_us=500_000)
SCATTERED, SCATTERED_OVER = 200, 4_000
WRITES = 100
MEASURED_US = 2 * MINUTE
REAL_US = 15 * SECOND
_MODEL = f"{BAUD} baud, paced byte by byte on a virtual clock; units think {THINK_US // 1000} ms, SDM630, never waiting"


def main() -> None:
    """Print the suite's rows."""
    emit([*_requests(), *_shares(), asyncio.run(_real_time()), _latency()])


def _sdm630() -> Device:
    profile = Catalogue((built_in(),)).load("eastron-sdm630")
    assert isinstance(profile, ModbusProfile)
    return Device(profile)


def _requests() -> list[Row]:
    device = _sdm630()
    points = [span for group in device.spans().values() for span in group]
    dice = random.Random(630)
    addresses = sorted(dice.sample(range(SCATTERED_OVER), SCATTERED))
    scattered = [Span("holding", address, address + 1, str(address)) for address in addresses]
    how = "planned against one request a point; time of requests, answers and silences at 9600 baud"
    return [
        *_saved("SDM630", points, plan(points, device.limits(), COST), how),
        *_saved(f"{SCATTERED} registers over {SCATTERED_OVER}", scattered, plan(scattered, Limits(), COST), how),
    ]


def _saved(name: str, points: list[Span], blocks: list[Block], how: str) -> list[Row]:
    alone_us = sum(COST.of(span.table, span.end - span.first) for span in points)
    planned_us = sum(COST.of(block.table, block.count) for block in blocks)
    return [
        row(f"{name}: requests", len(blocks), f"of {len(points)}", how),
        row(f"{name}: quicker", alone_us / planned_us, "x", how, (AT_LEAST, 1)),
    ]


def _shares() -> list[Row]:
    rows: list[Row] = []
    for number in (1, 8, 32):
        used, _ = _run(number, dead=0)
        rows.append(row(f"bus with {number} units: used", 100 * used, "%", _MODEL, (AT_LEAST, 90)))
    for number in (8, 32):
        used, lost = _run(number, dead=1)
        rows += [
            row(f"one of {number} dead: used by the others", 100 * used, "%", _MODEL, (AT_LEAST, 85)),
            row(f"one of {number} dead: spent on it", 100 * lost, "%", _MODEL, (AT_MOST, 5)),
        ]
    return rows


def _run(number: int, dead: int) -> tuple[float, float]:
    """Shares of the time: of what had to be said and thought, and of waiting for those that are dead."""
    bus = _bus(number, dead)
    bus.run(MINUTE)  # who is dead is known by then
    began = len(bus.events)
    bus.run(MINUTE + MEASURED_US)
    events = bus.events[began:]
    used_us = sum(_transaction_us(event.block) for event in events if isinstance(event, Read))
    lost_us = sum(event.ended_us - event.asked_us for event in events if isinstance(event, Missed))
    return used_us / MEASURED_US, lost_us / MEASURED_US


def _bus(number: int, dead: int = 0) -> VirtualBus:
    units = [VirtualUnit(address, think_us=THINK_US, dead=address <= dead) for address in range(1, number + 1)]
    bus = VirtualBus(units, TIMING, byte_by_byte(TIMING.character_us))
    device = _sdm630()
    for unit in units:
        layout = Layout(device.spans(), device.limits(), COST)
        bus.poller.add(Unit(unit.address, layout, dict.fromkeys(device.spans(), 1), PATIENCE, 0))
    return bus


def _transaction_us(block: Block) -> int:
    return COST.of(block.table, block.count)


async def _real_time() -> Row:
    """The same bus over a pseudo-terminal, with the clock of this machine; its units take the time that bytes need."""
    bus = _bus(8)
    ours, theirs = os.openpty()
    for end in (ours, theirs):
        tty.setraw(end)
    loop, began_us, used_us = asyncio.get_running_loop(), _now_us(), 0
    heard = asyncio.Event()
    answers: list[asyncio.TimerHandle] = []

    def receive() -> None:
        bus.poller.receive(os.read(ours, 4096), _now_us() - began_us)
        heard.set()

    def answer() -> None:
        request = os.read(theirs, 4096)
        body = bus.units[request[0]].answer(request[: -frames.CRC_LENGTH])
        whole = body + frames.checksum(body)
        after_us = (len(request) + len(whole)) * TIMING.character_us + TIMING.silence_us + THINK_US
        answers.append(loop.call_later(after_us / SECOND, os.write, theirs, whole))

    loop.add_reader(ours, receive)
    loop.add_reader(theirs, answer)
    try:
        while (now_us := _now_us() - began_us) < REAL_US:
            step = bus.poller.step(now_us)
            used_us += sum(_transaction_us(each.block) for each in bus.poller.take_events() if isinstance(each, Read))
            if isinstance(step, Send):
                os.write(ours, step.data)
                continue
            heard.clear()
            wait_us = REAL_US if step.until_us is None else step.until_us - now_us
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), max(0, wait_us) / SECOND)
    finally:
        for each in answers:
            each.cancel()
        for end in (ours, theirs):
            loop.remove_reader(end)
            os.close(end)
    how = f"{REAL_US // SECOND} s over a pseudo-terminal, units that take the time their bytes need at {BAUD} baud"
    return row("bus with 8 units, in real time: used", 100 * used_us / REAL_US, "%", how, (AT_LEAST, 90))


def _now_us() -> int:
    return time.monotonic_ns() // 1000


def _latency() -> Row:
    """How long a write waits at most, in parts of the longest transaction and the silence behind it."""
    bus = _bus(8)
    dice = random.Random(5)
    waits_us: list[int] = []

    def write(ordered_us: int, before: int) -> None:
        coil = frames.write_coil(dice.randrange(1, 9), 0, on=True)
        bus.poller.order(Order("relay", coil, None, NEVER, PATIENCE.timeout_us))
        bus.at(bus.now_us + SECOND // 2, lambda: waits_us.append(_sent_us(bus, before) - ordered_us))

    for number in range(WRITES):
        at_us = number * SECOND + dice.randrange(SECOND // 2)
        bus.at(at_us, lambda at_us=at_us: write(at_us, len(bus.sent)))
    bus.run((WRITES + 1) * SECOND)
    assert len(waits_us) == WRITES
    longest_us = max(_transaction_us(event.block) for event in bus.reads) + TIMING.silence_us
    how = f"worst of {WRITES} at any moments, 8 units, on a saturated bus; {_MODEL}"
    return row("a write waits", max(waits_us) / longest_us, "transactions", how, (AT_MOST, 1))


def _sent_us(bus: VirtualBus, before: int) -> int:
    return next(at_us for at_us, data in bus.sent[before:] if data[1] == frames.WRITE_COIL)


if __name__ == "__main__":
    main()
