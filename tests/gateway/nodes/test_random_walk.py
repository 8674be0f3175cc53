"""A node, its link and the gateway misbehave at random; in the end every record is stored once or declared lost."""

from __future__ import annotations

import random

import pytest
from far_side import VOLTAGE, FarNode, key_of
from near_side import CALLER, settings_in

from paifang.app import Gateway
from paifang_wire import messages


class Journal:
    """What a real node keeps: records until they are acknowledged, and gaps for those it had to drop."""

    def __init__(self, far: FarNode, chance: random.Random) -> None:
        self.far = far
        self.chance = chance
        self.made = 0
        self.waiting: dict[int, list] = {}
        self.dropped: set[int] = set()

    def make(self) -> None:
        self.made += 1
        number = self.made
        self.far.uptime_ms = max(self.far.uptime_ms, 100 * number)
        message = [messages.REPORT, 1, number, 100 * number, None, {VOLTAGE: number % 3000}, {}]
        if self.chance.random() < 0.1:
            message = [messages.GAP, 1, number, number, messages.GAP_QUEUE_FULL]
            self.dropped.add(number)
        self.waiting[number] = message

    def forget_acknowledged(self) -> None:
        high, bitmap = self.far.acked.get(1, (0, 0))
        for number in list(self.waiting):
            if number <= high or bitmap >> (number - high - 1) & 1:
                del self.waiting[number]

    def send_some(self) -> None:
        """Some of the first 32 that wait, in any order, some of them twice."""
        window = [number for number in sorted(self.waiting) if number < min(self.waiting) + 32]
        for number in self.chance.choices(window, k=min(len(window), 12)) if window else []:
            self.far.say(self.waiting[number])


@pytest.mark.parametrize("seed", range(3))
async def test_every_record_is_stored_once_or_declared_lost(tmp_path, tier_size, seed):
    chance = random.Random(seed)
    gateway = Gateway(settings_in(tmp_path))
    await gateway.start()
    await gateway.operations.handlers()["nodes.add"]({"node": "meter-1", "key": key_of("meter-1").hex()}, CALLER)
    far = FarNode(gateway.tcp_address)
    journal = Journal(far, chance)
    await far.connect()
    for _ in range(tier_size(150, 3_000)):
        fate = chance.random()
        if fate < 0.04:
            await far.hang_up()
            await gateway.stop()
            gateway = Gateway(settings_in(tmp_path))
            await gateway.start()
            far.address = gateway.tcp_address
        if fate < 0.12:
            await far.hang_up()
            await far.connect()
        for _ in range(chance.randrange(4)):
            journal.make()
        journal.forget_acknowledged()
        journal.send_some()
        if fate > 0.7:
            await gateway.store.flush()
    while journal.waiting:
        for message in list(journal.waiting.values())[:32]:
            far.say(message)
        await gateway.store.flush()
        await far.hear(messages.ACK)
        journal.forget_acknowledged()

    connection = gateway.store._connection
    stored = [row[0] for row in connection.execute("SELECT number FROM records ORDER BY number")]
    assert stored == sorted(set(range(1, journal.made + 1)) - journal.dropped)
    assert connection.execute("SELECT high, bitmap, stored, lost FROM boots").get == (
        journal.made,
        0,
        len(stored),
        len(journal.dropped),
    )
    assert gateway.store.conflicts == 0
    await far.hang_up()
    await gateway.stop()
