"""Meters on a virtual line that answer as theirs do, and whose values say whose they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from paifang.bridges.cjt188 import frame as cjt188_frame
from paifang.bridges.cjt188 import reading as cjt188
from paifang.bridges.dlt645 import frame as dlt645_frame
from paifang.bridges.dlt645 import identifiers, reading, relay
from paifang.bridges.engines import engine_of
from paifang.bridges.mbus import frame as mbus_frame
from paifang.bridges.meter import Configured
from paifang.bridges.timing import character_us
from paifang.bridges.values import to_bcd
from paifang.profiles.catalogue import Catalogue, built_in
from paifang_rig.virtual_bus import VirtualLine

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from paifang.profiles.model import AnyProfile

BAUD = 2400
THINK_US = 40_000
PASSWORD = b"\x11\x22\x33"
CATALOGUE = Catalogue((built_in(),))
PARTED = 0x0203FF00
"""The identifier whose answer comes in parts."""
PART_LENGTH = 6


def marked(meter: int, place: int, count: int, digits: int) -> int:
    """A number whose first three digits say of which meter and which item it is."""
    rest = digits - 3
    return int(f"{meter}{place:02d}{count % 10**rest:0{rest}d}")


def place_in(identifier: int, at: int) -> int:
    """The two digits that tell an item from all others that the profiles here read."""
    if identifier in identifiers.ITEMS:
        return list(identifiers.ITEMS).index(identifier)
    return 50 + 5 * (list(identifiers.BLOCKS).index(identifier) - _FIRST_BLOCK) + at


_FIRST_BLOCK = list(identifiers.BLOCKS).index(0x0201FF00)


@dataclass
class Dlt645Meter:
    number: int
    dead: bool = False
    lacks: frozenset[int] = frozenset()
    relay_open: bool = False
    asked: int = 0
    count: int = 0
    orders: list[relay.Order] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.number:012d}"

    def is_meant(self, question: Any) -> bool:
        return self.address.endswith(question.address.lstrip("A"))

    def answer(self, question: dlt645_frame.Frame) -> dlt645_frame.Frame | None:
        self.asked += 1
        if self.dead:
            return None
        if question.control == relay.CONTROL:
            return self._obey(question)
        if question.control == reading.READ_ADDRESS:
            return self._reply(question, bytes.fromhex(self.address)[::-1])
        identifier = int.from_bytes(question.data[:4], "little")
        if identifier in self.lacks:
            return dlt645_frame.Frame(self.address, question.control | 0xC0, b"\x02")
        if question.control == reading.READ:
            self.count += 1
        content = self._content(identifier)
        return self._part(question, content) if identifier == PARTED else self._reply(question, question.data + content)

    def _obey(self, question: dlt645_frame.Frame) -> dlt645_frame.Frame:
        order = relay.decode(question)
        self.orders.append(order)
        if order.password != PASSWORD:
            return dlt645_frame.Frame(self.address, question.control | 0xC0, b"\x04")
        self.relay_open = order.action == relay.Action.TRIP
        return self._reply(question, b"")

    def _reply(self, question: dlt645_frame.Frame, data: bytes, more: int = 0) -> dlt645_frame.Frame:
        return dlt645_frame.Frame(self.address, question.control | dlt645_frame.REPLY | more, data)

    def _part(self, question: dlt645_frame.Frame, content: bytes) -> dlt645_frame.Frame:
        number = question.data[4] if question.control == reading.READ_NEXT else 0
        piece = content[number * PART_LENGTH : (number + 1) * PART_LENGTH]
        more = dlt645_frame.MORE if len(content) > (number + 1) * PART_LENGTH else 0
        return self._reply(question, question.data[:4] + piece + question.data[4:], more)

    def _content(self, identifier: int) -> bytes:
        if identifier == identifiers.STATUS_3:
            return bytes((self.relay_open << 4, 0))
        items = identifiers.BLOCKS.get(identifier) or (identifiers.ITEMS[identifier],)
        return b"".join(
            to_bcd(marked(self.number, place_in(identifier, at), self.count, 2 * item.length), item.length)
            for at, item in enumerate(items)
        )


@dataclass
class Cjt188Meter:
    number: int
    low_first: bool = False
    dead: bool = False
    valve_closed: bool = False
    asked: int = 0
    count: int = 0

    @property
    def address(self) -> str:
        return f"{self.number:014d}"

    def is_meant(self, question: Any) -> bool:
        return self.address.endswith(question.address.lstrip("A"))

    def answer(self, question: cjt188_frame.Frame) -> cjt188_frame.Frame | None:
        """One that has the bytes of an identifier the other way round does not know what it is asked."""
        self.asked += 1
        if self.dead or question.low_first != self.low_first:
            return None
        status = bytes((int(self.valve_closed), 0))
        if question.identifier == cjt188_frame.VALVE:
            self.valve_closed = question.data[0] == cjt188.Valve.CLOSE
            return self._reply(question, bytes((int(self.valve_closed), 0)))
        self.count += 1
        amounts = (to_bcd(marked(self.number, place, self.count, 8), 4) + b"\x2c" for place in (11, 22))
        return self._reply(question, b"".join(amounts) + bytes(7) + status)

    def _reply(self, question: cjt188_frame.Frame, data: bytes) -> cjt188_frame.Frame:
        return cjt188_frame.Frame(
            question.kind,
            self.address,
            question.control | cjt188_frame.REPLY,
            question.identifier,
            question.serial,
            data,
            self.low_first,
        )


@dataclass
class MbusMeter:
    """Two telegrams: volume and flow temperature in the first, return temperature in the second."""

    number: int
    dead: bool = False
    asked: int = 0
    begun: int = 0
    count: int = 0
    telegrams: int = 2
    _bit: bool | None = None
    _at: int = -1

    @property
    def address(self) -> str:
        return str(self.number)

    def is_meant(self, question: mbus_frame.Frame) -> bool:
        return question.address in {self.number, mbus_frame.ANYBODY}

    def answer(self, question: mbus_frame.Frame) -> mbus_frame.Frame | mbus_frame.Acknowledged | None:
        self.asked += 1
        if self.dead:
            return None
        if question.control in {mbus_frame.SND_NKE, mbus_frame.SND_UD}:
            self.begun += 1
            self._bit, self._at = None, -1
            return mbus_frame.Acknowledged()
        bit = bool(question.control & mbus_frame.FRAME_COUNT)
        if bit != self._bit:
            self._bit, self._at = bit, (self._at + 1) % self.telegrams
            self.count += 1
        return mbus_frame.Frame(mbus_frame.RSP_UD, self.number % 251, self._telegram())

    def _telegram(self) -> bytes:
        head = b"\x72" + to_bcd(self.number, 4) + b"\x2d\x2c\x01\x04" + bytes((self.count & 0xFF, 0, 0, 0))
        more = b"\x1f" if self._at < self.telegrams - 1 else b""
        if self._at == 0:
            return head + b"\x0c\x13" + self._bcd(11) + b"\x0c\x59" + self._bcd(22) + more
        return head + b"\x0c\x5d" + self._bcd(33) + more

    def _bcd(self, place: int) -> bytes:
        return to_bcd(marked(self.number % 10, place, self.count, 8), 4)


@dataclass
class NumberedMbusMeter(MbusMeter):
    """Known by its identification: it answers while it is selected."""

    is_selected: bool = False

    @property
    def address(self) -> str:
        return f"{self.number:08d}"

    def is_meant(self, question: mbus_frame.Frame) -> bool:
        if question.control == mbus_frame.SND_UD:
            wanted = question.data[1:5][::-1].hex().upper()
            self.is_selected = all(digit in {"F", own} for digit, own in zip(wanted, self.address, strict=True))
        return self.is_selected and question.address == mbus_frame.SELECTED


@dataclass(frozen=True)
class Kind:
    """A protocol: its virtual meters, how its frames are written, and which points of the profile say what they are."""

    protocol: str
    profile: str
    meter: type[Dlt645Meter | Cjt188Meter | MbusMeter]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    places: dict[str, int]


def _dlt645_places() -> dict[str, int]:
    found = {}
    for name, point in CATALOGUE.load("dlt645-three-phase").points.items():
        identifier = int(point.attributes.di, 16)
        items = identifiers.BLOCKS.get(identifier) or (identifiers.ITEMS[identifier],)
        names = [item.name for item in items]
        found[name] = place_in(identifier, names.index(point.attributes.item) if point.attributes.item else 0)
    return found


KINDS = {
    "dlt645": Kind(
        "dlt645", "dlt645-three-phase", Dlt645Meter, dlt645_frame.encode, dlt645_frame.decode, _dlt645_places()
    ),
    "cjt188": Kind(
        "cjt188",
        "cjt188-water",
        Cjt188Meter,
        cjt188_frame.encode,
        cjt188_frame.decode,
        {"volume": 11, "volume_settled": 22},
    ),
    "mbus": Kind(
        "mbus",
        "mbus-heat",
        MbusMeter,
        mbus_frame.encode,
        mbus_frame.decode,
        {"volume": 11, "supply_temperature": 22, "return_temperature": 33},
    ),
}
KINDS["mbus by number"] = dataclasses.replace(KINDS["mbus"], meter=NumberedMbusMeter)


class MeterLine(VirtualLine):
    """A line of meters. `profile` instead of the usual one of the protocol."""

    def __init__(
        self,
        protocol: str,
        meters: Sequence[Any],
        spoil: Callable[[bytes, random.Random], list[tuple[int, bytes]]] | None = None,
        seed: int = 1,
        profile: AnyProfile | None = None,
    ) -> None:
        self.kind = KINDS[protocol]
        self.there = {meter.address: meter for meter in meters}
        profile = profile or faster(CATALOGUE.load(self.kind.profile))
        self.bus = engine_of(
            self.kind.protocol, [Configured(profile, meter.address, password=PASSWORD) for meter in meters], BAUD
        )
        super().__init__(self.bus.engine, character_us(BAUD), self._meter_answers, spoil, seed)

    def readings(self) -> list[tuple[str, str, int | str | None]]:
        """(meter, point, value) of all that was read and is there."""
        return [
            (read.unit, name, value)
            for read in self.reads
            for name, (value, _quality) in self.bus.meters[read.unit].readings(read.block, read.data).items()
            if value is not None
        ]

    def wrong(self) -> list[tuple[str, str, int | str | None]]:
        """Values that are not of the meter and the point that they were given to."""
        return [
            (unit, name, value)
            for unit, name, value in self.readings()
            if name in self.kind.places and str(value)[:3] != f"{int(unit)}{self.kind.places[name]:02d}"
        ]

    def from_another(self, data: bytes) -> bytes:
        """An answer as another meter of this line would give it."""
        frame = self.kind.decode(data)
        if not hasattr(frame, "address"):
            return data
        other = int(frame.address) % 3 + 1
        if self.kind.meter is NumberedMbusMeter:
            return self._encoded(dataclasses.replace(frame, data=frame.data[:1] + to_bcd(other, 4) + frame.data[5:]))
        address = other if isinstance(frame.address, int) else f"{other:0{len(frame.address)}d}"
        return self._encoded(dataclasses.replace(frame, address=address))

    def _meter_answers(self, data: bytes) -> tuple[int, bytes] | None:
        question = self.kind.decode(data)
        meant = [meter for meter in self.there.values() if meter.is_meant(question)]
        answer = meant[0].answer(question) if meant else None
        return None if answer is None else (THINK_US, self._encoded(answer))

    def _encoded(self, frame: Any) -> bytes:
        """Meters send no more FE than they like."""
        return self.kind.encode(frame).removeprefix(b"\xfe\xfe")


def faster(profile: AnyProfile, interval_ms: int = 5_000) -> AnyProfile:
    """The profile with all its groups read as often."""
    return profile.model_copy(update={"groups": dict.fromkeys(profile.groups, interval_ms)})
