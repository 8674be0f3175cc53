"""Polling of Modbus: a block is read with one request, and what a unit refuses for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges import poller
from paifang.bridges.modbus import frames
from paifang.bridges.poller import Manner

if TYPE_CHECKING:
    from paifang.bridges.asking import Address, Line
    from paifang.bridges.modbus.frames import Request
    from paifang.bridges.modbus.planner import Block


def _ask(unit: Address, block: Block) -> Request:
    return frames.read(int(unit), block.table, block.first, block.count)


MANNER = Manner(
    _ask,
    final=(frames.ILLEGAL_FUNCTION, frames.ILLEGAL_ADDRESS, frames.ILLEGAL_VALUE, frames.DEVICE_FAILURE),
    unreached=(
        frames.NO_PATH,
        frames.UNREACHED,
    ),  # exceptions of a gateway in the place of a unit that does not answer it
)


class Poller(poller.Poller["Request", "Block", bytes]):
    """The units of one Modbus line and the orders for them."""

    def __init__(self, line: Line[Request, bytes], now_us: int = 0) -> None:
        super().__init__(line, MANNER, now_us)
