"""ES256 verification as a node can afford it: one at a time, seldom for each key, in slices between other tasks."""

from micropython import const

from paifang_wire import messages

_PAUSE_MS = const(5_000)


class Verifier:
    """`verify(public, digest, signature)`, awaited, tells whether a signature is good: see `sliced`."""

    def __init__(self, now_ms, verify) -> None:
        self._now_ms = now_ms
        self._verify = verify
        self._is_busy = False
        self._tried = []  # (key id, uptime): in the last seconds

    def refusal(self, kids) -> int:
        """BUSY while a verification is under way, and for some seconds after one with the same key; else 0."""
        now_ms = self._now_ms()
        self._tried = [entry for entry in self._tried if now_ms - entry[1] < _PAUSE_MS]
        for kid, _ in self._tried:
            if kid in kids:
                return messages.BUSY
        return messages.BUSY if self._is_busy else 0

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


def sliced(sleep_ms):
    """The `verify` of a node: no step holds the loop longer than two point doublings."""
    from paifang_wire.p256 import Verification

    async def verify(public: bytes, digest: bytes, signature: bytes) -> bool:
        verification = Verification(public, digest, signature)
        while verification.step():
            await sleep_ms(0)
        return verification.valid

    return verify
