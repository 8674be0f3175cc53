"""What is wrong in the files of a policy."""

from pathlib import Path

from paifang.config.explain import Problem
from paifang.errors import EXIT_USAGE, PaifangError


class PolicyError(PaifangError):
    """A policy that cannot be used; `problems` holds one entry a mistake, file by file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(
            "\n".join(map(str, problems)),
            hint="correct it, then look again with: paifang policy check",
            code="policy",
            exit_code=EXIT_USAGE,
        )


def read_text(file: Path) -> str:
    """The text of a file; PolicyError if it cannot be read or is not UTF-8."""
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise PolicyError([Problem(file, None, "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise PolicyError([Problem(file, line, "", "not UTF-8 text")]) from error
