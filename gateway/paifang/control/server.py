"""The control socket's server: who is let in, and the socket file itself."""

import asyncio
import contextlib
import logging
import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from paifang.control import lines
from paifang.control.address import socket_address
from paifang.control.authority import Authority, Caller, peer, without_roles
from paifang.control.connection import Connection, Handler
from paifang.control.denials import Denials, OnDenied
from paifang.errors import EXIT_REFUSED, PaifangError, resource_error

CONNECTIONS_PER_USER = 64
BACKLOG = 128

_log = logging.getLogger(__name__)


class ControlServer:
    """Serves `handlers` (op -> handler) at `path` to whom `authority` lets in, each what it permits.

    `counts` tells what was refused, by reason: denied, busy, malformed, too-long, unknown-op, internal;
    `on_denied` is told who was denied what. `own_folder`: the socket's folder is the gateway's alone, so that its
    mode can be set. `peer_of` tells who is at the other end of a connection.
    """

    def __init__(
        self,
        path: Path,
        handlers: Mapping[str, Handler],
        authority: Authority | None = None,
        *,
        own_folder: bool = True,
        on_denied: OnDenied | None = None,
        peer_of: Callable[[socket.socket], Caller] = peer,
    ) -> None:
        self.path = path
        self.handlers = handlers
        self.counts: Counter[str] = Counter()
        self.denials = Denials(on_denied)
        self._authority = authority or Authority()
        self._own_folder = own_folder
        self._peer_of = peer_of
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
        self.denials.flush()
        with contextlib.suppress(OSError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()

    def allow(self, authority: Authority) -> None:
        """Other rights from now on, in connections that are open too; streams that run go on."""
        self._authority = authority
        for connection in self._connections:
            try:
                connection.caller = authority.known(connection.caller)
            except PaifangError:
                connection.caller = without_roles(connection.caller)
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
        """Only for the own user; with others let in, the door is reachable and `_accept` is the guard."""
        others = self._authority.has_others
        self.path.chmod(0o666 if others else 0o660)
        if self._own_folder:
            self.path.parent.chmod(0o711 if others else 0o700)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = self._peer_of(writer.get_extra_info("socket"))
        connection = Connection(reader, writer, caller, self.handlers, self._permit, self.counts)
        try:
            connection.caller = self._authority.known(caller)
            self._check_room(caller)
        except PaifangError as refusal:
            self._refused(caller, refusal)
            await connection.refuse(refusal)
            return
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def _refused(self, caller: Caller, refusal: PaifangError) -> None:
        self.counts[refusal.code] += 1
        if refusal.code == "denied":
            self.denials.add(caller, "connect", "viewer")
        else:
            _log.warning("control: refused pid %d of uid %d: %s", caller.pid, caller.uid, refusal)

    def _permit(self, caller: Caller, op: str) -> None:
        denied = self._authority.denied(caller, op)
        if denied is not None:
            self.counts["denied"] += 1
            self.denials.add(caller, op, " or ".join(denied.roles))
            raise denied.error()

    def _check_room(self, caller: Caller) -> None:
        open_already = sum(connection.caller.uid == caller.uid for connection in self._connections)
        if open_already >= CONNECTIONS_PER_USER:
            hint = "close some of them, such as forgotten `paifang watch`"
            message = f"user id {caller.uid} has {open_already} connections open already"
            raise PaifangError(message, hint, code="busy", exit_code=EXIT_REFUSED)


def _answers(path: Path) -> bool:
    """Somebody listens at the path, rather than having left a socket file behind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            with socket_address(path) as address:
                probe.connect(address)
        except OSError:
            return False
    return True
