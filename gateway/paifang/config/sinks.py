"""The settings of sinks: where in the city network records go. One kind a field, one table a sink."""

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.tables import Table

NAME_EXPECTED = 'a short name of letters, digits, "-", "_" and "." (32 at most), such as "city"'
NODES_EXPECTED = 'nodes by name, or by how their names begin, such as "aq-*"'

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_NODES = re.compile(r"[^*/\s]{1,64}|[^*/\s]{0,63}\*")


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(NAME_EXPECTED)
    return value


def _nodes(value: str) -> str:
    if not _NODES.fullmatch(value):
        raise ValueError(NODES_EXPECTED)
    return value


SinkName = Annotated[str, AfterValidator(_name)]
NodesPattern = Annotated[str, AfterValidator(_nodes)]


class SinkSettings(Table):
    """What every kind of sink has; each kind adds its own."""

    name: SinkName = Field(description="What it is called here; its place in the records goes by this name.")
    nodes: Annotated[tuple[NodesPattern, ...], Field(strict=False)] = Field(
        default=("*",), description='Whose records it takes: names of nodes and devices, or beginnings as "aq-*".'
    )

    def takes(self, node: str) -> bool:
        """Whether records of `node` are for this sink."""
        return any(node == each or (each[-1:] == "*" and node.startswith(each[:-1])) for each in self.nodes)


class SinksSettings(Table):
    @property
    def by_name(self) -> dict[str, tuple[str, SinkSettings]]:
        """{name: (kind, settings)} of all."""
        return {sink.name: (kind, sink) for kind in type(self).model_fields for sink in getattr(self, kind)}

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [sink.name for kind in type(self).model_fields for sink in getattr(self, kind)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"each sink's name once, {twice} is there twice")
        return self
