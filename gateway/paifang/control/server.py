"""The control socket's server: who is let in, and the socket file itself."""

import asyncio
import contextlib
import logging
import os
import socket
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from paifang.control import lines
from paifang.control.address import socket_address
from paifang.control.connection import Caller, Connection, Handler
from paifang.errors import EXIT_REFUSED, EXIT_UNREACHABLE, PaifangError, resource_error

CONNECTIONS_PER_USER = 64
BACKLOG = 128

_log = logging.getLogger(__name__)


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
        self._connections: set[Connection] = set()
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
        connection = Connection(reader, writer, self.handlers, self.counts)
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


def _answers(path: Path) -> bool:
    """Somebody listens at the path, rather than having left a socket file behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            with socket_address(path) as address:
                probe.connect(address)
        except OSError:
            return False
    return True
