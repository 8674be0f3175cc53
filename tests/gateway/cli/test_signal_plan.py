"""Plans and day plans on the command line: checked, staged, taken by a signed command, and shown again."""

import copy

import pytest
from signal_side import DAYS, EXAMPLE, NODE, PLAN, plan_of, signed_site

from paifang.commands.signals import staged_id
from paifang.errors import EXIT_NO_ANSWER, EXIT_REFUSED, EXIT_USAGE
from paifang_tools.signals import examples
from paifang_wire import cbor, messages

PLAN_LOAD, DAYS_LOAD, EDITION = 11, 12, 15
PLAN_ID, DAYS_ID = (staged_id(cbor.encode(record)) for record in (PLAN, DAYS))


@pytest.fixture
def files(tmp_path, people):
    """site.toml, plan.toml and days.toml in the folder where commands are given."""
    (tmp_path / "site.toml").write_text(examples.site_text("CN"))
    (tmp_path / "plan.toml").write_text(examples.plan_text("CN"))
    (tmp_path / "days.toml").write_text(examples.days_text())
    return tmp_path


def test_what_new_prints_a_node_takes(inside, tmp_path):
    for country in examples.COUNTRIES:
        (tmp_path / "site.toml").write_text(inside("signal", "site", "new", "--country", country).out)
        (tmp_path / "plan.toml").write_text(inside("signal", "plan", "new", "--country", country, "--name", "rush").out)
        done = inside("signal", "plan", "check", tmp_path / "plan.toml", "--site", tmp_path / "site.toml")
        assert done.out == 'plan "rush" (8 phases, 5 detectors, 359 bytes): a node takes it\n', done.err
    (tmp_path / "days.toml").write_text(inside("signal", "days", "new").out)
    done = inside("signal", "days", "check", tmp_path / "days.toml")
    assert done.out == "day plans (3 rows): a node takes them\n"
    assert 'it must have the plans "day", "night" by then' in done.err


def test_checks_for_scripts(inside, files):
    assert inside("signal", "plan", "check", "plan.toml", "--site", "site.toml", "--json").json == {
        "name": "day",
        "phases": [1, 2, 3, 4, 5, 6, 7, 8],
        "bytes": len(cbor.encode(PLAN)),
    }
    assert inside("signal", "days", "check", "days.toml", "--json").json == {"rows": 3, "plans": ["day", "night"]}


def test_a_plan_needs_the_names_of_its_site(inside, files):
    for verb in ("check", "show"):
        done = inside("signal", "plan", verb, "plan.toml")
        assert (done.code, "give it with --site FILE" in done.err) == (EXIT_USAGE, True)


def test_a_plan_may_be_checked_against_a_signed_record(inside, files, people):
    (files / "of.site").write_bytes(signed_site(people))
    assert inside("signal", "plan", "check", "plan.toml", "--site", "of.site").code == 0


def test_what_show_prints_says_the_same(inside, files):
    shown = inside("signal", "plan", "show", "plan.toml", "--site", "site.toml").out
    assert 'minimum = "5s"\n' in shown.split("[phases.2]")[1]
    assert plan_of(shown, EXAMPLE) == PLAN
    days = inside("signal", "days", "show", "days.toml").out
    (files / "again.toml").write_text(days)
    assert inside("signal", "days", "show", "again.toml").out == days


def test_the_site_record_itself_is_judged_first(inside, files):
    (files / "site.toml").write_text(examples.site_text("CN").replace('amber = "3s"', 'amber = "2s"'))
    done = inside("signal", "plan", "check", "plan.toml", "--site", "site.toml")
    assert (done.code, "site.toml:34: WBL: amber of 2000 ms is below the floor" in done.err) == (EXIT_REFUSED, True)


