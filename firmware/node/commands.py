"""Commands of class 1: every check in its order, then the act, then a receipt in a chain.

Sans-IO but for the role's `write`. The session has already checked MAC and counter. A point's class, type and limits come
from the node's own table only; what the table does not allow is refused.
"""

import hashlib

from micropython import const

from paifang_wire import cbor, messages
from paifang_wire.mac import Hmac256

DIRECT_CLASS = const(1)
_KEPT = const(8)  # receipts that can be given again; more commands than this are never under way at once
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

    def __init__(self, points: tuple, write, now_ms, receipt_key: bytes) -> None:
        self._points = points
        self._write = write
        self._now_ms = now_ms
        self._seal = Hmac256(receipt_key)
        self._kept = []
        self._previous_hash = bytes(32)  # the chain starts anew with each boot

    async def execute(self, command: list) -> list:
        """The receipt of a command message. A repeated id gets the receipt of the first time, and nothing is done again."""
        _, identifier, point, op, value, deadline_ms = command
        command_hash = hashlib.sha256(messages.encode(command)).digest()
        for receipt in self._kept:
            if receipt[1] == identifier:
                if receipt[2] == command_hash:
                    return receipt
                return self._receipt(identifier, command_hash, messages.INCONSISTENT, None, None)
        refusal = check(self._points, point, op, value, deadline_ms, self._now_ms())
        before = after = None
        if not refusal:
            refusal, before, after = await self._write(point, value)
        receipt = self._receipt(identifier, command_hash, refusal, before, after)
        self._kept.append(receipt)
        if len(self._kept) > _KEPT:
            self._kept.pop(0)
        return receipt

    def _receipt(self, identifier: bytes, command_hash: bytes, refusal: int, before, after) -> list:
        verdict = messages.REFUSED if refusal else messages.EXECUTED
        receipt = [
            messages.RECEIPT,
            identifier,
            command_hash,
            verdict,
            refusal,
            before,
            after,
            self._now_ms(),
            self._previous_hash,
        ]
        receipt.append(self._seal.digest(cbor.encode(receipt)))
        self._previous_hash = hashlib.sha256(messages.encode(receipt)).digest()
        return receipt
