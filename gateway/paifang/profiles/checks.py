"""What no single table of a profile can know: whether its parts fit one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.config.explain import nearest
from paifang.profiles import city_tables, modbus, units
from paifang.profiles.conversion import in_steps, wire
from paifang.profiles.fields import BYTES_EXPECTED
from paifang.profiles.model import POINTS_MOST, ModbusProfile
from paifang.profiles.trial import ABSENT, is_content
from paifang_wire import interlocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from paifang.config.toml_lines import KeyPath
    from paifang.profiles.attributes import Attributes
    from paifang.profiles.modbus import ModbusAttributes, ModbusLimits
    from paifang.profiles.model import AnyProfile, Point
    from paifang.settings import Table


_CONTENTS = {
    "number": f'a number, or "{ABSENT}"',
    "switch": f'true or false, or "{ABSENT}"',
    "text": "a text in quotes",
}
"""Type of a point -> what an example may say of it."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a place of the file, and the name that was perhaps meant."""

    place: KeyPath
    what: str
    nearest: str = ""


def mistakes(profile: AnyProfile) -> Iterator[Mistake]:
    """Every mistake, table by table."""
    yield from _of_profile(profile)
    yield from _of_city(profile)
    for name, point in profile.points.items():
        for what in _POINT_CHECKS:
            yield from what(("points", name), point, profile)
        if isinstance(profile, ModbusProfile):
            yield from _of_registers(("points", name, "attributes"), profile.points[name], profile.modbus)


def _of_profile(profile: AnyProfile) -> Iterator[Mistake]:
    shown = [name for name, point in profile.points.items() if point.properties.type != "text"]
    if len(shown) > POINTS_MOST:
        yield Mistake(("points",), f"{len(shown)} points, of which a device may have {POINTS_MOST}")
    for table in ("groups", "points", "examples"):
        if not getattr(profile, table):
            yield Mistake((table,), f"at least one of {table}")
    seen: dict[str, str] = {}
    for name, point in profile.points.items():
        key = repr(point.attributes)
        if key in seen:
            yield Mistake(("points", name, "attributes"), f"the same as those of {seen[key]}")
        seen.setdefault(key, name)
    for place, example in enumerate(profile.examples):
        if (example.frame is None) == (example.text is None):
            yield Mistake(("examples", place), f"one of frame, {BYTES_EXPECTED}, and text")
        if not example.values:
            yield Mistake(("examples", place, "values"), "what the frame says: at least one point")
        for name, content in example.values.items():
            at = ("examples", place, "values", name)
            if name not in profile.points:
                yield _unknown(at, "point", name, list(profile.points))
            elif not is_content(content, profile.points[name].properties):
                yield Mistake(at, f"expected {_CONTENTS[profile.points[name].properties.type]}")


def _of_city(profile: AnyProfile) -> Iterator[Mistake]:
    """Whether its table is there, and no two points have the same name in one schema."""
    known = city_tables.built_in()
    if profile.city is not None and profile.city not in known:
        yield _unknown(("city",), "table of city names", profile.city, list(known))
        return
    naming = city_tables.naming(None, profile)
    seen: dict[tuple[str, str], str] = {}
    for name, point in profile.points.items():
        at = ("points", name, "city")
        for place, what in city_tables.mistakes(point.city, naming.table.types) if point.city else ():
            yield Mistake((*at, *place), what)
        for schema, found in naming.all(name, point.properties.unit):
            first = seen.setdefault((schema, found), name)
            if first != name:
                yield Mistake(at, f"{schema}: {found} is {first} already; city = {{}} leaves it without names")


def _units(place: KeyPath, point: Point[Attributes], _profile: AnyProfile) -> Iterator[Mistake]:
    written = {"properties": point.properties.unit, "attributes": point.attributes.unit}
    unknown = False
    for table, unit in written.items():
        if unit is not None and units.find(unit) is None:
            unknown = True
            near = units.nearest(unit)
            known = "" if near else f"; known are {', '.join(units.NAMES)}"
            yield Mistake((*place, table, "unit"), f'there is no unit "{unit}"{known}', near)
    target, source = units.find(point.properties.unit), units.find(point.attributes.unit or point.properties.unit)
    if unknown or target is None or source is None:
        return
    try:
        units.conversion(source, target)
    except ValueError as error:
        yield Mistake((*place, "attributes", "unit"), str(error))


def _group(place: KeyPath, point: Point[Attributes], profile: AnyProfile) -> Iterator[Mistake]:
    if point.properties.group not in profile.groups:
        yield _unknown((*place, "properties", "group"), "group", point.properties.group, list(profile.groups))


def _bounds(place: KeyPath, point: Point[Attributes], _profile: AnyProfile) -> Iterator[Mistake]:
    found = point.properties
    bounds = {"min": found.least, "max": found.greatest, "quality.wraps_at": found.quality.wraps_at}
    for key, bound in bounds.items():
        if bound is not None and in_steps(bound, found.scale).denominator != 1:
            at = (*place, "properties", *key.split("."))
            yield Mistake(at, f"{bound} is finer than scale {found.scale} can say")
    if found.least is not None and found.greatest is not None and found.least > found.greatest:
        yield Mistake((*place, "properties", "min"), f"min {found.least} is above max {found.greatest}")


