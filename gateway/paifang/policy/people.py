"""people.toml: the persons, their roles, and where and when they are on duty."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from paifang.config import explain
from paifang.config.toml_lines import locate
from paifang.policy.names import ROLES, WEEKDAYS
from paifang.policy.problems import PolicyError, read_text

HOURS_EXPECTED = 'hours such as "06:00-20:00", "22:00-06:00" or "06:00-12:00, 14:00-20:00"'
DAYS_EXPECTED = 'days such as "mon-fri" or "sat, sun"'
ZONE_EXPECTED = 'a time zone that this machine knows, such as "Asia/Shanghai" or "UTC"'
PATTERN_EXPECTED = 'names, or beginnings of names that end in "*", such as "relay-*"'
NAME_EXPECTED = 'short names of letters, digits, "-", "_", "." and "@" (64 at most)'

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24):(00))")
_PATTERN = re.compile(r"[^*\s]*\*?")
_NAME = re.compile(r"[\w.@-]{1,64}")
_DAY_MINUTES = 24 * 60

Span = tuple[int, int]
"""From this minute of the day up to that one; over midnight if that one is not the later."""


def parse_hours(text: str) -> tuple[Span, ...]:
    """Spans of minutes; ValueError naming what was expected."""
    spans: list[Span] = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise ValueError(HOURS_EXPECTED)
        first_hour, first_minute, *last = (int(each) for each in match.groups() if each is not None)
        spans.append((first_hour * 60 + first_minute, last[0] * 60 + last[1]))
    return tuple(spans)


def parse_days(text: str) -> frozenset[int]:
    """Days of the week, Monday is 0; ValueError naming what was expected."""
    days: set[int] = set()
    for part in text.split(","):
        ends = [each.strip() for each in part.split("-")]
        if len(ends) > 2 or not all(each in WEEKDAYS for each in ends):
            raise ValueError(DAYS_EXPECTED)
        first, last = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
        days |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return frozenset(days)


def find_zone(name: str) -> tzinfo:
    """The zone of a name; ValueError if this machine does not know it."""
    if name == "UTC":  # known even where no zones are installed
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(ZONE_EXPECTED) from error


def _hours(text: str) -> str:
    parse_hours(text)
    return text


def _days(text: str) -> str:
    parse_days(text)
    return text


def _zone(text: str) -> str:
    find_zone(text)
    return text


def _patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not all(each and _PATTERN.fullmatch(each) for each in patterns):
        raise ValueError(PATTERN_EXPECTED)
    return patterns


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(map(_NAME.fullmatch, names)):
        raise ValueError(NAME_EXPECTED)
    return names


Names = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_names)]
Patterns = Annotated[tuple[str, ...], Field(strict=False), AfterValidator(_patterns)]


class PersonTable(BaseModel):
    """One `[people.NAME]`. Without `sites` or `nodes` everywhere, without `hours` or `days` at all times."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    roles: Names = Field(description="What the person may do.")
    sites: Patterns = Field(default=("*",), description="Where.")
    nodes: Patterns = Field(default=("*",), description="At which nodes.")
    hours: Annotated[str, AfterValidator(_hours)] = Field(default="00:00-24:00", description="When.")
    days: Annotated[str, AfterValidator(_days)] = Field(default="mon-sun", description="On which days.")


class PeopleFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    zone: Annotated[str, AfterValidator(_zone)] | None = Field(default=None, description="The zone of all hours.")
    more_roles: Names = Field(default=(), description="Roles beside those that paifang knows.")
    people: dict[str, PersonTable] = Field(default={}, description="The persons.")


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the policy sees them."""

    roles: frozenset[str]
    sites: tuple[str, ...] = ("*",)
    nodes: tuple[str, ...] = ("*",)
    spans: tuple[Span, ...] = ((0, _DAY_MINUTES),)
    days: frozenset[int] = frozenset(range(7))

    def in_area(self, site: str, node: str) -> bool:
        return matches(self.sites, site) and matches(self.nodes, node)

    def on_duty(self, local: datetime) -> bool:
        """A span over midnight belongs to the day on which it begins."""
        minute, today = local.hour * 60 + local.minute, local.weekday()
        for first, last in self.spans:
            if first < last and first <= minute < last and today in self.days:
                return True
            if first >= last and minute >= first and today in self.days:
                return True
            if first >= last and minute < last and (today - 1) % 7 in self.days:
                return True
        return False


@dataclass(frozen=True, slots=True)
class People:
    """What people.toml says; `zone` None is the machine's own."""

    persons: Mapping[str, Person]
    roles: tuple[str, ...] = ROLES
    zone: tzinfo | None = None


NOBODY = People({})


def matches(patterns: tuple[str, ...], name: str) -> bool:
    """A pattern is a name, or the beginning of names and "*"."""
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in patterns)


def parse_people(text: str, file: Path) -> People:
    """The persons of a file's text; PolicyError naming the line of each mistake."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([explain.syntax_problem(error, text, file)]) from error
    lines = locate(text)
    try:
        table = PeopleFile.model_validate(found)
    except ValidationError as error:
        raise PolicyError(explain.problems(error, found, lines, file, PeopleFile)) from error
    problems = list(_role_problems(table, lines, file))
    if problems:
        raise PolicyError(problems)
    persons = {name: _person(each) for name, each in table.people.items()}
    zone = None if table.zone is None else find_zone(table.zone)
    return People(persons, (*ROLES, *table.more_roles), zone)


def load_people(file: Path) -> People:
    """The persons of a file; nobody where there is none."""
    return parse_people(read_text(file), file) if file.exists() else NOBODY


def _role_problems(table: PeopleFile, lines: Mapping[explain.KeyPath, int], file: Path) -> Iterator[explain.Problem]:
    known = [*ROLES, *table.more_roles]
    for name, person in table.people.items():
        for place, role in enumerate(person.roles):
            if role not in known:
                key = ("people", name, "roles", place)
                near = explain.nearest(role, known)
                what = f'no role "{role}"' + ("" if near else f"; known: {', '.join(known)}")
                yield explain.Problem(
                    file, explain.nearest_line(dict(lines), key), explain.dotted(key), what, nearest=near
                )


def _person(table: PersonTable) -> Person:
    return Person(frozenset(table.roles), table.sites, table.nodes, parse_hours(table.hours), parse_days(table.days))
