"""The relay of a meter: trip, close, alarm, keep supply (DL/T 645-2007, function 1C, from its supplement).

    PA P0 P1 P2 | C0..C3 | N1 | 00 | ss mm hh DD MM YY

Password, operator, what to do, and until when a meter that has not done it yet may still do it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from paifang.bridges.addresses import of_one_meter
from paifang.bridges.dlt645.frame import ADDRESS_DIGITS, Frame
from paifang.bridges.errors import FrameError
from paifang.bridges.values import bcd, local_time, to_bcd

if TYPE_CHECKING:
    from datetime import datetime

CONTROL = 0x1C
DATA_LENGTH = 16
PASSWORD_LENGTH = 3
OPERATOR_LENGTH = 4
CENTURY = 2000


class Action(IntEnum):
    """N1. Whether the relay moved is read back from status word 3: the answer only says that the meter took it."""

    TRIP = 0x1A
    PERMIT_CLOSING = 0x1B
    CLOSE = 0x1C
    ALARM_ON = 0x2A
    ALARM_OFF = 0x2B
    KEEP_SUPPLY = 0x3A
    KEEP_SUPPLY_OFF = 0x3B


@dataclass(frozen=True, slots=True)
class Order:
    """`level`, `password`: PA and P0 P1 P2, `operator`: C0..C3, each as on the line; `expires` in the meter's time."""

    action: Action
    expires: datetime
    level: int
    password: bytes = field(repr=False)
    operator: bytes = bytes(OPERATOR_LENGTH)


def encode(address: str, order: Order) -> Frame:
    """The order for one meter. FrameError for an address that stands for several."""
    address = of_one_meter(address, ADDRESS_DIGITS)
    if len(order.password) != PASSWORD_LENGTH or len(order.operator) != OPERATOR_LENGTH or not 0 <= order.level <= 0xFF:
        raise FrameError("length", "a level of one byte, 3 bytes of password and 4 of operator are needed")
    head = bytes((order.level, *order.password, *order.operator, order.action, 0))
    return Frame(address, CONTROL, head + _time(order.expires))


def decode(frame: Frame) -> Order:
    """What a frame with function 1C orders."""
    if frame.control != CONTROL:
        raise FrameError("function", f"{frame.control:02X} is no order to a relay")
    if len(frame.data) != DATA_LENGTH:
        raise FrameError("length", f"{len(frame.data)} bytes, an order has {DATA_LENGTH}")
    level, password, operator = frame.data[0], frame.data[1:4], frame.data[4:8]
    code, reserved = frame.data[8:10]
    if reserved or code not in set(Action):
        raise FrameError("unknown", f"order {code:02X} {reserved:02X}")
    second, minute, hour, day, month, year = (bcd(frame.data[at : at + 1]) for at in range(10, DATA_LENGTH))
    expires = local_time(CENTURY + year, month, day, hour, minute, second)
    return Order(Action(code), expires, level, password, operator)


def _time(moment: datetime) -> bytes:
    if not 0 <= moment.year - CENTURY <= 99:
        raise FrameError("value", f"{moment.year} has no two digits of this century")
    fields = (moment.second, moment.minute, moment.hour, moment.day, moment.month, moment.year - CENTURY)
    return b"".join(to_bcd(field, 1) for field in fields)
