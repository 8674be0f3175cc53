"""A process that is killed at its nth change of the disk, whoever makes it: Python or SQLite."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from collections.abc import Callable

SYSTEM = apsw.vfs_names()[0]
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.truncate", "open"}


def killed_at(change: int, job: Callable[[], object]) -> bool:
    """Run `job` in a process of its own and kill that before change number `change`; False when it ended before."""
    process = os.fork()
    if process == 0:
        _run(change, job)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _run(change: int, job: Callable[[], object]) -> None:
    left = change

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    class Counting(apsw.VFS):
        def xOpen(self, name, flags):  # noqa: N802 - SQLite's names
            count()
            return CountingFile(SYSTEM, name, flags)

    class CountingFile(apsw.VFSFile):
        def xWrite(self, data, offset):  # noqa: N802
            count()
            super().xWrite(data, offset)

        def xTruncate(self, newsize):  # noqa: N802
            count()
            super().xTruncate(newsize)

    code = 1
    try:
        vfs = Counting("counting", SYSTEM, makedefault=True)
        sys.addaudithook(lambda event, _: count() if event in CHANGES else None)
        job()
        code = 0
        del vfs
    finally:
        os._exit(code)
