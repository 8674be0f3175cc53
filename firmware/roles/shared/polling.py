"""The beat of a role: all sensors once a period, at a fixed rate that does not drift with how long they take."""


async def every(period_ms: int, uptime, alive, work) -> None:
    """Await `work()` once each `period_ms`, for ever. After a longer delay it goes on from now, without a burst."""
    due_ms = uptime.now_ms()
    while True:
        alive()
        await work()
        now_ms = uptime.now_ms()
        due_ms = max(due_ms + period_ms, now_ms)
        await alive.nap(due_ms - now_ms)
