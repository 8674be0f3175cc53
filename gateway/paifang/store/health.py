"""Whether the file is sound: looked at when it was not closed properly, and as far as the time for it reaches."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import apsw

from paifang.errors import PaifangError, resource_error

if TYPE_CHECKING:
    from pathlib import Path

    from paifang.store.sql import Connection

START_LIMIT_S = 20.0
"""A ward waits for its gateway. In this time some 5 GB are looked through, from a disk that is no slower than that."""
RESTORE_HINT = "`paifang restore BACKUP --aside` puts a backup in its place and keeps this file; docs/store.md"
_STEPS = 100_000
"""Steps of SQLite's machine between two looks at the clock: some milliseconds."""
_FINDINGS = 20

_log = logging.getLogger(__name__)


def was_left_open(path: Path) -> bool:
    """Whether whoever used the store last did not close it: then its write-ahead log is still there."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def check_start(connection: Connection, path: Path, limit_s: float = START_LIMIT_S) -> bool:
    """Look at the structure of every page; False when `limit_s` was not enough for all. Raises PaifangError."""
    began_s = time.monotonic()
    connection.set_progress_handler(lambda: time.monotonic() - began_s > limit_s, _STEPS)
    try:
        found = _ask(connection, "quick_check")
    except apsw.InterruptError:
        _log.warning(
            "%s was not closed, and is sound as far as %.0f s reach; see `paifang check --store`", path, limit_s
        )
        return False
    finally:
        connection.set_progress_handler(None)
    if found:
        raise damaged(path, found[0])
    _log.info("%s was not closed, and is sound: looked through in %.1f s", path, time.monotonic() - began_s)
    return True


def findings(connection: Connection) -> list[str]:
    """What PRAGMA integrity_check finds, indexes held against their tables; empty when the file is sound."""
    return _ask(connection, "integrity_check")


def damaged(path: Path, what: str) -> PaifangError:
    return resource_error(f"{path} is damaged: {what}", RESTORE_HINT)


def _ask(connection: Connection, pragma: str) -> list[str]:
    """What is so damaged that the look itself fails is a finding, too."""
    try:
        found = [str(row[0]) for row in connection.execute(f"PRAGMA {pragma}({_FINDINGS})")]
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return [str(error)]
    return [] if found == ["ok"] else found
