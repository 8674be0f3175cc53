"""Power fails at every storage operation of a command, of taking a key set, of going over to a new epoch.

Whatever operation it falls on: the node boots again, has acted once at the most, and says of the command what the
relay on the bench really did. A run whose cut did not fire is no run.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import secrets
from dataclasses import dataclass, field

import pytest

from paifang_rig.authority import Authority, good_for, relay_of_class
from paifang_rig.desk import Desk, LineLost
from paifang_rig.wifi import Wifi
from paifang_tools import nvs, provision
from paifang_wire import messages

RELAY = 16
LANES = 3
"""Boards that are swept side by side."""
CUTS_TEST = 15
TORN = ("flash-program", "flash-erase", "nvs-program", "nvs-erase")
"""What power can fail in the middle of."""


@dataclass(frozen=True)
class Cut:
    """Power fails at the `after`-th storage operation, before it or, `torn`, half-way through it.

    With `again`, it fails in the next boot, too, at that operation.
    """

    after: int
    torn: bool
    again: int = 0


@dataclass
class Lane:
    """One node on the bench. `flash` and `partition` are what each run starts from."""

    bench: object
    desk: Desk
    made: object
    authority: Authority
    point_class: int
    flash: bytes = b""
    partition: bytes = b""
    keyset: int = 1
    fired: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.made.name

    @property
    def board(self):
        return self.made.board

    @property
    def moves(self) -> int:
        """How often the relay has closed."""
        return self.made.sensors["relay"].moves.count(True)

    async def start(self):
        """As kept, with power and a session."""
        self.board.power_cut()
        self.board.flash_path.write_bytes(self.flash)
        self.board.nvs_path.write_bytes(self.partition)
        self.desk.forget(self.name)
        self.desk.identities[self.name] = self.made.identity
        await self.boot()
        self.board.ended.clear()

    async def boot(self):
        """The session of the next boot, its interlock's voltage known."""
        boots = self._boots()
        self.board.power_on()
        return await self.desk.ready(self.name, boots + 1)

    async def command(self, op: int, value: int | None = None, **more):
        return await self.desk.command(self.name, RELAY, op, value, **more)

    async def operate(self, identifier: bytes, value: int = 1):
        """Select and operate as the class asks: the receipt of the operate. LineLost when power fails on the way."""
        selected = await self.command(messages.OP_SELECT, value)
        assert selected[3] == messages.EXECUTED, selected
        signed = {}
        if self.point_class == 3:
            token = selected[7]
            where = [self.name, RELAY, self.desk.lines[self.name].description]
            fields = [identifier, *where, messages.OP_OPERATE, value, None, good_for(), self.keyset, "sweep", token]
            order = self.authority.order("alice", fields)
            signed = {"order": order, "approval": self.authority.approval("bob", order, keyset=self.keyset)}
        return await self.command(messages.OP_OPERATE, value, identifier=identifier, **signed)

    async def take(self, keyset) -> list:
        """The node's `held` to a key set."""
        rooted = keyset.rooted
        signatures = rooted.detached
        return await self.desk.rooted(self.name, messages.ROOTED_KEYSET, rooted.payload, signatures)

    def epoch(self) -> int:
        """As it lies on the node's own storage, after what a boot would tidy up."""
        partition = nvs.Nvs(nvs.Medium(self.board.nvs_path.read_bytes()))
        return partition.get(provision.NAMESPACE, "epoch")

    def keep(self) -> None:
        """What is on flash now is what each run starts from."""
        self.board.power_cut()
        self.flash, self.partition = self.board.flash_path.read_bytes(), self.board.nvs_path.read_bytes()

    def _boots(self) -> int:
        partition = nvs.Nvs(nvs.Medium(self.board.nvs_path.read_bytes()))
        return partition.get(provision.NAMESPACE, "boot")


