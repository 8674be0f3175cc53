"""A site record on the command line: from a file to signatures to the node, and what stands in the way."""

import json
import random
import re

import pytest
from persons import SITE
from signal_side import EXAMPLE, NODE, held_of, signed_site

from paifang.errors import EXIT_NO_ANSWER, EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE
from paifang.keys.roots import Rooted
from paifang.keys.signing import SigningKey
from paifang_tools.signals import examples
from paifang_wire import cbor, messages, orders, sign1

MADE = "signal-1-e1.site"


@pytest.fixture
def site(tmp_path, people):
    """A site.toml in the folder where commands are given."""
    file = tmp_path / "site.toml"
    file.write_text(examples.site_text("CN"))
    return file


def signed_by_two(inside):
    for root in ("root-1", "root-3"):
        source = "site.toml" if root == "root-1" else MADE
        done = inside("signal", "site", "sign", source, "--key", f"{root}.key", "--yes")
        assert done.code == 0, done.err
    return done


@pytest.mark.parametrize("country", ["cn", "DE", "UK", "US"])
def test_what_new_prints_a_node_takes(inside, tmp_path, country):
    done = inside("signal", "site", "new", "--country", country, "--node", "signal-7")
    (tmp_path / "site.toml").write_text(done.out)
    told = inside("signal", "site", "check", tmp_path / "site.toml").out
    assert told == f"signal-7, edition 1 ({country.upper()}, 12 groups): a node takes it\n"


def test_a_country_without_aspects(inside):
    done = inside("signal", "site", "new", "--country", "UX")
    assert (done.code, "there are CN, US, UK, DE" in done.err) == (EXIT_USAGE, True)


def test_mistakes_are_told_with_line_key_and_the_nearest_name(inside, site):
    text = (
        site.read_text()
        .replace('["SBL", "NBL"]', '["SBL", "walkS"]')
        .replace("[defaults.vehicle]", "[defaults.vehikel]")
    )
    site.write_text(text)
    done = inside("signal", "site", "check", site)
    assert done.code == EXIT_USAGE
    assert f'{site}:21: defaults.vehikel: unknown name; did you mean "vehicle"?' in done.err
    site.write_text(text.replace("vehikel", "vehicle"))
    done = inside("signal", "site", "check", site)
    assert f"{site}:14: together[8][2]: there is no group 'walkS'; did you mean \"walk S\"?" in done.err


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("edition = 1", "edition = 0", "edition: expected at least 1, found 0"),
        ("edition = 1", 'edition = "1"', 'edition: expected a whole number, found "1"'),
        ('country = "CN"', 'country = "CH"', "country: expected one of 'CN', 'DE', 'UK' or 'US', found \"CH\""),
        ('flash = "5s"', "", "start.flash: missing: how long it flashes first"),
        ('flash = "5s"', 'flash = "5 minutes"', 'start.flash: expected a time such as "3.5s", "500ms" or "2m"'),
        ('crossing = "14m"', 'crossing = "14s"', 'groups.walk S.crossing: expected a length such as "14.5m"'),
        ('kind = "vehicle" }', 'kind = "car" }', "groups.WBL.kind: expected one of 'vehicle'"),
        ('["NB", "walk N", "6s"]', '["NB", "walk N"]', "intergreen.exceptions[1]: expected a pair"),
        ("together = [", "together = 3 # [", "not TOML"),
        ("edition = 1", "edition = 1\nstart = 3", "not TOML: cannot overwrite a value"),
        ("together = [", "together = 3\nconflicts = [", "together: expected a list in [ ], found 3"),
        ('node = "signal-1"', 'node = ""', "node: expected a text that is not empty"),
        ('node = "signal-1"', f'node = "{"x" * 33}"', "node: expected a text of at most 32 characters"),
        ("edition = 1", "edition = 9999999999", "edition: expected less than 2147483648"),
        ("[start]", "[start", "not TOML"),
    ],
)  # fmt: skip
def test_what_is_no_site_file(inside, site, old, new, told):
    site.write_text(site.read_text().replace(old, new, 1))
    done = inside("signal", "site", "check", site)
    assert done.code == EXIT_USAGE
    assert told in done.err


