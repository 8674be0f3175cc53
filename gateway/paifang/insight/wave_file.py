"""An arterial as an engineer writes it down, for its green wave; every mistake in it is explained."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from paifang.config import explain
from paifang.config.toml_lines import KeyPath, locate
from paifang.config.units import format_ms
from paifang.errors import EXIT_USAGE, PaifangError
from paifang.insight.waves import STEP_MS, Arterial, Green, Junction, best
from paifang.settings import Milliseconds, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

_KMH = 3.6
"""Kilometres an hour in a metre a second."""
CYCLE_MOST_MS = 600_000
JUNCTIONS_MOST = 30
POSITION_MOST_M = 100_000
WEIGHT_MOST = 1_000_000


def _tenths(milliseconds: int) -> int:
    if milliseconds % STEP_MS:
        raise ValueError(f'tenths of a second, such as "{format_ms(STEP_MS)}"')
    return milliseconds


Tenths = Annotated[Milliseconds, AfterValidator(_tenths)]
Speed = Annotated[float, Field(ge=5, le=120)]


class JunctionTable(Table):
    """One `[[junctions]]`, in the order in which the outbound direction meets them."""

    node: str = Field(min_length=1, description="The signal node.")
    position_m: float = Field(ge=0, le=POSITION_MOST_M, description="How far along the arterial it is.")
    out_ms: Tenths = Field(
        ge=STEP_MS, validation_alias="green_out", description="Green of the outbound phase: split less clearance."
    )
    back_ms: Tenths = Field(
        ge=STEP_MS, validation_alias="green_back", description="The same, of the phase that comes back."
    )
    out_before_ms: Tenths = Field(
        default=0, validation_alias="out_ends_before", description="How long before the other one its green ends."
    )
    back_before_ms: Tenths = Field(
        default=0, validation_alias="back_ends_before", description="How long before the other one its green ends."
    )
    speed_out_kmh: Speed | None = Field(default=None, description="On the stretch before it, where it is another.")
    speed_back_kmh: Speed | None = Field(default=None, description="The same, of those who come back.")


def _in_order(junctions: tuple[JunctionTable, ...]) -> tuple[JunctionTable, ...]:
    if not 2 <= len(junctions) <= JUNCTIONS_MOST:
        raise ValueError(f"2 to {JUNCTIONS_MOST} [[junctions]]")
    if any(there.position_m <= here.position_m for here, there in pairwise(junctions)):
        raise ValueError("[[junctions]] in the order of their positions")
    names = [junction.node for junction in junctions]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"each node once, {twice} is there twice")
    return junctions


class ArterialTable(Table):
    """The whole file."""

    cycle_ms: Tenths = Field(ge=10_000, le=CYCLE_MOST_MS, validation_alias="cycle", description="The cycle of all.")
    speed_kmh: Speed = Field(default=50.0, description="How fast one drives along it.")
    weight_out: float = Field(
        default=1.0, ge=0, le=WEIGHT_MOST, description="Of the outbound band, such as vehicles an hour."
    )
    weight_back: float = Field(default=1.0, ge=0, le=WEIGHT_MOST, description="Of the band that comes back.")
    junctions: Annotated[tuple[JunctionTable, ...], Field(strict=False), AfterValidator(_in_order)] = Field(
        description="two or more [[junctions]]"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if max(max(each.out_ms, each.back_ms) for each in self.junctions) > self.cycle_ms:
            raise ValueError("no green longer than the cycle")
        if not self.weight_out + self.weight_back:
            raise ValueError("a weight for one direction at least")
        return self


@dataclass(frozen=True, slots=True)
class Offsets:
    """What becomes of it: offsets by node, and for how long each cycle lets traffic through."""

    cycle_ms: int
    offset_ms: dict[str, int]
    out_ms: int
    back_ms: int

    def as_dict(self) -> dict[str, Any]:
        junctions = [{"node": node, "offset_ms": offset_ms} for node, offset_ms in self.offset_ms.items()]
        bands = {"cycle_ms": self.cycle_ms, "out_ms": self.out_ms, "back_ms": self.back_ms}
        return bands | {"junctions": junctions}


def of_text(text: str, file: Path) -> Offsets:
    """The wave of a TOML file's text. Raises PaifangError naming the line of each mistake."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong([explain.syntax_problem(error, text, file)]) from error
    return of_table(found, file, locate(text))


def of_table(found: dict[str, Any], file: Path, lines: Mapping[KeyPath, int] | None = None) -> Offsets:
    """The same of what such a file holds; `file` names it in the errors."""
    try:
        table = ArterialTable.model_validate(found, context={"base": Path()}, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _wrong(explain.problems(error, found, dict(lines or {}), file, ArterialTable)) from error
    wave = best(_arterial(table))
    offset_ms = dict(zip([each.node for each in table.junctions], wave.offsets_ms, strict=True))
    return Offsets(table.cycle_ms, offset_ms, wave.out_ms, wave.back_ms)


def _arterial(table: ArterialTable) -> Arterial:
    before = (table.junctions[0], *table.junctions)
    junctions = (_junction(table, here, there) for here, there in zip(before, table.junctions, strict=False))
    return Arterial(table.cycle_ms, tuple(junctions), table.weight_out, table.weight_back)


def _junction(table: ArterialTable, before: JunctionTable, here: JunctionTable) -> Junction:
    length_m = here.position_m - before.position_m
    out_ms, back_ms = (
        round(length_m / ((speed or table.speed_kmh) / _KMH) * 1000)
        for speed in (here.speed_out_kmh, here.speed_back_kmh)
    )
    return Junction(Green(here.out_ms, -here.out_before_ms), Green(here.back_ms, -here.back_before_ms), out_ms, back_ms)


def _wrong(problems: list[explain.Problem]) -> PaifangError:
    hint = "correct the file, then try again"
    return PaifangError("\n".join(map(str, problems)), hint, code="config", exit_code=EXIT_USAGE)
