"""The meters of one line and what drives them, by their protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from paifang.bridges.cjt188 import frame as cjt188_frame
from paifang.bridges.cjt188 import meter as cjt188
from paifang.bridges.dlms import hdlc, push
from paifang.bridges.dlt645 import frame as dlt645_frame
from paifang.bridges.dlt645 import meter as dlt645
from paifang.bridges.listener import Listener, PushingMeter
from paifang.bridges.mbus import frame as mbus_frame
from paifang.bridges.mbus import meter as mbus
from paifang.bridges.meter import Items
from paifang.bridges.meter_line import MeterLine, timing
from paifang.bridges.p1 import objects, telegram
from paifang.bridges.poller import Manner, Poller
from paifang.bridges.unit import Patience, Unit
from paifang.errors import PaifangError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Container, Sequence

    from paifang.bridges.asking import Address, Fault
    from paifang.bridges.meter import Configured, Item, Meter, Readable
    from paifang.bridges.meter_line import Question
    from paifang.bridges.poller import Send, Wait
    from paifang.bridges.stream import Splitter


class Engine(Protocol):
    """What a line's owner drives: a poller or a listener. Times in microseconds of a clock that only goes forward."""

    def step(self, now_us: int) -> Send | Wait: ...

    def receive(self, data: bytes, now_us: int) -> None: ...

    def abandon(self, now_us: int) -> None: ...

    def take_events(self) -> Sequence[Any]:
        """Read, Refused, Missed, CameUp and Written of `paifang.bridges.poller` and `.writes`."""
        ...


@dataclass(frozen=True, slots=True)
class MeterBus:
    """`meters`: address as on the meter -> what turns `block` and `data` of a Read into points, and orders into
    questions. `refusal`: the exception of a Refused or Written in words. `faults`: what goes wrong on the line.
    """

    engine: Engine
    meters: dict[Address, Readable[Any]]
    refusal: Callable[[int], str]
    faults: Counter[Fault]


@dataclass(frozen=True, slots=True)
class _AskedProtocol:
    meter: Callable[[Configured], Meter[Any, Any]]
    splitter: Callable[[], Splitter[Any]]
    silence_us: Callable[[int], int]
    pause_us: int
    refusals: Container[int]
    refusal: Callable[[int], str]

    def line(self, baud: int) -> MeterLine[Any, Any]:
        return MeterLine(timing(baud, self.silence_us(baud), self.pause_us), self.splitter())


@dataclass(frozen=True, slots=True)
class _PushedProtocol:
    """`joiner`: makes what turns frames into what was pushed."""

    values: Callable[[Any], Any]
    splitter: Callable[[], Splitter[Any]]
    joiner: Callable[[], Callable[[Any], Any]]


ASKED = {
    "dlt645": _AskedProtocol(
        dlt645.Meter,
        dlt645_frame.splitter,
        lambda _baud: dlt645.SILENCE_US,
        dlt645.PAUSE_US,
        dlt645.REFUSALS,
        dlt645.refusal,
    ),
    "cjt188": _AskedProtocol(
        cjt188.Meter,
        cjt188_frame.splitter,
        lambda _baud: cjt188.SILENCE_US,
        cjt188.PAUSE_US,
        cjt188.REFUSALS,
        cjt188.refusal,
    ),
    "mbus": _AskedProtocol(
        mbus.Meter, mbus_frame.splitter, mbus.silence_us, mbus.PAUSE_US, mbus.REFUSALS, mbus.refusal
    ),
}
PUSHED = {
    "p1": _PushedProtocol(objects.values, telegram.splitter, lambda: telegram.CrcGuard().take),
    "dlms": _PushedProtocol(push.values, hdlc.splitter, lambda: push.Joiner().take),
}
PROTOCOLS = (*ASKED, *PUSHED)


def engine_of(protocol: str, meters: Sequence[Configured], baud: int, now_us: int = 0) -> MeterBus:
    """What drives a line with these meters, all of one protocol.

    Raises FrameError for an address that cannot be, PaifangError for meters that cannot be on one line.
    """
    if protocol in PUSHED:
        return _pushed(PUSHED[protocol], meters, now_us)
    return _asked(ASKED[protocol], meters, baud, now_us)


def _asked(protocol: _AskedProtocol, configured: Sequence[Configured], baud: int, now_us: int) -> MeterBus:
    meters: dict[Address, Meter[Any, Any]] = {}
    line = protocol.line(baud)

    def ask(unit: Address, block: Item) -> Question[Any, Any]:
        return meters[unit].ask(block)

    poller = Poller(line, Manner(ask, protocol.refusals), now_us)
    for each in configured:
        meter = protocol.meter(each)
        if meter.address in meters:
            raise PaifangError(f"two meters {meter.address} on one line", "give each meter its own address")
        meters[meter.address] = meter
        poller.add(_unit(each, meter, now_us))
    return MeterBus(poller, {**meters}, protocol.refusal, line.faults)


def _unit(configured: Configured, meter: Meter[Any, Any], now_us: int) -> Unit[Item]:
    said, groups = configured.profile.line, configured.profile.groups
    patience = Patience(said.timeout_ms * 1000, said.turnaround_ms * 1000)
    intervals_us = {name: interval_ms * 1000 for name, interval_ms in groups.items()}
    return Unit(meter.address, Items(meter.items()), intervals_us, patience, now_us)


def _pushed(protocol: _PushedProtocol, configured: Sequence[Configured], now_us: int) -> MeterBus:
    if len(configured) != 1:
        raise PaifangError("a line of a meter that pushes has one meter", "give each such meter a line of its own")
    [one] = configured
    meter = PushingMeter[Any](one, protocol.values)
    interval_us = min(one.profile.groups.values()) * 1000
    listener = Listener[Any, Any](
        meter.address, meter.block, protocol.splitter(), protocol.joiner(), interval_us, now_us
    )
    return MeterBus(listener, {meter.address: meter}, lambda code: f"exception {code}", listener.faults)