def test_the_monitor_of_a_config_is_printed_as_it_stands_there(inside, site):
    printed = inside("signal", "site", "matrix", site).out
    assert json.loads(f"{{{printed}}}")["monitor"] == {
        "matrix": "bce,acd,73b,537,eec,adc,db3,573,acd,537,adc,573",
        "vehicles": "ff",
        "options": 0,
    }


# Signatures


def test_two_roots_sign_what_they_have_read(inside, site, tmp_path):
    first = inside("signal", "site", "sign", "site.toml", "--key", "root-1.key", "--yes")
    assert first.code == 0, first.err
    assert f"wrote {MADE}: signal-1, edition 1 (CN, 12 groups), 904 bytes" in first.err
    assert "root-1 of ward-1 signs this site record:" in first.err
    assert "  NBL may move with SBL, NB, walk E" in first.err
    assert "  group 9: walk S; pedestrian; walk 7s; clearance 13.1s; crossing 14m" in first.err
    assert "signed; one more root has to sign it" in first.err
    done = inside("signal", "site", "check", MADE)
    assert (done.code, "signed by root-1, and it takes two" in done.err) == (EXIT_REFUSED, True)
    second = inside("keys", "root", "sign", MADE, "--key", "root-3.key", "--yes")
    assert "signed by root-1 and root-3" in second.err
    assert inside("signal", "site", "check", MADE).out.endswith("a node takes it, signed by root-1 and root-3\n")
    told = inside("keys", "root", "check", MADE).out
    assert told.startswith("site record for ward-1, signed by root-1 and root-3: edition 1, CN, 12 groups, of signal-1")
    assert inside("keys", "root", "check", MADE, "--json").json["what"] == "site-record"
    assert inside("signal", "site", "check", MADE, "--json").json["signed_by"] == ["root-1", "root-3"]
    rooted = Rooted.read(tmp_path / MADE)
    assert orders.decode_site(rooted.payload) == EXAMPLE.fields
    assert len(rooted.signatures) == 2


def test_what_changes_is_told_with_since(inside, site):
    signed_by_two(inside)
    text = (
        site.read_text()
        .replace("edition = 1", "edition = 2")
        .replace('["SBL", "NBL"]', '["SBL", "NBL"], ["SBL", "EB"]')
    )
    site.write_text(text)
    done = inside("signal", "site", "sign", site, "--key", "root-2.key", "--since", MADE, "--yes")
    assert "  edition 1 -> 2\n  EB + SBL: conflict  ->  MAY MOVE TOGETHER\n" in done.err
    assert "group 9" not in done.err
    assert "EB + SBL: MAY MOVE TOGETHER  ->  conflict" in (
        inside("keys", "root", "sign", MADE, "--key", "root-2", "--since", site, "--yes").err
    )


def test_without_a_key_it_is_made_and_nobody_has_signed_it(inside, site, tmp_path):
    done = inside("signal", "site", "sign", site, "-o", "other.site")
    assert "two roots sign it, each where its key is: paifang signal site sign other.site --key ROOT" in done.err
    assert Rooted.read(tmp_path / "other.site").signatures == ()
    again = inside("signal", "site", "sign", "other.site")
    assert (again.code, "say which root with --key ROOT" in again.err) == (EXIT_USAGE, True)


def test_a_node_whose_name_is_no_file_name(inside, site, tmp_path):
    site.write_text(site.read_text().replace('"signal-1"', '"../a/b"'))
    assert inside("signal", "site", "sign", site).code == 0
    assert (tmp_path / ".._a_b-e1.site").exists()


def test_a_site_toml_signed_again_keeps_the_signatures_unless_it_says_something_else(inside, site, tmp_path):
    inside("signal", "site", "sign", site, "--key", "root-1.key", "--yes")
    inside("signal", "site", "sign", site, "--key", "root-2.key", "--yes")
    assert len(Rooted.read(tmp_path / MADE).signatures) == 2
    site.write_text(site.read_text().replace('flash = "5s"', 'flash = "6s"'))
    done = inside("signal", "site", "sign", site, "--key", "root-3.key", "--yes")
    assert (done.code, "says something else" in done.err, "count `edition` up" in done.err) == (EXIT_USAGE, True, True)
    assert len(Rooted.read(tmp_path / MADE).signatures) == 2


