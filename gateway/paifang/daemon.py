"""The life of the gateway's process: start, say so, obey signals, stop clean."""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable

from paifang import loops, systemd
from paifang.app import Gateway
from paifang.errors import PaifangError
from paifang.settings import Settings

_log = logging.getLogger(__name__)


def run(load: Callable[[], Settings], announce: Callable[[Gateway], None]) -> None:
    """Run a gateway until SIGTERM or SIGINT; SIGHUP loads the settings again.

    `announce` is called once it can be reached. PaifangError if it cannot start, or not store what it has at the end.
    """
    with asyncio.Runner(loop_factory=loops.factory()) as runner:
        runner.run(_serve(load, announce))


async def _serve(load: Callable[[], Settings], announce: Callable[[Gateway], None]) -> None:
    stopping, asked = asyncio.Event(), asyncio.Event()

    async def reload() -> None:
        await _reload(gateway, load)

    gateway = Gateway(load(), on_stop=stopping.set, on_reload=reload)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    await gateway.start()
    announce(gateway)
    systemd.notify("READY=1")
    reloader = asyncio.create_task(_reload_on(asked, reload), name="reload on SIGHUP")
    try:
        await stopping.wait()
    finally:
        systemd.notify("STOPPING=1")
        loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl-C does not wait for the disk
        reloader.cancel()
        await gateway.stop()


async def _reload(gateway: Gateway, load: Callable[[], Settings]) -> None:
    """PaifangError if the new settings are wrong or need a restart; then all stays as it was."""
    systemd.notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        await gateway.reload(load())
    finally:
        systemd.notify("READY=1")
    _log.info("the settings were read again")


async def _reload_on(asked: asyncio.Event, reload: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asked.wait()
        asked.clear()
        try:
            await reload()
        except PaifangError as error:
            _log.error("the settings stay as they were: %s", error)
