"""`paifang check` looks at sinks: files that they name, and nodes whose records would be dropped."""

from __future__ import annotations

import pytest

SETTINGS = """\
[nodes.tcp]
listen = "127.0.0.1:0"

[[sinks.ngsi_ld]]
name = "context"
url = "https://broker.city.example:1026"
nodes = ["meter-*"]

[[sinks.ngsi_ld.places]]
node = "meter-1"
longitude = 116
latitude = 39.9

[[sinks.hj212]]
name = "bureau"
address = "127.0.0.1:7212"

[[sinks.hj212.stations]]
mn = "A110000_0001"
password_file = "pw.txt"

[[bridges]]
tcp = "127.0.0.1:5020"

[[bridges.devices]]
name = "meter-1"
profile = "eastron-sdm630"
unit = 1

[[bridges.devices]]
name = "meter-2"
profile = "eastron-sdm630"
unit = 2
"""


@pytest.fixture
def settings(paifang):
    paifang.data.mkdir(parents=True, mode=0o700)
    file = paifang.data / "gateway.toml"
    file.write_text(SETTINGS, "utf-8")
    return file


def test_what_is_missing_and_what_would_be_dropped(settings, inside):
    done = inside("check")
    assert done.code == 1
    assert f"ERROR    sinks         bureau: cannot read {settings.parent}/pw.txt" in done.out
    assert "ok       sinks         context is set up (ngsi_ld)" in done.out
    assert "warning  sinks         context drops all records of meter-2: no-place" in done.out
    (settings.parent / "pw.txt").write_text("123456\n", "utf-8")
    settings.write_text(SETTINGS.replace('["meter-*"]', '["meter-1"]'), "utf-8")
    done = inside("check")
    assert done.code == 0
    assert "ok       sinks         bureau is set up (hj212)" in done.out
    assert "no-place" not in done.out


def test_a_station_of_the_bureau_that_cannot_be_is_told_with_its_line(settings, inside):
    settings.write_text(SETTINGS.replace("A110000_0001", "A11-1"), "utf-8")
    done = inside("check")
    assert done.code == 2
    assert "gateway.toml:19: sinks.hj212[1].stations[1].mn: expected the MN of a station" in done.err
