"""Class 3 without the heap to keep what it takes: `authority` is loaded for a command, and forgotten after it."""

from paifang_wire import messages

from .modules import forget_since, loaded


class Signing:
    """As `authority.Authority`, with its arguments but for the time: `clock` is an `uptime.Uptime`."""

    def __init__(self, name: tuple, description: bytes, keyset, verifier, clock, utc_ms) -> None:
        self._arguments = (name, description, keyset, verifier, clock.now_ms, utc_ms)
        self._authority = None
        self._users = 0

    def examine(self, command: list, row: tuple, token: bytes) -> tuple:
        """As of `Authority`; BUSY when there is no room for it. What is left to prove has to be proved."""
        before = loaded()
        self._users += 1
        refusal, proof = messages.BUSY, None
        try:
            if self._authority is None:
                from .authority import Authority

                self._authority = Authority(*self._arguments)
                del Authority
            refusal, proof = self._authority.examine(command, row, token)
        except MemoryError:
            pass
        finally:
            if refusal:
                self._leave()
            forget_since(before)
        return refusal, proof

    async def prove(self, proof: tuple) -> int:
        """As of `Authority`; BUSY when there is no room for it."""
        before = loaded()
        try:
            return await self._authority.prove(proof)
        except MemoryError:
            return messages.BUSY
        finally:
            self._leave()
            forget_since(before)

    def _leave(self) -> None:
        self._users -= 1
        if not self._users:
            self._authority = None
