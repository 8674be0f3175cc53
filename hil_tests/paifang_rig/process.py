"""One run of the MicroPython interpreter as a board: the process, its descriptors, its console."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from paifang_rig.errors import RigError
from paifang_tools import build

if TYPE_CHECKING:
    from collections.abc import Iterable

STAND_INS = Path(__file__).parent / "simulated" / "board"


# The packaged interpreter is an extension module; without `site`, a board starts in half the time of its own script.
_RUN = """
import sys
sys.path.append(sys.argv[1])
import micropython_run
sys.exit(micropython_run.run_main(['micropython', *sys.argv[2:]]))
"""


@functools.cache
def interpreter() -> tuple[str, ...]:
    """The command that is MicroPython: `PAIFANG_MICROPYTHON`, the installed package, or what is on the path."""
    chosen = os.environ.get("PAIFANG_MICROPYTHON")
    package = importlib.util.find_spec("micropython_run")
    if package and package.origin and not chosen:
        return (sys.executable, "-I", "-S", "-c", _RUN, str(Path(package.origin).parent))
    found = chosen or shutil.which("micropython")
    if not found:
        raise RigError("no MicroPython interpreter: install the `rig` extra (paifang[rig])")
    return (found,)


@functools.cache
def stand_in_folder() -> Path:
    """A folder with the compiled stand-ins, named by their content, made at need."""
    compiled = build.compile_files({path.name: path for path in sorted(STAND_INS.glob("*.py"))})
    digest = hashlib.sha256(b"".join(name.encode() + data for name, data in sorted(compiled.items()))).hexdigest()[:16]
    folder = build.cache_folder().with_name("board") / digest
    if not folder.is_dir():
        part = folder.with_suffix(f".{os.getpid()}")
        part.mkdir(parents=True)
        for name, data in compiled.items():
            (part / name).write_bytes(data)
        try:
            part.rename(folder)
        except OSError:  # another run was first; its files are the same
            shutil.rmtree(part)
    return folder


class BoardProcess:
    """Host ends of the wires: `control`, `uarts` by number, `console` (a descriptor); all non-blocking."""

    def __init__(self, flash: Path, floating_fd: int, uarts: Iterable[int], heap: str, repl: int | None) -> None:
        self.control, control = socket.socketpair()
        pairs = {number: socket.socketpair() for number in uarts}
        self.uarts = {number: pair[0] for number, pair in pairs.items()}
        self.console, console = os.pipe()
        flash_fd = os.open(flash, os.O_RDWR | os.O_CLOEXEC)
        for _, inner in pairs.values():
            inner.setblocking(False)
        descriptors = [control.fileno(), flash_fd, floating_fd]
        descriptors += [n for number, (_, inner) in pairs.items() for n in (number, inner.fileno())]
        inherited = [control.fileno(), flash_fd, floating_fd, *(inner.fileno() for _, inner in pairs.values())]
        try:
            self._process = subprocess.Popen(
                [*interpreter(), "-X", f"heapsize={heap}", *(("-i",) if repl else ()), "-m", "start"]
                + [str(number) for number in descriptors],
                stdin=subprocess.DEVNULL if repl is None else repl,
                stdout=console if repl is None else repl,
                stderr=subprocess.STDOUT,
                pass_fds=inherited,
                env={"MICROPYPATH": f"{stand_in_folder()}:.frozen"},
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal is for the bench, which then cuts the boards' power
            )
        finally:
            control.close()
            os.close(console)
            os.close(flash_fd)
            for _, inner in pairs.values():
                inner.close()
        for outer in (self.control, *self.uarts.values()):
            outer.setblocking(False)
        os.set_blocking(self.console, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> int:
        """SIGKILL, if it still runs, and take it off the process table; its exit code, negative for a signal."""
        self._process.kill()
        return self._process.wait()

    def finish(self) -> int:
        """The exit code of a process that has closed its control channel."""
        return self._process.wait()

    def close(self) -> None:
        for outer in (self.control, *self.uarts.values()):
            outer.close()
        os.close(self.console)
