"""What goes over a bus, in words: a person who looks for a fault reads these beside the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.cjt188 import frame as cjt188
from paifang.bridges.dlt645 import frame as dlt645
from paifang.bridges.errors import FrameError
from paifang.bridges.mbus import frame as mbus
from paifang.bridges.modbus import frames

if TYPE_CHECKING:
    from collections.abc import Callable

_PDU_LEAST = 2


def told(protocol: str, way: str, data: bytes, *, is_serial_line: bool = True) -> str:
    """A piece of what was sent or heard; "" for what is no whole frame of the protocol."""
    reader = _READERS.get(protocol if is_serial_line else f"{protocol}-tcp")
    try:
        return "" if reader is None else reader(way, data)
    except FrameError:
        return ""


def _modbus(way: str, data: bytes) -> str:
    body = frames.checked(data)
    return _pdu(way, body[0], body[1:]) if len(body) > _PDU_LEAST else ""


def _modbus_tcp(way: str, data: bytes) -> str:
    if len(data) < frames.MBAP_LENGTH + _PDU_LEAST or int.from_bytes(data[4:6]) != len(data) - 6:
        return ""
    return f"#{int.from_bytes(data[:2])} " + _pdu(way, data[6], data[frames.MBAP_LENGTH :])


def _pdu(way: str, unit: int, pdu: bytes) -> str:
    function = pdu[0]
    if function & frames.EXCEPTION:
        return f"unit {unit} {frames.refusal(pdu[1])}"
    what = f"read {frames.TABLES[function]}" if function in frames.TABLES else f"write, function {function}"
    if way == "sent":
        first, second = int.from_bytes(pdu[1:3]), int.from_bytes(pdu[3:5])
        wanted = f"= {pdu[3:5].hex()}" if function in frames.SINGLE_WRITES else f"x {second}"
        return f"unit {unit} {what} {first:#06x} {wanted}"
    return f"unit {unit} {what}: {pdu[2:].hex(' ') if function in frames.TABLES else 'done'}"


def _dlt645(_way: str, data: bytes) -> str:
    found = dlt645.decode(data)
    return f"{found.address} control {found.control:02X}: {found.data.hex(' ')}"


def _cjt188(_way: str, data: bytes) -> str:
    found = cjt188.decode(data)
    return f"{found.address} control {found.control:02X}: {found.data.hex(' ')}"


def _mbus(_way: str, data: bytes) -> str:
    return str(mbus.decode(data))


_READERS: dict[str, Callable[[str, bytes], str]] = {
    "modbus": _modbus,
    "modbus-tcp": _modbus_tcp,
    "dlt645": _dlt645,
    "cjt188": _cjt188,
    "mbus": _mbus,
}
