"""The profiles that paifang comes with: each reads its own frames, and says what can be said of it."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from written import METER

from paifang.bridges.examples import DECODERS
from paifang.errors import PaifangError
from paifang.profiles.catalogue import OWN_FOLDER, Catalogue, built_in
from paifang.profiles.conversion import row
from paifang.profiles.load import load
from paifang.profiles.trial import results, text
from paifang_wire import messages

WITHOUT_MEANING = {("ruuvi-air-df6", 14)}
"""Bytes of frames that are reserved, and whatever they are it is no mistake."""
NAMES = sorted(Catalogue((built_in(),)).files)


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue((built_in(),))


def test_the_first_profiles_are_there():
    assert {
        "eastron-sdm120", "eastron-sdm630", "pzem-004t-v3", "schneider-iem3155", "chint-dtsu666", "sunspec-203",
        "sunspec-213", "modbus-relay-8", "dlt645-single-phase", "dlt645-three-phase", "cjt188-water", "mbus-heat",
        "dsmr-p1", "kamstrup-han", "bthome", "ruuvi-tag", "ruuvi-air", "ruuvi-air-df6", "atc-thermometer",
        "gatt-environment", "abb-b23",
    } <= set(NAMES)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_reads_its_own_frames(catalogue, name):
    profile = catalogue.load(name)
    found = list(results(profile, DECODERS[profile.protocol]))
    assert [each for each in found if not each.ok] == []
    assert len(found) == sum(len(example.values) for example in profile.examples)


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_is_a_description_that_a_node_could_have(catalogue, name):
    profile = catalogue.load(name)
    shown = [(point, found.properties) for point, found in profile.points.items() if found.properties.type != "text"]
    for number, (point, properties) in enumerate(shown, 1):
        assert messages.fits_row(messages.POINT_SHAPE, row(number, point, properties))
        assert profile.stale_ms(point) >= 2 * profile.groups[properties.group]
        if properties.kind == "counter":
            assert properties.least is None or properties.least >= 0


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_frame_fails_the_test_of_its_profile(catalogue, name):
    """A test that cannot fail proves nothing: each expected value, and each byte of a frame, counts."""
    profile = catalogue.load(name)
    decode = DECODERS[profile.protocol]
    for example in profile.examples:
        for point, content in example.values.items():
            wrong = not content if isinstance(content, bool) else Decimal(12345) if content != 12345 else "none"
            other = example.model_copy(update={"values": {point: wrong}})
            [result] = results(profile.model_copy(update={"examples": (other,)}), decode)
            assert not result.ok
        if example.frame is not None:
            for place in range(0, len(example.frame), 7):
                if (name, place) in WITHOUT_MEANING:
                    continue
                changed = bytearray(example.frame)
                changed[place] ^= 0x01
                other = example.model_copy(update={"frame": bytes(changed)})
                found = list(results(profile.model_copy(update={"examples": (other,)}), decode))
                assert any(not each.ok for each in found) or changed[place] in {0xFE, 0xFF}, place


def test_own_profiles_go_before_those_that_are_built_in(tmp_path):
    folder = tmp_path / OWN_FOLDER
    folder.mkdir()
    (folder / "meter.toml").write_text(METER)
    (folder / "eastron-sdm120.toml").write_text(METER.replace('name = "meter"', 'name = "eastron-sdm120"'))
    catalogue = Catalogue.of(tmp_path)
    assert catalogue.load("meter").title == "A meter"
    assert catalogue.load("eastron-sdm120").title == "A meter"
    assert catalogue.load("eastron-sdm630").title == "Three-phase energy meter"
    with pytest.raises(PaifangError, match="no profile 'metre'") as unknown:
        catalogue.load("metre")
    assert unknown.value.hint == 'did you mean "meter"?'
    with pytest.raises(PaifangError, match="paifang profile list"):
        catalogue.load("zzzz")


def test_every_file_says_its_source():
    for file in built_in().glob("*.toml"):
        found = tomllib.loads(file.read_text("utf-8"))
        assert found["source"]
        assert all(example["source"] for example in found["examples"])


def test_values_for_people(catalogue):
    meter = catalogue.load("eastron-sdm630").points["voltage_l1"].properties
    relay = catalogue.load("modbus-relay-8").points["relay_1"].properties
    serial = catalogue.load("mbus-heat").points["serial"].properties
    assert [text(2302, meter), text(None, meter)] == ["230.2 V", "none"]
    assert [text(1, relay), text(0, relay), text("0685", serial)] == ["on", "off", "0685"]


def test_the_meter_of_the_page_for_those_who_write_profiles(tmp_path):
    """docs/profiles.md: its file is good, and its frame lacks but the checksums that it names."""
    page = (Path(__file__).parents[3] / "docs" / "profiles.md").read_text("utf-8")
    written = re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1]
    first, second = re.findall(r"of these bytes it is ([0-9A-F ]{5})", page)
    file = tmp_path / "sdm72d-m.toml"
    for content, ok in (
        (written, False),
        (written.replace("00 02 00 00", f"00 02 {first}").replace("50 00 00 00", f"50 00 {second}"), True),
    ):
        file.write_text(content)
        assert [result.ok for result in results(load(file), DECODERS["modbus"])] == [ok]
