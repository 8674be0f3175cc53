"""The frames in a Modbus profile, read as the bridge would read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.errors import FrameError
from paifang.bridges.modbus import frames
from paifang.bridges.modbus.planner import Block
from paifang.bridges.modbus.points import Device
from paifang.profiles.conversion import in_steps
from paifang.profiles.model import ModbusProfile
from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.bridges.modbus.frames import Request
    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import AnyProfile, Example

_REQUEST_LENGTH = 8
"""Of a read, and of a write of one coil or register."""


def readings(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    """What an example says: of a read every point in it, of a write what it sets.

    Raises FrameError when request and answer are no frames, or not of one another.
    """
    assert isinstance(profile, ModbusProfile)
    if example.request is None or example.frame is None:
        raise FrameError("shape", "an example of Modbus has a request and a frame")
    request = _request(example.request)
    answer = frames.rtu_answer(request, example.frame)
    if answer.exception:
        raise FrameError("refused", frames.refusal(answer.exception))
    base = example.given.get("base", 0)
    if not isinstance(base, int):
        raise FrameError("value", f"base is an address, not {base!r}")
    device = Device(profile, base)
    return _written(device, request, profile, example) if request.is_write else _read(device, request, answer.data)


def _request(data: bytes) -> Request:
    if len(data) < _REQUEST_LENGTH:
        raise FrameError("length", f"{len(data)} bytes, a request has at least {_REQUEST_LENGTH}")
    body = frames.checked(data)
    unit, function, address, count = body[0], body[1], int.from_bytes(body[2:4]), int.from_bytes(body[4:6])
    if function in frames.TABLES:
        return frames.Request(unit, function, address, count)
    if function in frames.SINGLE_WRITES:
        return frames.Request(unit, function, address, 1, body[4:6])
    if function in frames.WRITES:
        return frames.Request(unit, function, address, count, body[7:])
    raise FrameError("function", f"function {function} neither reads nor writes")


def _read(device: Device, request: Request, data: bytes) -> dict[str, Reading]:
    table, end = frames.TABLES[request.function], request.address + request.count
    spans = [span for spans in device.spans().values() for span in spans]
    inside = (span for span in spans if span.table == table and request.address <= span.first and span.end <= end)
    return device.readings(Block(table, request.address, end, tuple(inside)), data)


def _written(device: Device, request: Request, profile: ModbusProfile, example: Example) -> dict[str, Reading]:
    """Each value is sent as the request says, and no other way."""
    found: dict[str, Reading] = {}
    for name, content in example.values.items():
        steps = in_steps(content, profile.points[name].properties.scale)
        try:
            made = device.write(request.unit, name, steps.numerator)
        except ValueError as error:
            raise FrameError("value", f"{name}: {error}") from error
        if made != request or steps.denominator != 1:
            raise FrameError("value", f"{name} = {content} is set with {frames.rtu(made).hex(' ')}")
        found[name] = steps.numerator, messages.GOOD
    return found
