"""A PostgreSQL of one's own on the loopback: made in a folder, stopped as by a power cut, started again."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from paifang_rig.engines.server import Server, answers, find, free_ports, until
from paifang_rig.errors import RigError

_PLACES = os.pathsep.join(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))
USER = DATABASE = "city"
PASSWORD = "at the rig"  # noqa: S105 - of a server that lives as long as its test
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class Postgres:
    """`settings` are more lines of postgresql.conf. Its folder goes with `end`."""

    def __init__(self, **settings: str) -> None:
        self._initdb = find("initdb", "postgresql", _PLACES).resolve()  # beside it stand the others
        self.port = free_ports(1)[0]
        self.folder = Path(tempfile.mkdtemp(prefix="paifang-postgres-"))
        self._account = _account()
        self._data = self.folder / "data"
        options = _SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self.folder)} | settings
        command = [str(self._initdb.with_name("postgres")), "-D", str(self._data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._server = Server(
            command, self.folder / "postgres.log", None if self._account is None else self._account[0]
        )

    @property
    def url(self) -> str:
        """For clients, password included."""
        return f"postgresql://{USER}:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/{DATABASE}"

    async def start(self) -> None:
        """Start it, the first time in a new folder; returns when it takes connections."""
        if not self._data.exists():
            self._make()
        self._server.start()
        await until(self._is_ready, f"PostgreSQL ready: {self._server.log_tail()}")

    def stop(self) -> None:
        """`pg_ctl stop -m immediate`: connections break, nothing is written, and the next start recovers."""
        self._server.end(signal.SIGQUIT)

    def end(self) -> None:
        """Stop it and remove all it had."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORD)
        if self._account is not None:
            for path in (self.folder, password):
                os.chown(path, *self._account)
        options = ("-U", USER, "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8")
        self._run([self._initdb, "-D", self._data, "--no-sync", "--no-instructions", *options])
        # Of one user only: the database that bears its name is made before there is a server.
        single = [self._initdb.with_name("postgres"), "--single", "-D", self._data, "postgres"]
        self._run(single, b"CREATE DATABASE city;\n")

    def _run(self, command: list[str | Path], given: bytes = b"") -> None:
        uid, gid = self._account or (None, None)
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
            cwd="/",
            check=False,
        )
        if done.returncode:
            raise RigError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr.decode()[-500:]}")

    def _is_ready(self) -> bool:
        if not self._server.is_running:
            raise RigError(f"PostgreSQL did not start; it said:\n{self._server.log_tail()}")
        ready = [str(self._initdb.with_name("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return answers(self.port) and subprocess.run(ready, check=False).returncode == 0

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self.end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()


def _account() -> tuple[int, int] | None:
    """Whom to run it as: PostgreSQL refuses root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid
