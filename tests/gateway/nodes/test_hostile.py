"""A node that is enrolled and means harm: what it says is authentic, and still hinders nobody else."""

from __future__ import annotations

import asyncio
from itertools import chain, islice

import hostile_frames
from far_side import POINTS, key_of, until
from near_side import open_files, resident_bytes

from paifang_wire import errors, messages

GREATEST = (1 << 63) - 1
"""What a column of the store holds."""
GREATEST_BOOT = (1 << 31) - 1
FRAMES_AT_ONCE = 250
GROWTH_RESIDENT_BYTES = 64 << 20
BOOTS_MOST = 200
LOGGED_MOST = 100


async def test_a_node_that_has_counted_to_the_end_hinders_nobody(house):
    """What the file's integers hold no more is refused: a commit with it in would fail for ever."""
    far = await house.enrolled(boot=2)
    for boot in (1, 2):
        far.say([messages.GAP, boot, 1, messages.BACKLOG - 1, 1])
        far.say([messages.GAP, boot, messages.BACKLOG + 1, GREATEST, 1])
    await far.acked_up_to(GREATEST)
    far.report(GREATEST + 1)
    await until(lambda: house.refused == {errors.SHAPE: 1})

    other = await house.enrolled("meter-2")
    other.report(1)
    await other.acked_up_to(1)
    assert [row["node"] for row in await house.ask("nodes.list")] == ["meter-1", "meter-2"]


async def test_a_boot_count_that_no_node_can_have_is_refused(house):
    """Setting such boots aside again and again, the store would run out of numbers: the node could not be removed."""
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    far = house.far(boot=1 << 31)
    await far.open()
    far.send_raw(far.hello())
    await until(lambda: house.refused == {errors.SHAPE: 1})
    assert far.heard.empty()

    for _ in range(3):
        far = house.far(boot=(1 << 31) - 1)
        await far.connect()
        far.report(1)
        await far.acked_up_to(1)
        await house.ask("nodes.reset-boot", node="meter-1")
    assert len(house.records()) == 3


async def test_a_node_that_changes_its_description_all_the_time_takes_no_more_room(house):
    """Descriptions are kept for ever, because records of long ago are read by them."""
    await house.enrolled()
    known = house.gateway.store.registry.descriptions
    far = house.far()
    for number in range(25):
        await far.hang_up()
        far.points = (*POINTS, (99, f"point {number}", "", messages.INT, 0, None, None, 0, None))
        await far.connect()
    await until(lambda: errors.RATE in house.refused)
    assert len(known) <= 20
    assert len(house.gateway.nodes.desk._tables) <= 20


async def test_a_node_that_names_ever_other_boots_takes_no_more_room(house):
    """Each boot is kept, in memory too: a ward that was without its gateway for a while brings only a few."""
    far = await house.enrolled(boot=GREATEST_BOOT)
    for boot in range(1, 1_001):
        far.say([messages.EVENT, boot, 1, 1_000, None, 1, None, "x"])
    await until(lambda: house.refused.get(errors.RATE, 0) > 900)
    assert len(house.gateway.store.boots(far.node)) < BOOTS_MOST
    far.report(1)
    await far.acked_up_to(1)


async def test_a_node_that_talks_of_key_sets_and_receipts_all_the_time_does_not_fill_the_log(house):
    far = await house.enrolled()
    counters = house.gateway.nodes.desk.counters
    before, size = counters.frames, house.gateway.journal.size
    for number in range(500):
        far.say([messages.HELD, number % 3, number, number % 20])
        done = [messages.EXECUTED, 0, 0, 1, None, 1, 1_000, bytes(32), bytes(32)]
        far.say([messages.RECEIPT, number.to_bytes(8, "big"), bytes(32), *done])
    await until(lambda: counters.frames >= before + 1_000)
    last = await house.gateway.journal.record("stop", "gateway", "test")
    assert 2 < last - size < LOGGED_MOST


class Attacker:
    """A stolen node: its frames are authentic, what they say is not sane. Hung up on, it comes as another one."""

    def __init__(self, house) -> None:
        self.house = house
        self.heard = 0
        self.names = 0
        self.far = None

    async def say(self, payloads: list[bytes]) -> None:
        """Payloads under the session's keys."""
        if self.far is None or self.far.closed.is_set():
            self.names += 1
            self.far = await self.house.enrolled(f"stolen-{self.names}", boot=GREATEST_BOOT)
        channel = self.far.session._channel
        await self._send(self.far, [channel.seal_payload(payload) for payload in payloads])

    async def shout(self, frames: list[bytes]) -> None:
        """Frames of a stranger, on a connection of their own, which ends in the middle of one."""
        far = self.house.far("nobody")
        await far.open()
        await self._send(far, frames)
        far.send_bytes(b"\x58\xff half")
        await far.hang_up()
        self.house.nodes.remove(far)

    async def _send(self, far, frames: list[bytes]) -> None:
        """All of them, and wait until they are taken in or the gateway has hung up."""
        counters = self.house.gateway.nodes.desk.counters
        before = counters.frames
        for frame in frames:
            far.send_raw(frame)
        await until(lambda: far.closed.is_set() or counters.frames >= before + len(frames))
        self.heard += counters.frames - before


async def test_a_hundred_thousand_hostile_frames_change_nothing(house, tier_size, caplog):
    """Those of stolen nodes, with every field of every message wrong, and those of strangers."""
    caplog.set_level("CRITICAL")
    frames_wanted = tier_size(100_000, 1_000_000)
    unforeseen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unforeseen.append(context))
    attacker = Attacker(house)
    payloads = chain(hostile_frames.each(), hostile_frames.any_of(seed=1))
    await attacker.say(list(islice(payloads, FRAMES_AT_ONCE)))
    channel = attacker.far.session._channel
    good = [channel.seal_payload(payload) for payload in islice(hostile_frames.each(), 200)]
    strange = hostile_frames.spoiled_frames([*good, attacker.far.hello()], seed=2)
    files, resident = open_files(), resident_bytes()

    while attacker.heard < frames_wanted:
        for _ in range(3):
            await attacker.say(list(islice(payloads, FRAMES_AT_ONCE)))
        await attacker.shout(list(islice(strange, FRAMES_AT_ONCE)))

    refused = house.refused
    assert unforeseen == []
    assert {errors.SHAPE, errors.NOT_CBOR, errors.NO_SESSION, errors.RATE, errors.OVER_LIMIT} <= refused.keys()
    assert sum(refused.values()) > frames_wanted // 2
    await until(lambda: open_files() <= files)
    assert resident_bytes() - resident < GROWTH_RESIDENT_BYTES
    assert len(house.gateway.store.boots(attacker.far.node)) < BOOTS_MOST

    other = await house.enrolled("meter-2")
    other.report(1)
    await other.acked_up_to(1)
    assert "meter-2" in [row["node"] for row in await house.ask("nodes.list")]
