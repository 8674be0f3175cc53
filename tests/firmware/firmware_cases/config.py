"""config.json: defaults, and a message for each mistake that names the key and what was expected."""

from node import config
from node.config import ConfigError, check
from roles import air_quality

from .fakes import raises

GOOD = {"node": "aq-1", "site": "ward-1", "role": "air_quality", "link": {"kind": "tcp", "host": "127.0.0.1"}}


def with_(**changes):
    raw = dict(GOOD)
    raw.update(changes)
    return raw


def message(raw):
    return str(raises(ConfigError, check, raw))


def test_defaults():
    checked = check(GOOD)
    assert checked["period_ms"] == 10_000
    assert checked["link"] == {"kind": "tcp", "host": "127.0.0.1", "port": 7600}
    assert checked["wifi"] is None
    assert checked["hardware"] == {}
    assert (checked["journal_bytes"], checked["journal_flush_s"]) == (None, 150)
    assert check(with_(journal_bytes=0))["journal_bytes"] == 0
    serial = check(with_(link={"kind": "serial"}))["link"]
    assert (serial["uart"], serial["baud"]) == (1, 115200)
    assert check(with_(wifi={"ssid": "x"}))["wifi"] == {"ssid": "x", "password": ""}


def test_mistakes_are_named():
    for raw, words in (
        ([], ("config.json", "object")),
        ({}, ("missing",)),
        (with_(node=""), ("node", "text of 1 to 32")),
        (with_(node=7), ("node", "7", "text")),
        (with_(perod_ms=5), ("perod_ms", "unknown key", "period_ms", "link", "hardware")),
        (with_(period_ms="5"), ("period_ms", "integer from 50")),
        (with_(period_ms=True), ("period_ms", "integer")),
        (with_(period_ms=5), ("period_ms", "5", "50")),
        (with_(journal_bytes=16_383), ("journal_bytes", "16383", "0 (no journal) or at least 16384")),
        (with_(journal_bytes=-1), ("journal_bytes", "integer from 0")),
        (with_(journal_flush_s=0), ("journal_flush_s", "integer from 1")),
        (with_(link=None), ("link", "object")),
        (with_(link={"kind": "ble"}), ("link.kind", "ble", "serial, tcp")),
        (with_(link={"kind": "tcp"}), ("link.host", "missing")),
        (with_(link={"kind": "tcp", "host": "x", "port": 70000}), ("link.port", "70000", "65535")),
        (with_(link={"kind": "serial", "uart": 0}), ("link.uart", "0")),
        (with_(wifi={"password": "x"}), ("wifi.ssid", "missing")),
        (with_(hardware=[]), ("hardware", "object")),
    ):
        text = message(raw) if raw != [] else str(raises(ConfigError, check, ["x"]))
        for word in words:
            assert word in text, (word, text)


def test_hardware_is_checked_by_the_role():
    def wired(raw):
        return config.sections("hardware", raw, air_quality.HARDWARE)

    assert wired({})["bme280"]["address"] == 0x76
    assert wired({"fan": {"out": 5}})["fan"]["out"] == 5
    for raw, words in (
        ({"pms": {}}, ("hardware.pms", "pms5003")),
        ({"bme280": {"address": 1}}, ("hardware.bme280.address", "118")),
        ({"fan": {"min_on": 1}}, ("hardware.fan.min_on", "minimum_on_ms")),
        ({"fan": 5}, ("hardware.fan", "object")),
    ):
        text = str(raises(ConfigError, wired, raw))
        for word in words:
            assert word in text, (word, text)


def test_a_file_that_is_missing():
    assert "provision" in str(raises(ConfigError, config.load, "/nowhere/config.json"))
