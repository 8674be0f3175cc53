"""Settings from a file, with every mistake explained: file, line, key, expected, found, nearest name."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from paifang.config import explain
from paifang.config.places import Place
from paifang.config.tables import Table
from paifang.config.toml_lines import locate
from paifang.errors import EXIT_USAGE, PaifangError
from paifang.settings import Settings

Model = TypeVar("Model", bound=Table)


class ConfigError(PaifangError):
    """A settings file that cannot be used; `problems` holds one entry a mistake, in the file's order."""

    def __init__(self, problems: list[explain.Problem], look_again: str = "paifang check") -> None:
        self.problems = problems
        super().__init__(
            "\n".join(map(str, problems)),
            hint=f"correct the file, then look again with: {look_again}",
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
    return _validated(Settings, text, file, given or {}, "paifang check")


def load_as(model: type[Model], file: Path, look_again: str) -> Model:
    """What the file says, as another model than the gateway's; `look_again` is the command that reads it."""
    return _validated(model, _read(file, look_again), file, {}, look_again)


def _validated(model: type[Model], text: str, file: Path, given: dict[str, Any], look_again: str) -> Model:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([explain.syntax_problem(error, text, file)], look_again) from error
    try:
        return model.model_validate(found | given, context={"base": file.parent}, by_alias=True, by_name=False)
    except ValidationError as error:
        raise ConfigError(explain.problems(error, found, locate(text), file, model), look_again) from error


def _read(file: Path, look_again: str = "paifang check") -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        problem = explain.Problem(file, None, "", f"cannot be read: {error.strerror}")
        raise ConfigError([problem], look_again) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([explain.Problem(file, line, "", "not UTF-8 text")], look_again) from error
