"""Commands of class 1: every check in its order, then the act, then a receipt in a chain.

Sans-IO but for the role's `write`. The session has already checked MAC and counter. A point's class, type and limits
come from the node's own table only; what the table does not allow is refused.
"""

import hashlib

from micropython import const

from paifang_wire import cbor, messages
from paifang_wire.mac import Hmac256

DIRECT_CLASS = const(1)
_KEPT = const(8)  # receipts that can be given again; more commands than this are never under way at once
_ID_END = const(11)  # of a receipt's payload: array and kind, then the id, then the hash of the command
_HASH_END = const(45)
_NUMBER, _TYPE, _MINIMUM, _MAXIMUM, _CLASS = const(0), const(3), const(5), const(6), const(7)


def check(points: tuple, point: int, op: int, value, deadline_ms: int, uptime_ms: int) -> int:
    """The refusal of a command by what the table says, or 0. `points` are rows as in the `describe` message."""
    if uptime_ms > deadline_ms:
        return messages.EXPIRED
    for row in points:
        if row[_NUMBER] == point:
            break
    else:
        return messages.NO_SUCH_POINT
    if op != messages.OP_DIRECT:
        return messages.NO_SUCH_OP
    if row[_CLASS] != DIRECT_CLASS:
        return messages.READ_ONLY if row[_CLASS] == 0 else messages.NO_AUTHORITY
    if type(value) is not int or (row[_TYPE] == messages.BOOL and value not in (0, 1)):
        return messages.WRONG_TYPE
    if (row[_MINIMUM] is not None and value < row[_MINIMUM]) or (row[_MAXIMUM] is not None and value > row[_MAXIMUM]):
        return messages.LIMIT
    return 0


class Commands:
    """`write(point, value)`, awaited, acts and returns (refusal or 0, value before, value after as read back)."""

    def __init__(self, points: tuple, write, now_ms, boot: int, receipt_key: bytes) -> None:
        self._points = points
        self._write = write
        self._now_ms = now_ms
        self._boot = boot
        self._seal = Hmac256(receipt_key)
        self._kept = []
        self._previous_hash = bytes(32)  # the chain starts anew with each boot

    async def execute(self, command: list) -> bytes:
        """The payload of the receipt. A repeated id gets the receipt of the first time, and nothing is done again."""
        _, identifier, point, op, value, _, deadline_ms, _, _ = command
        head = [messages.RECEIPT, identifier, hashlib.sha256(messages.encode(command)).digest()]
        start = cbor.encode(head)
        for payload in self._kept:
            if payload[1:_ID_END] == start[1:_ID_END]:
                if payload[1:_HASH_END] == start[1:]:
                    return payload
                return self._receipt(head, messages.INCONSISTENT, None, None)
        refusal = check(self._points, point, op, value, deadline_ms, self._now_ms())
        before = after = None
        if not refusal:
            refusal, before, after = await self._write(point, value)
        payload = self._receipt(head, refusal, before, after)
        self._kept.append(payload)
        if len(self._kept) > _KEPT:
            self._kept.pop(0)
        return payload

    def _receipt(self, head: list, refusal: int, before, after) -> bytes:
        verdict = messages.REFUSED if refusal else messages.EXECUTED
        receipt = head + [verdict, refusal, before, after, None, self._boot, self._now_ms(), self._previous_hash]
        receipt.append(self._seal.digest(cbor.encode(receipt)))
        payload = messages.encode(receipt)
        self._previous_hash = hashlib.sha256(payload).digest()
        return payload