def _type(place: KeyPath, point: Point[Attributes], _profile: AnyProfile) -> Iterator[Mistake]:
    found, at = point.properties, (*place, "properties")
    if found.type != "number":
        wrong = _given(found, ("unit", "scale", "kind", "min", "max"))
        yield from (Mistake((*at, key), f"{key} is for numbers, and this is a {found.type}") for key in wrong)
    if found.kind != "counter":
        wrong = [key for key in ("rate", "wraps_at") if getattr(found.quality, key) is not None]
        yield from (Mistake((*at, "quality", key), f"{key} is for counters, and this is a gauge") for key in wrong)


def _access(place: KeyPath, point: Point[Attributes], profile: AnyProfile) -> Iterator[Mistake]:
    found, at = point.properties, (*place, "properties")
    if found.access == "read":
        if found.safe is not None:
            yield Mistake((*at, "safe"), 'safe is for points that may be set: access = "read-write"')
        if found.point_class:
            yield Mistake((*at, "class"), 'class is for points that may be set: access = "read-write"')
        return
    if not found.point_class:
        yield Mistake((*at, "class"), "a point that may be set needs class = 1 or class = 2")
    if found.type == "text":
        yield Mistake((*at, "access"), "a text is only read")
    elif found.safe is not None and wire(found.safe, found) is None:
        yield Mistake((*at, "safe"), f"{found.safe} is nothing that it may be set to")
    for _, conditions in interlocks.parse(found.interlock):
        for name, _, _ in conditions:
            if name not in profile.points:
                yield _unknown((*at, "interlock"), "point", name, list(profile.points))


_POINT_CHECKS: Sequence[Callable[[KeyPath, Point[Attributes], AnyProfile], Iterator[Mistake]]] = (
    _units,
    _group,
    _bounds,
    _type,
    _access,
)


def _of_registers(place: KeyPath, point: Point[ModbusAttributes], limits: ModbusLimits) -> Iterator[Mistake]:
    found = point.attributes
    bits = found.table in modbus.BIT_TABLES
    if bits and found.type not in {None, "bit"}:
        yield Mistake((*place, "type"), f"{found.table} holds bits, which need no type")
    elif not bits and found.type in {None, "bit"}:
        yield Mistake((*place, "type"), f"missing: what is in the {found.table} registers, such as float32")
    if (found.kind.words == 0) != (found.registers is not None):
        yield Mistake((*place, "registers"), "how many registers: for bcd and string, and only there")
    if (found.type == "string") != (point.properties.type == "text") and not bits:
        yield Mistake((*place, "type"), "a string is a text, and a text is a string")
    yield from _of_switch(place, point)
    yield from _of_place(place, found, limits)
    if point.properties.access == "read-write":
        yield from _of_writing(place, found)


def _of_switch(place: KeyPath, point: Point[ModbusAttributes]) -> Iterator[Mistake]:
    found, switch = point.attributes, point.properties.type == "switch"
    if found.table in modbus.BIT_TABLES and not switch:
        yield Mistake((*place[:-1], "properties", "type"), f'{found.table} holds switches: type = "switch"')
    if not switch:
        wrong = _given(found, ("bit", "on", "off"))
        yield from (Mistake((*place, key), f"{key} is for switches") for key in wrong)
    elif found.kind.words > 1 or found.kind.form in {"float", "bcd"}:
        yield Mistake((*place, "type"), 'a switch is in one register: type = "uint16"')
    elif found.on == found.off:
        yield Mistake((*place, "on"), f"on and off are both {found.on}")


def _of_place(place: KeyPath, found: ModbusAttributes, limits: ModbusLimits) -> Iterator[Mistake]:
    first, end = found.span
    most = limits.max_bits if found.table in modbus.BIT_TABLES else limits.max_registers
    if end > modbus.ADDRESSES:
        yield Mistake((*place, "address"), f"goes beyond the last address, {modbus.ADDRESSES - 1:#06x}")
    if end - first > most:
        yield Mistake((*place, "address"), f"{end - first} registers from {first:#06x}, and one request takes {most}")
    for each in limits.forbidden:
        if each.table == found.table and each.first < end and first <= each.last:
            yield Mistake((*place, "address"), f"{each.table} {each.first:#06x} to {each.last:#06x} is forbidden")


def _of_writing(place: KeyPath, found: ModbusAttributes) -> Iterator[Mistake]:
    if found.table not in modbus.WRITABLE_TABLES:
        yield Mistake((*place, "table"), f"{found.table} is only read")
    if found.bit is not None:
        yield Mistake((*place, "bit"), "a bit of a register cannot be set alone")
    if found.scale_register is not None:
        yield Mistake((*place, "scale_register"), "what has a scale register is only read")
    fits = {"coil": (5, 15), "holding": (6, 16) if found.count == 1 else (16,)}.get(found.table, ())
    if found.function is not None and found.function not in fits:
        yield Mistake((*place, "function"), f"function {found.function} does not write {found.count} of {found.table}")


def _given(table: Table, keys: Sequence[str]) -> list[str]:
    """Which of these keys the file says."""
    names = {str(field.validation_alias or name): name for name, field in type(table).model_fields.items()}
    return [key for key in keys if names[key] in table.model_fields_set]


def _unknown(place: KeyPath, what: str, name: str, known: Sequence[str]) -> Mistake:
    near = nearest(name, known)
    return Mistake(place, f'there is no {what} "{name}"' + ("" if near else f"; there are {', '.join(known)}"), near)
