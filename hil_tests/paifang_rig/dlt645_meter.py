"""A DL/T 645 meter that is not ours: that of the package dlt645, in a process of its own.

    python -m paifang_rig.dlt645_meter ADDRESS '{"00010000": 1234.56, …}'

It prints its port, and ends when its input does.
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
