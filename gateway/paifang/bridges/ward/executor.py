"""Commands to a device behind a bridge: every check that a node makes, then the order, then a receipt in a chain.

A receipt has the shape of a node's. Its tag is zeros: behind a bridge there is no node with a key, and what proves it
is the gateway's log. The receipts of this life are kept; who asks for an earlier one is told that it is not.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from paifang_wire import messages, names, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paifang.bridges.party import Ordered, Verdict

KEPT = 1_000
TOKEN_BYTES = 16
NO_TAG = bytes(32)
_Result = tuple[int, int, int | None, int | None, bytes | None]
"""Verdict, reason, value before, value after, token: places 3 to 7 of a receipt."""

_EXCEPTIONS = {1: messages.NO_SUCH_OP, 2: messages.NO_SUCH_POINT, 3: messages.LIMIT, 5: messages.BUSY, 6: messages.BUSY}
"""Exception of a device -> reason. Any other: it does not follow."""
_NOT_KEPT: _Result = (messages.UNKNOWN, messages.NOT_KEPT, None, None, None)
_ENDED: Mapping[Verdict, tuple[int, int]] = {
    "expired": (messages.REFUSED, messages.EXPIRED),
    "refused": (messages.REFUSED, messages.INCONSISTENT),
    "done": (messages.EXECUTED, 0),
    "unknown": (messages.UNKNOWN, 0),
}


class Device(Protocol):
    """What an executor needs of a device. `order(key, point name, value, uptime_ms)` has a point set before then; it
    raises ValueError when the device has no way to say the value.
    """

    @property
    def rows(self) -> Sequence[Any]:
        """The rows of its description."""
        ...

    @property
    def safe(self) -> Mapping[int, int]: ...
    @property
    def boot(self) -> int: ...
    def uptime_ms(self) -> int: ...
    def values(self) -> Mapping[int, int]: ...
    def order(self, key: str, point: str, value: int, uptime_ms: int) -> None: ...
    def fault(self, point: int, detail: str) -> None:
        """An output that does not do what it is told."""
        ...


@dataclass(slots=True)
class _Selected:
    value: int | None
    until_ms: int
    token: bytes | None


@dataclass(slots=True)
class _Acting:
    """An order on its way. `superseded`: the point was brought to its safe state after it."""

    identifier: bytes
    digest: bytes
    point: int
    value: int
    before: int | None
    is_safe: bool = False
    superseded: bool = False


class Executor:
    """`answer(receipt, payload)` gets the receipts. `two_persons`: numbers of points that a second person approves.

    `random(n)`: n bytes.
    """

    def __init__(
        self,
        device: Device,
        two_persons: frozenset[int],
        answer: Callable[[list[Any], bytes], object],
        random: Callable[[int], bytes],
    ) -> None:
        self.two_persons = two_persons
        self._device = device
        self._answer = answer
        self._random = random
        self._selected: dict[int, _Selected] = {}
        self._acting: dict[str, _Acting] = {}
        self._kept: OrderedDict[bytes, tuple[list[Any], bytes]] = OrderedDict()
        self._previous_hash = bytes(32)
        self._ops: Mapping[int, Callable[[_Acting, list[Any]], None]] = {
            messages.OP_DIRECT: self._act,
            messages.OP_SELECT: self._select,
            messages.OP_OPERATE: self._operate,
            messages.OP_CANCEL: self._cancel,
            messages.OP_SAFE: self._make_safe,
        }

    def take(self, message: Sequence[Any]) -> None:
        """A command, or the question what became of one; both are answered once it is known."""
        identifier = message[1]
        if identifier.hex() in self._acting:
            return
        kept = self._kept.get(identifier)
        if message[0] == messages.RECALL:
            if kept is None:
                self._tell(identifier, bytes(32), _NOT_KEPT)
            else:
                self._answer(*kept)
            return
        digest = hashlib.sha256(messages.encode(message)).digest()
        if kept is None:
            self._begin(identifier, digest, list(message))
        elif kept[0][2] == digest:
            self._answer(*kept)
        else:
            self._tell(identifier, digest, _refused(messages.INCONSISTENT))

    def ended(self, ordered: Ordered) -> None:
        """How an order ended."""
        acting = self._acting.pop(ordered.key, None)
        if acting is None:
            return
        verdict, reason = _ENDED[ordered.verdict]
        if ordered.verdict == "refused":
            reason = _EXCEPTIONS.get(ordered.exception, reason)
            self._device.fault(acting.point, f"refused: {ordered.why}")
        elif ordered.verdict == "done" and ordered.value is None:
            verdict = messages.UNKNOWN
            self._device.fault(acting.point, "taken, and not read back")
        elif ordered.verdict == "done" and ordered.value != acting.value:
            verdict, reason = messages.REFUSED, messages.INCONSISTENT
            self._device.fault(acting.point, "taken, and reads back as another value")
        if acting.superseded and verdict == messages.EXECUTED:
            verdict = messages.SUPERSEDED
        self._keep(acting, (verdict, reason, acting.before, ordered.value, None))

    def give_up(self) -> None:
        """The device is taken away: what is on its way is not known."""
        for acting in list(self._acting.values()):
            self._keep(acting, (messages.UNKNOWN, 0, acting.before, None, None))
        self._acting.clear()

    def _begin(self, identifier: bytes, digest: bytes, command: list[Any]) -> None:
        _, _, point, op, value, expect, deadline_ms = command[:7]
        before = self._device.values().get(point)
        acting = _Acting(identifier, digest, point, value or 0, before)
        refusal = self._refusal(point, op, value, expect, deadline_ms)
        if refusal:
            self._keep(acting, _refused(refusal, before))
        else:
            self._ops[op](acting, command)

    def _refusal(self, point: int, op: int, value: int | None, expect: int | None, deadline_ms: int) -> int:
        left_ms = deadline_ms - self._device.uptime_ms()
        if left_ms < 0:
            return messages.EXPIRED
        if op >= len(names.OPS):
            return messages.NO_SUCH_OP
        if op == messages.OP_SAFE and left_ms > rules.SAFE_WITHIN_MS:
            return messages.LIMIT
        return rules.refusal(self._device.rows, point, op, value, expect, self._device.values().get)

    def _act(self, acting: _Acting, command: list[Any]) -> None:
        if any(each.point == acting.point for each in self._acting.values()):
            self._keep(acting, _refused(messages.BUSY, acting.before))
        else:
            self._order(acting, command[6])

    def _order(self, acting: _Acting, deadline_ms: int) -> None:
        key = acting.identifier.hex()
        name = rules.find(self._device.rows, acting.point)[rules.NAME]
        self._acting[key] = acting
        try:
            self._device.order(key, name, acting.value, deadline_ms)
        except ValueError:
            del self._acting[key]
            self._keep(acting, _refused(messages.LIMIT, acting.before))

    def _select(self, acting: _Acting, command: list[Any]) -> None:
        is_approved = acting.point in self.two_persons
        token = self._random(TOKEN_BYTES) if is_approved else None
        until_ms = self._device.uptime_ms() + (rules.TOKEN_MS if is_approved else rules.SELECT_MS)
        self._selected[acting.point] = _Selected(command[4], until_ms, token)
        self._keep(acting, (messages.EXECUTED, 0, None, None, token))

    def _cancel(self, acting: _Acting, _command: list[Any]) -> None:
        self._selected.pop(acting.point, None)
        self._keep(acting, (messages.EXECUTED, 0, None, None, None))

    def _operate(self, acting: _Acting, command: list[Any]) -> None:
        held = self._selected.pop(acting.point, None)
        if held is None or self._device.uptime_ms() > held.until_ms or held.value != command[4]:
            self._keep(acting, _refused(messages.NOT_SELECTED, acting.before))
        elif acting.point in self.two_persons and None in command[7:9]:
            self._keep(acting, _refused(messages.NO_AUTHORITY, acting.before))
        else:
            self._act(acting, command)

    def _make_safe(self, acting: _Acting, command: list[Any]) -> None:
        """Whatever else is on its way to the point, this comes after it, and counts."""
        self._selected.pop(acting.point, None)
        safe = self._device.safe.get(acting.point)
        if safe is None:
            self._keep(acting, _refused(messages.NO_SUCH_OP, acting.before))
            return
        for each in self._acting.values():
            each.superseded = each.superseded or (each.point == acting.point and not each.is_safe)
        acting.value, acting.is_safe = safe, True
        self._order(acting, command[6])

    def _keep(self, acting: _Acting, result: _Result) -> None:
        kept = self._tell(acting.identifier, acting.digest, result)
        self._kept[acting.identifier] = kept
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def _tell(self, identifier: bytes, digest: bytes, result: _Result) -> tuple[list[Any], bytes]:
        head = [messages.RECEIPT, identifier, digest, *result, self._device.boot, self._device.uptime_ms()]
        receipt = [*head, self._previous_hash, NO_TAG]
        payload = messages.encode(receipt)
        self._previous_hash = hashlib.sha256(payload).digest()
        self._answer(receipt, payload)
        return receipt, payload


def _refused(reason: int, before: int | None = None) -> _Result:
    return messages.REFUSED, reason, before, None, None
