"""BTHome v2: the format's examples, what another implementation reads, what is refused and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given
from hypothesis import strategies as st

from paifang.bridges.ble import bthome
from paifang.bridges.ble.advertisement import address_bytes
from paifang.bridges.ble.bthome_objects import OBJECTS
from paifang.bridges.errors import FrameError
from paifang.profiles import units

SAID = json.loads((Path(__file__).parent / "bthome_said.json").read_text("utf-8"))
"""See record_bthome.py."""
KEY, ADDRESS = bytes.fromhex(SAID["key"]), address_bytes(SAID["address"])
SEALED = bytes.fromhex("41 a47266c95f73 00112233 78237214")
"""The format's example of encryption: 02CA09 03BF13."""
WITHOUT_READING = {"button", "command", "dimmer", "version"}
"""Kinds that the other implementation shows as events, or as data of the device."""
COARSE = 0x58
"""Its factor is 0.35, and the other implementation rounds to tenths."""

EXAMPLES = {
    "40 02CA09 03BF13": {"temperature": "25.06", "humidity": "50.55"},
    "44 00 09 01 5D 02 5B06 0D 120C 0E 021C 12 E204 13 3301": {
        "packet_id": "9", "battery": "93", "temperature": "16.27", "pm25": "3090", "pm10": "7170", "co2": "1250",
        "tvoc": "307",
    },
    "40 04 138A01 05 138A14 0A 138A14 0B 021B00 0C 020C": {
        "pressure": "1008.83", "illuminance": "13460.67", "energy": "1346.067", "power": "69.14", "voltage": "3.074",
    },
    "40 45 1101 58 EA 5C 02FBFFFF 5D 02EA 62 C0BDF0FF": {
        "temperature": "-7.70", "power": "-12.78", "current": "-5.630", "speed": "-1.000000",
    },
    "40 3C 01 03 F1 00010204 F2 000106": {"dimmer": "-3", "firmware": "6.1.0"},
    "40 3A 00 3C 02 0A 3B 01 0004 53 05 48656C6C6F 54 02 1C02": {
        "button": "None", "dimmer": "10", "command": "0004", "text": "Hello", "raw": "1c02",
    },
    "40 3C 00 05 3A 80": {"dimmer": "None", "button": "128"},
    "40 11 01 15 00 2B 01": {"opening": "True", "battery_low": "False", "tamper": "True"},
}  # fmt: skip
"""Service data -> content by name (the last one with that name). Made from the format's table of objects."""

REFUSED = {
    "": "length",
    "40": "length",
    "20 02CA09": "shape",
    "60 02CA09": "shape",
    "40 02CA": "length",
    "40 02CA09 03BF": "length",
    "40 53 05 4865": "length",
    "40 53": "length",
    "40 C0 0102": "unknown",
    "40 11 02": "value",
    "40 53 02 C328": "value",
    "42 8FE6 4854": "length",
    "42 000000000000 02CA09": "address",
    "41 a47266c95f73 00112233 78237214": "key",
}


def contents(packet: bthome.Packet) -> dict[str, str]:
    return {each.name: str(each.content) for each in packet.measured}


@pytest.mark.parametrize(("text", "expected"), EXAMPLES.items())
def test_examples(text, expected):
    packet = bthome.decode(bytes.fromhex(text))
    assert contents(packet) == expected
    assert packet.on_event == text.startswith("44")
    assert packet.packet_id == (9 if "packet_id" in expected else None)
    assert (packet.counter, packet.unread) == (None, b"")


def test_the_example_of_encryption():
    packet = bthome.decode(SEALED, ADDRESS, KEY)
    assert contents(packet) == {"temperature": "25.06", "humidity": "50.55"}
    assert packet.counter == 0x33221100


def test_the_address_may_be_in_the_packet():
    sealed = AESCCM(KEY, 4).encrypt(ADDRESS + bytes.fromhex("D2FC4300000001"), bytes.fromhex("02CA09"), None)
    data = b"\x43" + ADDRESS[::-1] + sealed[:-4] + bytes((0, 0, 0, 1)) + sealed[-4:]
    for address in (None, ADDRESS):
        assert contents(bthome.decode(data, address, KEY)) == {"temperature": "25.06"}


def test_objects_with_one_id_are_counted():
    packet = bthome.decode(bytes.fromhex("40 02CA09 02CB09 45 1101"))
    assert [(each.object, each.index) for each in packet.measured] == [(2, 1), (2, 2), (0x45, 1)]


def test_what_is_newer_than_the_table_costs_nothing_before_it():
    packet = bthome.decode(bytes.fromhex("40 02CA09 C0 010203"))
    assert contents(packet) == {"temperature": "25.06"}
    assert packet.unread == bytes.fromhex("C0010203")


