"""A client of the control socket without asyncio: what the command line uses."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paifang.control import lines
from paifang.control.address import socket_address

ANSWER_TIMEOUT_S = 30.0

_GONE = "the gateway went away"
_GONE_HINT = "look whether it still runs: paifang check"


def unreachable(path: Path, error: OSError) -> lines.UnreachableError:
    """Why nobody could be reached at the path, and what to do."""
    if error.errno == errno.EACCES:
        message = f"the control socket {path} is closed to user id {os.getuid()}"
        return lines.UnreachableError(message, "run it as the gateway's user or root, or list the id in [control] uids")
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED}:
        message = f"no gateway is running at {path}"
        return lines.UnreachableError(message, "start one with `paifang run`, or say where it is with --data")
    return lines.UnreachableError(f"control socket {path}: {error.strerror}", _GONE_HINT)


class ControlClient:
    """One connection, one request at a time. UnreachableError when no gateway answers, RemoteError when it refuses."""

    def __init__(self, path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._next_id = 1
        self._timeout_s = timeout_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            with socket_address(path) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise unreachable(path, error) from error
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def hang_up(self) -> None:
        """End the connection from a signal handler: whoever waits for an answer gets UnreachableError."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def request(self, op: str, timeout_s: float | None = None, **args: Any) -> Any:
        """The result of an operation, waiting `timeout_s` for it."""
        self._socket.settimeout(timeout_s or self._timeout_s)
        self._send(op, args)
        answer = self._answer()
        while not answer.last:
            answer = self._answer()
        return answer.value

    def stream(self, op: str, **args: Any) -> Iterator[Any]:
        """The items of a stream, for as long as it lasts."""
        self._send(op, args)
        self._socket.settimeout(None)
        while not (answer := self._answer()).last:
            yield answer.value

    def _send(self, op: str, args: dict[str, Any]) -> None:
        line = lines.request_line(lines.Request(self._next_id, op, args))
        self._next_id += 1
        # A gateway that refuses the caller closes at once, and its answer is there to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(line)

    def _answer(self) -> lines.Answer:
        try:
            line = self._lines.readline()
        except TimeoutError as error:
            raise lines.UnreachableError("the gateway did not answer in time", _GONE_HINT) from error
        except OSError as error:
            raise lines.UnreachableError(f"{_GONE}: {error.strerror}", _GONE_HINT) from error
        if not line.endswith(b"\n"):
            raise lines.UnreachableError(_GONE, _GONE_HINT)
        answer = lines.parse_answer(line)
        if answer.error is not None:
            raise answer.error
        return answer
