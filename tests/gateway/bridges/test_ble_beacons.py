"""Advertisements of Ruuvi, of ATC and pvvx thermometers, and values of characteristics."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from bumble.core import AdvertisingData
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from ruuvitag_sensor.decoder import get_decoder

from paifang.bridges.ble import advertisement, atc, gatt, ruuvi
from paifang.bridges.errors import FrameError
from paifang.profiles.attributes import GattAttributes
from paifang.profiles.catalogue import Catalogue, built_in
from paifang.profiles.conversion import NOT_THERE
from paifang_wire import messages

TAG = "CB:B8:33:4C:88:4F"
VALID = "0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"
MAXIMUM = "057FFFFFFEFFFE7FFF7FFF7FFFFFDEFEFFFECBB8334C884F"
MINIMUM = "058001000000008001800180010000000000CBB8334C884F"
INVALID = "058000FFFFFFFF800080008000FFFFFFFFFFFFFFFFFFFFFF"
AIR_6 = "06170C5668C79E007000C90501D900CD004C884F"
AIR_E1 = "E1170C5668C79E0065007004BD11CA00C90A0213E0ACFFFFFFDECDEE10FFFFFFFFFFCBB8334C884F"
CAPTURED_E1 = "E1104E4B70BD8500040008000C000E02C63700FFFFFFFFFFFF0A1F9BFCFFFFFFFFFFCD0D61D2ED8C"

RUUVI = {
    VALID: "24.3 53.49 100044 4 -4 1036 2.977 4 66 205",
    MAXIMUM: "163.835 163.835 115534 32767 32767 32767 3.646 20 254 65534",
    MINIMUM: "-163.835 0 50000 -32767 -32767 -32767 1.6 -40 0 0",
    INVALID: "None None None None None None None None None None",
    AIR_6: "29.5 55.3 101102 11.2 201 10 2 205 13026.67 False",
    AIR_E1: "29.5 55.3 101102 10.1 11.2 121.3 455.4 201 20 4 13027 14601710 False",
    CAPTURED_E1: "20.87 48.28 98517 0.4 0.8 1.2 1.4 710 111 1 None 663451 False",
}
"""Behind the company identifier -> contents, in the order of the format."""

THERMOMETERS = {
    "a4c1380283f400a22f5f0bf819": ("A4:C1:38:02:83:F4", None, "16.2 47 3.064 95 25"),
    "A4C138BC7C4E0102284F0B6720": ("A4:C1:38:BC:7C:4E", None, "25.8 40 2.919 79 32"),
    "A4C138BC7C4EFF9C284F0B6720": ("A4:C1:38:BC:7C:4E", None, "-10.0 40 2.919 79 32"),
    "f4830238c1a4a9066911b60b58f70d": ("A4:C1:38:02:83:F4", None, "17.05 44.57 2.998 88 247 True False"),
    "B2188D38C1A42B089011F70A43200F": ("A4:C1:38:8D:18:B2", None, "20.91 44.96 2.807 67 32 True True"),
    "8B376338C1A4CE0913107F0B521204": ("A4:C1:38:63:37:8B", None, "25.10 41.15 2.943 82 18 False False"),
    "11d603fbfa7b6dfb1e26fd": (
        "A4:C1:38:8D:18:B2", "b9ea895fac7eea6d30532432a516f3a3", "23.45 41.73 61 False False 17",
    ),
}  # fmt: skip
"""Captured service data (the third one made from the second) -> address, key, contents in order."""

REFUSED_RUUVI = {
    "": "length",
    VALID[:-2]: "length",
    VALID + "00": "length",
    AIR_6[:2]: "length",
    "03291A1ECE1EFC18F94202CA0B53": "unknown",
    VALID[:-2] + "50": "address",
    AIR_6[:-2] + "50": "address",
}
REFUSED_ATC = {
    "": "length",
    "a4c1380283f400a22f5f0bf8": "length",
    "A4C1388D18B300a22f5f0bf819": "address",
    "A4C1388D18B22B089011F70A43200F": "address",
    "11d603fbfa7b6dfb1e26fe": "key",
    "12d603fbfa7b6dfb1e26fd": "key",
    "11d603fbfa7b6dfb": "key",
}


def shown(values) -> str:
    return " ".join(str(_short(each.content)) for each in values)


def _short(content):
    return f"{content.normalize():f}" if isinstance(content, Decimal) else content


def key_of(text: str | None) -> bytes | None:
    return bytes.fromhex(text) if text else None


@pytest.mark.parametrize(("text", "expected"), RUUVI.items())
def test_ruuvi(text, expected):
    assert shown(ruuvi.decode(bytes.fromhex(text))) == expected


def test_ruuvi_knows_its_own_address():
    assert ruuvi.decode(bytes.fromhex(VALID), advertisement.address_bytes(TAG))
    assert ruuvi.decode(bytes.fromhex(INVALID), advertisement.address_bytes(TAG))


@pytest.mark.parametrize(("text", "reason"), REFUSED_RUUVI.items())
def test_what_is_not_of_ruuvi_is_refused_with_its_reason(text, reason):
    with pytest.raises(FrameError) as refused:
        ruuvi.decode(bytes.fromhex(text), advertisement.address_bytes(TAG))
    assert refused.value.reason == reason


_NAMES = {"pm1": "pm_1", "pm25": "pm_2_5", "pm4": "pm_4", "pm10": "pm_10", "movements": "movement_counter"}
_NAMES |= {"sequence": "measurement_sequence_number", "calibrating": "calibration_in_progress", "voltage": "battery"}
_TIMES = {"voltage": 1000, "pressure": Decimal("0.01")}


@pytest.mark.parametrize(("text", "form"), [(VALID, 5), (AIR_6, 6), (CAPTURED_E1, "E1")])
def test_another_implementation_reads_the_same(text, form, tier_size):
    dice = random.Random(form if isinstance(form, int) else 0xE1)
    theirs = get_decoder(form)
    for _ in range(tier_size(500, 20_000)):
        data = bytes.fromhex(text[:2]) + dice.randbytes(len(text) // 2 - 1)
        said = theirs.decode_data(data.hex())
        for value in ruuvi.decode(data):
            content, other = value.content, said[_NAMES.get(value.name, value.name)]
            if content is None and value.name in {"movements", "sequence"}:
                assert other + 1 == (0x100 if value.name == "movements" else 0x10000)
            elif other is None and value.name.startswith("acceleration"):
                continue
            elif isinstance(content, Decimal):
                assert float(content * _TIMES.get(value.name, 1)) == pytest.approx(other, abs=0.0051)
            else:
                assert content == other


@pytest.mark.parametrize(("text", "device"), THERMOMETERS.items())
def test_thermometers(text, device):
    address, key, expected = device
    found = atc.decode(bytes.fromhex(text), advertisement.address_bytes(address), key_of(key))
    contents = [f"{each.content}" for each in found]
    assert contents == expected.split()


@pytest.mark.parametrize(("last", "battery", "trigger"), [(0xBD, 61, True), (0x7F, 127, False)])
def test_the_encrypted_form_of_atc1441(last, battery, trigger):
    """Made from the layout: no captured one is known."""
    address, key = advertisement.address_bytes("A4:C1:38:8D:18:B2"), bytes(range(16))
    nonce = address[::-1] + bytes((0x0B, 0x16, 0x1A, 0x18, 0x07))
    data = b"\x07" + AESCCM(key, 4).encrypt(nonce, bytes((121, 95, last)), b"\x11")
    found = {each.name: each.content for each in atc.decode(data, address, key)}
    assert found == {
        "temperature": Decimal("20.5"), "humidity": Decimal("47.5"), "battery": battery, "trigger": trigger,
        "counter": 7,
    }  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), REFUSED_ATC.items())
def test_what_is_not_of_a_thermometer_is_refused_with_its_reason(text, reason):
    [(address, key)] = {(address, key) for address, key, _ in THERMOMETERS.values() if key}
    data = bytes.fromhex(text)
    with pytest.raises(FrameError) as refused:
        atc.decode(data, advertisement.address_bytes(address), key_of(key) if len(data) < 13 else None)
    assert refused.value.reason == reason


def test_a_thermometer_with_a_key_is_taken_encrypted_only():
    [plain, *_] = THERMOMETERS
    for address, key, data in ((None, bytes(16), plain), (None, bytes(16), "00" * 11), (bytes(6), None, "00" * 8)):
        with pytest.raises(FrameError) as refused:
            atc.decode(bytes.fromhex(data), address, key)
        assert refused.value.reason == "key"


def test_an_advertisement_by_another_implementation():
    uuid = "00112233-4455-6677-8899-AABBCCDDEEFF"
    data = bytes(
        AdvertisingData(
            [
                (AdvertisingData.Type.FLAGS, b"\x06"),
                (AdvertisingData.Type.SERVICE_DATA_16_BIT_UUID, bytes.fromhex("D2FC4002CA09")),
                (AdvertisingData.Type.SERVICE_DATA_128_BIT_UUID, bytes.fromhex(uuid.replace("-", ""))[::-1] + b"\x01"),
                (AdvertisingData.Type.MANUFACTURER_SPECIFIC_DATA, bytes.fromhex("9904" + VALID)),
                (AdvertisingData.Type.SHORTENED_LOCAL_NAME, b"Tag"),
                (AdvertisingData.Type.COMPLETE_LOCAL_NAME, "Tag µ".encode()),
            ]
        )
    )
    found = advertisement.decode(data)
    assert advertisement.decode(data + bytes(3)) == found
    assert found.service_data == {"FCD2": bytes.fromhex("4002CA09"), uuid: b"\x01"}
    assert found.manufacturer == {ruuvi.COMPANY: bytes.fromhex(VALID)}
    assert found.name == "Tag µ"


def test_service_data_may_be_empty():
    assert advertisement.decode(bytes.fromhex("03 16 D2FC")).service_data == {"FCD2": b""}


@pytest.mark.parametrize("text", ["05 16 D2FC", "02 16 D2", "02 FF 99", "0A 21 00112233445566778899", "FF"])
def test_structures_that_do_not_fit(text):
    with pytest.raises(FrameError) as refused:
        advertisement.decode(bytes.fromhex(text))
    assert refused.value.reason == "length"


def test_addresses_and_uuids_however_they_are_written():
    assert advertisement.checked_address("a4c138-112233") == "A4:C1:38:11:22:33"
    assert advertisement.short_uuid("0000fcd2-0000-1000-8000-00805f9b34fb") == "FCD2"
    assert advertisement.short_uuid("fcd2") == "FCD2"
    for longer in ("1234FCD2-0000-1000-8000-00805F9B34FB", "0000FCD2-0000-1000-8000-00805F9B34FC"):
        assert advertisement.short_uuid(longer.lower()) == longer
    for text in ("", "A4:C1:38:11:22", "A4:C1:38:11:22:3G", "A4:C1:38:11:22:33:44"):
        with pytest.raises(FrameError, match="is not six bytes"):
            advertisement.checked_address(text)


@pytest.mark.parametrize(
    ("form", "sent", "expected"),
    [
        ("uint8", "FF", 255), ("int8", "FF", -1), ("uint16", "0180", 0x8001), ("int16", "CA09", 2506),
        ("int16", "36F6", -2506), ("uint24", "010203", 0x030201), ("uint32", "FFFFFFFF", 0xFFFFFFFF),
        ("int32", "FFFFFFFF", -1), ("float16", "1900", 25), ("float16", "D007", 2000),
        ("float16", "FAF0", Decimal("25.0")), ("float16", "06FF", Decimal("-25.0")), ("float16", "0370", 30_000_000),
        ("float16", "FF07", None), ("float16", "0008", None), ("float32", "0000C841", 25),
        ("float32", "0000C07F", None),
    ],
)  # fmt: skip
def test_values_of_characteristics(form, sent, expected):
    """float16: IEEE 11073; FA F0 is 250 * 10^-1."""
    assert gatt.number(GattAttributes(characteristic="2A6E", type=form), bytes.fromhex(sent)) == expected


def test_a_characteristic_of_another_length_is_refused():
    with pytest.raises(FrameError, match="2A6E has 4 bytes, int16 has 2") as refused:
        gatt.number(GattAttributes(characteristic="2A6E", type="int16"), bytes(4))
    assert refused.value.reason == "length"


def test_characteristics_are_found_by_service():
    found = gatt.Characteristics(Catalogue((built_in(),)).load("gatt-environment"))
    assert found.places["temperature"] == ("181A", "2A6E")
    assert found.readings("2A6E", b"\xca\x09", "181A") == {"temperature": (2506, messages.GOOD)}
    assert found.readings("2A6E", b"\x00\x80") == {"temperature": NOT_THERE}
    assert found.readings("2A6E", b"\xca\x09", "1809") == {}


def test_spoiled_frames_raise_nothing_else(fuzz):
    tag, thermometer = advertisement.address_bytes(TAG), advertisement.address_bytes("A4:C1:38:8D:18:B2")
    seen = fuzz(lambda data: ruuvi.decode(data, tag), [bytes.fromhex(text) for text in (VALID, AIR_6, AIR_E1)])
    assert min(seen[reason] for reason in ("taken", "address", "length", "unknown")) > 100
    key = key_of(THERMOMETERS["11d603fbfa7b6dfb1e26fd"][1])
    seen = fuzz(lambda data: atc.decode(data, thermometer), [bytes.fromhex(text) for text in THERMOMETERS])
    assert min(seen[reason] for reason in ("taken", "address", "length", "key")) > 20
    seen = fuzz(lambda data: atc.decode(data, thermometer, key), [bytes.fromhex("11d603fbfa7b6dfb1e26fd"), bytes(8)])
    assert min(seen[reason] for reason in ("taken", "length", "key")) > 20


def test_spoiled_advertisements_raise_nothing_else(fuzz):
    frames = [bytes.fromhex("020106 0916D2FC4002CA0903BF 0303D2FC 0409546167"), bytes.fromhex("1BFF9904" + VALID)]
    seen = fuzz(advertisement.decode, frames)
    assert min(seen["taken"], seen["length"]) > 1_000


def test_spoiled_values_raise_nothing_else(fuzz):
    forms = [GattAttributes(characteristic="2A6E", type=each) for each in ("uint24", "float16", "float32")]
    seen = fuzz(lambda data: [gatt.number(each, data) for each in forms if len(data) <= 4], [b"\xca\x09", bytes(4)])
    assert min(seen["taken"], seen["length"]) > 20