class CommandCase:
    """A command of class 2 or 3 closes the relay."""

    def __init__(self, point_class: int) -> None:
        self.point_class = point_class

    async def act(self, lane: Lane) -> dict:
        told = {"id": secrets.token_bytes(8), "before": lane.moves}
        with contextlib.suppress(LineLost):
            told["receipt"] = await lane.operate(told["id"])
            await lane.desk.recall(lane.name, secrets.token_bytes(8))  # what is stored after the receipt is, by now
        return told

    async def check(self, lane: Lane, told: dict, line) -> None:
        closed = lane.moves - told["before"]
        receipt = await lane.desk.recall(lane.name, told["id"])
        verdict, reason = receipt[3:5]
        assert closed <= 1
        assert verdict in (messages.EXECUTED, messages.UNKNOWN), receipt
        if verdict == messages.EXECUTED:
            assert closed == 1
        if reason == messages.NOT_KEPT:
            assert closed == 0
        else:
            again = [heard for heard in line.heard if heard[:2] == receipt[:2]]
            assert again == [receipt, receipt], "told by itself after the boot, and once more when asked"
        if "receipt" in told:
            assert told["receipt"] == receipt
        await self.no_second_time(lane, told["id"])
        executed = await lane.operate(secrets.token_bytes(8))
        assert executed[3] == messages.EXECUTED, executed

    async def no_second_time(self, lane: Lane, identifier: bytes) -> None:
        before = lane.moves
        await lane.command(messages.OP_OPERATE, 1, identifier=identifier)
        assert lane.moves == before


class KeysetCase:
    """A node of key set 1 takes key set 2."""

    point_class = 3

    async def act(self, lane: Lane) -> dict:
        told = {}
        with contextlib.suppress(LineLost):
            told["held"] = await lane.take(lane.authority.keyset(2, revoked=["carol"]))
            await lane.desk.recall(lane.name, secrets.token_bytes(8))
        return told

    async def check(self, lane: Lane, told: dict, line) -> None:
        assert line.keyset in (1, 2)
        if "held" in told:
            assert told["held"][1:] == [messages.ROOTED_KEYSET, 2, 0]
            assert line.keyset == 2
        lane.keyset = line.keyset
        executed = await lane.operate(secrets.token_bytes(8))
        assert executed[3] == messages.EXECUTED, executed
        held = await lane.take(lane.authority.keyset(2, revoked=["carol"]))
        assert held[1:] == [messages.ROOTED_KEYSET, 2, 0]
        held = await lane.take(lane.authority.keyset(1))
        assert held[2:] == [2, messages.OLD_KEYSET]
        lane.keyset = 1


class EpochCase:
    """A node of epoch 1 goes over to epoch 2, which is another node key, and resets."""

    point_class = 1

    async def act(self, lane: Lane) -> dict:
        told = {}
        record = lane.authority.epoch(lane.name, 2)
        line = lane.desk.lines[lane.name]
        with contextlib.suppress(LineLost):
            told["held"] = await lane.desk.rooted(lane.name, messages.ROOTED_EPOCH, record.payload, record.detached)
        lane.desk.identities[lane.name] = dataclasses.replace(lane.made.identity, epoch=2)
        await lane.bench.until(lambda: not line.is_open, what="the end of the session")
        if lane.board.powered or lane.board.ended[lane.board.boot] == "reset":
            live = asyncio.create_task(lane.desk.session(lane.name, line.boot + 1))
            await lane.bench.until(lambda: live.done() or "cut" in lane.board.ended.values(), what="the next boot")
            live.cancel()
        return told

    async def check(self, lane: Lane, told: dict, line) -> None:
        if "held" in told:
            assert told["held"][1:] == [messages.ROOTED_EPOCH, 2, 0]
            assert lane.epoch() == 2
        assert lane.desk.identities[lane.name].epoch == lane.epoch()


CASES = {
    "class-2": CommandCase(2),
    "class-3": CommandCase(3),
    "class-3-on-a-full-page": CommandCase(3),
    "keyset": KeysetCase(),
    "epoch": EpochCase(),
}


async def run(lane: Lane, case, cut: Cut) -> None:
    """One run from the kept flash, its power failing at `cut`, to a node that works again."""
    await lane.start()
    fault = lane.board.cut_after(cut.after, torn=cut.torn)
    told = await case.act(lane)
    assert fault.fired, f"{cut}: power did not fail"
    lane.fired.append(fault.where.partition(" ")[0])
    await lane.bench.until(lambda: not lane.board.powered, what="the end of the power")
    lane.desk.identities[lane.name] = dataclasses.replace(lane.made.identity, epoch=lane.epoch())
    if cut.again:
        await fail_again(lane, cut.again)
    line = await lane.boot()
    await case.check(lane, told, line)


