"""A server of others as a child process: found, started, ended by its id, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

READY_DEADLINE_S = 30.0
_GLANCE_S = 0.02
_LOG_TAIL = 20
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
# Where Debian keeps servers that a user's PATH may lack.
_SYSTEM_PATH = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/sbin"))


def find(program: str, package: str, places: str = "") -> Path:
    """The program's path. Raises RigError naming Debian's package when it is not installed."""
    found = shutil.which(program) or shutil.which(program, path=os.pathsep.join((places, _SYSTEM_PATH)))
    if found is None:
        raise RigError(f"{program} is not installed: apt-get install {package}")
    return Path(found)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def answers(port: int) -> bool:
    """Whether somebody takes a connection there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


async def until(
    condition: Callable[[], bool | Awaitable[bool]], what: str, deadline_s: float = READY_DEADLINE_S
) -> None:
    """Look until `condition` holds. Raises RigError naming `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        if time.monotonic() > end:
            raise RigError(f"{what}: not within {deadline_s:.0f} s")
        await asyncio.sleep(_GLANCE_S)


class Server:
    """One program, which may be started again after its end; what it says goes to `log`."""

    def __init__(self, command: Sequence[str], log: Path, user: int | None = None, **environment: str) -> None:
        self._command = [str(part) for part in command]
        self._log = log
        self._user = user
        self._environment: Mapping[str, str] = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def cpu_s(self) -> float:
        """Seconds of processors that it has used, while it runs (proc(5))."""
        assert self._process
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environment,
                user=self._user,
                group=None if self._user is None else self._user,
                extra_groups=None if self._user is None else [],
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call of the C library, no lock is taken
                start_new_session=True,  # Ctrl-C in a terminal is for whoever runs the test, and ends it then
            )

    def halt(self) -> None:
        """SIGSTOP, and wait until it stands still: its connections stay, and nothing answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def go_on(self) -> None:
        """Take `halt` back."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal that it lives on after."""
        assert self._process
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send the signal and wait; its exit code, negative for a signal. 0 when it does not run."""
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)  # one that was halted obeys too
        return process.wait(READY_DEADLINE_S)

    def log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])


def _die_with_parent() -> None:
    """In the child: an engine that outlives its test would hold its ports and its folder (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