def test_a_moment():
    [found] = bthome.decode(bytes.fromhex("40 50 5D396164")).measured
    assert found.content == datetime(2023, 5, 14, 19, 41, 17, tzinfo=UTC)


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_what_is_no_packet_is_refused_with_its_reason(text, reason):
    with pytest.raises(FrameError) as refused:
        bthome.decode(bytes.fromhex(text), ADDRESS)
    assert refused.value.reason == reason


@pytest.mark.parametrize("text", ["41", "41 a4 00112233 7823", "41 00112233 78237214"])
def test_an_encrypted_packet_has_its_counter_its_tag_and_something_between(text):
    with pytest.raises(FrameError) as refused:
        bthome.decode(bytes.fromhex(text), ADDRESS, KEY)
    assert refused.value.reason == "length"


def test_a_device_with_a_key_is_taken_encrypted_only():
    with pytest.raises(FrameError, match="not encrypted, though") as refused:
        bthome.decode(bytes.fromhex("40 02CA09"), ADDRESS, KEY)
    assert refused.value.reason == "key"


@pytest.mark.parametrize(
    ("data", "address", "key"),
    [
        (SEALED, ADDRESS, KEY[::-1]),
        (SEALED, ADDRESS[::-1], KEY),
        (SEALED, ADDRESS, KEY[:8]),
        (SEALED, None, KEY),
        (bytes.fromhex("41 a47266c95f73 00112233 b7ced8e5"), ADDRESS, KEY),
        *(
            (SEALED[:place] + bytes((SEALED[place] ^ 0x80,)) + SEALED[place + 1 :], ADDRESS, KEY)
            for place in (1, 7, 11)
        ),
    ],
)
def test_only_the_right_key_opens(data, address, key):
    """The fifth has the tag that a draft of the format had, over other bytes."""
    with pytest.raises(FrameError) as refused:
        bthome.decode(data, address, key)
    assert refused.value.reason == "key"


def test_another_implementation_reads_the_same():
    assert {int(text[2:4], 16) for text, _, _ in SAID["plain"]} == set(OBJECTS)
    compared = 0
    for key, packets in ((None, SAID["plain"]), (KEY, SAID["encrypted"])):
        for text, numbers, flags in packets:
            found = bthome.decode(bytes.fromhex(text), ADDRESS, key).measured
            read = [each for each in found if OBJECTS[each.object].kind not in {"flag", *WITHOUT_READING}]
            read = [each for each in read if OBJECTS[each.object].name != "device_type"]
            for each, number in zip(read, numbers, strict=True):
                coarse = 0.051 if each.object == COARSE else 1e-9
                same = pytest.approx(number, abs=coarse) if isinstance(each.content, Decimal) else number
                assert (float(each.content) if isinstance(each.content, Decimal) else str(each.content)) == same, text
            assert [each.content for each in found if OBJECTS[each.object].kind == "flag"] == flags, text
            compared += len(numbers) + len(flags)
    assert compared > 2_000


def test_every_unit_is_one_that_points_can_have():
    assert {found.unit for found in OBJECTS.values() if units.find(found.unit) is None} == set()


@given(
    st.lists(st.sampled_from([number for number, each in OBJECTS.items() if each.kind == "signed"]), min_size=1),
    st.data(),
)
def test_numbers_are_exact(numbers, data):
    sent = [
        (each, data.draw(st.binary(min_size=OBJECTS[each].length, max_size=OBJECTS[each].length))) for each in numbers
    ]
    packet = bthome.decode(b"\x40" + b"".join(bytes((each,)) + content for each, content in sent))
    for (number, content), found in zip(sent, packet.measured, strict=True):
        assert found.content / OBJECTS[number].factor == int.from_bytes(content, "little", signed=True)


def test_spoiled_packets_raise_nothing_else(fuzz):
    frames = [bytes.fromhex(text) for text in (*EXAMPLES, "42 A5808FE64854 02CA09")]
    seen = fuzz(lambda data: bthome.decode(data, ADDRESS), frames, lambda data: b"\x40" + data[1:])
    assert min(seen[reason] for reason in ("taken", "address", "key", "length", "shape", "unknown", "value")) > 20


def test_spoiled_encrypted_packets_are_not_taken(fuzz):
    def everything(data: bytes) -> None:
        assert data == SEALED or not bthome.decode(data, ADDRESS, KEY)

    seen = fuzz(everything, [SEALED])
    assert seen["taken"] < seen.total() / 50  # mutations that undo one another
    assert min(seen[reason] for reason in ("key", "length", "shape")) > 100
