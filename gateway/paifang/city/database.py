"""The connection to PostgreSQL, its schema, and which of its errors mean what."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from importlib import resources
from typing import TYPE_CHECKING, Self

import asyncpg

from paifang.errors import EXIT_RESOURCE, EXIT_UNREACHABLE, PaifangError, resource_error
from paifang_wire import names

if TYPE_CHECKING:
    from collections.abc import Generator

    from paifang.config.city import PostgresSettings

SCHEMA_VERSION = 1
SPANS = ("day", "week", "month")
_CLOSE_S = 2.0
# By SQLSTATE (PostgreSQL, Appendix A), or its class: what to do.
_HELP = {
    "28": "see that the password file is right and pg_hba.conf lets this user in",
    "3D000": "make it: createdb --owner USER DATABASE",
    "42501": "grant this user the schema paifang, or apply the schema as its owner",
    "3F000": "make the tables: paifang city schema --apply",
    "42P01": "make the tables: paifang city schema --apply",
    "53100": "PostgreSQL's disk is full: give it room",
    "53300": "raise max_connections, or run fewer workers",
}
_OF_DATA = ("22", "23")
"""Classes of what is wrong with the rows themselves: data exceptions, and constraints that they break."""


class DataRefusedError(PaifangError):
    """PostgreSQL does not take these rows, whoever asks how often."""


def schema(span: str) -> str:
    """The SQL that makes all tables, with readings in partitions of a "day", "week" or "month"."""
    text = resources.files("paifang.city").joinpath("schema.sql").read_text("utf-8")
    qualities = ", ".join(f"({place}, '{name}')" for place, name in enumerate(names.QUALITY))
    return (
        text.replace("{version}", str(SCHEMA_VERSION))
        .replace("{span}", span)
        .replace("{qualities}", qualities)
        .replace("{next_quality}", str(len(names.QUALITY)))
    )


class Database:
    """One connection, which is not mended: whoever loses it makes another. `who` is shown in pg_stat_activity."""

    def __init__(self, connection: asyncpg.Connection, where: str) -> None:
        self.connection = connection
        self._where = where

    @classmethod
    async def open(cls, settings: PostgresSettings, who: str) -> Self:
        """Raises PaifangError."""
        where = f"PostgreSQL at {settings.host}:{settings.port}/{settings.database}"
        password = None if settings.password_file is None else _secret(settings)
        with told(where):
            connection = await asyncpg.connect(
                host=settings.host,
                port=settings.port,
                user=settings.user,
                password=password,
                database=settings.database,
                timeout=settings.timeout_ms / 1000,
                command_timeout=settings.timeout_ms / 1000,
                ssl=_tls(settings),
                server_settings={"application_name": f"paifang city {who}", "timezone": "UTC"},
            )
        return cls(connection, where)

    def told(self) -> contextlib.AbstractContextManager[None]:
        """Around what is asked of PostgreSQL: its errors are PaifangErrors outside."""
        return told(self._where)

    async def check(self) -> None:
        """Raises PaifangError when the tables are not there, or of another version."""
        with self.told():
            version = await self.connection.fetchval("SELECT version FROM paifang.meta")
        if version != SCHEMA_VERSION:
            raise PaifangError(
                f"{self._where}: its tables are of version {version}, this paifang knows {SCHEMA_VERSION}",
                "run workers of the version that made them",
                code="resource",
                exit_code=EXIT_RESOURCE,
            )

    async def close(self) -> None:
        """Never raises, and waits for nobody long."""
        try:
            await self.connection.close(timeout=_CLOSE_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            self.connection.terminate()
        except asyncio.CancelledError:
            self.connection.terminate()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@contextlib.contextmanager
def told(where: str) -> Generator[None]:
    """What PostgreSQL, asyncpg and the network raise inside, as PaifangErrors."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise _refusal(where, error) from error
    except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
        reason = str(error) or "no answer in time"
        hint = "see that it runs there and takes connections"
        raise PaifangError(f"{where}: {reason}", hint, code="unreachable", exit_code=EXIT_UNREACHABLE) from error


def _refusal(where: str, error: asyncpg.PostgresError) -> PaifangError:
    state = error.sqlstate or ""
    message = f"{where}: {error} ({state})"
    if state[:2] in _OF_DATA:
        return DataRefusedError(message)
    hint = _HELP.get(state) or _HELP.get(state[:2], "")
    return PaifangError(message, hint, code="unreachable", exit_code=EXIT_UNREACHABLE)


def _secret(settings: PostgresSettings) -> str:
    assert settings.password_file
    try:
        return settings.password_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise resource_error(
            f"{settings.password_file} cannot be read: {reason}", "make it, readable for the worker alone"
        ) from error


def _tls(settings: PostgresSettings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise resource_error(f"no certificates in {settings.ca_file}: {error}", "name a file in PEM") from error
