"""One question and one answer on a UART, without blocking the loop: what the polled serial sensors share."""

from micropython import const

_POLL_MS = const(20)
# A sensor that talks without end (wrong baud rate, another device on the line) must not fill the heap.
_FLUSH_READS = const(16)
# Neither protocol numbers its questions: an answer that comes after its time would be taken for the next one's.
_QUARANTINE_MS = const(3_000)


class Line:
    """`uart`: read(n) and write(data), non-blocking; `clock`: now_ms() and sleep_ms(n)."""

    def __init__(self, uart, clock) -> None:
        self._uart = uart
        self._clock = clock
        self._quiet_until_ms = 0

    def write(self, data: bytes) -> None:
        """Say something that needs no answer."""
        self._uart.write(data)

    async def ask(self, request: bytes, complete, limit: int, timeout_ms: int) -> bytes:
        """Write `request`, then collect bytes until `complete(bytes)` is true, `limit` bytes came, or the time is over.

        Returns whatever arrived; judging it is the driver's work. After silence nothing is asked for a while, and the
        answer is b"" at once.
        """
        now_ms = self._clock.now_ms()
        if now_ms < self._quiet_until_ms:
            return b""
        self._flush()
        self._uart.write(request)
        answer = await self._collect(complete, limit, now_ms + timeout_ms)
        if not answer:
            self._quiet_until_ms = self._clock.now_ms() + _QUARANTINE_MS
        return answer

    async def _collect(self, complete, limit: int, deadline_ms: int) -> bytes:
        answer = b""
        while not complete(answer) and len(answer) < limit and self._clock.now_ms() < deadline_ms:
            chunk = self._uart.read(limit - len(answer))
            if chunk:
                answer += chunk
            else:
                await self._clock.sleep_ms(_POLL_MS)
        return answer

    def _flush(self) -> None:
        for _ in range(_FLUSH_READS):
            if not self._uart.read(64):
                return
