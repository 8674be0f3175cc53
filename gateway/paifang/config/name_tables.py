"""What the settings of several sinks into a city's systems share."""

from pathlib import Path
from typing import Annotated, cast

from pydantic import BeforeValidator, ValidationInfo

from paifang.config import places

TABLE_EXPECTED = 'a table of names that paifang comes with, such as "air-quality", or a file "….toml"'


def _table(value: object, info: ValidationInfo) -> object:
    """A file of a settings file starts at that file's folder."""
    if not isinstance(value, str) or not value:
        raise ValueError(TABLE_EXPECTED)
    context = cast("dict[str, Path] | None", info.context)
    base = context["base"] if context else Path()
    return str(places.resolve(value, base)) if value.endswith(".toml") else value


TableName = Annotated[str, BeforeValidator(_table)]
