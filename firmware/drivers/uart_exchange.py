"""One question and one answer on a UART, without blocking the loop: what the polled serial sensors share."""

from micropython import const

_POLL_MS = const(20)
# A sensor that talks without end (wrong baud rate, another device on the line) must not fill the heap.
_FLUSH_READS = const(16)


def flush(uart) -> None:
    """Throw away what has already arrived: a late answer to an earlier question must not be taken for this one."""
    for _ in range(_FLUSH_READS):
        if not uart.read(64):
            return


async def ask(uart, clock, request: bytes, complete, limit: int, timeout_ms: int) -> bytes:
    """Write `request`, then collect bytes until `complete(bytes)` is true, `limit` bytes came, or the time is over.

    Returns whatever arrived, possibly nothing; judging it is the driver's work.
    """
    flush(uart)
    uart.write(request)
    answer = b""
    deadline_ms = clock.now_ms() + timeout_ms
    while not complete(answer) and len(answer) < limit and clock.now_ms() < deadline_ms:
        chunk = uart.read(limit - len(answer))
        if chunk:
            answer += chunk
        else:
            await clock.sleep_ms(_POLL_MS)
    return answer
