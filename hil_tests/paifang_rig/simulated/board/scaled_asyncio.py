"""asyncio when node time runs faster: its waits are shorter by the same factor."""


def install(asyncio, core, speed):
    wait_ms = core.sleep_ms
    asyncio.sleep_ms = core.sleep_ms = lambda ms: wait_ms((ms + speed - 1) // speed)