def test_nobody_signs_what_a_node_would_refuse(inside, site, tmp_path):
    record = json.loads(json.dumps(EXAMPLE.record))
    record[3][0] ^= 1 << 4  # one-sided
    record[2][0][0] = "EB, WB\x1b[2J"
    (tmp_path / "evil.site").write_bytes(Rooted(orders.encode_site([NODE, 1, record])).encode())
    done = inside("keys", "root", "sign", "evil.site", "--key", "root-1.key", "--yes")
    assert done.code == EXIT_REFUSED
    assert "EBL conflicts with EB, WB" in done.err or "conflicts with" in done.err
    assert "\x1b" not in done.err
    assert "group name" in done.err
    site.write_text(site.read_text().replace('amber = "3s"', 'amber = "1s"'))
    done = inside("signal", "site", "sign", site, "--key", "root-1.key", "--yes")
    assert (done.code, (tmp_path / MADE).exists()) == (EXIT_REFUSED, False)


def test_a_persons_key_and_a_strangers_root_sign_nothing(inside, site, tmp_path, people):
    from paifang.keys import keyfile

    done = inside("signal", "site", "sign", site, "--key", "keys/alice.key", "--yes")
    assert done.code != 0
    stranger = SigningKey.new()
    about = keyfile.PublicKey("root-9", "root-9", stranger.public, "root", SITE)
    keyfile.seal(tmp_path / "root-9.key", about, stranger, "seven wet crows")
    done = inside("signal", "site", "sign", site, "--key", "root-9.key", "--yes")
    assert "is not one of the three roots" in done.err
    assert Rooted.read(tmp_path / MADE).signatures == ()


def test_a_signature_for_another_purpose_is_none(inside, site, tmp_path, people):
    payload = orders.encode_site(EXAMPLE.fields)
    rooted = Rooted(payload)
    for key in people.root_keys[:2]:
        rooted = rooted.signed(key.sign1(SITE, sign1.KEYSET, payload, detached=True))
    (tmp_path / "odd.site").write_bytes(rooted.encode())
    done = inside("keys", "root", "check", "odd.site", "--roots", "roots.json")
    assert (done.code, "is not of this site record for ward-1" in done.err) == (EXIT_REFUSED, True)


def test_any_bytes_in_place_of_a_signed_file_are_an_error_and_no_more(inside, people, tmp_path):
    good = signed_site(people)
    dice = random.Random(7)
    file = tmp_path / "some.site"
    for round_ in range(150):
        data = bytearray(good)
        for _ in range(dice.randint(1, 3)):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        file.write_bytes(data if round_ % 3 else dice.randbytes(dice.randint(0, 300)))
        done = inside("signal", "site", "check", file)
        assert done.code in {EXIT_REFUSED, EXIT_USAGE}, (round_, done.out)
        assert done.err.startswith("paifang: ")
    file.write_bytes(cbor.encode([cbor.encode([NODE, 1, [[]] * 7]), []]))
    assert "version []" in inside("signal", "site", "check", file).err
    file.write_bytes(b"x" * 9_000)
    assert "longer than anything of its kind" in inside("signal", "site", "check", file).err


# To the node


async def test_a_signed_record_goes_to_the_node_that_it_names(junction, ask, site):
    await ask("signal", "site", "sign", site, "--key", "root-1.key", "--yes")
    await ask("signal", "site", "sign", MADE, "--key", "root-3.key", "--yes")
    done = await ask("signal", "site", "load", MADE)
    assert (done.code, done.err) == (0, "signal-1 checks the signatures, which takes seconds\n")
    assert done.out == "signal-1, edition 1 (CN, 12 groups): signal-1 holds it, flashes, and starts anew with it\n"
    assert junction.node.given == [(messages.ROOTED_SITE, orders.encode_site(EXAMPLE.fields))]
    assert (await ask("signal", "site", "load", MADE, "--json")).json["signers"] == ["root-1", "root-3"]

    await junction.report({15: 1})
    shown = (await ask("signal", "site", "show", NODE)).out
    assert "edition = 1" in shown
    in_words = (await ask("signal", "site", "show", NODE, "--words")).out
    assert "after SB: 6s to walk S; 5s to all others in its way" in in_words
    (await_, said) = [row["detail"] for row in (await ask("audit", "list", "--kind", "site-record", "--json")).json][:2]
    assert (await_["edition"], await_["signers"], said) == (1, ["root-1", "root-3"], {"held": 1, "refusal": 0})


