"""What is wrong in a settings file, in the words of the person who wrote it."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from paifang.config.toml_lines import KeyPath, nearest_line
from paifang.settings import Settings

_FOUND_LIMIT = 60
_TWICE = re.compile(r"Cannot declare \((.+)\) twice")
"""As `tomllib` says it, with the parts of the table's name."""

# What each of pydantic's refusals means for somebody who writes TOML; {…} comes from the error's context.
_EXPECTED = {
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
    "tuple_type": "a list in [ ]",
    "list_type": "a list in [ ]",
    "string_too_short": "a text that is not empty",
    "string_too_long": "a text of at most {max_length} characters",
    "less_than": "less than {lt}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "literal_error": "one of {expected}",
    "value_error": "{error}",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `line` counts from 1 (None: nowhere in the file), `key` is dotted ("" = the file itself)."""

    file: Path
    line: int | None
    key: str
    what: str
    expected: str = ""
    found: str = ""
    nearest: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        text = ": ".join(part for part in (place, self.key, self.what) if part)
        return f'{text}; did you mean "{self.nearest}"?' if self.nearest else text


def syntax_problem(error: tomllib.TOMLDecodeError, text: str, file: Path) -> Problem:
    """A file that is not TOML. `tomllib` names line and column at the end of its message."""
    match = re.fullmatch(
        r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", str(error)
    )
    if match is None:
        return Problem(file, None, "", f"not TOML: {error}")
    line = int(match["line"] or text.rstrip("\n").count("\n") + 1)
    shown = text.splitlines()[line - 1].strip() if text.strip() else ""
    where = f", column {match['column']}" if match["column"] else ""
    twice = _TWICE.fullmatch(match["what"])
    if twice is not None:
        name = dotted(tuple(re.findall(r"'(.+?)'", twice[1])))
        return Problem(file, line, "", f"not TOML: [{name}] is there twice, {_before(name, text, line)}", found=shown)
    what = f"not TOML: {match['what'][:1].lower()}{match['what'][1:]}{where}"
    return Problem(file, line, "", f"{what}: {_shorten(shown)}" if shown else what, found=shown)


def _before(name: str, text: str, line: int) -> str:
    """Where the table is that a second one follows, and what to do; it may also have been made by dotted names."""
    header = re.compile(rf"\s*\[\[?{re.escape(name)}\]")
    earlier = [number for number, each in enumerate(text.splitlines()[: line - 1], 1) if header.match(each)]
    return f"first on line {earlier[0]}: put both into one" if earlier else "put both into one"


def problems(
    error: ValidationError,
    found: dict[str, Any],
    lines: dict[KeyPath, int],
    file: Path,
    model: type[BaseModel] = Settings,
) -> list[Problem]:
    """One problem for each refusal of `model`, in the order of the file."""
    listed = [_problem(details, found, lines, file, model) for details in error.errors(include_url=False)]
    return sorted(listed, key=lambda problem: (problem.line or 0, problem.key))


def nearest(word: str, known: Sequence[str], cutoff: float = 0.6) -> str:
    """The known word that was perhaps meant, or ""."""
    return next(iter(difflib.get_close_matches(word, known, 1, cutoff)), "")


def _problem(
    details: ErrorDetails, found: dict[str, Any], lines: dict[KeyPath, int], file: Path, model: type[BaseModel]
) -> Problem:
    path = details["loc"]
    line = nearest_line(lines, path)
    key = dotted(path)
    if details["type"] == "extra_forbidden":
        near, valid = _nearest_name(path, model)
        what = "unknown name" if near else f"unknown name; known here: {', '.join(valid)}"
        return Problem(file, line, key, what, expected=", ".join(valid), found=str(path[-1]), nearest=near)
    expected = _expected(details)
    if details["type"] == "missing":
        return Problem(file, line, key, f"missing: {_field_description(path, model)}", expected=expected)
    value = _value_at(found, path)
    shown = _shorten(toml_text(value))
    return Problem(
        file, line, key, f"expected {expected}, found {shown}", expected, shown, _nearest_value(details, value)
    )


def dotted(path: KeyPath) -> str:
    """A path as an operator says it: ("nodes", "serial", 0, "baud") -> "nodes.serial[1].baud"."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def toml_text(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in cast("list[object]", value)):
        return f"{len(cast('list[object]', value))} tables"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_text(item) for item in cast('list[object]', value))}]"
    if isinstance(value, str | Path):
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def _expected(details: ErrorDetails) -> str:
    template = _EXPECTED.get(details["type"])
    return details["msg"] if template is None else template.format(**details.get("ctx", {}))


def _nearest_value(details: ErrorDetails, value: object) -> str:
    if details["type"] != "literal_error":
        return ""
    choices = re.findall(r"[\w-]+", str(details.get("ctx", {}).get("expected", "")))
    return nearest(str(value), choices)


def _nearest_name(path: KeyPath, model: type[BaseModel]) -> tuple[str, list[str]]:
    """The nearest right name for an unknown key, and all names of its table.

    Looks in the key's own table first, then for the same name in any other table.
    """
    name = str(path[-1])
    valid = list(_fields(_model_at(path[:-1], model)))
    close = nearest(name, valid)
    if close:
        return close, valid
    everywhere = {dotted(other): str(other[-1]) for other in _all_paths(model)}
    elsewhere = nearest(name, list(everywhere.values()), 0.8)
    return next((full for full, last in everywhere.items() if elsewhere and last == elsewhere), ""), valid


def _all_paths(model: type[BaseModel], above: KeyPath = ()) -> Iterator[KeyPath]:
    for name, field in _fields(model).items():
        yield (*above, name)
        inner = _inner_model(field.annotation)
        if inner is not None:
            yield from _all_paths(inner, (*above, name))


def _field_description(path: KeyPath, model: type[BaseModel]) -> str:
    description = _fields(_model_at(path[:-1], model))[str(path[-1])].description or ""
    return f"{description[:1].lower()}{description[1:].rstrip('.')}"


def _model_at(path: KeyPath, model: type[BaseModel]) -> type[BaseModel]:
    """The model of a table below `model`; where names are free, as those of persons, a name changes nothing."""
    for part in path:
        field = _fields(model).get(part) if isinstance(part, str) else None
        model = (field and _inner_model(field.annotation)) or model
    return model


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a table by the name that a file uses."""
    return {str(field.validation_alias or name): field for name, field in model.model_fields.items()}


def _inner_model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(_inner_model, get_args(annotation)) if model), None)


def _value_at(found: object, path: KeyPath) -> object:
    for part in path:
        try:
            found = cast("Any", found)[part]
        except (KeyError, IndexError, TypeError):
            return found
    return found


def _shorten(text: str) -> str:
    return text if len(text) <= _FOUND_LIMIT else text[: _FOUND_LIMIT - 1] + "…"
