"""A profile: what a kind of device is, and its points with attributes (how) apart from properties (what)."""

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from paifang.profiles.attributes import (
    Attributes,
    BeaconAttributes,
    BthomeAttributes,
    Cjt188Attributes,
    Dlt645Attributes,
    GattAttributes,
    MbusAttributes,
    ObisAttributes,
)
from paifang.profiles.city_names import CityNames
from paifang.profiles.fields import Content, HexBytes, Number, PointName, ProfileName
from paifang.profiles.modbus import ModbusAttributes, ModbusLimits
from paifang.settings import Milliseconds, Table

A_co = TypeVar("A_co", bound=Attributes, covariant=True)
P_co = TypeVar("P_co", bound=str, covariant=True)

SCALE_LIMIT = 12
STALE_INTERVALS = 2
"""A point without a time of its own is stale when it has missed this many polls."""
POINTS_MOST = 255
"""What the numbers of a description reach."""


class Quality(Table):
    """What makes a value doubtful besides its limits."""

    indicative: bool = Field(default=False, description="Never more than an indication, as of a cheap sensor.")
    step: Number | None = Field(
        default=None, gt=0, description="The greatest plausible change from one reading to the next, in the unit."
    )
    rate: Number | None = Field(
        default=None, gt=0, description="Of a counter: the greatest plausible increase an hour, in the unit."
    )
    wraps_at: Number | None = Field(
        default=None, gt=0, description="Of a counter: it goes on from 0 after the number below this one."
    )


class Properties(Table):
    """What a point means, whatever the protocol."""

    unit: str = Field(default="", description='Unit of the values, such as "V", "kWh" or UCUM\'s "kW.h".')
    type: Literal["number", "switch", "text"] = Field(
        default="number", description="number; switch: on or off; text: read once, such as a serial number."
    )
    kind: Literal["gauge", "counter"] = Field(default="gauge", description="Whether it goes up and down, or only up.")
    scale: int = Field(
        default=0, ge=-SCALE_LIMIT, le=SCALE_LIMIT, description="Power of ten of the last digit kept: -1 keeps tenths."
    )
    least: Number | None = Field(default=None, validation_alias="min", description="The least plausible value.")
    greatest: Number | None = Field(default=None, validation_alias="max", description="The greatest plausible value.")
    access: Literal["read", "read-write"] = Field(default="read", description="Whether it may be set.")
    point_class: int = Field(
        default=0,
        ge=0,
        le=2,
        validation_alias="class",
        description="What a command needs: 1 or 2 for a point that may be set. Behind a bridge there is no class 3.",
    )
    interlock: str | None = Field(
        default=None, max_length=64, description='When it may be set, such as "1: voltage<=2530".'
    )
    safe: Content | None = Field(
        default=None, description="Of a point that may be set: the value that is safe, such as false for a relay."
    )
    group: PointName = Field(description="The group of [groups] that it is read with.")
    stale_ms: Milliseconds | None = Field(
        default=None,
        gt=0,
        validation_alias="stale",
        description="When a value is too old to be shown as current; else after two intervals of its group.",
    )
    quality: Quality = Field(default=Quality(), description="What makes a value doubtful.")


class Point(Table, Generic[A_co]):
    attributes: A_co = Field(description="How it is reached.")
    properties: Properties = Field(description="What it means.")
    city: CityNames | None = Field(
        default=None,
        description="What it is called in schemas of a city, where the table of the profile says otherwise.",
    )


class Line(Table):
    """How the device comes out of its box, and how patient one is with it."""

    baud: Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = Field(
        default=9600, description="Speed of its serial line."
    )
    data_bits: Literal[7, 8] = Field(default=8, description="Data bits.")
    parity: Literal["none", "even", "odd"] = Field(default="none", description="Parity.")
    stop_bits: Literal[1, 2] = Field(default=1, description="Stop bits.")
    timeout_ms: Milliseconds = Field(
        default=1_000, ge=20, le=60_000, validation_alias="timeout", description="How long it may think."
    )
    turnaround_ms: Milliseconds = Field(
        default=0, ge=0, le=10_000, validation_alias="turnaround", description="Rest it needs after an answer."
    )


