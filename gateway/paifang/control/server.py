"""The control socket's server: who may ask, how much at once, and what happens when they go away."""

import asyncio
import contextlib
import logging
import os
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from paifang.control import lines
from paifang.control.address import socket_address
from paifang.errors import EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE, PaifangError, resource_error

CONNECTIONS_PER_USER = 64
REQUESTS_PER_CONNECTION = 16
BACKLOG = 128
STOP_GRACE_S = 1.0
"""Requests in flight when the gateway stops have this long to be answered; streams end at once."""

_PEERCRED = struct.Struct("3i")  # pid, uid, gid: struct ucred, unix(7)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """The process at the other end, as the kernel knows it (SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int


Handler = Callable[[dict[str, Any], Caller], Awaitable[Any] | AsyncIterator[Any]]
"""`async def handler(args, caller)` returning a JSON value, returning an async iterator, or being one."""


class ControlServer:
    """Serves `handlers` (op -> handler) at `path` to the gateway's own user, root and `uids`.

    `counts` tells what was refused, by reason: denied, busy, malformed, too-long, unknown-op, internal.
    `own_folder`: the socket's folder is the gateway's alone, so that its mode can be set.
    """

    def __init__(
        self, path: Path, handlers: Mapping[str, Handler], uids: Collection[int] = (), *, own_folder: bool = True
    ) -> None:
        self.path = path
        self.handlers = handlers
        self.counts: Counter[str] = Counter()
        self._uids = frozenset(uids)
        self._own_folder = own_folder
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def start(self) -> None:
        """Listen. PaifangError (exit 4) if another gateway does already, or the folder cannot be used."""
        try:
            listening = self._bind()
        except OSError as error:
            hint = "choose another folder with --data, or another [control] socket"
            what = error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"
            raise resource_error(f"control socket {self.path}: {what}", hint) from error
        self._inode = self.path.stat().st_ino
        self._server = await asyncio.start_unix_server(
            self._accept, sock=listening, limit=lines.REQUEST_LIMIT_BYTES, backlog=BACKLOG
        )

    async def stop(self) -> None:
        """Answer what is in flight, end the streams, remove the socket."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(connection.stop() for connection in list(self._connections)))
        await self._server.wait_closed()
        self._server = None
        with contextlib.suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()

    def allow(self, uids: Collection[int]) -> None:
        """Another list of users, from now on; connections that are open stay."""
        self._uids = frozenset(uids)
        self._set_modes()

    def _bind(self) -> socket.socket:
        if _answers(self.path):
            raise resource_error(
                f"another gateway is running with the control socket {self.path}",
                "stop it first, or choose another folder with --data",
            )
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Bound beside and renamed into place: a stale socket is replaced, and nobody ever meets a half-made one.
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with socket_address(beside) as address:
                listening.bind(address)
            listening.listen(BACKLOG)
            beside.rename(self.path)
            self._set_modes()
        except OSError:
            listening.close()
            beside.unlink(missing_ok=True)
            raise
        return listening

    def _set_modes(self) -> None:
        """Only for the own user; with other users listed, the door is reachable and `_accept` is the guard."""
        others = self._uids - {0, os.getuid()}
        self.path.chmod(0o666 if others else 0o660)
        if self._own_folder:
            self.path.parent.chmod(0o711 if others else 0o700)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        refusal = self._refusal(connection.caller)
        if refusal is not None:
            self.counts[refusal.code] += 1
            _log.warning("control: refused pid %d of uid %d: %s", connection.caller.pid, connection.caller.uid, refusal)
            await connection.refuse(refusal)
            return
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def _refusal(self, caller: Caller) -> PaifangError | None:
        if caller.uid not in {0, os.getuid(), *self._uids}:
            hint = f"run it as the gateway's user or root, or add {caller.uid} to uids in [control] of gateway.toml"
            message = f"user id {caller.uid} may not control this gateway"
            return PaifangError(message, hint, code="denied", exit_code=EXIT_UNREACHABLE)
        open_already = sum(connection.caller.uid == caller.uid for connection in self._connections)
        if open_already >= CONNECTIONS_PER_USER:
            hint = "close some of them, such as forgotten `paifang watch`"
            message = f"user id {caller.uid} has {open_already} connections open already"
            return PaifangError(message, hint, code="busy", exit_code=EXIT_REFUSED)
        return None


class _Connection:
    def __init__(self, server: ControlServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._requests: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None
        self.caller = _caller(writer.get_extra_info("socket"))

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
                self._server.counts["too-long"] += 1
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
        self._server.counts[error.code] += 1
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
            self._server.counts["internal"] += 1
            _log.exception("control: %s failed", request.op)
            message = f"the gateway failed on {request.op}: {type(error).__name__}: {error}"
            answer = lines.error_line(request.id, PaifangError(message, "its log tells more", code="internal"))
        with contextlib.suppress(ConnectionError):
            await self._write(answer)

    async def _handle(self, request: lines.Request) -> Any:
        handler = self._server.handlers.get(request.op)
        if handler is None:
            self._server.counts["unknown-op"] += 1
            raise PaifangError(
                f'no operation "{request.op}"',
                "known: " + ", ".join(sorted(self._server.handlers)),
                code="unknown-op",
                exit_code=EXIT_USAGE,
            )
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


def _caller(connected: socket.socket) -> Caller:
    return Caller(*_PEERCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)))


def _answers(path: Path) -> bool:
    """Somebody listens at the path, rather than having left a socket file behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            with socket_address(path) as address:
                probe.connect(address)
        except OSError:
            return False
    return True
