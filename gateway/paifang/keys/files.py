"""Reading and writing the files of this room: whole, private where it matters, and with errors that name the file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, cast

from paifang.errors import EXIT_USAGE, PaifangError, bad_argument, resource_error

if TYPE_CHECKING:
    from pathlib import Path

TEXT_LIMIT = 1 << 16
PRIVATE = 0o600
PUBLIC = 0o644
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
"""What a file system without hard links says, such as that of most USB sticks."""


def read_bytes(file: Path, limit: int = TEXT_LIMIT) -> bytes:
    """The content of a file of at most `limit` bytes. Raises PaifangError."""
    try:
        with file.open("rb") as opened:
            content = opened.read(limit + 1)
    except OSError as error:
        raise bad_argument(f"cannot read {file}: {error.strerror}") from error
    if len(content) > limit:
        raise bad_argument(f"{file} is longer than anything of its kind ({limit} bytes)", "is it the right file?")
    return content


def read_text(file: Path) -> str:
    try:
        return read_bytes(file).decode()
    except UnicodeDecodeError as error:
        raise bad_argument(f"{file} is not UTF-8 text", "is it the right file?") from error


def read_passphrase(file: Path) -> str:
    """The first line of a file. Raises PaifangError."""
    lines = read_text(file).splitlines()
    if not lines or not lines[0]:
        raise bad_argument(f"there is no passphrase in {file}", "it stands in the first line")
    return lines[0]


def read_json(file: Path, what: str) -> dict[str, Any]:
    """The JSON object in a file; `what` it should be stands in the error."""
    text = read_text(file)
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no character
    except (ValueError, RecursionError) as error:
        raise bad_argument(f"{file} is not {what}: it is not JSON", "is it the right file?") from error
    if not isinstance(found, dict):
        raise bad_argument(f"{file} is not {what}: it holds no JSON object", "is it the right file?")
    return cast("dict[str, Any]", found)


def make_folder(folder: Path) -> None:
    """A folder for one person's eyes. Raises PaifangError."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise resource_error(f"cannot make the folder {folder}: {error.strerror}", "choose another place") from error


def write(file: Path, content: bytes | str, mode: int = PUBLIC, *, replace: bool = False) -> None:
    """Write a whole file and sync it; a power cut leaves the old one or the new one. Raises PaifangError.

    Without `replace`, a file that is there stays as it is, and is an error.
    """
    data = content.encode() if isinstance(content, str) else content
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with open(handle, "wb") as opened:  # noqa: PTH123 - a handle, no path: the mode is set from the start
                opened.write(data)
                opened.flush()
                os.fsync(handle)
            _put(beside, file, replace=replace)
        finally:
            with contextlib.suppress(FileNotFoundError):
                beside.unlink()
    except FileExistsError as error:
        hint = "name another file, or move it away"
        raise PaifangError(f"{file} is there already", hint, exit_code=EXIT_USAGE) from error
    except OSError as error:
        raise resource_error(f"cannot write {file}: {error.strerror}", "choose another place") from error


def _link(beside: Path, file: Path) -> None:
    """Give a file its name, unless there is one of that name: a rename would replace it."""
    try:
        file.hardlink_to(beside)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if file.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        beside.replace(file)


def _put(beside: Path, file: Path, *, replace: bool) -> None:
    if replace:
        beside.replace(file)
    else:
        _link(beside, file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
