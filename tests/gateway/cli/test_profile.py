"""Profiles on the command line: looking at them, and from a mistake to a file that reads its own frame."""

import json

import pytest

from paifang.errors import EXIT_REFUSED, EXIT_USAGE
from paifang.profiles.catalogue import built_in

SDM120 = built_in() / "eastron-sdm120.toml"


@pytest.fixture
def own(paifang):
    """`own(name, text)`: a profile in the gateway's data folder."""

    def write(name, text):
        folder = paifang.data / "profiles"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.toml").write_text(text)
        return folder / f"{name}.toml"

    return write


def named(name):
    return SDM120.read_text().replace('name = "eastron-sdm120"', f'name = "{name}"')


def test_the_list_has_those_of_the_gateway_too(inside, own):
    own("my-meter", named("my-meter"))
    done = inside("profile", "list")
    assert done.code == 0
    assert [line.split()[:3] for line in done.out.splitlines() if "sdm630" in line or "my-meter" in line] == [
        ["eastron-sdm630", "modbus", "44"],
        ["my-meter", "modbus", "13"],
    ]
    rows = inside("profile", "list", "--json").json
    assert {row["name"]: row["points"] for row in rows}["my-meter"] == 13


def test_profiles_lie_where_the_settings_say_that_the_data_are(inside, monkeypatch, tmp_path):
    monkeypatch.delenv("PAIFANG_DATA")
    (tmp_path / "elsewhere" / "profiles").mkdir(parents=True)
    (tmp_path / "elsewhere" / "profiles" / "my-meter.toml").write_text(named("my-meter"))
    settings = tmp_path / "gateway.toml"
    settings.write_text('data = "elsewhere"')
    done = inside("profile", "check", "my-meter", "--config", settings)
    assert done.out == "my-meter: 13 points, in 3 requests\n"


def test_one_that_is_broken_hides_no_other(inside, own):
    file = own("broken", "name = 3")
    done = inside("profile", "list")
    assert (done.code, "eastron-sdm630" in done.out) == (0, True)
    assert f"has mistakes: paifang profile check {file}" in done.out


def test_show_says_what_a_point_means_and_how_it_is_reached(inside):
    done = inside("profile", "show", "pzem-004t-v3")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["settings", "every", "10m"] in lines
    assert ["power", "W", "-", "23000", "2s", "0"] in [line[:6] for line in lines]
    assert "address=0x0003 type=uint32 order=CDAB" in done.out
    shown = inside("profile", "show", "modbus-relay-8", "--json").json
    assert shown["points"][0] == {
        "point": "relay_1", "unit": "switch", "from": None, "to": None, "every": "2s", "class": 2,
        "how": "table=coil address=0x0000",
    }  # fmt: skip
    assert "object=0x02" in inside("profile", "show", "bthome").out
    assert "type=uint16 nan=0xffff\n" in inside("profile", "show", "abb-b23").out


@pytest.mark.parametrize("command", ["show", "check", "test"])
def test_the_nearest_name(inside, command):
    done = inside("profile", command, "eastron-sdm63")
    assert (done.code, done.out) == (1, "")
    assert done.err == "paifang: no profile 'eastron-sdm63'; did you mean \"eastron-sdm630\"?\n"


def test_check_counts_points_and_requests(inside):
    done = inside("profile", "check")
    assert (done.code, done.err) == (0, "")
    assert "eastron-sdm630: 44 points, in 4 requests\n" in done.out
    assert "modbus-relay-8: 8 points, in 1 request\n" in done.out
    assert "mbus-heat: 12 points\n" in done.out
    assert {row["name"]: row["requests"] for row in inside("profile", "check", "--json").json}["mbus-heat"] is None


def test_every_mistake_of_every_file_is_told(inside, own, tmp_path):
    first = own("first", named("first").replace('unit = "V"', 'unit = "v"').replace('"energy",', '"enrgy",'))
    second = tmp_path / "second.toml"
    second.write_text("= 3")
    done = inside("profile", "check", first, second, SDM120)
    assert (done.code, done.out) == (EXIT_USAGE, "eastron-sdm120: 13 points, in 3 requests\n")
    said = [line.removeprefix("paifang: ") for line in done.err.splitlines()]
    assert said[0] == f'{first}:25: points.voltage.properties.unit: there is no unit "v"; did you mean "V"?'
    assert any(line.startswith(f"{second}:1: not TOML: invalid statement") for line in said)
    assert said[-1] == "correct the file, and check it again"


def test_the_frames_of_all_profiles(inside):
    done = inside("profile", "test", "--json")
    assert done.code == 0
    assert not [row for row in done.json if row["ok"] is False]
    assert done.err.endswith("values as expected\n")


def test_a_frame_that_says_something_else(inside, own):
    file = own("wrong", named("wrong").replace("values = { voltage = 230.2 }", "values = { voltage = 230.3 }"))
    done = inside("profile", "test", file)
    assert done.code == EXIT_REFUSED
    assert done.out.splitlines()[1].split() == ["wrong", "1", "voltage", "230.3", "230.2", "V", "WRONG"]
    assert done.err == "1 of 2 values as expected\n"


def test_a_frame_that_is_none_says_why(inside, own):
    file = own("garbled", named("garbled").replace("1B 38", "1B 39"))
    done = inside("profile", "test", file)
    assert done.code == EXIT_REFUSED
    assert "the checksum is wrong" in done.out


async def test_names_complete_themselves(paifang, own):
    own("east-wing", named("east-wing"))
    words = {"_PAIFANG_COMPLETE": "complete_bash", "COMP_WORDS": "paifang profile show east", "COMP_CWORD": "3"}
    done = await paifang(**words)
    assert sorted(line.split(",")[-1] for line in done.out.split()) == [
        "east-wing", "eastron-sdm120", "eastron-sdm630"
    ]  # fmt: skip


def test_the_schema_is_json(inside):
    done = inside("profile", "schema")
    assert json.loads(done.out)["title"] == "A profile of paifang"


def test_a_file_from_elsewhere_cannot_speak_to_the_terminal(inside, own):
    file = own("loud", named("loud").replace('maker = "Eastron"', 'maker = "a\\u001b[31mb"'))
    for command in (["list"], ["show", file], ["test", file], ["check", file]):
        assert "\x1b" not in inside("profile", *command).out
