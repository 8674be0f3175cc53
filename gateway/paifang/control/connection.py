"""One connection of the control socket: its requests side by side, and what happens when it goes away."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

from paifang.control import lines
from paifang.control.authority import Caller
from paifang.errors import EXIT_UNREACHABLE, EXIT_USAGE, PaifangError

REQUESTS_PER_CONNECTION = 16
STOP_GRACE_S = 1.0
"""Requests in flight when the gateway stops have this long to be answered; streams end at once."""

_log = logging.getLogger(__name__)


Handler = Callable[[dict[str, Any], Caller], Awaitable[Any] | AsyncIterator[Any]]
"""`async def handler(args, caller)` returning a JSON value, returning an async iterator, or being one."""


class Connection:
    """A client that may ask: `handlers` answer it, `counts` tells what it was refused, by reason.

    `permit(caller, op)` raises PaifangError for what this caller may not do. `caller` may change on the way.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        caller: Caller,
        handlers: Mapping[str, Handler],
        permit: Callable[[Caller, str], None],
        counts: Counter[str],
    ) -> None:
        self.caller = caller
        self._handlers = handlers
        self._permit = permit
        self._counts = counts
        self._reader = reader
        self._writer = writer
        self._requests: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until the client goes away, or sends what no client sends; its requests end with it."""
        self._runner = asyncio.current_task()
        try:
            await self._read_requests()
        except ConnectionError:
            pass
        finally:
            await self._end()

    async def stop(self) -> None:
        for stream in self._streams:
            stream.cancel()
        if self._requests:
            await asyncio.wait(self._requests, timeout=STOP_GRACE_S)
        await self._close()
        if self._runner is not None:
            await asyncio.wait({self._runner})

    async def refuse(self, error: PaifangError) -> None:
        with contextlib.suppress(ConnectionError):
            await self._write(lines.error_line(None, error))
        await self._close()

    async def _read_requests(self) -> None:
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                limit = lines.REQUEST_LIMIT_BYTES
                too_long = PaifangError(f"a request has at most {limit} bytes", code="too-long", exit_code=EXIT_USAGE)
                self._counts["too-long"] += 1
                await self._write(lines.error_line(None, too_long))
                return
            await self._take(line)

    async def _take(self, line: bytes) -> None:
        try:
            request = lines.parse_request(line)
        except lines.MalformedRequestError as error:
            await self._refuse_request(error.request_id, error)
            return
        if len(self._requests) >= REQUESTS_PER_CONNECTION:
            message = f"{REQUESTS_PER_CONNECTION} requests are in flight on this connection already"
            await self._refuse_request(request.id, PaifangError(message, "wait for an answer", code="busy"))
            return
        task = asyncio.create_task(self._answer(request), name=f"control {request.op}")
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        task.add_done_callback(self._streams.discard)

    async def _refuse_request(self, request_id: int | None, error: PaifangError) -> None:
        self._counts[error.code] += 1
        await self._write(lines.error_line(request_id, error))

    async def _answer(self, request: lines.Request) -> None:
        try:
            answer = lines.result_line(request.id, await self._handle(request))
        except PaifangError as error:
            answer = lines.error_line(request.id, error)
        except asyncio.CancelledError:
            stopping = PaifangError("the gateway is stopping", code="stopping", exit_code=EXIT_UNREACHABLE)
            answer = lines.error_line(request.id, stopping)
        except ConnectionError:
            return
        except Exception as error:  # noqa: BLE001 - one bad operation does not take the door down
            self._counts["internal"] += 1
            _log.exception("control: %s failed", request.op)
            message = f"the gateway failed on {request.op}: {type(error).__name__}: {error}"
            answer = lines.error_line(request.id, PaifangError(message, "its log tells more", code="internal"))
        with contextlib.suppress(ConnectionError):
            await self._write(answer)

    async def _handle(self, request: lines.Request) -> Any:
        handler = self._handlers.get(request.op)
        if handler is None:
            self._counts["unknown-op"] += 1
            raise PaifangError(
                f'no operation "{request.op}"',
                "known: " + ", ".join(sorted(self._handlers)),
                code="unknown-op",
                exit_code=EXIT_USAGE,
            )
        self._permit(self.caller, request.op)
        result: Any = handler(request.args, self.caller)
        if not hasattr(result, "__aiter__"):
            result = await result
        if not hasattr(result, "__aiter__"):
            return result
        await self._stream(request.id, cast("AsyncIterator[Any]", result))
        return None

    async def _stream(self, request_id: int, items: AsyncIterator[Any]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            async for item in items:
                await self._write(lines.item_line(request_id, item))
        finally:
            if hasattr(items, "aclose"):
                await cast("Any", items).aclose()

    async def _write(self, line: bytes) -> None:
        self._writer.write(line)
        await self._writer.drain()

    async def _end(self) -> None:
        tasks = list(self._requests)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._close()

    async def _close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(STOP_GRACE_S):
                await self._writer.wait_closed()
        except ConnectionError:
            pass
        except TimeoutError:  # a client that reads nothing keeps nobody waiting
            self._writer.transport.abort()
