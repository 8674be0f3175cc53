"""Writes bthome_said.json: packets, and what the package `bthome-ble` reads in them.

    python -m venv /tmp/oracle && /tmp/oracle/bin/pip install bthome-ble && /tmp/oracle/bin/python record_bthome.py

That package comes with a Bluetooth stack of thirty others, one of them under GPL and built from source; so what it says
is recorded once, and compared in every test run.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
from importlib.metadata import version
from pathlib import Path

from bthome_ble import BTHomeBluetoothDeviceData
from bthome_ble.bthome_v2_encryption import encrypt_payload
from bthome_ble.const import MEAS_TYPES
from habluetooth import BluetoothServiceInfoBleak

ADDRESS = "54:48:E6:8F:80:A5"
KEY = "231d39c1d7cc1ab1aee224cd096db932"
EVENTS = ("command", "string", "raw")
UUID_BYTES = bytes.fromhex("d2fc")
UUID = "0000fcd2-0000-1000-8000-00805f9b34fb"
FILLED = (0, 0x7F, 0x80, 0xFF, None)
PACKETS = 400
ENCRYPTED = 40


def said(data: bytes, key: str | None = None) -> tuple[list[object], list[bool]]:
    """Numbers and texts, then flags, each in the order of the packet."""
    parser = BTHomeBluetoothDeviceData(bytes.fromhex(key) if key else None)
    info = BluetoothServiceInfoBleak(
        name="", address=ADDRESS, rssi=-60, manufacturer_data={}, service_data={UUID: data}, service_uuids=[UUID],
        source="", device=None, advertisement=None, connectable=False, time=0, tx_power=None,
    )  # fmt: skip
    found = parser.update(info)
    numbers = [each.native_value for name, each in found.entity_values.items() if name.key != "signal_strength"]
    return [str(each) if hasattr(each, "tzinfo") else each for each in numbers], [
        each.native_value for each in found.binary_entity_values.values()
    ]


def an_object(number: int, dice: random.Random, fill: int | None) -> bytes:
    kind = MEAS_TYPES[number]
    binary = "Binary" in type(kind.meas_format).__name__
    if kind.data_format in EVENTS:
        text = dice.choice((b"a", b"hello", "µ°".encode())) if kind.data_format == "string" else dice.randbytes(3)
        length = len(text) - 1 if kind.data_format == "command" else len(text)
        return bytes((number, length)) + text
    if binary:
        return bytes((number, dice.randrange(2)))
    if fill is not None:
        return bytes((number,)) + bytes((fill,)) * kind.data_length
    return bytes((number,)) + dice.randbytes(kind.data_length)


def overwrites(numbers: list[int]) -> bool:
    """Whether the package shows one of them only: of litres and millilitres, the last."""
    forms = {
        (str(getattr(form, "device_class", "")), str(form)) for form in (MEAS_TYPES[n].meas_format for n in numbers)
    }
    return len({name for name, _ in forms}) < len(forms)


def main() -> None:
    dice = random.Random(0xFCD2)
    plain = [b"\x40" + an_object(number, dice, fill) for number in MEAS_TYPES for fill in FILLED]
    while len(plain) < len(MEAS_TYPES) * len(FILLED) + PACKETS:
        numbers = sorted(dice.choices(list(MEAS_TYPES), k=dice.randint(2, 6)))
        if overwrites(numbers):
            continue
        plain.append(bytes((dice.choice((0x40, 0x44)),)) + b"".join(an_object(each, dice, None) for each in numbers))
    sealed = []
    for each in plain[-ENCRYPTED:]:
        mac, counter = bytes.fromhex(ADDRESS.replace(":", "")), dice.randbytes(4)
        with contextlib.redirect_stdout(io.StringIO()):
            sent = encrypt_payload(each[1:], mac, UUID_BYTES, bytes((each[0] | 1,)), counter, bytes.fromhex(KEY))
        sealed.append(sent[len(UUID_BYTES) :])
    content = {
        "package": f"bthome-ble {version('bthome-ble')}",
        "address": ADDRESS,
        "key": KEY,
        "plain": [[each.hex(), *said(each)] for each in dict.fromkeys(plain)],
        "encrypted": [[each.hex(), *said(each, KEY)] for each in sealed],
    }
    text = json.dumps(content, ensure_ascii=False).replace("]], [", "]],\n[").replace('], ["4', '],\n["4')
    (Path(__file__).parent / "bthome_said.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
