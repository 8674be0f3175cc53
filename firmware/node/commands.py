"""Commands: every check in its order, then the act, then a receipt in a chain.

Sans-IO but for the role's acts and the ledger. The session has already checked MAC and counter. A point's class, type,
limits and interlock come from the node's own table only; what the table does not allow is refused. Points of class 2
and 3 are commanded by way of `selecting`; what is done to them is written into the `ledger` before it is done.
"""

import hashlib

from micropython import const

from paifang_wire import cbor, messages, rules
from paifang_wire.mac import Hmac256

_KEPT = const(8)  # receipts in RAM that can be given again; more commands than this are never under way at once
# Of a receipt's payload: array, kind and the head of the id before the first, the head of the hash between them.
_ID, _ID_END, _HASH, _HASH_END = const(3), const(11), const(13), const(45)

_UNKNOWN = (messages.UNKNOWN, 0, None, None, None)


def refused(reason: int, before=None, after=None) -> tuple:
    """A result: (verdict, reason, value before, value after, token)."""
    return messages.REFUSED, reason, before, after, None


class Commands:
    """`points`: rows as in the `describe` message, whatever gives them. `boot`, `receipt_key`: as of `identity`.

    `role`: `read(point)` gives the present value on the wire, None if it is not known; `write(point, value)` and
    `to_safe(point)`, awaited, act and return (refusal or 0, value before, value after as read back). `selecting` (a
    `selecting.Selecting`) and `ledger` (a `ledger.Ledger`) are needed where there is a point of class 2 or 3.
    """

    def __init__(self, points, role, now_ms, boot: int, receipt_key: bytes, selecting=None, ledger=None) -> None:
        self.points = points
        self._role = role
        self.now_ms = now_ms
        self.boot = boot
        self.seal = Hmac256(receipt_key)
        self._selecting = selecting
        self._ledger = ledger
        self._kept = []
        self._running = []
        self._acting = {}
        self.previous_hash = bytes(32)  # the chain starts anew with each boot

    async def execute(self, command: list):
        """The payload of the receipt. A repeated id gets the receipt of the first time, and nothing is done again.

        None when that command is still under way: its one receipt is what the first `execute` returns.
        """
        identifier = command[1]
        if identifier in self._running:
            return None
        digest = hashlib.sha256(messages.encode(command)).digest()
        kept = self._find(identifier)
        if kept is not None:
            if kept[_HASH:_HASH_END] == digest:
                return kept
            return self._receipt(identifier, digest, refused(messages.INCONSISTENT))
        self._running.append(identifier)
        try:
            result = await self._run(command, digest)
        except Exception as error:
            print("command to point", command[2], "broke off:", repr(error))
            result = _UNKNOWN
        finally:
            self._running.remove(identifier)
        payload = self._receipt(identifier, digest, result)
        if self._ledger is None or not self._ledger.close(identifier, payload):
            self._kept.append(payload)
            del self._kept[:-_KEPT]
        return payload

    def recall(self, identifier: bytes):
        """The payload of the kept receipt, or of one that says that none is kept; None while it is under way."""
        if identifier in self._running:
            return None
        nothing = (messages.UNKNOWN, messages.NOT_KEPT, None, None, None)
        return self._find(identifier) or self._receipt(identifier, bytes(32), nothing)

    def earlier(self):
        """The payload of the next receipt of an earlier boot, each once; None when there is none left."""
        while self._ledger is not None and self._ledger.earlier:
            payload = self._find(self._ledger.earlier.pop(0))
            if payload:
                return payload
        return None

    def refusal(self, command: list) -> int:
        """Why it may not be done now, by its deadline and by what the table says; or 0."""
        _, _, point, op, value, expect, deadline_ms, _, _ = command
        left_ms = deadline_ms - self.now_ms()
        if left_ms < 0:
            return messages.EXPIRED
        if op == messages.OP_SAFE and left_ms > rules.SAFE_WITHIN_MS:
            return messages.LIMIT
        return rules.refusal(self.points, point, op, value, expect, self._role.read)

    async def act(self, command: list, digest=None) -> tuple:
        """Do what has passed every check; the result. With the command's `digest`, it is in the ledger before."""
        _, identifier, point, _, value = command[:5]
        if point in self._acting or (digest is not None and not self._ledger.open(identifier, digest)):
            return refused(messages.BUSY)
        self._acting[point] = False  # True once a command to the safe state has come in between
        try:
            refusal, before, after = await self._role.write(point, value)
            verdict = messages.SUPERSEDED if self._acting[point] else messages.REFUSED if refusal else messages.EXECUTED
            return verdict, refusal, before, after, None
        finally:
            del self._acting[point]

    async def _run(self, command: list, digest: bytes) -> tuple:
        op = command[3]
        refusal = self.refusal(command)
        if refusal:
            return refused(refusal)
        if op == messages.OP_SAFE:
            return await self._to_safe(command[2])
        if op == messages.OP_DIRECT:
            return await self.act(command)
        return await self._selecting.run(self, command, digest)

    async def _to_safe(self, point: int) -> tuple:
        if self._selecting is not None:
            self._selecting.drop(point)
        if point in self._acting:
            self._acting[point] = True
        refusal, before, after = await self._role.to_safe(point)
        return messages.REFUSED if refusal else messages.EXECUTED, refusal, before, after, None

    def _find(self, identifier: bytes):
        for payload in self._kept:
            if payload[_ID:_ID_END] == identifier:
                return payload
        if self._ledger is None:
            return None
        payload = self._ledger.find(identifier)
        if payload == b"":  # begun before the reset, and its end was not written down
            payload = self._receipt(identifier, self._ledger.digest(identifier), _UNKNOWN)
            self._ledger.close(identifier, payload)
        return payload

    def _receipt(self, identifier: bytes, digest: bytes, result: tuple) -> bytes:
        receipt = [messages.RECEIPT, identifier, digest]
        receipt.extend(result)
        receipt.extend((self.boot, self.now_ms(), self.previous_hash))
        receipt.append(self.seal.digest(cbor.encode(receipt)))
        payload = messages.encode(receipt)
        self.previous_hash = hashlib.sha256(payload).digest()
        return payload
