"""One connection to one of a cluster's servers. It is never mended behind one's back: its loss is heard of."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Self, TypeVar

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from paifang.errors import EXIT_UNREACHABLE, PaifangError
from paifang.jetstream import login

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from paifang.config.nats import NatsSettings

PINGS_UNANSWERED = 2

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


def unreachable(who: str, message: str, hint: str = "") -> PaifangError:
    """No server, or none that answers: exit code 3."""
    return PaifangError(f"{who}: {message}", hint, code="unreachable", exit_code=EXIT_UNREACHABLE)


class Link:
    """`who` is told to the server and stands in every error; `turn` says with which server to begin."""

    def __init__(self, settings: NatsSettings, who: str, turn: int = 0) -> None:
        self.client = Client()
        self.who = who
        self._settings = settings
        self._turn = turn
        self._lost = asyncio.Event()
        self._said = ""
        self._is_begun = False

    @property
    def streams(self) -> JetStreamContext:
        """What the servers offer of JetStream."""
        return JetStreamContext(self.client, timeout=self._settings.timeout_ms / 1000)

    async def open(self) -> None:
        """Connect to the first server that takes us. Raises PaifangError."""
        options = login.options(self._settings)
        servers = self._settings.servers
        failed: list[str] = []
        for place in range(len(servers)):
            server = servers[(self._turn + place) % len(servers)]
            try:
                return await self._connect(server, options)
            except (OSError, nats.errors.Error) as error:  # nats-py's timeouts are errors of its own
                failed.append(f"{server}: {self._said or str(error) or type(error).__name__}")
                await self.close()
        raise unreachable(self.who, "; ".join(failed), "see that NATS runs there and takes this user")

    async def _connect(self, server: str, options: dict[str, Any]) -> None:
        seconds = self._settings.keepalive_ms / 1000
        self._lost.clear()
        self._said = ""
        self.client = Client()
        self._is_begun = True
        await self.client.connect(
            server,
            name=f"paifang {self.who}",
            allow_reconnect=False,
            # Without these it would try a server that is not there for ever; so it does it twice, at once.
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            # nats-py hands both on to timers, which take fractions.
            ping_interval=seconds,  # pyright: ignore[reportArgumentType]
            connect_timeout=self._settings.timeout_ms / 1000,  # pyright: ignore[reportArgumentType]
            max_outstanding_pings=PINGS_UNANSWERED,
            error_cb=self._heard,
            closed_cb=self._closed,
            **options,
        )

    async def answered(self, answer: Awaitable[Answer], what: str) -> Answer:
        """`answer`; PaifangError when it is an error, or too late, or the connection is lost meanwhile.

        What is not there is nats.js.errors.NotFoundError, as ever.
        """
        waiting = asyncio.ensure_future(answer)
        lost = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait(
                [waiting, lost], timeout=self._settings.timeout_ms / 1000, return_when=asyncio.FIRST_COMPLETED
            )
            if not waiting.done():
                raise self.failure(what)
            return waiting.result()
        except nats.js.errors.NotFoundError:
            raise
        except nats.js.errors.ServiceUnavailableError as error:
            raise unreachable(
                self.who, f"{what}: nobody answers for JetStream", "see that it is on, for this account"
            ) from error
        except nats.js.errors.APIError as error:
            raise unreachable(self.who, f"{what}: {error.description}") from error
        except nats.errors.Error as error:
            raise unreachable(self.who, f"{what}: {self._said or str(error) or type(error).__name__}") from error
        finally:
            waiting.cancel()
            lost.cancel()
            await asyncio.gather(waiting, lost, return_exceptions=True)

    def failure(self, what: str) -> PaifangError:
        """Why there is no answer."""
        reason = "the connection was lost" if self._lost.is_set() else f"no answer in {self._settings.timeout_ms} ms"
        return unreachable(self.who, f"{what}: {reason}" + (f" ({self._said})" if self._said else ""))

    async def close(self) -> None:
        """Leave nothing behind. Never raises."""
        if not self._is_begun:
            return
        with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
            async with asyncio.timeout(self._settings.timeout_ms / 1000):
                await self.client.close()

    async def _heard(self, error: Exception) -> None:
        """What a server or nats-py complains about, say a permission; the next error that is raised tells it."""
        self._said = str(error) or type(error).__name__
        _log.debug("%s: %s", self.who, self._said)

    async def _closed(self) -> None:
        self._lost.set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
