"""Profiles from files, with every mistake explained: file, line, key, what was expected, the nearest right name."""

from __future__ import annotations

import dataclasses
import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from paifang.config import explain
from paifang.config.toml_lines import KeyPath, locate, nearest_line
from paifang.profiles.checks import mistakes
from paifang.profiles.errors import ProfileError
from paifang.profiles.model import MODELS, AnyProfile

if TYPE_CHECKING:
    from pathlib import Path

_SHARED = ("attributes", "properties")
_KEY = ".[key]"
"""How pydantic marks that the key itself is refused."""


def load(file: Path) -> AnyProfile:
    """The profile in a file. Raises ProfileError with every mistake."""
    try:
        return parse(file.read_text("utf-8"), file)
    except OSError as error:
        raise ProfileError([explain.Problem(file, None, "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ProfileError([explain.Problem(file, line, "", "not UTF-8 text")]) from error


def parse(text: str, file: Path) -> AnyProfile:
    """The profile that a file's text is. Raises ProfileError with every mistake."""
    try:
        found = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError([explain.syntax_problem(error, text, file)]) from error
    except RecursionError as error:
        raise ProfileError([explain.Problem(file, None, "", "not TOML: nested too deep")]) from error
    return _Text(file, found, locate(text)).profile()


@dataclasses.dataclass(frozen=True)
class _Text:
    """A TOML file with the places of its keys."""

    file: Path
    found: dict[str, Any]
    lines: dict[KeyPath, int]

    def profile(self) -> AnyProfile:
        model = self._model()
        merged, inherited = _with_defaults(self.found)
        try:
            profile = model.model_validate(merged, context={}, by_alias=True, by_name=False)
        except ValidationError as error:
            problems = explain.problems(error, merged, self._lines(inherited), self.file, model)
            raise ProfileError(_said_once(problems, inherited)) from error
        problems = [self._problem(each.place, each.what, each.nearest, inherited) for each in mistakes(profile)]
        if profile.name != self.file.stem:
            what = f'the file is called {self.file.name}: name = "{self.file.stem}", or another file name'
            problems.append(self._problem(("name",), what, "", inherited))
        if problems:
            raise ProfileError(_said_once(sorted(problems, key=lambda each: each.line or 0), inherited))
        return profile

    def _model(self) -> type[AnyProfile]:
        """What it is checked against, by its protocol."""
        protocol = self.found.get("protocol")
        model = MODELS.get(protocol) if isinstance(protocol, str) else None
        if model is not None:
            return model
        expected = f"one of {', '.join(MODELS)}"
        what = f"expected {expected}, found {explain.toml_text(protocol)}" if protocol else f"missing: {expected}"
        near = explain.nearest(str(protocol), list(MODELS))
        raise ProfileError([explain.Problem(self.file, self.lines.get(("protocol",)), "protocol", what, nearest=near)])

    def _lines(self, inherited: dict[KeyPath, KeyPath]) -> dict[KeyPath, int]:
        """Lines of the keys, of those too that points have from the defaults."""
        return self.lines | {path: self.lines[source] for path, source in inherited.items() if source in self.lines}

    def _problem(self, place: KeyPath, what: str, near: str, inherited: dict[KeyPath, KeyPath]) -> explain.Problem:
        line = nearest_line(self._lines(inherited), place)
        return explain.Problem(self.file, line, explain.dotted(place), what, nearest=near)


def _with_defaults(found: dict[str, Any]) -> tuple[dict[str, Any], dict[KeyPath, KeyPath]]:
    """The file with each point's attributes and properties complete, and which of their keys are the defaults'."""
    defaults, points = found.get("defaults"), found.get("points")
    if not isinstance(defaults, dict) or not isinstance(points, dict):
        return found, {}
    merged: dict[str, Any] = {}
    inherited: dict[KeyPath, KeyPath] = {}
    for name, point in cast("dict[str, Any]", points).items():
        merged[name] = point
        for table in _SHARED:
            shared = cast("dict[str, Any]", defaults).get(table)
            own = merged[name].get(table, {}) if isinstance(merged[name], dict) else None
            if isinstance(shared, dict) and isinstance(own, dict):
                missing = cast("dict[str, Any]", shared).keys() - cast("dict[str, Any]", own).keys()
                merged[name] = {**merged[name], table: {**shared, **own}}
                inherited |= {("points", name, table, key): ("defaults", table, key) for key in missing}
    return {**found, "points": merged}, inherited


def _said_once(problems: list[explain.Problem], inherited: dict[KeyPath, KeyPath]) -> list[explain.Problem]:
    """A mistake of the defaults is one, not one of every point."""
    sources = {explain.dotted(path): explain.dotted(source) for path, source in inherited.items()}
    renamed = (dataclasses.replace(each, key=sources.get(each.key, each.key)) for each in map(_about_name, problems))
    return list(dict.fromkeys(renamed))


def _about_name(problem: explain.Problem) -> explain.Problem:
    """A mistake in a name of the writer's own, not in what it stands for."""
    if not problem.key.endswith(_KEY):
        return problem
    return dataclasses.replace(problem, key=problem.key.removesuffix(_KEY), what=f"expected {problem.expected}")
