"""A gateway with a key set and a policy, and a node with points of every class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from far_side import until
from near_side import settings_in
from persons import WARD_POINTS, Obedient, Persons

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from far_side import FarNode


class Ward:
    """`house` is the gateway, `people` those with keys, `far` the node gate-1 and `node` what answers for it."""

    def __init__(self, house: Any, people: Persons, far: FarNode) -> None:
        self.house = house
        self.ask = house.ask
        self.people = people
        self.far = far
        self.node = Obedient(far)

    @property
    def room(self) -> Any:
        return self.house.gateway.commands

    async def log(self, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        """(kind, detail) of the log's entries of these kinds."""
        await self.house.gateway.journal.record("start", "test", "test")  # what was noted before is on the disk
        found = await self.ask("audit.list", limit=10_000, first=0)
        return [(entry["kind"], entry["detail"]) for entry in found if not kinds or entry["kind"] in kinds]

    async def verdicts(self, identifier: str) -> list[str]:
        """Every verdict that the log has of a command."""
        return [detail["verdict"] for _, detail in await self.log("verdict", "expired") if detail["id"] == identifier]

    async def report(self, number: int, values: dict[int, int]) -> None:
        self.far.report(number, values)
        await self.far_acked(number)

    async def far_acked(self, number: int) -> None:
        await until(lambda: self.far.acked.get(self.far.boot, (0, 0))[0] >= number)


@pytest.fixture
async def make_ward(
    start: Callable[..., Awaitable[Any]], tmp_path: Any
) -> AsyncIterator[Callable[..., Awaitable[Ward]]]:
    """`await make_ward(**arguments of Gateway)`; `keyset` 0 for none, `settings` as changes."""
    wards: list[Ward] = []

    async def make(keyset: int = 1, settings: dict[str, Any] | None = None, **arguments: Any) -> Ward:
        people = Persons()
        people.write(tmp_path / "data")
        house = await start(settings_in(tmp_path / "data", **(settings or {})), **arguments)
        people.ask = house.ask
        far = house.far("gate-1")
        far.points = WARD_POINTS
        await house.ask("nodes.add", node="gate-1", key=far.key.hex(), epoch=1)
        made = Ward(house, people, far)
        wards.append(made)
        if keyset:
            await people.load(keyset)
        await made.node.connect()
        await until(lambda: made.node.keyset == keyset)
        return made

    yield make
    for each in wards:
        await each.node.stop()


@pytest.fixture
async def ward(make_ward: Callable[..., Awaitable[Ward]]) -> Ward:
    return await make_ward()
