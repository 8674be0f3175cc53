"""One device tried alone: every point read once, and what is odd about what came."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from paifang.bridges.alone import conversed
from paifang.bridges.lines import party_of
from paifang.bridges.modbus.member import ModbusMember
from paifang.bridges.modbus.orders import better_order
from paifang.bridges.party import Denied, Readings, Standing
from paifang.bridges.plan import place_of
from paifang_wire import messages, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from paifang.bridges.asking import Fault
    from paifang.bridges.modbus.planner import Block
    from paifang.bridges.party import Member
    from paifang.bridges.plan import PlannedBus
    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import AnyProfile, ModbusProfile

SETTLE_S = 1.0
"""So long it is waited for points that were refused together with others."""
PATIENCE_S = 30.0
SYMPTOMS: Mapping[Fault, str] = {
    "garbled": "answers with a wrong checksum: noise, or a wrong parity",
    "cut": "answers cut short: noise, or an adapter that loses bytes",
    "noise": "bytes that are no frame: noise, or a wrong speed",
    "other_unit": "answers of another unit: two devices with one address",
}
LOOK_AT: Mapping[str, str] = {
    "line": "check wiring, power, address, baud rate and parity",
    "tcp": 'check power, host, port and unit; a serial server that passes bytes on wants framing = "rtu"',
    "rtu": "check wiring, power, unit, baud rate and parity of the server; one that speaks Modbus TCP wants no framing",
}
"""When a device does not answer: on a serial line, by Modbus TCP, behind a serial server."""
MEANT: Mapping[int, str] = {
    messages.ABSENT: ": the device says that it has no value",
    messages.IMPLAUSIBLE: ": beyond what its profile takes for possible",
}
_BELIEVED = (messages.GOOD, messages.INDICATIVE)


@dataclass(slots=True)
class Trial:
    """`down`: why it cannot be read at all, `look_at`: what to do then. `order`: that of bytes and words which makes
    more sense, see `orders`.
    """

    profile: AnyProfile
    look_at: str = LOOK_AT["line"]
    readings: dict[str, Reading] = field(default_factory=dict[str, "Reading"])
    denied: dict[str, str] = field(default_factory=dict[str, str])
    down: str = ""
    order: str | None = None
    faults: Counter[Fault] = field(default_factory=Counter["Fault"])

    def odd(self) -> Iterator[str]:
        """What somebody who has just wired the device wants to know."""
        if self.down:
            yield f"{self.down}: {self.look_at}"
            return
        if why := self._refused_whole():
            yield f"every point: {why}: is it this kind of device, the right table, and are addresses counted from 0?"
            return
        for name in self.profile.points:
            found = self.readings.get(name)
            if found is None:
                yield f"{name}: no value: {self.denied.get(name, 'it did not come')}"
            elif found[1] not in _BELIEVED:
                yield f"{name}: {names.QUALITY[found[1]]}{MEANT.get(found[1], '')}"
        if self.order is not None:
            yield f'words look swapped: order = "{self.order}" makes more sense of the values'
        yield from (f"{SYMPTOMS[fault]}: {count} times" for fault, count in self.faults.items() if fault in SYMPTOMS)

    def _refused_whole(self) -> str:
        """Why, when all that was asked for was refused for the same reason."""
        reasons = {self.denied.get(name, "") for name in self.profile.points}
        return reasons.pop() if len(reasons) == 1 and not self.readings else ""


async def tried(bus: PlannedBus, name: str) -> Trial:
    """Reads every point of one device of a bus. Raises PaifangError when the bus cannot be had."""
    started_s = heard_s = time.monotonic()
    party, members = party_of(bus, round(started_s * 1e6))
    assert party is not None
    found = Trial(next(device.profile for device in bus.devices if device.name == name), _look_at(bus))
    member = members[name]
    remembering = _Remembering(member)
    party.add(name, cast("Member", remembering))

    def is_over() -> bool:
        now_s = time.monotonic()
        left = found.profile.points.keys() - found.readings.keys()
        settled = left <= found.denied.keys() and now_s - heard_s > SETTLE_S
        return not left or settled or bool(found.down) or now_s - started_s > PATIENCE_S

    events = conversed(place_of(bus), party, lambda: party.take_events(round(time.monotonic() * 1e6)), is_over)
    async for event in events:
        heard_s = time.monotonic()
        _take(found, event)
    found.faults.update(party.faults)
    if isinstance(member, ModbusMember):
        found.order = better_order(cast("ModbusProfile", found.profile), remembering.answers.items(), member.base)
    return found


def _look_at(bus: PlannedBus) -> str:
    if bus.settings.tcp is None or bus.protocol != "modbus":
        return LOOK_AT["line"]
    return LOOK_AT[bus.settings.framing]


def _take(trial: Trial, event: Any) -> None:
    match event:
        case Readings():
            trial.readings |= event.readings
        case Denied():
            trial.denied |= dict.fromkeys(event.points, event.why)
        case Standing():
            trial.down = "" if event.is_up else event.why
        case _:
            pass


class _Remembering:
    """A member that keeps what came, as it came."""

    def __init__(self, member: Member) -> None:
        self.answers: dict[Block, bytes] = {}
        self._member = member

    def __getattr__(self, name: str) -> Any:
        return getattr(self._member, name)

    def readings(self, block: Any, data: Any) -> Mapping[str, Reading]:
        self.answers[block] = data
        return self._member.readings(block, data)
