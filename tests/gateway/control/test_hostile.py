"""A process on this machine that means harm: 100,000 requests, and the gateway is what it was before."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import json
import os
import tracemalloc
from collections import Counter
from itertools import count, islice
from typing import TYPE_CHECKING

import hostile_lines
import pytest
from far_side import until
from hostile_lines import TOO_LONG
from near_side import open_files, resident_bytes, settings_in

from paifang.control.async_client import AsyncControlClient
from paifang.control.authority import Authority, Caller, peer
from paifang.control.server import CONNECTIONS_PER_USER
from paifang.settings import AuthoritySettings, ControlSettings, RatesSettings, UserSettings
from paifang_wire import messages

if TYPE_CHECKING:
    from pathlib import Path

WAVE = 15
"""As many requests at once as one connection may have in flight, the last one included."""
WAVES = 8
FLOOD = 2 * CONNECTIONS_PER_USER
DEADLINE_S = 60.0
LAST_ID = 424242
LAST = b'{"id": 424242, "op": "no-such-op"}\n'
VIEWER_UID, OPERATOR_UID, NOBODY_UID = 4_000_001, 4_000_002, 4_000_003

TRACED_CONNECTIONS = 30
GROWTH_BYTES = 100 * WAVE * WAVES * TRACED_CONNECTIONS
"""A leak of 100 bytes a request is found."""
GROWTH_RESIDENT_BYTES = 64 << 20


class Attack:
    """Requests to a socket. `sent` counts those that were answered, `answers` what kinds of answers came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sent = 0
        self.answers: Counter[str] = Counter()

    async def converse(self, lines: list[bytes], half: bool = False) -> None:
        """One connection, wave after wave; `half`: it is closed for writing before the last answers."""
        async with self._connected() as (reader, writer):
            waves = [lines[start : start + WAVE] for start in range(0, len(lines), WAVE)]
            for wave in waves:
                writer.write(b"".join(wave) + LAST)
                if half and wave is waves[-1]:
                    writer.write_eof()
                if not await self._hear(reader, wave):
                    return
                self.sent += len(wave)

    async def shout(self, data: bytes) -> None:
        """One connection that hears nothing and goes away."""
        async with self._connected() as (_, writer):
            writer.write(data)

    async def _hear(self, reader: asyncio.StreamReader, wave: list[bytes]) -> bool:
        """Until each request has its answer; a stream has none. False when the gateway has closed."""
        missing = sum(b"watch" not in line for line in wave)
        last = False
        while missing > 0 or not last:
            line = await reader.readline()
            if not line:
                return False
            answer = json.loads(line)
            kind = "item" if "item" in answer else "ok" if answer["ok"] else answer["error"]["code"]
            self.answers[kind] += 1
            last = last or answer["id"] == LAST_ID
            missing -= kind != "item" and answer["id"] != LAST_ID
        return True

    @contextlib.asynccontextmanager
    async def _connected(self):
        reader, writer = await asyncio.open_unix_connection(os.fspath(self.path), limit=1 << 24)
        try:
            async with asyncio.timeout(DEADLINE_S):
                yield reader, writer
        except ConnectionError:
            self.answers["cut off"] += 1
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def house(start, tmp_path):
    """A gateway with a node that obeys at once, so that commands come as far as they can."""
    rates = RatesSettings(per_point=6_000, per_person=6_000)
    made = await start(settings_in(tmp_path / "data", authority=AuthoritySettings(rates=rates)))
    far = await made.enrolled("meter-1")
    obeying = asyncio.create_task(obey(far))
    yield made
    obeying.cancel()


async def obey(far) -> None:
    while True:
        command = await far.heard.get()
        if command[0] == messages.COMMAND:
            digest = hashlib.sha256(messages.encode(command)).digest()
            done = [messages.EXECUTED, 0, 0, command[4], None, far.boot, far.uptime_ms]
            far.say([messages.RECEIPT, command[1], digest, *done, bytes(32), bytes(32)])


