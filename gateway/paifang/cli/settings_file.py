"""Tables that a command adds to the settings file: it is checked as a whole first, and changed whole or not at all."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from paifang.cli.options import Asked
from paifang.errors import EXIT_USAGE, PaifangError, bad_argument

if TYPE_CHECKING:
    from paifang.settings import Settings


def add(
    wanted: Asked, name: str, hint: str, changed: Callable[[str, Path], str], check: "Callable[[Settings], object]"
) -> Path:
    """Have the settings file say what `changed(text, file)` makes of it, if `check` finds nothing wrong with that.

    Returns the file. Raises PaifangError saying that `name` is not added, with `hint`.
    """
    file = wanted.place.file()
    if file is None:
        raise bad_argument("there is no settings file to add it to", "make one first: paifang init")
    after = changed(file.read_text("utf-8"), file)
    try:
        _check(after, file, wanted.place.data, check)
    except PaifangError as error:
        raise _refusal(error, name, hint) from error
    _replace(file, after)
    return file


def table(name: str, values: dict[str, Any]) -> str:
    """[[name]] with those of `values` that are not None; a list of tables becomes [[name.key]] behind it, one each."""
    from paifang.config.explain import toml_text

    inner = {key: found for key, value in values.items() if (found := _tables(value))}
    lines = [f"{key} = {toml_text(value)}" for key, value in values.items() if value is not None and key not in inner]
    tables = [table(f"{name}.{key}", each) for key, value in inner.items() for each in value]
    return "\n".join([f"[[{name}]]", *lines, "", *tables])


def _tables(value: object) -> list[dict[str, Any]]:
    """The tables that a value is a list of; none if it is something else."""
    found = cast("list[object]", value) if isinstance(value, list) else []
    tables = [cast("dict[str, Any]", each) for each in found if isinstance(each, dict)]
    return tables if len(tables) == len(found) else []


def end_of_value(lines: list[str], line: int, file: Path) -> int:
    """How many lines there are up to the end of what begins on this one: a value may take several."""
    import tomllib

    for at in range(line, len(lines) + 1):
        try:
            tomllib.loads("".join(lines[:at]))
        except tomllib.TOMLDecodeError:
            continue
        return at
    raise bad_argument(f"{file} cannot be read", "look at it: paifang check")


def _check(text: str, file: Path, data: Path | None, check: "Callable[[Settings], object]") -> None:
    from paifang.config.load import parse

    check(parse(text, file, {} if data is None else {"data": data.expanduser().absolute()}))


def _refusal(error: PaifangError, name: str, hint: str) -> PaifangError:
    """In words without the lines of a text that nobody has seen."""
    from paifang.config.load import ConfigError

    problems = error.problems if isinstance(error, ConfigError) else ()
    told = [str(replace(each, line=None)).removeprefix(f"{each.file}: ") for each in problems]
    what = "; ".join(told or error.message.splitlines())
    return PaifangError(f"{name} is not added: {what}", hint, code="config", exit_code=EXIT_USAGE)


def _replace(file: Path, text: str) -> None:
    """Whole or not at all, with the mode that it had."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, "utf-8")
    beside.chmod(file.stat().st_mode & 0o777)
    beside.replace(file)
