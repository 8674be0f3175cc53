"""`paifang node wear`: nothing of a gateway is asked."""

import json

from paifang.errors import EXIT_USAGE


def test_the_defaults_last_ten_years(inside):
    shown = json.loads(inside("node", "wear", "--json").out)
    assert [each["role"] for each in shown] == ["air_quality", "smart_meter"]
    for each in shown:
        never, seldom, always = each["wear"]
        assert 10 <= never["years"] < seldom["years"]
        assert (always["years"] is None) == (each["billing_s"] == 0)
    said = inside("node", "wear")
    assert "1024 KB hold an outage of" in said.out
    assert said.err == ""


def test_a_configuration_of_its_own(inside, tmp_path):
    config = tmp_path / "aq-1.json"
    config.write_text(json.dumps({"role": "air_quality", "period_ms": 1_000, "journal_flush_s": 5}))
    said = inside("node", "wear", str(config))
    assert "less than 10 years" in said.err
    config.write_text(json.dumps({"role": "traffic_signal"}))
    assert "traffic_signal: no journal" in inside("node", "wear", str(config)).out


def test_what_is_wrong_with_it_is_named(inside, tmp_path):
    config = tmp_path / "aq-1.json"
    for text, words in (
        ("[]", "is not an object"),
        ("{", "aq-1.json"),
        ('{"role": "air"}', "role: 'air'; this is known of: air_quality"),
        ('{"period_ms": "1"}', "period_ms: '1'; expected an integer"),
        ('{"journal_flush_s": 0}', "journal_flush_s: 0; expected an integer of at least 1"),
        ('{"hardware": []}', "hardware"),
    ):
        config.write_text(text)
        said = inside("node", "wear", str(config))
        assert said.code == EXIT_USAGE, said
        assert words in said.err
    assert inside("node", "wear", str(tmp_path / "none.json")).code == EXIT_USAGE
