"""The root of every error the gateway reports to a person."""

from __future__ import annotations

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_RESOURCE = 4
EXIT_NO_ANSWER = 5


class PaifangError(Exception):
    """What went wrong (`message`), what to do next (`hint`), and how a script tells it apart.

    `code` is a short stable word for the control socket, `exit_code` the process exit code.
    """

    def __init__(self, message: str, hint: str = "", *, code: str = "error", exit_code: int = EXIT_REFUSED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


def resource_error(message: str, hint: str) -> PaifangError:
    """A port, disk, folder or file the gateway needs and cannot have: exit code 4."""
    return PaifangError(message, hint, code="resource", exit_code=EXIT_RESOURCE)


def not_found(message: str, hint: str = "") -> PaifangError:
    """A node, point or operation that is not there."""
    return PaifangError(message, hint, code="not-found")


def bad_argument(message: str, hint: str = "") -> PaifangError:
    """An argument of an operation that cannot be used as given."""
    return PaifangError(message, hint, code="bad-argument", exit_code=EXIT_USAGE)
