"""What is wrong with a profile, or a table of city names, in the words of whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.errors import EXIT_USAGE, PaifangError

if TYPE_CHECKING:
    from paifang.config import explain


class ProfileError(PaifangError):
    """A profile or table that cannot be used; `problems` holds one entry a mistake, in the file's order."""

    def __init__(self, problems: list[explain.Problem], hint: str = "") -> None:
        self.problems = problems
        super().__init__(
            "\n".join(map(str, problems)),
            hint or "correct the file, then look again with: paifang profile check FILE",
            code="profile",
            exit_code=EXIT_USAGE,
        )
