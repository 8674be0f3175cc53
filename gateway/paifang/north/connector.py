"""What a sink's far side looks like to the rest: open it, hand it records, hear what it confirmed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

from paifang.errors import EXIT_UNREACHABLE, PaifangError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from paifang.north.record import Record

NOT_WANTED = "not-wanted"
"""Why a record is dropped that the sink is not there for: of another node, of points its schema has no name for."""
REFUSED = "refused"
"""Why a record is dropped that the far side will never take, whoever asks how often."""
UNREADABLE = "unreadable"
"""Why a record is dropped that cannot be decoded: damaged, or of points that nobody has described."""
OPEN_LIMIT_S = 30.0

_log = logging.getLogger(__name__)


class Connector(Protocol):
    """One connection to one far side. `batch_records` is what it takes at once, for at most `deliver_limit_s`.

    Two streams may call `deliver` at the same time, what is new and what was left behind; each hands over one batch
    after the other and expects that batch's records to reach the far side in their order.
    """

    @property
    def batch_records(self) -> int: ...

    @property
    def deliver_limit_s(self) -> float: ...

    async def open(self) -> None:
        """Connect. Raises PaifangError or OSError; it is tried again with backoff."""
        ...

    async def deliver(self, records: Sequence[Record]) -> Mapping[int, str]:
        """Return when the far side has confirmed all `records`, but those that it will never take.

        These come back as {place in `records`: why}, REFUSED or NOT_WANTED or a word of the sink's own. Raises
        PaifangError or OSError when the connection is lost or the far side does not answer: then none counts as
        confirmed, and all come again, after `close` and `open`. It may be cancelled at any time, with the same effect.
        """
        ...

    async def close(self) -> None:
        """Leave nothing behind. Never raises."""
        ...


class AskedToWait(PaifangError):
    """The far side is there and wants nothing for `after_s` from now on: exit code 3."""

    def __init__(self, message: str, after_s: float) -> None:
        hint = f"it asked for {after_s:.0f} s"
        super().__init__(message, hint, code="unreachable", exit_code=EXIT_UNREACHABLE)
        self.after_s = after_s


def unreachable(sink: str, message: str, hint: str = "") -> PaifangError:
    """The far side is not there, or does not answer, or sent the gateway away: exit code 3."""
    return PaifangError(f"{sink}: {message}", hint, code="unreachable", exit_code=EXIT_UNREACHABLE)


@contextlib.asynccontextmanager
async def opened(connector: Connector) -> AsyncGenerator[Connector]:
    """The connector, open; closed at the end. Raises what `open` does, and TimeoutError."""
    try:
        async with asyncio.timeout(OPEN_LIMIT_S):
            await connector.open()
        yield connector
    finally:
        await connector.close()


def explained(sink: str, error: Exception) -> PaifangError:
    """What went wrong with a far side, in words."""
    if isinstance(error, PaifangError):
        return error
    if isinstance(error, OSError):
        hint = "look at its address in the settings, and whether it runs"
        return unreachable(sink, str(error) or "no answer in time", hint)
    _log.error("sink %s", sink, exc_info=error)
    return PaifangError(f"{sink}: {type(error).__name__}: {error}", "this is a fault of the gateway: please report it")
