"""Epoch records: two roots tell a node to take the keys of a later epoch, after its gateway's were stolen."""

from __future__ import annotations

from paifang.errors import bad_argument
from paifang.keys.roots import Rooted
from paifang_wire import orders
from paifang_wire.errors import WireError

EPOCH_MOST = (1 << 31) - 1
"""What a node's NVS holds."""


def build(node: str, epoch: int) -> Rooted:
    """A record that nobody has signed yet. Raises PaifangError for what no node could be told."""
    if not 1 <= epoch <= EPOCH_MOST:
        raise bad_argument(f"an epoch counts re-keyings, from 1 on, not {epoch}")
    try:
        return Rooted(orders.encode_epoch([node, epoch]))
    except ValueError as error:  # WireError, or a name that is no UTF-8
        raise bad_argument(f"no node is called {node!r}: {error}") from error


def read(rooted: Rooted, where: str = "the record") -> tuple[str, int]:
    """(node, epoch). Raises PaifangError."""
    try:
        node, epoch = orders.decode_epoch(rooted.payload)
    except WireError as error:
        raise bad_argument(f"{where} is not an epoch record: {error}", "paifang keys epoch makes one") from error
    return node, epoch
