"""What the settings of every sink have, whatever its kind."""

import re
from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config.tables import FilePath, Table

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


def takes(patterns: Iterable[str], node: str) -> bool:
    """Whether a node is one of those, by its name or its beginning."""
    return any(node == each or (each[-1:] == "*" and node.startswith(each[:-1])) for each in patterns)


class SinkSettings(Table):
    """What every kind of sink has; each kind adds its own."""

    name: SinkName = Field(description="What it is called here; its place in the records goes by this name.")
    nodes: Annotated[tuple[NodesPattern, ...], Field(strict=False)] = Field(
        default=("*",), description='Whose records it takes: names of nodes and devices, or beginnings as "aq-*".'
    )
    from_start: bool = Field(
        default=False,
        description="When it is new: whether it begins with all that is stored, not with what comes from now on.",
    )

    def takes(self, node: str) -> bool:
        """Whether records of `node` are for this sink."""
        return takes(self.nodes, node)


class TlsSinkSettings(SinkSettings):
    """One whose connection may be under TLS. Certificates are read again at each connection."""

    tls: bool = Field(default=False, description="Whether the connection is under TLS.")
    ca_file: FilePath | None = Field(
        default=None, description="The certificates its certificate must go back to; without it, those of this machine."
    )
    cert_file: FilePath | None = Field(default=None, description="The certificate that this gateway shows.")
    key_file: FilePath | None = Field(default=None, description="The private key of that certificate.")

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file, or neither")
        if not self.tls and (self.ca_file or self.cert_file):
            raise ValueError("tls = true, because there is ca_file or cert_file")
        return self