@pytest.mark.parametrize(
    ("noun", "old", "new", "told"),
    [
        ("plan", '["dual-entry", "min-recall"]', '["dual-entrie"]', "phases.2.options[1]: expected one of"),
        ("plan", 'transition = "shortway"', 'transition = "long"', "coordination.transition: expected one of"),
        ("plan", "[[detectors]]", "[[detektors]]", 'detektors: unknown name; did you mean "detectors"?'),
        ("plan", "[[1, 2], [3, 4]]", '["a"]', "rings[1][1]: expected a list in [ ]"),
        ("plan", "phase = 2", "phase = true", "priorities[1].phase: expected a whole number, found true"),
        ("plan", 'bound = "50s"', "", "preemptions[1].bound: missing: in which its first phases must have green"),
        ("days", '"mon"', '"monday"', "rows[1].weekdays[1]: expected one of"),
        ("days", '"06:30"', '"6:30"', 'rows[1].from: expected a time of day such as "06:30", found "6:30"'),
        ("days", '"+08:00"', '"CST"', "utc_offset: expected hours and minutes east of UTC"),
        ("days", 'plan = "day"', "plan = 7", "rows[1].plan: expected text in quotes, found 7"),
    ],
)
def test_mistakes_of_a_file(inside, files, noun, old, new, told):
    file = files / f"{noun}.toml"
    file.write_text(file.read_text().replace(old, new, 1))
    done = inside("signal", noun, "check", file, *(("--site", "site.toml") if noun == "plan" else ()))
    assert (done.code, told in done.err) == (EXIT_USAGE, True), done.err


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 70_000, b"a = " + b"[" * 5_000, b"name = 1", b""])
def test_hostile_files(inside, files, content):
    (files / "plan.toml").write_bytes(content)
    done = inside("signal", "plan", "check", "plan.toml", "--site", "site.toml")
    assert done.code == EXIT_USAGE
    assert done.err.startswith("paifang: ")
    for noun in ("site", "days"):
        assert inside("signal", noun, "check", "plan.toml").code == EXIT_USAGE


def test_names_of_plans_are_checked_when_they_are_known(inside, files):
    done = inside("signal", "days", "check", "days.toml", "--plan", "plan.toml")
    assert (done.code, "days.toml:" in done.err, "there is no plan 'night'" in done.err) == (EXIT_REFUSED, True, True)
    (files / "night.toml").write_text(examples.plan_text("CN", "night"))
    assert inside("signal", "days", "check", "days.toml", "--plan", "plan.toml", "--plan", "night.toml").err == ""


# To the node


async def test_a_plan_is_staged_and_taken_by_a_signed_command(junction, ask, files):
    done = await ask("signal", "plan", "load", "plan.toml", NODE, "--site", "site.toml", "--reason", "rush hour")
    assert done.code == 0, done.err
    assert f"executed: signal-1 plan_load was 0, reads back {PLAN_ID}" in done.out
    assert f"signal-1 has checked it, and keeps it ready as {PLAN_ID}" in done.err
    assert 'plan "day" is on signal-1 now' in done.err
    assert junction.node.given == [(messages.STAGED_PLAN, cbor.encode(PLAN))]
    assert junction.node.moves == [(PLAN_LOAD, PLAN_ID)]
    assert [command[3] for command in junction.node.commands] == [messages.OP_SELECT, messages.OP_OPERATE]
    entry = (await ask("audit", "list", "--kind", "command", "--json")).json[-1]
    assert entry["actor"].startswith("alice")
    assert entry["detail"]["reason"] == "rush hour"


async def test_the_site_record_that_the_gateway_gave_the_node_is_known(junction, ask, files, people):
    (files / "of.site").write_bytes(signed_site(people))
    assert (await ask("signal", "site", "load", "of.site")).code == 0
    done = await ask("signal", "plan", "load", "plan.toml", NODE)
    assert "signal-1 reports no site record" in done.err
    await junction.report({EDITION: 1})
    assert (await ask("signal", "plan", "load", "plan.toml", NODE)).code == 0
    await junction.report({EDITION: 1, PLAN_LOAD: PLAN_ID})
    shown = (await ask("signal", "plan", "show", NODE)).out
    assert plan_of(shown, EXAMPLE) == PLAN


async def test_a_plan_that_a_node_would_refuse_is_not_sent(junction, ask, files):
    (files / "plan.toml").write_text(examples.plan_text("CN").replace('minimum = "5s"', 'minimum = "4s"'))
    done = await ask("signal", "plan", "load", "plan.toml", NODE, "--site", "site.toml")
    assert (done.code, "phase 2 (EB, walk S): least green of 4000 ms" in done.err) == (EXIT_REFUSED, True)
    assert junction.node.given == []


