"""A signal node's files: read, and every mistake explained with its line, as the node itself would judge them."""

import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from paifang.config import explain
from paifang.config.toml_lines import KeyPath, locate, nearest_line
from paifang.errors import EXIT_REFUSED, EXIT_USAGE, PaifangError, bad_argument
from paifang_tools.errors import ToolError
from paifang_tools.signals import checking, day_file, plan_file, site_file
from paifang_tools.signals.mistakes import Mistake, MistakesError
from paifang_tools.signals.site_file import Site

if TYPE_CHECKING:
    from paifang.keys.roots import Rooted

_Model = TypeVar("_Model", bound=BaseModel)
_Made = TypeVar("_Made")


class SignalFileError(PaifangError):
    """A file that is not good; `problems` holds one entry a mistake, or a reason why a node would refuse it."""

    def __init__(self, problems: Sequence[explain.Problem], hint: str, exit_code: int) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)), hint, code="signal-file", exit_code=exit_code)


@dataclass(frozen=True)
class _Text:
    """A TOML file with the places of its keys."""

    file: Path
    found: Mapping[str, Any]
    lines: dict[KeyPath, int]

    def problem(self, mistake: Mistake) -> explain.Problem:
        line, key = nearest_line(self.lines, mistake.place), explain.dotted(mistake.place)
        return explain.Problem(self.file, line, key, mistake.what, nearest=mistake.nearest)

    def model(self, model: type[_Model]) -> _Model:
        """Its content. Raises SignalFileError naming the line of each mistake."""
        try:
            return model.model_validate(self.found)
        except ValidationError as error:
            raise _wrong(explain.problems(error, dict(self.found), self.lines, self.file, model)) from error

    def made(self, make: Callable[[], _Made]) -> _Made:
        """What `make` makes of the content. Raises SignalFileError."""
        try:
            return make()
        except MistakesError as error:
            raise _wrong([self.problem(mistake) for mistake in error.found]) from error

    def judge(self, reasons: Sequence[Mistake]) -> None:
        """Raise SignalFileError with every reason why a node would refuse it."""
        if reasons:
            problems = [explain.Problem(self.file, self.problem(each).line, "", each.what) for each in reasons]
            raise SignalFileError(problems, "a node would refuse this, for these reasons", EXIT_REFUSED)


def read_site(file: Path) -> Site:
    """The site record of a site.toml or a *.site, as a node would take it. Raises PaifangError with all reasons."""
    return signed_site(file)[0] if file.suffix != ".toml" else _site_of(_text(file))


def signed_site(file: Path) -> "tuple[Site, Rooted]":
    """The site record of a *.site, as a node would take it but for its signatures. Raises PaifangError."""
    from paifang.keys.roots import Rooted

    rooted = Rooted.read(file)
    return site_of(rooted, str(file)), rooted


def site_of(rooted: "Rooted", where: str) -> Site:
    """The site record that roots sign. Raises PaifangError with every reason why no node would take it."""
    from paifang.keys import sites

    found = Site(*sites.read(rooted, where))
    reasons = checking.site_reasons(found)
    if reasons:
        problems = [explain.Problem(Path(where), None, "", each.what) for each in reasons]
        raise SignalFileError(problems, "a node would refuse this, for these reasons", EXIT_REFUSED)
    return found


def read_plan(file: Path, site: Site) -> list[Any]:
    """The record of a plan.toml, as a node with this site would take it. Raises PaifangError with all reasons."""
    text = _text(file)
    model = text.model(plan_file.PlanFile)
    record = text.made(lambda: plan_file.to_record(model, site.record))
    text.judge(checking.plan_reasons(record, site.record))
    return record


def plan_name(file: Path) -> str:
    """The name of the plan in a plan.toml. Raises PaifangError."""
    return _text(file).model(plan_file.PlanFile).name


def read_days(file: Path, names: Collection[str] | None) -> list[Any]:
    """The record of a days.toml, as a node with plans of these names would take it; None: they are not known here.

    Raises PaifangError with all reasons.
    """
    text = _text(file)
    record = day_file.to_record(text.model(day_file.DayFile))
    text.judge(checking.day_reasons(record, [row[2] for row in record[2]] if names is None else names))
    return record


def shown(make: Callable[[], str]) -> str:
    """The text of a record. Raises PaifangError for one that no file can say."""
    try:
        return make()
    except (ToolError, ValueError, TypeError, LookupError) as error:
        raise bad_argument(f"this is no record that a file could say: {error}") from error


def _site_of(text: _Text) -> Site:
    model = text.model(site_file.SiteFile)
    found = text.made(lambda: site_file.to_site(model))
    text.judge(checking.site_reasons(found))
    return found


def _text(file: Path) -> _Text:
    from paifang.keys import files

    text = files.read_text(file)
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong([_syntax(error, text, file)]) from error
    return _Text(file, found, locate(text))


def _syntax(error: Exception, text: str, file: Path) -> explain.Problem:
    if isinstance(error, tomllib.TOMLDecodeError):
        return explain.syntax_problem(error, text, file)
    return explain.Problem(file, None, "", "not TOML: nested too deep")


def _wrong(problems: list[explain.Problem]) -> SignalFileError:
    return SignalFileError(problems, "correct the file, and check it again", EXIT_USAGE)
