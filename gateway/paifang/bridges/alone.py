"""A bus for one purpose and a while: to try a device, or to see who is there; nobody else owns it meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Protocol

from paifang.bridges.carriers import carrier_of
from paifang.bridges.poller import Send
from paifang.errors import resource_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from paifang.bridges.carriers import Place
    from paifang.bridges.poller import Wait

_LOOK_S = 0.1
"""So often it is seen whether it is over, when nothing happens."""
_HINT = (
    "check the cable, the address and the power; a gateway that has the bus keeps others from a serial port: "
    "`paifang stop` first"
)


class Driven(Protocol):
    """An engine, or a search; times in microseconds."""

    def step(self, now_us: int) -> Send | Wait: ...
    def receive(self, data: bytes, now_us: int) -> None: ...


async def conversed(
    place: Place,
    engine: Driven,
    take_events: Callable[[], Iterable[Any]],
    is_over: Callable[[], bool],
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Any]:
    """What comes of driving an engine over a carrier of its own until it is over.

    Raises PaifangError when the carrier cannot be had, or is lost.
    """
    wake = asyncio.Event()
    lost: list[str] = []

    def now_us() -> int:
        return round(monotonic() * 1e6)

    def received(data: bytes) -> None:
        engine.receive(data, now_us())
        wake.set()

    def ended(why: str) -> None:
        lost.append(why)
        wake.set()

    carrier = carrier_of(place, received, ended)
    try:
        await carrier.open()
    except (OSError, ValueError) as error:
        raise resource_error(f"{place.name}: {error}", _HINT) from error
    try:
        while not is_over():
            if lost:
                raise resource_error(f"{place.name}: {lost[0]}", _HINT)
            action = engine.step(now_us())
            for event in take_events():
                yield event
            if isinstance(action, Send):
                carrier.write(action.data)
                continue
            until_s = None if action.until_us is None else action.until_us / 1e6 - monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S if until_s is None else min(max(until_s, 0), _LOOK_S)):
                    await wake.wait()
            wake.clear()
        for event in take_events():  # what the last answer brought
            yield event
    finally:
        carrier.close()
