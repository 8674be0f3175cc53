"""ES256 verification as a node can afford it: one at a time, seldom for each key, in slices between other tasks."""

import sys

from micropython import const

from paifang_wire import messages

_PAUSE_MS = const(5_000)
_NEEDED = const(14_000)  # by measurement, with the arithmetic's module and something to spare


class Verifier:
    """`verify(public, digest, signature)`, awaited, tells whether a signature is good: see `sliced`.

    `gc`: collect() and mem_free(); None where there is always heap enough.
    """

    def __init__(self, now_ms, verify, gc=None) -> None:
        self._now_ms = now_ms
        self._verify = verify
        self._gc = gc
        self._is_busy = False
        self._tried = []  # (key id, uptime): in the last seconds

    def refusal(self, kids) -> int:
        """BUSY while a verification is under way or has no room, and for some seconds after one with the same key."""
        now_ms = self._now_ms()
        self._tried = [entry for entry in self._tried if now_ms - entry[1] < _PAUSE_MS]
        for kid, _ in self._tried:
            if kid in kids:
                return messages.BUSY
        if self._is_busy:
            return messages.BUSY
        return 0 if has_room(self._gc, _NEEDED) else messages.BUSY

    def forget(self, kids) -> None:
        """These keys may be used again at once."""
        self._tried = [entry for entry in self._tried if entry[0] not in kids]

    async def prove(self, kids, signatures) -> int:
        """BAD_SIGNATURE unless all of `signatures` (public key, digest, signature) are good. Ask `refusal` before."""
        now_ms = self._now_ms()
        self._tried += [(kid, now_ms) for kid in kids]
        self._is_busy = True
        try:
            for public, digest, signature in signatures:
                if not await self._verify(public, digest, signature):
                    return messages.BAD_SIGNATURE
            return 0
        finally:
            self._is_busy = False


def has_room(gc, needed: int) -> bool:
    """Tell whether so much heap is free: `needed` bytes where pointers have 8 bytes, half of it where they have 4."""
    if gc is None:
        return True
    gc.collect()
    return gc.mem_free() >= (needed if sys.maxsize >> 32 else needed // 2)


def sliced(sleep_ms):
    """The `verify` of a node: no step holds the loop longer than two point doublings."""

    async def verify(public: bytes, digest: bytes, signature: bytes) -> bool:
        from paifang_wire.p256 import Verification  # forgotten with whatever has asked for this

        verification = Verification(public, digest, signature)
        while verification.step():
            await sleep_ms(0)
        return verification.valid

    return verify