async def fail_again(lane: Lane, after: int) -> None:
    """The next boot ends at its operation `after`, or, if it has fewer of them, once it has its session."""
    before = lane.desk.lines.get(lane.name)
    lane.board.power_on()
    fault = lane.board.cut_after(after)
    await lane.bench.until(lambda: fault.fired or lane.desk.lines.get(lane.name) is not before, what="a second cut")
    lane.board.power_cut()
    lane.fired += [fault.where.partition(" ")[0]] if fault.fired else []


async def operations(lane: Lane, case) -> list[str]:
    """The kinds of the storage operations that the act takes when power stays, in order."""
    await lane.start()
    before = len(lane.board.storage.kinds)
    await case.act(lane)
    return lane.board.storage.kinds[before:]


@pytest.mark.parametrize(
    ("name", "eager"),
    [
        *((name, False) for name in CASES),
        ("class-3", True),
        *(pytest.param(name, True, marks=pytest.mark.soak) for name in CASES if name != "class-3"),
    ],
)
@pytest.mark.timeout(600)
async def test_power_fails_at_every_storage_operation(bench, node, tier, tier_size, name, eager) -> None:
    """`eager`: the NVS writes a value at once, not at the commit; ESP-IDF promises neither."""
    case, authority = CASES[name], Authority()
    identities = [authority.identity(f"sm-{n}") for n in range(LANES)]
    async with Desk(*identities) as desk:
        lanes = [
            Lane(
                bench,
                desk,
                node(
                    identity.node,
                    "smart_meter",
                    desk.port,
                    period_ms=200,
                    identity=identity,
                    config=relay_of_class(case.point_class),
                    wifi=Wifi(connect_ms=5),
                    nvs_eager=eager,
                ),
                authority,
                case.point_class,
            )
            for identity in identities
        ]
        await asyncio.gather(*(prepare(lane) for lane in lanes))
        if name == "class-3-on-a-full-page":
            for lane in lanes:
                lane.partition = filled(lane.partition)
        kinds = await operations(lanes[0], case)
        cuts = [Cut(n, torn) for n, kind in enumerate(kinds, 1) for torn in (False, True) if not torn or kind in TORN]
        if tier == "soak":
            cuts += [Cut(n, torn=False, again=again) for n in range(1, len(kinds) + 1) for again in range(1, 9)]
        random.Random(3).shuffle(cuts)
        cuts = sorted(cuts[: tier_size(CUTS_TEST, len(cuts))], key=lambda cut: cut.after)
        queue = iter(cuts)

        async def sweep(lane: Lane) -> None:
            for cut in queue:
                await run(lane, case, cut)

        await asyncio.gather(*(sweep(lane) for lane in lanes))
        fired = [where for lane in lanes for where in lane.fired]
    print(f"{name}: {len(kinds)} storage operations, {len(cuts)} runs, {len(fired)} cuts fired: {sorted(set(fired))}")
    assert len(fired) >= len(cuts)


def filled(partition: bytes) -> bytes:
    """An NVS where the next entry starts a page change with a clean-up: every page but one used to the last entries."""
    medium = nvs.Medium(partition)
    opened = nvs.Nvs(medium)
    number = 0
    while len(opened._free()) > 1 or opened._next_index(opened._ordered()[-1]) < nvs.ENTRY_COUNT - 3:
        number += 1
        opened.set(provision.NAMESPACE, "worn", number)
    return bytes(medium.data)


async def prepare(lane: Lane) -> None:
    """A node that has run before, and has key set 1 if it takes any."""
    lane.board.power_on()
    await lane.desk.ready(lane.name)
    if lane.point_class == 3:
        held = await lane.take(lane.authority.keyset(1))
        assert held[1:] == [messages.ROOTED_KEYSET, 1, 0]
    lane.keep()
