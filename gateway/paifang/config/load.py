"""Settings from a file, with every mistake explained: file, line, key, expected, found, nearest name."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from paifang.config import explain
from paifang.config.places import Place
from paifang.config.toml_lines import locate
from paifang.errors import EXIT_USAGE, PaifangError
from paifang.settings import Settings


class ConfigError(PaifangError):
    """A settings file that cannot be used; `problems` holds one entry a mistake, in the file's order."""

    def __init__(self, problems: list[explain.Problem]) -> None:
        self.problems = problems
        super().__init__(
            "\n".join(map(str, problems)),
            hint="correct the file, then look again with: paifang check",
            code="config",
            exit_code=EXIT_USAGE,
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in force, and the file they came from (None: the embedded defaults)."""

    settings: Settings
    file: Path | None


def load(place: Place) -> Loaded:
    """The settings of a place; ConfigError when its file is missing, unreadable or wrong."""
    file = place.file()
    given: dict[str, Any] = {} if place.data is None else {"data": place.data.expanduser().absolute()}
    if file is None:
        return Loaded(Settings(**given), None)
    return Loaded(parse(_read(file), file, given), file)


def parse(text: str, file: Path, given: dict[str, Any] | None = None) -> Settings:
    """Settings of a file's text; `given` (from the command line) goes before what the file says."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([explain.syntax_problem(error, text, file)]) from error
    try:
        return Settings.model_validate(
            found | (given or {}), context={"base": file.parent}, by_alias=True, by_name=False
        )
    except ValidationError as error:
        raise ConfigError(explain.problems(error, found, locate(text), file)) from error


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise ConfigError([explain.Problem(file, None, "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([explain.Problem(file, line, "", "not UTF-8 text")]) from error
