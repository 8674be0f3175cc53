"""Points of class 2 and 3: select before operate, and for class 3 the token that two persons sign.

One selection a point, in RAM. Whatever replaces or drops it takes away what an operate in flight stands on.
"""

from micropython import const

from paifang_wire import messages, rules

from .commands import refused

_VALUE, _UNTIL_MS, _TOKEN = const(0), const(1), const(2)  # places in a selection
_NONE = (None, -1, None)  # of a point that is not selected
_SIGNED_CLASS = const(3)
_TOKEN_BYTES = const(16)
_BOOT_BYTES = const(8)


class Selecting:
    """`random(n)`: n bytes. `authority` (an `authority.Authority`) is needed where there is a point of class 3."""

    def __init__(self, random, authority=None) -> None:
        self._random = random
        self._authority = authority
        self._selected = {}

    async def run(self, commands, command: list, digest: bytes) -> tuple:
        """The result, as of `commands.refused`, of a command that the table allows; `digest` is its hash."""
        _, _, point, op, value = command[:5]
        row = rules.find(commands.points, point)
        if op == messages.OP_OPERATE:
            return await self._operate(commands, row, command, digest)
        token = None
        self.drop(point)
        if op == messages.OP_SELECT:
            token = self._select(commands, row, value)
        return messages.EXECUTED, 0, None, None, token

    def drop(self, point: int) -> None:
        """The point is not selected any more."""
        self._selected.pop(point, None)

    def _select(self, commands, row: tuple, value: int):
        is_signed = row[rules.CLASS] == _SIGNED_CLASS
        token = _token(commands, self._random(_TOKEN_BYTES)) if is_signed else None
        until_ms = commands.now_ms() + (rules.TOKEN_MS if is_signed else rules.SELECT_MS)
        self._selected[row[rules.NUMBER]] = [value, until_ms, token]
        return token

    async def _operate(self, commands, row: tuple, command: list, digest: bytes) -> tuple:
        point, value = command[2], command[4]
        is_signed = row[rules.CLASS] == _SIGNED_CLASS
        held = self._selected.get(point, _NONE)
        refusal = _selection_refusal(held, is_signed, value, commands.now_ms())
        if refusal:
            return refused(refusal)
        if is_signed:
            refusal, proof = self._authority.examine(command, row, held[_TOKEN])
            if refusal:
                return refused(refusal)
            held[_TOKEN] = None  # the first operate that comes to the signatures uses it up, whatever they are worth
            refusal = await self._authority.prove(proof)
            if self._selected.get(point) is not held:
                return refused(refusal) if refusal else (messages.SUPERSEDED, 0, None, None, None)
            refusal = refusal or self._late_refusal(commands, command, held)  # that took time
        self.drop(point)
        return refused(refusal) if refusal else await commands.act(command, digest)

    def _late_refusal(self, commands, command: list, held) -> int:
        if commands.now_ms() > held[_UNTIL_MS]:
            return messages.WRONG_TOKEN
        return commands.refusal(command)


def _token(commands, noise: bytes) -> bytes:
    """16 bytes that nobody can know before, and that never come again, even if `noise` is worth nothing."""
    boot = commands.boot.to_bytes(_BOOT_BYTES, "big")
    return commands.seal.digest(b"token", boot, commands.previous_hash, noise)[:_TOKEN_BYTES]


def _selection_refusal(held, is_signed: bool, value: int, now_ms: int) -> int:
    if now_ms > held[_UNTIL_MS] or (is_signed and held[_TOKEN] is None):
        return messages.WRONG_TOKEN if is_signed else messages.NOT_SELECTED
    return 0 if held[_VALUE] == value else messages.NOT_SELECTED
