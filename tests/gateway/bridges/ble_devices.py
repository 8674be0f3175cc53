"""Bluetooth devices for tests: profiles, packets, and what a bridge told of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from paifang.bridges.ble import bthome, ruuvi
from paifang.bridges.ble.advertisement import Advertisement, address_bytes
from paifang.bridges.ble.devices import BleDevice
from paifang.profiles.catalogue import Catalogue, built_in
from paifang.profiles.load import parse

CATALOGUE = Catalogue((built_in(),))
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
TAG = "CB:B8:33:4C:88:4F"
SENSOR = "54:48:E6:8F:80:A5"
SECOND = 1_000_000
MINUTE = 60 * SECOND

DOOR = """
name = "door"
title = "A door"
maker = "any"
model = "any"
protocol = "bthome"
source = "a test"
[groups]
broadcast = "1m"
[defaults]
properties = { group = "broadcast" }
[points]
temperature = { attributes = { object = 0x02 }, properties = { unit = "°C", scale = -2, max = 60 } }
opening = { attributes = { object = 0x11 }, properties = { type = "switch" } }
[[examples]]
source = "a test"
frame = "40 11 01"
values = { opening = true }
"""
METER = """
name = "meter"
title = "A meter"
maker = "any"
model = "any"
protocol = "gatt"
source = "a test"
[groups]
live = "{live}"
slow = "{slow}"
[points.temperature]
attributes = {{ characteristic = "2A6E", type = "int16", factor = 0.01 }}
properties = {{ unit = "°C", scale = -2, group = "live" }}
[points.humidity]
attributes = {{ characteristic = "2A6F", type = "uint16", factor = 0.01 }}
properties = {{ unit = "%", scale = -2, group = "slow" }}
[[examples]]
source = "a test"
given = {{ characteristic = "2A6E" }}
frame = "CA 09"
values = {{ temperature = 25.06 }}
"""


def door(name: str = "door", address: str = SENSOR, **more: Any) -> BleDevice:
    return BleDevice(name, parse(DOOR, Path("door.toml")), address, **more)


def meter(name: str, address: str, live: str = "1m", slow: str = "10m") -> BleDevice:
    return BleDevice(name, parse(METER.format(live=live, slow=slow), Path("meter.toml")), address)


def tag(name: str = "tag", address: str = TAG) -> BleDevice:
    return BleDevice(name, CATALOGUE.load("ruuvi-tag"), address)


def bthome_data(text: str) -> bytes:
    return b"\x40" + bytes.fromhex(text)


def sealed(text: str, counter: int, address: str = SENSOR, key: bytes = KEY) -> bytes:
    """Encrypted service data of BTHome."""
    tail = counter.to_bytes(4, "little")
    nonce = address_bytes(address) + bytes.fromhex("D2FC41") + tail
    content = AESCCM(key, 4).encrypt(nonce, bytes.fromhex(text), None)
    return b"\x41" + content[:-4] + tail + content[-4:]


def tag_data(sequence: int, temperature: int = 0x12FC) -> bytes:
    """Of a RuuviTag, data format 5."""
    head = b"\x05" + temperature.to_bytes(2) + bytes.fromhex("5394C37C0004FFFC040CAC3642")
    return head + sequence.to_bytes(2) + address_bytes(TAG)


def from_bthome(data: bytes, name: str = "") -> Advertisement:
    return Advertisement({bthome.SERVICE: data}, {}, name)


def from_tag(data: bytes) -> Advertisement:
    return Advertisement({}, {ruuvi.COMPANY: data})
