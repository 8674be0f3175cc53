"""The JSON schema of profiles, for editors: names complete themselves, and a wrong one is marked while it is typed."""

from __future__ import annotations

from functools import reduce
from typing import Any, cast

from pydantic import TypeAdapter

from paifang.profiles.model import MODELS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """One schema for the profiles of all protocols, as they are in a file: what the defaults say may be left out."""
    every = reduce(lambda some, model: some | model, cast("dict[str, Any]", MODELS).values())
    made = TypeAdapter[Any](every).json_schema(by_alias=True)
    for name, table in cast("dict[str, dict[str, Any]]", made["$defs"]).items():
        if name.endswith("Attributes") or name.startswith(("Point_", "Properties")):
            table.pop("required", None)
    return {"$schema": _DIALECT, "title": "A profile of paifang", **made}
