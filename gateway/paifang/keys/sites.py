"""Site records of signal nodes: what a junction may never do, signed by two roots.

What stands in a record is judged by the node, and by the tools before anybody signs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.errors import bad_argument
from paifang.keys.roots import Rooted
from paifang_wire import orders
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIX = ".site"


def build(node: str, edition: int, record: Sequence[Any]) -> Rooted:
    """A record that nobody has signed yet. Raises PaifangError for what no node could be told."""
    try:
        return Rooted(orders.encode_site([node, edition, record]))
    except ValueError as error:  # WireError, or a text that is no UTF-8
        raise bad_argument(f"no record for {node!r}, edition {edition}: {error}") from error


def read(rooted: Rooted, where: str = "the record") -> tuple[str, int, list[Any]]:
    """(node, edition, record). Raises PaifangError."""
    try:
        node, edition, record = orders.decode_site(rooted.payload)
    except WireError as error:
        raise bad_argument(f"{where} is not a site record: {error}", "paifang signal site sign makes one") from error
    return node, edition, record
