"""What the tables of every TOML file here are made of: frozen models, paths, times with their units."""

from pathlib import Path
from typing import Annotated, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from paifang.config import places, units

PATH_EXPECTED = 'a path in quotes, such as "/var/lib/paifang"'


def _path(value: object, info: ValidationInfo) -> object:
    """A path of a settings file starts at that file's folder, given as the context's "base"."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError(PATH_EXPECTED)
    context = cast("dict[str, Path] | None", info.context)
    return places.resolve(value, context["base"] if context else Path())


def _milliseconds(value: object, info: ValidationInfo) -> object:
    """In a file a time has its unit; code passes milliseconds, as the field's name says."""
    if isinstance(value, str):
        return units.parse_ms(value)
    if info.context is not None or not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(units.DURATION_EXPECTED)
    return value


FilePath = Annotated[Path, BeforeValidator(_path)]
Milliseconds = Annotated[int, BeforeValidator(_milliseconds)]


class Table(BaseModel):
    """A table: frozen, nothing unknown in it, nothing converted behind the operator's back."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_name=True, validate_by_alias=True)
