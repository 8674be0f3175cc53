"""The life of a worker's process: start, say so, obey signals, stop clean."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from paifang import loops, systemd
from paifang.city.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.config.city import CitySettings


def run(settings: CitySettings, name: str, announce: Callable[[], None]) -> None:
    """Run a worker until SIGTERM or SIGINT. Engines that are away are waited for."""
    with asyncio.Runner(loop_factory=loops.factory()) as runner:
        runner.run(_serve(settings, name, announce))


async def _serve(settings: CitySettings, name: str, announce: Callable[[], None]) -> None:
    worker = Worker(settings, name, turn=os.getpid())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    announce()
    systemd.notify("READY=1")
    try:
        await worker.run()
    finally:
        systemd.notify("STOPPING=1")
