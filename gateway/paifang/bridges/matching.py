"""From what a codec found in a frame to the points of a profile: by identifier, in the point's unit and scale."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from paifang.bridges.ble.bthome import Measured
from paifang.bridges.errors import FrameError
from paifang.bridges.mbus.records import Record
from paifang.profiles.attributes import (
    BeaconAttributes,
    BthomeAttributes,
    Cjt188Attributes,
    Dlt645Attributes,
    MbusAttributes,
    ObisAttributes,
)
from paifang.profiles.conversion import Converter

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from paifang.bridges.values import Content, Value
    from paifang.profiles.attributes import Attributes
    from paifang.profiles.conversion import Reading, Sent
    from paifang.profiles.model import AnyProfile

    Item = Value | Record | Measured


class Matcher:
    """Readings of the points of one profile."""

    def __init__(self, profile: AnyProfile) -> None:
        self._profile = profile
        self._points: dict[Hashable, list[str]] = {}
        for name, point in profile.points.items():
            self._points.setdefault(_wanted(point.attributes), []).append(name)
        self._converters: dict[tuple[str, str], Converter] = {}

    def readings(self, found: Iterable[Item], di: str = "") -> dict[str, Reading]:
        """What was found of the points; `di`: the data identifier of a DL/T 645 answer.

        Raises FrameError("value") when a number has a unit of another quantity than the profile says.
        """
        return {
            name: self._reading(name, item.content, item.unit)
            for item in found
            for key in _keys(item, di)
            for name in self._points.get(key, ())
        }

    def _reading(self, name: str, content: Content, unit: str) -> Reading:
        converter = self._converters.get((name, unit))
        if converter is None:
            try:
                converter = Converter(self._profile.points[name], unit)
            except ValueError as error:
                raise FrameError("value", f"{name}: {error}") from error
            self._converters[name, unit] = converter
        return converter.reading(_sent(content))


def _wanted(attributes: Attributes) -> Hashable:
    """What a point asks for. Of a DL/T 645 identifier with one item, that item."""
    match attributes:
        case Dlt645Attributes():
            return attributes.di, attributes.item
        case Cjt188Attributes() | BeaconAttributes():
            return attributes.field
        case BthomeAttributes():
            return attributes.object, attributes.index
        case MbusAttributes():
            return attributes.quantity, attributes.function, attributes.storage, attributes.tariff, attributes.subunit
        case ObisAttributes():
            return attributes.obis
        case _:
            raise FrameError("unknown", f"no bridge here reads {type(attributes).__name__}")


def _keys(item: Item, di: str) -> tuple[Hashable, ...]:
    """What a codec's item may be asked for as."""
    if isinstance(item, Measured):
        return ((item.object, item.index),)
    if isinstance(item, Record):
        return ((item.quantity, item.function, item.storage, item.tariff, item.subunit),)
    return ((di, item.name), (di, None)) if di else (item.name,)


def _sent(content: Any) -> Sent:
    return content.isoformat() if isinstance(content, date) else content
