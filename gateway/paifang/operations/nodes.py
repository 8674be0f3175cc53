"""Operations on nodes: which there are, and which may speak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.arguments import Arguments
from paifang.keys.roots import FILE_LIMIT
from paifang.operations.callers import actor

if TYPE_CHECKING:
    from paifang.control.authority import Caller
    from paifang.control.connection import Handler
    from paifang.enrolment import Enrolment
    from paifang.report import Reporter

EPOCH_MOST = 1 << 30


class NodeOperations:
    def __init__(self, enrolment: Enrolment, report: Reporter) -> None:
        self._enrolment = enrolment
        self._report = report

    def handlers(self) -> dict[str, Handler]:
        return {
            "nodes.list": self._list,
            "nodes.show": self._show,
            "nodes.add": self._add,
            "nodes.remove": self._remove,
            "nodes.reset-boot": self._reset_boot,
            "nodes.rekey": self._rekey,
        }

    async def _list(self, args: dict[str, Any], _caller: Caller) -> Any:
        given = Arguments("nodes.list", args)
        unknown = given.flag("unknown")
        given.done()
        return self._report.strangers() if unknown else await self._report.nodes()

    async def _show(self, args: dict[str, Any], _caller: Caller) -> Any:
        return await self._report.node(_node("nodes.show", args))

    async def _add(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("nodes.add", args)
        node, key, epoch = given.text("node"), given.hexadecimal("key", 32), given.whole("epoch", 1, 0, EPOCH_MOST)
        given.done()
        return await self._enrolment.add(node, key, epoch, actor(caller))

    async def _remove(self, args: dict[str, Any], caller: Caller) -> Any:
        return await self._enrolment.remove(_node("nodes.remove", args), actor(caller))

    async def _reset_boot(self, args: dict[str, Any], caller: Caller) -> Any:
        return await self._enrolment.reset_boot(_node("nodes.reset-boot", args), actor(caller))

    async def _rekey(self, args: dict[str, Any], caller: Caller) -> Any:
        given = Arguments("nodes.rekey", args)
        node, key, epoch = given.text("node"), given.hexadecimal("key", 32), given.whole("epoch", 1, 1, EPOCH_MOST)
        record = given.octets("record", FILE_LIMIT)
        given.done()
        return await self._enrolment.rekey(node, key, epoch, record, actor(caller))


def _node(op: str, args: dict[str, Any]) -> str:
    given = Arguments(op, args)
    node = given.text("node")
    given.done()
    return node
