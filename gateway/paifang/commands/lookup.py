"""What may be asked about commands without giving one: a point as it would be signed for, what waits, what became."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.commands import answers
from paifang.errors import not_found
from paifang.keys.host import host_mark
from paifang.store import commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.commands.keysets import KeySets
    from paifang.commands.path import CommandPath, Tools
    from paifang.store.commands import Command
    from paifang.store.points import PointTable


class Lookup:
    """`table(description)` and `encoded(description)` are point tables by their hash, None when not known."""

    def __init__(
        self,
        site: str,
        tools: Tools,
        path: CommandPath,
        keysets: KeySets,
        table: Callable[[bytes | None], PointTable | None],
        encoded: Callable[[bytes], bytes | None],
    ) -> None:
        self._site = site
        self._tools = tools
        self._path = path
        self._keysets = keysets
        self._table = table
        self._encoded = encoded

    def target(self, node: str, point: object) -> dict[str, Any]:
        """All that an order for this point is signed over. Raises PaifangError for a node that is not connected."""
        target, found = self._path.located(node, point)
        value = target.values().get(found.number)
        return {
            **self._signing(target.description),
            "node": node,
            "point": found.number,
            "name": found.name,
            "class": found.point_class,
            "two_persons": target.two_persons(found),
            "now_ms": self._tools.utc_ms(),
            "value": found.shown(value),
            "local_class": self._tools.settings().local_class,
        }

    def pending(self) -> list[dict[str, Any]]:
        """What waits for another person, the oldest first."""
        return [self._answer(command) for command in self._tools.pendings.list()]

    async def show(self, identifier: bytes) -> dict[str, Any]:
        """One command, with its order and the point table that it was signed for. Raises PaifangError."""
        found = await self._tools.dispatcher.find(identifier)
        if found is None:
            raise not_found(f"no command {identifier.hex()}", "`paifang commands` lists the newest")
        order, approval = found.signed, found.approval
        return {
            **self._answer(found),
            **self._signing(found.description),
            "order": order.hex() if order else None,
            "approval": approval.hex() if approval else None,
            "receipt": found.receipt.hex() if found.receipt else None,
            "now_ms": self._tools.utc_ms(),
        }

    async def list(self, limit: int, node: str | None) -> list[dict[str, Any]]:
        """The newest commands, the newest last."""
        found = await self._tools.store.read(lambda connection: commands.newest(connection, limit, node))
        return [self._answer(command) for command in found]

    def _answer(self, command: Command) -> dict[str, Any]:
        return answers.answer(command, self._table(command.description))

    def _signing(self, description: bytes) -> dict[str, Any]:
        table = self._encoded(description)
        return {
            "site": self._site,
            "description": description.hex(),
            "table": table.hex() if table else None,
            "keyset": self._keysets.version,
            "host": host_mark(),
        }
