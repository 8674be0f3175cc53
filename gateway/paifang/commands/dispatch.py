"""A command of class 1: checked here, sent once, and waited for. It is never queued and never repeated."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from paifang.errors import EXIT_REFUSED, PaifangError, bad_argument
from paifang_wire import messages, names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paifang.store import Store
    from paifang.store.points import Point, PointTable
    from paifang.store.sql import Connection

ID_LENGTH = 8
WITHIN_LEAST_MS = 100
WITHIN_MOST_MS = 300_000
WIRE_LEAST = -(1 << 63)
WIRE_MOST = (1 << 63) - 1
DIRECT_CLASS = 1

_BEGIN = "INSERT INTO commands(id, node, uid, payload, sent_ms) VALUES (?,?,?,?,?)"
_END = "UPDATE commands SET verdict = ?, receipt = ?, received_ms = ? WHERE id = ?"


class Target(Protocol):
    """A node with a live session. `uptime_ms()` is what its clock says by our estimate."""

    table: PointTable | None

    def uptime_ms(self) -> int: ...
    def send(self, message: Sequence[Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """`value` is as people say it: in the point's unit, or on and off. `uid` is who asks."""

    node: str
    point: object
    value: object
    within_ms: int
    uid: int | None


@dataclass(frozen=True, slots=True)
class _Waiting:
    node: str
    command_hash: bytes
    receipt: asyncio.Future[list[Any]]


class Dispatcher:
    """Sends commands. `target(node)` is the live session of a node, None when there is none."""

    def __init__(
        self,
        store: Store,
        target: Callable[[str], Target | None],
        random: Callable[[int], bytes],
        utc_ms: Callable[[], int],
    ) -> None:
        self.ignored_receipts = 0
        self._store = store
        self._target = target
        self._random = random
        self._utc_ms = utc_ms
        self._waiting: dict[bytes, _Waiting] = {}

    async def send(self, request: Request) -> dict[str, Any]:
        """Send and wait for the receipt.

        Returns {id, node, point, unit, verdict, reason, before, after, uptime_ms}; verdict `unknown` when no receipt
        came in time. Raises PaifangError when the gateway itself refuses: nothing was sent then.
        """
        target, point, value = self._checked(request)
        identifier = self._random(ID_LENGTH)
        deadline_ms = target.uptime_ms() + request.within_ms
        command = [messages.COMMAND, identifier, point.number, messages.OP_DIRECT, value, None, deadline_ms, None, None]
        payload = messages.encode(command)
        begin = (identifier, request.node, request.uid, payload, self._utc_ms())
        self._store.write(lambda connection: _execute(connection, _BEGIN, begin))
        receipt = await self._exchange(request, identifier, command, payload, target)
        return _answer(request, identifier, point, receipt)

    def take_receipt(self, node: str, receipt: list[Any], payload: bytes) -> None:
        """A receipt that `node` sent; one that answers no command of ours is counted and changes nothing."""
        _, identifier, command_hash, verdict = receipt[:4]
        waiting = self._waiting.get(identifier)
        if waiting is None or waiting.node != node or waiting.command_hash != command_hash:
            self.ignored_receipts += 1
            return
        del self._waiting[identifier]
        end = (min(verdict, len(names.VERDICTS)), payload, self._utc_ms(), identifier)
        self._store.write(lambda connection: _execute(connection, _END, end))
        if not waiting.receipt.done():
            waiting.receipt.set_result(receipt)

    def _checked(self, request: Request) -> tuple[Target, Point, int]:
        if not WITHIN_LEAST_MS <= request.within_ms <= WITHIN_MOST_MS:
            raise bad_argument(f"within is {WITHIN_LEAST_MS} ms to {WITHIN_MOST_MS // 1000} s, not {request.within_ms}")
        self._store.registry.find(request.node)
        target = self._target(request.node)
        if target is None:
            raise _refused("offline", f"node {request.node} is not connected", "a command is never kept for later")
        if target.table is None:
            raise _refused("offline", f"node {request.node} has not described itself yet", "try again in a moment")
        point = target.table.find(request.point)
        return target, point, _wire_value(request.node, point, request.value)

    async def _exchange(
        self, request: Request, identifier: bytes, command: list[Any], payload: bytes, target: Target
    ) -> list[Any] | None:
        receipt: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting[identifier] = _Waiting(request.node, hashlib.sha256(payload).digest(), receipt)
        try:
            target.send(command)
            async with asyncio.timeout(request.within_ms / 1000):
                return await receipt
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(identifier, None)


def _wire_value(node: str, point: Point, shown: object) -> int:
    """The wire integer of a value that `point` may be set to. Raises PaifangError saying why not."""
    where = f"{node} {point.name}"
    if point.point_class == 0:
        raise _refused("read-only", f"{where} can only be read", "`paifang nodes show` lists what can be set")
    if point.point_class != DIRECT_CLASS:
        hint = "this gateway sends direct commands only"
        raise _refused("no-authority", f"{where} is of class {point.point_class}", hint)
    value = point.wire(shown)
    low, high = point.limits
    if not max(low, WIRE_LEAST) <= value <= min(high, WIRE_MOST):
        allowed = f"{point.text(max(low, WIRE_LEAST))} to {point.text(min(high, WIRE_MOST))}"
        raise _refused("limit", f"{where} cannot be {point.text(value)}", f"the node allows {allowed}")
    return value


def _refused(code: str, message: str, hint: str) -> PaifangError:
    return PaifangError(message, hint, code=code, exit_code=EXIT_REFUSED)


def _answer(request: Request, identifier: bytes, point: Point, receipt: list[Any] | None) -> dict[str, Any]:
    verdict, reason, before, after, uptime_ms = (messages.UNKNOWN, 0, None, None, None)
    if receipt is not None:
        verdict, reason, before, after, _, _, uptime_ms = receipt[3:10]
    return {
        "id": identifier.hex(),
        "node": request.node,
        "point": point.name,
        "unit": point.unit,
        "verdict": _name(names.VERDICTS, verdict),
        "reason": _name(names.REFUSALS, reason) if reason else None,
        "before": point.shown(before),
        "after": point.shown(after),
        "uptime_ms": uptime_ms,
    }


def _name(table: tuple[str, ...], number: int) -> str:
    return table[number] if number < len(table) else str(number)


def _execute(connection: Connection, statement: str, values: tuple[Any, ...]) -> None:
    connection.execute(statement, values)