async def test_what_stands_in_the_way_of_a_load(junction, ask, site, tmp_path, people):
    done = await ask("signal", "site", "load", site)
    assert (done.code, "paifang signal site sign" in done.err) == (EXIT_USAGE, True)
    await ask("signal", "site", "sign", site, "--key", "root-1.key", "--yes")
    done = await ask("signal", "site", "load", MADE)
    assert (done.code, "has 1 of two signatures" in done.err) == (EXIT_USAGE, True)
    await ask("signal", "site", "sign", MADE, "--key", "root-2.key", "--yes")

    for refusal, told in ((messages.EXPIRED, "holds edition 4"), (messages.LIMIT, "paifang signal log signal-1")):
        junction.node.answers[messages.ROOTED_SITE] = (4, refusal)
        done = await ask("signal", "site", "load", MADE)
        assert (done.code, told in done.err) == (EXIT_REFUSED, True), done.err
    junction.node.mute.add(messages.ROOTED)
    done = await ask("signal", "site", "load", MADE, "--within", "50ms")
    assert (done.code, "did not answer within 0.05 s" in done.err) == (EXIT_NO_ANSWER, True)
    await junction.node.stop()
    await junction.far.hang_up()
    assert "is not connected" in await _offline(ask)
    (tmp_path / "of.site").write_bytes(signed_site(people, EXAMPLE.__class__("signal-9", 1, EXAMPLE.record)))
    assert "signal-9 is not enrolled" in (await ask("signal", "site", "load", "of.site")).err


async def _offline(ask):
    while "is not connected" not in (done := await ask("signal", "site", "load", MADE)).err:
        assert done.code in {EXIT_REFUSED, EXIT_NO_ANSWER}
    return done.err


async def test_a_site_that_is_not_known_here_cannot_be_shown(junction, ask):
    assert "signal-1 reports no site record" in (await ask("signal", "site", "show", NODE)).err
    await junction.report({15: 3})
    done = await ask("signal", "site", "show", NODE)
    assert "signal-1 goes by site record 3, and has that from elsewhere" in done.err
    assert "site.toml" in done.err


def test_without_a_gateway(inside, people, site):
    (site.parent / "of.site").write_bytes(signed_site(people))
    assert inside("signal", "site", "load", "of.site").code == EXIT_UNREACHABLE
    assert inside("signal", "status", NODE).code == EXIT_UNREACHABLE
    assert inside("signal", "log", NODE).code == EXIT_UNREACHABLE


GROUP = ("status", "log", "congestion", "wave", "site", "plan", "days")
NOUNS = {
    "site": ("new", "check", "show", "matrix", "sign", "load"),
    "plan": ("new", "check", "load", "show"),
    "days": ("new", "check", "load", "show"),
}


@pytest.mark.parametrize(
    "command", [(), *((name,) for name in GROUP), *((n, verb) for n in NOUNS for verb in NOUNS[n])]
)
def test_each_command_has_its_help(inside, command):
    done = inside("signal", *command, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"Usage: paifang signal {' '.join(command)}".rstrip() in done.out
    if command and command[-1] not in NOUNS:
        assert re.search(rf"paifang signal {' '.join(command)}( |$)", done.out.split("Usage")[1][20:], re.MULTILINE)
    assert all(name in done.out for name in (() if command else GROUP) + NOUNS.get(command[-1] if command else "", ()))


def test_the_example_says_what_an_honest_node_would_hold():
    assert held_of(messages.ROOTED_SITE, orders.encode_site(EXAMPLE.fields)) == 1
