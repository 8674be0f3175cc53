"""Every reason why a node refuses a site record, a plan or day plans reaches the engineer, with names and the line."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from paifang.errors import EXIT_REFUSED
from paifang_tools.signals import examples
from paifang_tools.signals.shipped import site

CROSSING = 'crossing = "14m"'


def phase(number: int, lines: str) -> tuple[str, str]:
    """A change: lines that a phase has besides."""
    return f"[phases.{number}]\n", f"[phases.{number}]\n{lines}\n"


def with_groups(groups: str) -> str:
    """The example with other groups, all of which conflict."""
    text = re.sub(r"\[groups\].*?\n\n", f"[groups]\n{groups}\n", examples.site_text("CN"), flags=re.DOTALL)
    text = re.sub(r"together = \[.*?\n\]", "together = []", text, flags=re.DOTALL)
    return re.sub(r"exceptions = \[.*?\n\]", "", text, flags=re.DOTALL)


# Country, changes of its example (old, new), what is said, and where: the text that stands on that line.
SITES = [
    (
        "US",
        [('minimum = "5s"', 'minimum = "5.05s"')],
        "WBL: minimum green of 5050 ms is no multiple of 100 ms",
        "WBL =",
    ),
    (
        "US",
        [('amber = "3s"', 'amber = "3s"\nflashing_green = "2s"')],
        "EB: flashing green of 2000 ms where the country has none",
        "EB =",
    ),
    ("CN", [('amber = "3s"', 'amber = "2.9s"')], "EB: amber of 2900 ms is below the floor of 3000 ms", "EB ="),
    ("CN", [('amber = "3s"', 'amber = "5.1s"')], "EB: amber of 5100 ms is above the limit of 5000 ms", "EB ="),
    (
        "CN",
        [('minimum = "7s"', 'minimum = "4s"')],
        "walk S: walk of 4000 ms is below the floor of 5000 ms",
        '"walk S" =',
    ),
    ("CN", [('red_revert = "2s"', 'red_revert = "1s"')], "EB: red-revert of 1000 ms is below the floor", "EB ="),
    ("CN", [('longest_red = "240s"', 'longest_red = "601s"')], "EB: longest red of 601000 ms is no time", "EB ="),
    ("CN", [(CROSSING, 'crossing = "101m"')], "walk S: a crossing of 101000 mm", '"walk S" ='),
    (
        "CN",
        [(CROSSING, CROSSING + ', clearance = "13s"')],
        "walk S: pedestrian clearance of 13000 ms is below 13100 ms",
        '"walk S" =',
    ),
    (
        "CN",
        [('vehicle = "5s"', 'vehicle = "5.05s"')],
        "intergreen from WBL to EB of 5050 ms is no multiple",
        "[intergreen]",
    ),
    (
        "CN",
        [('vehicle = "5s"', 'vehicle = "2s"')],
        "intergreen from WBL to EB of 2000 ms is below the 3000 ms of the amber",
        "[intergreen]",
    ),
    (
        "US",
        [('pedestrian = "3s"', 'pedestrian = "2s"')],
        "walk S to WBL of 2000 ms is below the 3000 ms of the country's steady don't-walk",
        "[intergreen]",
    ),
    (
        "DE",
        [('pedestrian = "13.1s"', 'pedestrian = "9s"')],
        "walk S to WBL of 9000 ms is below the 13100 ms of the way over the crossing",
        "[intergreen]",
    ),
    ("CN", [('flash = "5s"', 'flash = "3s"')], "flash of the start of 3000 ms is below 4000 ms", 'flash = "3s"'),
    (
        "CN",
        [('all_red = "8s"', 'all_red = "5s"')],
        "all-red of the start of 5000 ms is below 6000 ms",
        'all_red = "5s"',
    ),
    (
        "CN",
        [('all_red = "8s"', 'all_red = "8.05s"')],
        "all-red of the start of 8050 ms: no multiple",
        'all_red = "8.05s"',
    ),
    (
        "CN",
        [('longest_red = "240s"', 'longest_red = "10s"')],
        "WBL: longest red of 10000 ms has no room for EB, which takes",
        "WBL =",
    ),
]
ONE_RING = """
[phases.1]
groups = ["WBL", "EBL"]
[phases.2]
groups = ["EB", "WB", "walk S", "walk N"]
walk = "7s"
[phases.3]
groups = ["NBL", "SBL"]
[phases.4]
groups = ["SB", "NB", "walk W", "walk E"]
walk = "7s"
[[preemptions]]
kind = "emergency"
dwell = [2]
exit = [8]
bound = "60s"
"""
FROM_PHASES = (re.search(r"\[phases\.1\].*", examples.plan_text("CN"), re.DOTALL)[0], ONE_RING)
PLANS = [
    ([phase(2, 'minimum = "5.05s"')], "phase 2 (EB, walk S): 5050 ms is no multiple of 100 ms"),
    ([phase(2, 'minimum = "4s"')], "phase 2 (EB, walk S): least green of 4000 ms is below the site's 5000 ms"),
    ([('walk = "7s"', 'walk = "6s"')], "phase 2 (EB, walk S): walk of 6000 ms is below the site's 7000 ms"),
    (
        [('maximum = "40s"', 'maximum = "4s"')],
        "phase 2 (EB, walk S): most green of 4000 ms is below the least, 5000 ms",
    ),
    ([phase(2, 'least_gap = "3s"')], "phase 2 (EB, walk S): least gap is above the passage time"),
    ([('groups = ["EB", "walk S"]', 'groups = ["walk S"]')], "phase 2 (walk S): no vehicle group"),
    ([("[phases.8]", "[phases.9]")], "phase 9 (NB, walk E): expected each number from 1 to 8 once"),
    ([("[[1, 2], [3, 4]]", "[[1, 2, 3, 4]]")], "rings: ring 1 has 1 sides, ring 2 has 2"),
    ([("[[1, 2], [3, 4]]", "[[1, 2], [3]]")], "phase 4 (SB, walk W): stands 0 times in the rings, expected once"),
    ([("[[1, 2], [3, 4]]", "[[1, 2, 9], [3, 4]]")], "phase 9: stands in a ring, but is not described"),
    (
        [("[[1, 2], [3, 4]], [[5, 6], [7, 8]]", "[[1, 2, 3, 4], []], [[5, 6, 7, 8], []]")],
        "side 2: no ring has a phase there",
    ),
    ([("rings = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]", "rings = []")], "rings: expected one or two rings"),
    ([('groups = ["EB", "walk S"]', 'groups = ["EB"]')], "walk S is served by no phase"),
    (
        [('groups = ["EB", "walk S"]', 'groups = ["EB", "walk W"]')],
        "phases 2 and 5 run together, but walk W and EBL conflict",
    ),
    ([("dwell = [2, 5]", "dwell = []")], "preemption 1: no phase to dwell in"),
    ([('kind = "emergency"', 'kind = "rail"')], "preemption 1: rail without a phase that clears the track"),
    (
        [("[[priorities]]", '[[preemptions]]\nkind = "rail"\ntrack = [4]\ndwell = [2]\nbound = "60s"\n[[priorities]]')],
        "preemption 2: rail goes before emergency vehicles",
    ),
    ([FROM_PHASES, (", [[5, 6], [7, 8]]", "")], "preemption 1: a phase that the plan does not have"),
    ([("dwell = [2, 5]", "dwell = [2, 4]")], "preemption 1: dwell phases 2 and 4 do not run together"),
    ([('bound = "50s"', 'bound = "20s"')], "preemption 1: green within 20000 ms cannot be promised, it takes up to"),
    (
        [('phase = 2\nextension = "10s"', 'phase = 9\nextension = "10s"')],
        "priority 1: a phase that the plan does not have",
    ),
    ([('extension = "10s"\nearly_green = "10s"\n', "")], "priority 1: neither an extension nor an early green"),
    ([('lockout = "120s"', 'lockout = "0s"')], "priority 1: no lockout"),
    (
        [('phase = 1\nextension = "0.5s"', 'phase = 9\nextension = "0.5s"')],
        "detector 1: a phase that the plan does not have",
    ),
    ([('offset = "0s"', 'offset = "0.05s"')], "coordination: 50 ms is no multiple of 100 ms"),
    ([('cycle = "120s"', 'cycle = "9s"')], "cycle of 9000 ms: expected 10 s to 600 s"),
    ([('offset = "0s"', 'offset = "120s"')], "offset of 120000 ms: expected less than the cycle, 120000 ms"),
    ([("phases = [2, 6]", "phases = []")], "coordination: expected phases of the plan as coordinated ones"),
    ([("phases = [2, 6]", "phases = [1, 2]")], "coordination: more than one coordinated phase in a ring"),
    (
        [("phases = [2, 6]", "phases = [2, 8]")],
        "coordination: the coordinated phases lie on different sides of a barrier",
    ),
    (
        [('groups = ["WBL"]\nsplit = "20s"', 'groups = ["WBL"]\nsplit = "25s"')],
        "ring mismatch: before barrier 1 ring 1 has 65000 ms, ring 2 60000 ms",
    ),
    ([('cycle = "120s"', 'cycle = "130s"')], "splits of the sides sum up to 120000 ms, the cycle is 130000 ms"),
    ([phase(2, 'amber = "4s"')], "phase 2 (EB, walk S): made for an amber of 4000 ms, the site has 3000 ms"),
    ([phase(2, 'red = "2s"')], "phase 2 (EB, walk S): amber and red clearance of 5000 ms, the site needs up to "),
    (
        [("[phases.1]\n", '[phases.1]\nminimum = "100s"\nmaximum = "100s"\n')],
        "phase 2 (EB, walk S): vehicles may wait 295800 ms when all hurry",
    ),
    ([('walk = "7s"', 'walk = "100s"')], "phase 2 (EB, walk S): pedestrians may wait"),
    (
        [("[phases.1]\n", '[phases.1]\nminimum = "15s"\n')],
        "split overrun: phase 1 (WBL) has 20000 ms, its least green or walk and the clearances take 23000 ms",
    ),
]
DAYS = [
    ([('from = "06:30"\nplan = "day"', 'from = "06:30"\nplan = "dawn"')], "row 1: there is no plan 'dawn'"),
    (
        [('weekdays = ["sat", "sun"]\nfrom = "08:00"', 'weekdays = ["fri", "sun"]\nfrom = "06:30"')],
        "row 2: another row begins at the same time",
    ),
    ([('["mon", "tue", "wed", "thu", "fri"]', "[]")], "row 1: weekdays 0: expected bits 0 to 6"),
    (
        [
            (
                "[[rows]]",
                "\n".join(
                    f'[[rows]]\nweekdays = ["mon"]\nfrom = "00:{minute:02}"\nplan = "day"' for minute in range(48)
                )
                + "\n[[rows]]",
            )
        ],
        "expected 1 to 48 rows, there are ",
    ),
]
TIGHT = [("phases = [2, 6]", "phases = [1, 5]"), ('cycle = "120s"', 'cycle = "108.1s"')]
TIGHT += [('options = ["dual-entry", "min-recall"]\nsplit = "40s"', 'split = "28.1s"')]
PLANS.append((TIGHT, "phase 6 (WB, walk N): the clearances before it leave no room in its split"))
NOT_OF_A_FILE = {
    # What a file cannot say, because its reader does not let it; a *.site can, and is judged by the same function.
    "the record is no list of 7 parts",
    "version %r: this firmware reads version %d",
    "country %r: expected one of %s",
    "group %d: expected [name, kind, ms, [fixed ms], ms, mm, ms]",
    "conflicts: expected one bitmask a group",
    "intergreens: expected [from, to, ms] each",
    "start: expected [flash ms, all-red ms]",
    "monitor: expected a list",
    "group %d: name %r is empty or taken",
    "%s: a vehicle group has no crossing",
    "%s: conflicts with a group that is not there",
    "%s: conflicts with itself",
    "%s conflicts with %s, but not the other way round",
    "intergreen %d to %d: these do not conflict",
    "intergreen %d to %d: given twice",
    "no intergreen from %s to %s",
    "the plan is no list of 8 parts",
    "name: expected a text",
    "%s: expected at most %d rows of %d numbers",
    "coordination: expected [cycle, offset, [a split a phase], phases, transition, floating]",
    "phase %d: a group that the site does not have",
    "phase %d: vehicle and pedestrian groups are mixed up",
    "options %d: not known",
    "kind %d is not known",
    "coordination: transition %d or floating %d is not known",
    "the day plans are no list of 3 parts",
    "minutes east of UTC: %r",
    "expected [weekdays, minute, plan]",
    "minute %d: expected 0 to %d",
}


def changed(text: str, changes: list[tuple[str, str]]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(("country", "changes", "told", "line"), SITES, ids=[row[2] for row in SITES])
def test_of_a_site_record(inside, tmp_path, country, changes, told, line):
    text = changed(examples.site_text(country), changes)
    done = judged(inside, tmp_path, "site", text)
    number = next(n for n, each in enumerate(text.splitlines(), 1) if each.startswith(line))
    assert any(f"site.toml:{number}: " in each and told in each for each in done.err.splitlines()), done.err


@pytest.mark.parametrize("groups", ["", "".join(f'g{i} = {{ kind = "vehicle" }}\n' for i in range(17))])
def test_of_a_site_record_with_no_groups_or_too_many(inside, tmp_path, groups):
    assert "groups: expected a list of 1 to 16" in judged(inside, tmp_path, "site", with_groups(groups)).err


@pytest.mark.parametrize(("changes", "told"), PLANS, ids=[row[1] for row in PLANS])
def test_of_a_plan(inside, tmp_path, changes, told):
    done = judged(inside, tmp_path, "plan", changed(examples.plan_text("CN"), changes))
    assert told in done.err
    assert all("plan.toml" in each for each in done.err.splitlines() if told in each)


@pytest.mark.parametrize(("changes", "told"), DAYS, ids=[row[1] for row in DAYS])
def test_of_day_plans(inside, tmp_path, changes, told):
    assert told in judged(inside, tmp_path, "days", changed(examples.days_text(), changes)).err


def test_of_a_plan_that_is_too_long(inside, tmp_path):
    many = "".join('\n[[detectors]]\nphase = 2\nlongest_presence = "4000s"\nno_activity = "5000s"\n' for _ in range(28))
    text = examples.plan_text("CN", "x" * 64) + many
    assert "expected at most 32 rows" in judged(inside, tmp_path, "plan", text).err


def test_no_reason_of_the_firmware_is_left_out(tmp_path, monkeypatch, capsys):
    """Every place in the shipped checks that gives a reason was reached above, or no file can reach it."""
    from paifang.cli import main

    places = {file: reasons_in(file) for file in sorted(Path(site.__file__).parent.glob("*.py"))}
    seen: dict[str, set[int]] = {str(file): set() for file in places}

    def watch(frame, event, _argument):
        lines = seen.get(frame.f_code.co_filename)
        if lines is not None and event == "line":
            lines.add(frame.f_lineno)
        return watch if lines is not None else None

    def inside(*arguments):
        with pytest.raises(SystemExit):
            main([str(argument) for argument in arguments])
        capsys.readouterr()

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        for country, changes, _, _ in SITES:
            check(inside, tmp_path, "site", changed(examples.site_text(country), changes))
        check(inside, tmp_path, "site", with_groups(""))
        for changes, _ in PLANS:
            check(inside, tmp_path, "plan", changed(examples.plan_text("CN"), changes))
        for changes, _ in DAYS:
            check(inside, tmp_path, "days", changed(examples.days_text(), changes))
    finally:
        sys.settrace(before)
    missed = {text for file, found in places.items() for lines, text in found if not lines & seen[str(file)]}
    assert missed == NOT_OF_A_FILE


def reasons_in(file: Path) -> list[tuple[set[int], str]]:
    """(lines, text) of each place in the source that gives a reason."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        is_reason = isinstance(node, ast.Call) and ast.unparse(node.func) == "reasons.append"
        is_shape = isinstance(node, ast.Return) and isinstance(node.value, ast.List) and node.value.elts
        if is_reason or is_shape:
            texts = [
                each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if texts:
                found.append((set(range(node.lineno, node.end_lineno + 1)), max(texts, key=len)))
    return found


def judged(inside, folder, noun, text):
    done = check(inside, folder, noun, text)
    assert (done.code, done.out) == (EXIT_REFUSED, ""), done.err
    assert done.err.endswith("paifang: a node would refuse this, for these reasons\n") or "; a node would" in done.err
    return done


def check(inside, folder, noun, text):
    file = folder / f"{noun}.toml"
    file.write_text(text)
    site_file, plan_file = folder / "good.toml", folder / "day.toml"
    site_file.write_text(examples.site_text("CN"))
    plan_file.write_text(examples.plan_text("CN"))
    night = folder / "night.toml"
    night.write_text(examples.plan_text("CN", "night"))
    more = {"site": (), "plan": ("--site", site_file), "days": ("--plan", plan_file, "--plan", night)}
    return inside("signal", noun, "check", file, *more[noun])
