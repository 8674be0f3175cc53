"""A new file that is there whole or not at all, and never in the place of another."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from paifang.errors import EXIT_USAGE, PaifangError, resource_error

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

PART = ".part"
JOURNALS = ("-journal", "-wal", "-shm")
"""What SQLite adds to the name of a database for the files beside it."""


@contextlib.contextmanager
def new_file(path: Path, mode: int = 0o666) -> Generator[Path]:
    """The path of an empty file to be filled, which is synced and becomes `path` at the end.

    After an error nothing is left of it; what a killed process left is begun anew. Raises PaifangError when `path` is
    there already or cannot be written.
    """
    part = path.with_name(path.name + PART)
    try:
        with _alone(path, part, mode) as file:
            try:
                yield part
                os.fsync(file)
                _name(part, path)
            finally:
                part.unlink(missing_ok=True)
                _remove_journals(part)
            sync_folder(path.parent)
    except OSError as error:
        raise resource_error(f"cannot write {path}: {error.strerror or error}", "choose another place") from error


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk. Raises OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def _alone(path: Path, part: Path, mode: int) -> Generator[int]:
    """The empty file `part`, held so that nobody else writes it."""
    if os.path.lexists(path):
        raise _taken(path)
    file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise resource_error(f"another process is writing {path}", "wait for it, or choose another name") from error
        os.fchmod(file, mode & ~_umask())
        os.ftruncate(file, 0)
        _remove_journals(part)
        yield file
    finally:
        os.close(file)


def _remove_journals(part: Path) -> None:
    for suffix in JOURNALS:
        part.with_name(part.name + suffix).unlink(missing_ok=True)


def _name(part: Path, path: Path) -> None:
    """A link fails where a name is taken, a rename would replace it; not every stick's file system has links."""
    try:
        path.hardlink_to(part)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError:
        if os.path.lexists(path):
            raise _taken(path) from None
        part.rename(path)


def _taken(path: Path) -> PaifangError:
    return PaifangError(f"{path} is there already", "choose another name; nothing is overwritten", exit_code=EXIT_USAGE)


def _umask() -> int:
    found = os.umask(0o077)
    os.umask(found)
    return found
