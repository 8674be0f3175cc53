"""The meter of the package `dlt645` as a process of its own: prints its port, and ends when its input does.

dlt645_meter.py ADDRESS '{"00010000": 1234.56, …}'
"""

from __future__ import annotations

import asyncio
import json
import sys

from dlt645.service.serversvc.async_server_service import AsyncMeterServerService
from loguru import logger


async def serve(address: str, measured: dict[str, float]) -> None:
    logger.remove()
    meter = AsyncMeterServerService.new_tcp_server("127.0.0.1", 0)
    meter.set_address(bytes.fromhex(address)[::-1])
    for identifier, value in measured.items():
        (meter.set_00 if identifier.startswith("00") else meter.set_02)(int(identifier, 16), value)
    async with meter:
        print(meter.server.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], json.loads(sys.argv[2])))
