"""Tables of city names, and the name of a point: its profile's, else its table's, with the exact conversion."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from pydantic import ValidationError

from paifang.config import explain
from paifang.config.toml_lines import KeyPath, locate, nearest_line
from paifang.errors import not_found
from paifang.profiles import units
from paifang.profiles.city_names import CityNames, Hj212Name, NameTable, NgsiLdName, SensorThingsName
from paifang.profiles.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from paifang.profiles.model import AnyProfile

Schema = Literal["hj212", "ngsi_ld", "sensorthings"]
AnyName = Hj212Name | NgsiLdName | SensorThingsName
COMMON = "common"
SUFFIX = ".toml"
_HINT = "correct the file: docs/profiles.md, names in the schemas of a city"
_MORE_DIGITS = 3
"""What a value keeps beyond its own last digit where a conversion has no end, as from J to Wh."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A number in one unit as one in another: exact, or where it has no end with three digits more, half to even."""

    gain: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)

    def __call__(self, value: Decimal) -> Decimal:
        if self.gain == 1 and not self.shift:
            return value
        found = Fraction(value) * self.gain + self.shift
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)
        places = _decimals(found.denominator)
        if places is None:
            places = max(0, _MORE_DIGITS - exponent)
        return Decimal(round(found * 10**places)).scaleb(-places)


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of the points of one station: those of its profile, if it has one, go before the table's."""

    table: NameTable
    own: Mapping[str, CityNames]

    @overload
    def find(self, schema: Literal["hj212"], point: str, unit: str) -> tuple[Hj212Name, Conversion] | None: ...
    @overload
    def find(self, schema: Literal["ngsi_ld"], point: str, unit: str) -> tuple[NgsiLdName, Conversion] | None: ...
    @overload
    def find(
        self, schema: Literal["sensorthings"], point: str, unit: str
    ) -> tuple[SensorThingsName, Conversion] | None: ...
    def find(self, schema: Schema, point: str, unit: str) -> tuple[AnyName, Conversion] | None:
        """What a point with this unit is called, and how its values are converted.

        None: the schema has no name for it, or the name is one of another quantity.
        """
        names = self.own.get(point, self.table.points.get(point))
        name: AnyName | None = None if names is None else getattr(names, schema)
        if name is None:
            return None
        conversion = between(unit, name.unit)
        return None if conversion is None else (name, conversion)

    def all(self, point: str, unit: str) -> Iterator[tuple[Schema, str]]:
        """What a point is called, and in which schema, as no other point of a device may be."""
        if (factor := self.find("hj212", point, unit)) is not None:
            yield "hj212", factor[0].factor
        if (attribute := self.find("ngsi_ld", point, unit)) is not None:
            name = attribute[0]
            yield "ngsi_ld", ".".join(filter(None, (name.type, name.attribute, name.key)))
        if (datastream := self.find("sensorthings", point, unit)) is not None:
            yield "sensorthings", datastream[0].name


@lru_cache(maxsize=1024)
def between(unit: str, wanted: str) -> Conversion | None:
    """From one unit to another; None when there is no such unit, or they are of two quantities."""
    source, target = units.find(unit.replace("\u03bc", "\u00b5")), units.find(wanted)
    if source is None or target is None:
        return None
    try:
        return Conversion(*units.conversion(source, target))
    except ValueError:
        return None


def built_in() -> dict[str, Path]:
    """{name: file} of the tables that paifang comes with."""
    return {file.stem: file for file in sorted(Path(str(files("paifang.profiles") / "city")).glob(f"*{SUFFIX}"))}


def naming(name: str | None, profile: AnyProfile | None = None) -> Naming:
    """`name`: a table that paifang comes with, or a file *.toml; None: the profile's, else the common one.

    Raises PaifangError, ProfileError with every mistake in the file.
    """
    table = find(name or (profile and profile.city) or COMMON)
    own = (
        {} if profile is None else {point: each.city for point, each in profile.points.items() if each.city is not None}
    )
    return Naming(table, own)


def find(name: str) -> NameTable:
    """The table, with those that it includes. Raises PaifangError, ProfileError."""
    return load(Path(name)) if name.endswith(SUFFIX) else _built_in(name)


@lru_cache(maxsize=64)
def _built_in(name: str) -> NameTable:
    known = built_in()
    if name not in known:
        near = explain.nearest(name, list(known))
        hint = f'did you mean "{near}"?' if near else f"there are {', '.join(known)}; or give a file *{SUFFIX}"
        raise not_found(f"no table of city names {name!r}", hint)
    return load(known[name])


def load(file: Path) -> NameTable:
    """The table in a file, with those that it includes. Raises ProfileError with every mistake."""
    try:
        return parse(file.read_text("utf-8"), file)
    except OSError as error:
        raise ProfileError([explain.Problem(file, None, "", f"cannot be read: {error.strerror}")], _HINT) from error
    except UnicodeDecodeError as error:
        raise ProfileError([explain.Problem(file, None, "", "not UTF-8 text")], _HINT) from error


def parse(text: str, file: Path) -> NameTable:
    """The table that a file's text is. Raises ProfileError with every mistake."""
    try:
        found: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError([explain.syntax_problem(error, text, file)], _HINT) from error
    lines = locate(text)
    try:
        table = NameTable.model_validate(found, context={}, by_alias=True, by_name=False)
    except ValidationError as error:
        raise ProfileError(explain.problems(error, found, lines, file, NameTable), _HINT) from error
    wrong = [
        explain.Problem(file, nearest_line(lines, place), explain.dotted(place), what)
        for place, what in _mistakes(table, file)
    ]
    if wrong:
        raise ProfileError(wrong, _HINT)
    return _with_included(table)


def mistakes(names: CityNames, types: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong with the names of a point: the place in them, and what."""
    for schema in CityNames.model_fields:
        name: AnyName | None = getattr(names, schema)
        if name is not None and units.find(name.unit) is None:
            near = units.nearest(name.unit)
            yield (schema, "unit"), f'there is no unit "{name.unit}"' + (f'; did you mean "{near}"?' if near else "")
    if names.ngsi_ld is not None and names.ngsi_ld.type not in types:
        yield ("ngsi_ld", "type"), f"there is no [types.{names.ngsi_ld.type}]; there are {', '.join(types) or 'none'}"


def _mistakes(table: NameTable, file: Path) -> Iterator[tuple[KeyPath, str]]:
    if table.name != file.stem:
        yield ("name",), f'the file is called {file.name}: name = "{file.stem}", or another file name'
    known = built_in()
    unknown = [name for name in table.includes if name not in known or name == table.name]
    if unknown:
        yield ("includes",), f"there is no table {unknown[0]}; there are {', '.join(known)}"
        return
    types = _with_included(table).types
    for point, names in table.points.items():
        yield from ((("points", point, *place), what) for place, what in mistakes(names, types))


def _with_included(table: NameTable) -> NameTable:
    types, points = dict(table.types), dict(table.points)
    for other in map(find, table.includes):
        types = {**other.types, **types}
        points = {**other.points, **points}
    return table.model_copy(update={"types": types, "points": points})


def _decimals(denominator: int) -> int | None:
    """How many decimals a fraction with this denominator has; None: it has no end."""
    twos = (denominator & -denominator).bit_length() - 1
    rest, fives = denominator >> twos, 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None