class Example(Table):
    """A frame of the device and what it says: the profile's own test."""

    source: str = Field(min_length=1, description="Where the frame is from: captured, or made from a manual.")
    request: HexBytes | None = Field(default=None, description="What was asked, where the protocol asks.")
    frame: HexBytes | None = Field(default=None, description="What the device sends, as hexadecimal digits.")
    text: str | None = Field(default=None, min_length=1, description="What it sends, where that is text.")
    given: dict[str, str | int] = Field(
        default={}, description="What is known beside the frame, such as key, mac or characteristic."
    )
    values: dict[PointName, Content] = Field(
        description='Point = value in its unit; "none": the device says that it has none.'
    )


class Defaults(Table):
    attributes: dict[str, Any] = Field(default={}, description="What attributes say that do not say otherwise.")
    properties: dict[str, Any] = Field(default={}, description="What properties say that do not say otherwise.")


class Profile(Table, Generic[A_co, P_co]):
    """A file of a kind of device."""

    name: ProfileName = Field(description="Its name, which is also the name of the file.")
    title: str = Field(min_length=1, max_length=64, description="What it is, in a few words.")
    maker: str = Field(min_length=1, description='Who makes it; "any" for a standard.')
    model: str = Field(min_length=1, description="Which model, as on its plate.")
    protocol: P_co = Field(description="What it speaks.")
    source: str = Field(min_length=1, description="Where the facts are from: manual, edition.")
    city: ProfileName | None = Field(
        default=None, description='The table of names in schemas of a city, such as "three-phase-meter"; else "common".'
    )
    line: Line = Field(default=Line(), description="Its serial line.")
    groups: dict[PointName, Milliseconds] = Field(
        description="Groups of points with the interval at which they are read, or sent."
    )
    defaults: Defaults = Field(default=Defaults(), description="What is the same for most points.")
    points: dict[PointName, Point[A_co]] = Field(description="Its points, by name.")
    examples: Annotated[tuple[Example, ...], Field(strict=False)] = Field(
        description="Known-good frames, one such table each."
    )

    def stale_ms(self, name: str) -> int:
        """When a value of a point is too old to be shown as current."""
        properties = self.points[name].properties
        return properties.stale_ms or STALE_INTERVALS * self.groups[properties.group]


class ModbusProfile(Profile[ModbusAttributes, Literal["modbus"]]):
    """Modbus RTU or TCP."""

    modbus: ModbusLimits = Field(default=ModbusLimits(), description="What it takes in one request.")


class Cjt188Ways(Table):
    """What no frame of a meter says of itself."""

    kind: int = Field(
        default=0x10,
        ge=0,
        le=0xFF,
        description="T: 0x10 cold water, 0x11 hot water, 0x20 heat, 0x30 gas.",
    )
    unit_first: bool = Field(default=False, description="Whether the unit stands before the number, not behind it.")


class Cjt188Profile(Profile[Cjt188Attributes, Literal["cjt188"]]):
    """CJ/T 188."""

    cjt188: Cjt188Ways = Field(default=Cjt188Ways(), description="How the meter departs from others.")


Dlt645Profile = Profile[Dlt645Attributes, Literal["dlt645"]]
"""DL/T 645-2007, or 1997."""
MbusProfile = Profile[MbusAttributes, Literal["mbus"]]
"""M-Bus, EN 13757."""
ObisProfile = Profile[ObisAttributes, Literal["p1", "dlms"]]
"""Telegrams of a DSMR P1 port; DLMS pushed in HDLC frames."""
BthomeProfile = Profile[BthomeAttributes, Literal["bthome"]]
"""BTHome v2 advertisements."""
BeaconProfile = Profile[BeaconAttributes, Literal["ruuvi", "atc"]]
"""Advertisements of Ruuvi; of ATC or pvvx thermometers."""
GattProfile = Profile[GattAttributes, Literal["gatt"]]
"""Characteristics of a GATT server."""

AnyProfile = Profile[Attributes, str]

MODELS: dict[str, type[AnyProfile]] = {
    "modbus": ModbusProfile,
    "dlt645": Dlt645Profile,
    "cjt188": Cjt188Profile,
    "mbus": MbusProfile,
    "p1": ObisProfile,
    "dlms": ObisProfile,
    "bthome": BthomeProfile,
    "ruuvi": BeaconProfile,
    "atc": BeaconProfile,
    "gatt": GattProfile,
}
"""Protocol -> what its profiles are checked against."""