@pytest.fixture
def as_uid(house):
    """`as_uid(uid)`: connections to the gateway come from this user from now on."""

    def change(uid):
        house.gateway.control._peer_of = lambda _socket: Caller(1, uid, uid, frozenset({uid}))

    yield change
    house.gateway.control._peer_of = peer


def authority() -> Authority:
    users = (UserSettings(uid=OPERATOR_UID, roles=("operator",)),)
    return Authority(ControlSettings(uids=(VIEWER_UID,), users=users))


async def settled(house, tasks: int = 1 << 20, files: int = 1 << 20) -> None:
    """All connections are over, and nothing of them is left."""
    await until(lambda: not house.gateway.control._connections)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    await until(lambda: open_files() <= files)


async def test_a_hundred_thousand_hostile_requests_change_nothing(house, as_uid, tier_size, caplog):
    requests = tier_size(100_000, 1_000_000)
    caplog.set_level("CRITICAL")
    control, own = house.gateway.control, os.getuid()
    control.allow(authority())
    attack, denied = Attack(control.path), Counter()
    control.denials.on_denied = lambda caller, op, role, times: denied.update({caller.uid: times})
    assert hostile_lines.GOOD.keys() == control.handlers.keys()
    lines = hostile_lines.any_of(seed=1)

    await attack.converse(list(hostile_lines.each()))
    await settled(house)
    tasks, files, resident = len(asyncio.all_tasks()), open_files(), resident_bytes()
    for number in count():
        as_uid((own, own, OPERATOR_UID, VIEWER_UID)[number % 4])
        if number % 100 == 99:
            control.allow(authority())
        await attack.converse(list(islice(lines, WAVE * WAVES)), half=number % 3 == 2)
        if number % 10 == 9:
            await attack.shout(b"".join(islice(lines, WAVE)))
            as_uid(NOBODY_UID)
            await attack.converse(list(islice(lines, WAVE)))
        if number % 50 == 49:
            as_uid(VIEWER_UID)
            await asyncio.gather(*(attack.shout(TOO_LONG[: (1 + each % 3) << 15]) for each in range(FLOOD)))
            await settled(house)
        if attack.sent >= requests:
            break
    await settled(house, tasks, files)
    control.denials.flush()

    assert control.counts["internal"] == 0
    assert {"ok", "malformed", "unknown-op", "bad-argument", "denied", "not-found"} <= attack.answers.keys()
    assert {"too-long", "busy"} <= control.counts.keys()
    assert sum(denied.values()) == control.counts["denied"]
    assert denied.keys() == {VIEWER_UID, OPERATOR_UID, NOBODY_UID}
    assert denied[VIEWER_UID] > denied[OPERATOR_UID] > requests // 200
    assert attack.answers["ok"] > requests // 50
    assert resident_bytes() - resident < GROWTH_RESIDENT_BYTES
    await serves_as_before(house, as_uid)


async def serves_as_before(house, as_uid) -> None:
    as_uid(os.getuid())
    async with AsyncControlClient(house.gateway.control.path) as client:
        assert (await client.request("status"))["site"] == house.gateway.settings.site
    far = await house.enrolled("meter-9")
    far.report(1)
    await far.acked_up_to(1)


async def test_memory_does_not_grow_with_hostile_requests(house, caplog):
    caplog.set_level("CRITICAL")
    control = house.gateway.control
    attack = Attack(control.path)
    lines = list(islice(hostile_lines.any_of(seed=2), WAVE * WAVES))

    async def memory_after_a_round() -> int:
        for _ in range(TRACED_CONNECTIONS):
            await attack.converse(lines)
        await settled(house)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        await memory_after_a_round()
        before = await memory_after_a_round()
        after = await memory_after_a_round()
    finally:
        tracemalloc.stop()
    assert after - before < GROWTH_BYTES
