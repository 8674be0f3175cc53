"""A client of the control socket for asyncio: many requests and streams at once on one connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paifang.control import lines
from paifang.control.address import socket_address
from paifang.control.client import unreachable

_LINE_LIMIT_BYTES = 64 * 1024 * 1024


class AsyncControlClient:
    """`async with AsyncControlClient(path) as gateway:`; errors as those of `ControlClient`.

    A stream that is left early goes on at the gateway until the connection is closed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next_id = 1
        self._waiting: dict[int, asyncio.Queue[lines.Answer]] = {}

    async def __aenter__(self) -> Self:
        try:
            with socket_address(self._path) as address:
                connected = await asyncio.open_unix_connection(address, limit=_LINE_LIMIT_BYTES)
        except OSError as error:
            raise unreachable(self._path, error) from error
        self._reader, self._writer = connected
        self._receiver = asyncio.create_task(self._receive(), name="control client")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._receiver.cancel()
        await asyncio.wait({self._receiver})
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def request(self, op: str, **args: Any) -> Any:
        async for answer in self._answers(op, args):
            if answer.last:
                return answer.value
        raise AssertionError("a request ends with its last answer or an error")

    async def stream(self, op: str, **args: Any) -> AsyncIterator[Any]:
        async for answer in self._answers(op, args):
            if not answer.last:
                yield answer.value

    async def _answers(self, op: str, args: dict[str, Any]) -> AsyncIterator[lines.Answer]:
        number = self._next_id
        self._next_id += 1
        queue = self._waiting.setdefault(number, asyncio.Queue())
        try:
            await self._send(lines.Request(number, op, args))
            while True:
                answer = await queue.get()
                if answer.error is not None:
                    raise answer.error
                yield answer
                if answer.last:
                    return
        finally:
            del self._waiting[number]

    async def _send(self, request: lines.Request) -> None:
        if self._receiver.done():
            raise _gone()
        with contextlib.suppress(ConnectionError):
            self._writer.write(lines.request_line(request))
            await self._writer.drain()

    async def _receive(self) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await self._reader.readline():
                self._deliver(lines.parse_answer(line))
        self._deliver(lines.Answer(None, error=_gone()))

    def _deliver(self, answer: lines.Answer) -> None:
        """To the request it answers; what answers none (a refused caller, the end) ends all of them."""
        receivers = list(self._waiting.values()) if answer.id is None else [self._waiting.get(answer.id)]
        for queue in receivers:
            if queue is not None:
                queue.put_nowait(answer)


def _gone() -> lines.UnreachableError:
    return lines.UnreachableError("the gateway went away", "look whether it still runs: paifang check")
