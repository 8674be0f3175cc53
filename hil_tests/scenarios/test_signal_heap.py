"""A whole signal in its heap: every step that takes some for a moment, one after the other, with a real gateway."""

from __future__ import annotations

import pytest

from paifang_rig.authority import Authority
from paifang_rig.operators import Operators
from paifang_rig.signals.node import example, make_signal
from paifang_rig.simulated.models.cabinet import Cabinet
from paifang_rig.wifi import Wifi
from paifang_wire import cbor, orders, sign1

NAME = "signal-1"
HARDWARE = {"cabinet": {"groups": 16, "detectors": 32}}
HOLD, RECALLED = 0b0010_0010, 0b1000_1000
PREEMPTS, TRANSIT, DETECTORS = 5, 6, 7
ROWS, MOST_DETECTORS = 8, 32
WITHOUT_HEAP = ("MemoryError", "no heap", "memory allocation")


def largest(plan):
    """A plan with as many rows as one may have."""
    full = [*plan]
    for place, count in ((PREEMPTS, ROWS), (TRANSIT, ROWS), (DETECTORS, MOST_DETECTORS)):
        full[place] = [full[place][i % len(full[place])] for i in range(count)]
    return full


class Junction:
    """A gateway, a signal with a record and a plan, and the people with their keys."""

    def __init__(self, gate, made, authority, plan) -> None:
        self.gate, self.made, self.authority, self.plan = gate, made, authority, plan
        self.people = Operators(gate.request, authority)

    async def connected(self, **changes) -> None:
        def is_there(shown) -> bool:
            return shown["connected"] and all(shown[name] == value for name, value in changes.items())

        await self.gate.until(is_there, "nodes.show", node=NAME, deadline_s=60)

    async def told(self, point: str, value: int) -> None:
        """The newest report of a point says so."""
        rows = {"node": NAME, "point": point, "limit": 1}
        await self.gate.until(lambda found: found and found[0]["value"] == value, "read", **rows, deadline_s=60)

    async def reports(self, count: int) -> None:
        """So many reports came, one each second, none left out."""
        before = len(self.gate.stored())
        await self.gate.until(lambda _: len(self.gate.stored()) >= before + count, "nodes.list", deadline_s=60)

    async def takes_a_key_set(self) -> None:
        await self.people.load(1)
        await self.connected(keyset=1)

    async def holds(self) -> None:
        receipt = await self.people.submit("alice", NAME, "hold", 0, HOLD)
        assert receipt["verdict"] == "executed", receipt
        await self.told("hold", HOLD)

    async def takes_a_plan(self) -> None:
        version, _, *parts = largest(self.plan)
        payload = cbor.encode([version, "another day", *parts])
        staged = await self.gate.request("signals.stage", node=NAME, what="plan", payload=payload.hex())
        receipt = await self.people.set("bob", NAME, "plan_load", staged["id"])
        assert receipt["verdict"] == "executed", receipt
        receipt = await self.people.set("carol", NAME, "plan", 2)
        assert receipt["verdict"] == "executed", receipt
        await self.told("plan", 2)

    async def is_recalled(self) -> None:
        receipt = await self.people.set("dave", NAME, "recall", RECALLED)
        assert (receipt["verdict"], receipt["after"]) == ("executed", RECALLED), receipt

    async def is_latched_by_two_persons(self) -> None:
        for value, one, other in ((1, "alice", "bob"), (0, "carol", "dave")):
            pending = await self.people.set(one, NAME, "latch", value)
            assert pending["verdict"] == "pending", pending
            receipt = await self.people.approve(other, pending["id"])
            assert receipt["verdict"] == "executed", receipt
            await self.told("latch", value)

    async def takes_a_site_record(self) -> None:
        record = orders.encode_site([NAME, 2, example()[0]])
        rooted = self.authority.rooted(sign1.SITE_RECORD, record)
        await self.gate.request("signals.site", node=NAME, record=rooted.encode().hex())
        board = self.made.board
        await board.bench.until(lambda: board.boot == 2, 30, "the node starts again")
        await self.connected()
        await self.told("edition", 2)


STEPS = ("takes_a_key_set", "holds", "takes_a_plan", "is_recalled", "is_latched_by_two_persons", "takes_a_site_record")


@pytest.fixture
def junction(bench, gateway):
    """`await junction()`: it has power, and a session."""

    async def make(**options) -> Junction:
        authority = Authority()
        gate = await gateway(files=authority.files)
        site, plan = example()
        wiring = {"hardware": HARDWARE, "sensors": [Cabinet()], "wifi": Wifi(connect_ms=5)}
        made = make_signal(bench, NAME, site, [largest(plan)], gate.port, authority=authority, **wiring, **options)
        await gate.enrol(made.identity)
        made.board.power_on()
        house = Junction(gate, made, authority, plan)
        await house.connected()
        await house.told("edition", 1)
        return house

    return make


async def test_every_step_has_room(junction) -> None:
    house = await junction()
    await house.reports(3)
    for step in STEPS:
        await getattr(house, step)()
        await house.reports(2)
    said = [line for line in house.made.board.console if any(text in line for text in WITHOUT_HEAP)]
    assert said == []
    assert house.made.board.ended == {1: "reset"}, "the new site record is a restart, and there was no other"