async def test_a_site_record_of_another_node(junction, ask, files):
    (files / "site.toml").write_text(examples.site_text("CN", "signal-2"))
    done = await ask("signal", "plan", "load", "plan.toml", NODE, "--site", "site.toml")
    assert "site.toml is the site record of signal-2, not of signal-1" in done.err


async def test_what_the_node_refuses(junction, ask, files):
    load = ("signal", "plan", "load", "plan.toml", NODE, "--site", "site.toml")
    junction.node.answers[messages.STAGED_PLAN] = (0, messages.LIMIT)
    done = await ask(*load)
    assert (done.code, "has checked this plan and refused it" in done.err) == (EXIT_REFUSED, True)
    junction.node.answers.clear()
    for refusal, told in (
        (messages.NOT_SELECTED, "it is not staged any more"),
        (messages.LIMIT, "the node holds as many plans as it can"),
        (messages.INCONSISTENT, "the node got another site record meanwhile"),
    ):
        junction.node.refuse[messages.OP_OPERATE] = refusal
        done = await ask(*load)
        assert (done.code, done.out.startswith("refused: signal-1 plan_load: ")) == (EXIT_REFUSED, True)
        assert told in done.err
    junction.node.mute.add(messages.STAGE)
    done = await ask(*load, "--within", "50ms")
    assert (done.code, "not known" in done.err) == (EXIT_NO_ANSWER, True)


async def test_somebody_without_a_right_to_it(junction, ask, files, people):
    await junction.gateway.request("keyset.load", keyset=people.keyset(2, key_class={"alice": 1}).hex())
    done = await ask("signal", "plan", "load", "plan.toml", NODE, "--site", "site.toml")
    assert done.code == EXIT_REFUSED
    assert junction.node.moves == []


async def test_day_plans_are_staged_and_taken(junction, ask, files):
    done = await ask("signal", "days", "load", "days.toml", NODE)
    assert (done.code, "what runs when is on signal-1 now" in done.err) == (0, True), done.err
    assert junction.node.given == [(messages.STAGED_DAYS, cbor.encode(DAYS))]
    assert junction.node.moves == [(DAYS_LOAD, DAYS_ID)]
    await junction.report({DAYS_LOAD: DAYS_ID})
    shown = (await ask("signal", "days", "show", NODE)).out
    assert 'utc_offset = "+08:00"' in shown
    assert (await ask("signal", "days", "load", "days.toml", NODE, "--json")).json["verdict"] == "executed"


async def test_what_is_not_known_here_cannot_be_shown(junction, ask):
    assert "signal-1 reports no plan" in (await ask("signal", "plan", "show", NODE)).err
    await junction.report({PLAN_LOAD: 77, DAYS_LOAD: 78, EDITION: 1})
    assert "signal-1 goes by plan 77, and has that from elsewhere" in (await ask("signal", "plan", "show", NODE)).err
    assert "signal-1 goes by day plans 78" in (await ask("signal", "days", "show", NODE)).err


async def test_a_node_that_is_no_signal(junction, ask, daemon):
    await daemon.node("meter-1")
    for command in (("status",), ("log",), ("plan", "show"), ("days", "show"), ("site", "show")):
        done = await ask("signal", *command, "meter-1")
        assert (done.code, "meter-1 is no signal node" in done.err) == (EXIT_REFUSED, True)


async def test_a_kept_file_that_was_changed_is_said_so(junction, ask, files, paifang):
    await ask("signal", "plan", "load", "plan.toml", NODE, "--site", "site.toml")
    await junction.report({PLAN_LOAD: PLAN_ID, EDITION: 1})
    record = copy.deepcopy(PLAN)
    record[2] = "phases"
    (paifang.data / "signals" / f"{PLAN_ID:012x}.plan").write_bytes(cbor.encode(record))
    done = await ask("signal", "plan", "show", NODE, "--site", "site.toml")
    assert (done.code, "goes by plan" in done.err) == (EXIT_REFUSED, True)
