"""Site records, plans and day plans: from TOML to the record and back, and what the shipped firmware says of them."""

from __future__ import annotations

import contextlib
import copy
import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from paifang_tools.errors import ToolError
from paifang_tools.signals import checking, columns, day_file, examples, plan_file, quantities, site_file, words
from paifang_tools.signals.mistakes import MistakesError
from paifang_tools.signals.shipped import aspects, countries, days, part, plans, site
from paifang_wire import cbor, orders

COUNTRIES = examples.COUNTRIES


def site_of(text: str) -> site_file.Site:
    return site_file.to_site(site_file.SiteFile.model_validate(tomllib.loads(text)))


def plan_of(text: str, site_record: list[Any]) -> list[Any]:
    return plan_file.to_record(plan_file.PlanFile.model_validate(tomllib.loads(text)), site_record)


def days_of(text: str) -> list[Any]:
    return day_file.to_record(day_file.DayFile.model_validate(tomllib.loads(text)))


SITE = site_of(examples.site_text("CN"))


# What to begin with


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_node_takes_what_people_begin_with(country):
    found = site_of(examples.site_text(country, "signal-7"))
    assert (found.node, found.edition, found.record[1], len(found.record[2])) == ("signal-7", 1, country, 12)
    assert [group[1] for group in found.record[2]] == [0] * 8 + [1] * 4
    assert checking.site_reasons(found) == []
    plan = plan_of(examples.plan_text(country, "rush"), found.record)
    assert plan[1] == "rush"
    assert checking.plan_reasons(plan, found.record) == []
    assert checking.day_reasons(days_of(examples.days_text()), ["day", "night"]) == []


@pytest.mark.parametrize("country", COUNTRIES)
def test_what_people_begin_with_comes_back_from_its_record(country):
    found = site_of(examples.site_text(country))
    assert site_of(site_file.to_text(found)) == found
    plan = plan_of(examples.plan_text(country), found.record)
    assert plan_of(plan_file.to_text(plan, found.record), found.record) == plan
    record = days_of(examples.days_text())
    assert days_of(day_file.to_text(record)) == record


def test_the_countries_are_those_of_the_firmware():
    assert set(COUNTRIES) == set(countries.COUNTRIES)
    country = site_file.SiteFile.model_fields["country"].annotation
    assert set(country.__args__) == set(countries.COUNTRIES)


def test_numbers_of_words_are_those_of_the_firmware():
    phases, detectors, monitor = part("phases"), part("detectors"), part("monitor")
    for words_, module in ((plan_file.PHASE_OPTIONS.words, phases), (plan_file.DETECTOR["options"].words, detectors)):
        assert [getattr(module, word.upper().replace("-", "_")) for word in words_] == [
            1 << i for i in range(len(words_))
        ]
    assert (1 << len(plan_file.PHASE_OPTIONS.words)) - 1 == phases.OPTIONS
    for column, module in ((plan_file.IN_STEP["transition"], phases), (plan_file.PREEMPTION["kind"], phases)):
        assert [getattr(module, word.upper()) for word in column.words] == [0, 1]
    assert (monitor.RED_AMBER, monitor.LATCH_SUPPLY) == (site_file.RED_AMBER_OPTION, site_file.LATCH_SUPPLY_OPTION)
    assert [site_file.KINDS.index(kind) for kind in site_file.KINDS] == [aspects.VEHICLE, aspects.PEDESTRIAN]
    assert columns.PHASES == phases.PHASES


def test_the_monitor_is_told_the_matrix_the_groups_with_amber_and_the_options():
    assert site_file.monitor_config(SITE.record) == {
        "matrix": "bce,acd,73b,537,eec,adc,db3,573,acd,537,adc,573",
        "vehicles": "ff",
        "options": 0,
    }
    uk = site_of(examples.site_text("UK") + "\n[monitor]\nlatch_supply = true\n")
    assert site_file.monitor_config(uk.record)["options"] == uk.record[6][0] == 3
    assert site_of(site_file.to_text(uk)) == uk


# Back from any record

MS = st.integers(0, 700_000) | st.integers(0, 90).map(lambda seconds: seconds * 1000)
MASK = st.integers(0, 255)
NAMES = st.lists(st.from_regex(site_file.NAME, fullmatch=True), min_size=1, max_size=6, unique=True)


@st.composite
def site_records(draw: st.DrawFn) -> site_file.Site:
    """Of the form of a record, safe or not."""
    country = draw(st.sampled_from(COUNTRIES))
    groups = []
    for name in draw(NAMES):
        kind = draw(st.integers(0, 1))
        steps = [draw(MS) for _ in site_file.STEPS[kind]]
        groups.append([name, kind, draw(MS), steps, draw(MS), draw(st.integers(0, 200_000)) * kind, draw(MS)])
    count = len(groups)
    conflicts = [0] * count
    for i in range(count):
        for j in range(i):
            if draw(st.booleans()):
                conflicts[i] |= 1 << j
                conflicts[j] |= 1 << i
    between = [[i, j, draw(MS)] for i in range(count) for j in range(count) if conflicts[i] >> j & 1]
    options = 1 if any(group[3][0] for group in groups if not group[1]) else 0
    options |= 2 if draw(st.booleans()) else 0
    monitor = [options] if options else []
    record = [site.VERSION, country, groups, conflicts, between, [draw(MS), draw(MS)], monitor]
    return site_file.Site(
        draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)), draw(st.integers(1, 99)), record
    )


@given(site_records())
def test_any_site_record_comes_back(found):
    text = site_file.to_text(found)
    assert site_of(text) == found
    assert orders.decode_site(orders.encode_site(found.fields)) == found.fields


@st.composite
def plan_records(draw: st.DrawFn) -> list[Any]:
    """Of the form of a plan for SITE, usable or not."""
    numbers = draw(st.lists(st.integers(1, 8), min_size=1, max_size=8, unique=True))
    phases = [
        [
            n,
            draw(MASK),
            draw(st.integers(0, 15)) << 8,
            *(draw(MS) for _ in plan_file.PHASE_TIMES),
            draw(st.integers(0, 1023)),
        ]
        for n in numbers
    ]
    splits = [draw(MS) for _ in phases]
    step = [draw(MS), draw(MS), splits, draw(MASK), draw(st.integers(0, 1)), draw(st.integers(0, 1))]
    ms = lambda: draw(MS)  # noqa: E731
    row = {
        "preemptions": lambda: [
            draw(st.integers(0, 1)),
            ms(),
            draw(MASK),
            ms(),
            draw(MASK),
            ms(),
            ms(),
            draw(MASK),
            ms(),
        ],
        "priorities": lambda: [draw(st.integers(0, 9)), ms(), ms(), ms()],
        "detectors": lambda: [draw(st.integers(0, 9)), ms(), ms(), draw(st.integers(0, 3)), ms(), ms(), draw(MASK)],
    }
    tables = [[make() for _ in range(draw(st.integers(0, 2)))] for make in row.values()]
    rings = draw(st.lists(st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=3), max_size=3))
    name = draw(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9))
    return [plans.VERSION, name, phases, rings, draw(st.sampled_from([None, step])), *tables]


@given(plan_records())
def test_any_plan_comes_back(record):
    assert plan_of(plan_file.to_text(record, SITE.record), SITE.record) == record


@given(
    st.integers(-1439, 1439),
    st.lists(
        st.tuples(
            st.integers(0, 127), st.integers(0, 1439), st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)
        ),
        min_size=1,
    ),
)
def test_any_day_plans_come_back(east, rows):
    record = [days.VERSION, east, [list(row) for row in rows]]
    assert days_of(day_file.to_text(record)) == record


def test_what_has_no_word_is_not_made_up():
    record = plan_of(examples.plan_text("CN"), SITE.record)
    for place, row in ((5, [7, *record[5][0][1:]]), (7, [1, 0, 0, 64, 0, 0, 0])):
        odd = copy.deepcopy(record)
        odd[place] = [row]
        with pytest.raises(ToolError, match="no word"):
            plan_file.to_text(odd, SITE.record)


# Times, lengths, moments


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("7s", 7000),
        ("3.5s", 3500),
        ("3.5 s", 3500),
        ("500ms", 500),
        ("2m", 120_000),
        (7, 7000),
        (0.1, 100),
        (0, 0),
        ("0s", 0),
    ],
)
def test_times(written, ms):
    assert quantities.time_ms(written) == ms
    assert quantities.time_ms(quantities.time_text(ms)) == ms


@pytest.mark.parametrize(
    "written",
    [
        True,
        None,
        "",
        "7",
        "7 sec",
        "-7s",
        -7,
        "7h",
        "1e3s",
        "0.0001s",
        0.00001,
        float("nan"),
        float("inf"),
        10**30,
        [7],
        "٣s",
    ],
)
def test_what_is_no_time(written):
    with pytest.raises(ValueError, match=re.escape(quantities.TIME_EXPECTED)):
        quantities.time_ms(written)


@pytest.mark.parametrize(("written", "mm"), [("14.5m", 14_500), (14.5, 14_500), (14, 14_000), ("0.001 m", 1)])
def test_lengths(written, mm):
    assert quantities.length_mm(written) == mm
    assert quantities.length_mm(quantities.length_text(mm)) == mm


@pytest.mark.parametrize("written", ["14s", "14", "14.5cm", "m", True])
def test_what_is_no_length(written):
    with pytest.raises(ValueError, match=re.escape(quantities.LENGTH_EXPECTED)):
        quantities.length_mm(written)


@pytest.mark.parametrize(("written", "minute"), [("00:00", 0), ("06:30", 390), ("23:59", 1439)])
def test_moments(written, minute):
    assert quantities.moment_minute(written) == minute
    assert quantities.moment_text(minute) == written


@pytest.mark.parametrize("written", ["24:00", "6:30", "06:60", "06:30:00", 630, None])
def test_what_is_no_moment(written):
    with pytest.raises(ValueError, match="a time of day"):
        quantities.moment_minute(written)


@pytest.mark.parametrize(("written", "minutes"), [("+08:00", 480), ("-05:30", -330), ("+00:00", 0)])
def test_offsets(written, minutes):
    assert quantities.offset_minutes(written) == minutes
    assert quantities.offset_text(minutes) == written


@pytest.mark.parametrize("written", ["08:00", "+8", "UTC", 8, "+24:00"])
def test_what_is_no_offset(written):
    with pytest.raises(ValueError, match="east of UTC"):
        quantities.offset_minutes(written)


# Mistakes have their place


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


TOGETHER = '    ["SBL", "NBL"],\n'
NB, WALK_S, LAST = 'NB = { kind = "vehicle"', 'kind = "pedestrian", crossing = "14m"', '["SB", "walk S", "6s"]'
SITE_MISTAKES = [
    ((TOGETHER, '["walkS", "NB"],'), ("together", 7, 0), "there is no group 'walkS'", "walk S"),
    ((TOGETHER, '["SBL", "zzzz"],'), ("together", 7, 1), 'no group \'zzzz\'; there are "WBL", "EB"', ""),
    ((TOGETHER, '["SBL"],'), ("together", 7), 'expected two or more different groups, found "SBL"', ""),
    ((TOGETHER, '["SBL", "SBL"],'), ("together", 7), "expected two or more different groups", ""),
    (("together =", "conflicts = []\ntogether ="), ("together",), "expected either together", ""),
    (("NB = {", '"a, b" = {'), ("groups", "a, b"), "expected a name of letters", ""),
    (("NB = {", '" NB" = {'), ("groups", " NB"), "expected a name of letters", ""),
    (("NB = {", '"" = {'), ("groups", ""), "expected a name of letters", ""),
    ((NB, NB + ', clearance = "9s"'), ("groups", "NB", "clearance"), "a vehicle group has no clearance", ""),
    ((NB, NB + ', crossing = "9m"'), ("groups", "NB", "crossing"), "a vehicle group has no crossing", ""),
    ((WALK_S, WALK_S + ", amber = 3"), ("groups", "walk S", "amber"), "a pedestrian group has no amber", ""),
    (('amber = "3s"\n', ""), ("groups", "WBL", "amber"), "missing: amber after green, here or in", ""),
    ((', crossing = "14m"', ""), ("groups", "walk S", "crossing"), "missing: length of a pedestrian group", ""),
    (('vehicle = "5s" ', "#"), ("intergreen", "vehicle"), 'missing: from "WBL" to "EB"', ""),
    ((LAST, '["NB", "SB", "6s"]'), ("intergreen", "exceptions", 1), '"NB" and "SB" do not conflict', ""),
    ((LAST, '["NB", "walk N", "6s"]'), ("intergreen", "exceptions", 1), "given twice", ""),
    ((LAST, '["SB", "walkS", "6s"]'), ("intergreen", "exceptions", 1), "no group 'walkS'", "walk S"),
]


@pytest.mark.parametrize(("change", "place", "told", "nearest"), SITE_MISTAKES)
def test_mistakes_of_a_site(change, place, told, nearest):
    with pytest.raises(MistakesError) as raised:
        site_of(changed(examples.site_text("CN"), change))
    mistake = next(each for each in raised.value.found if each.place == place)
    assert told in mistake.what
    assert mistake.nearest == nearest


def test_conflicts_may_be_given_instead():
    rows = ", ".join(f'["{a}", "{b}"]' for a, b in [("N", "E"), ("E", "S"), ("N", "walk"), ("S", "walk")])
    text = re.sub(r"together = \[.*?\n\]", f"conflicts = [{rows}]", examples.site_text("US"), flags=re.DOTALL)
    groups = 'N = { kind = "vehicle" }\nE = { kind = "vehicle" }\nS = { kind = "vehicle" }\n'
    walk = 'walk = { kind = "pedestrian", crossing = 9 }\n'
    text = re.sub(r"\[groups\].*?\n\[intergreen\]", f"[groups]\n{groups}{walk}\n[intergreen]", text, flags=re.DOTALL)
    found = site_of(re.sub(r"exceptions = \[.*?\n\]", "", text, flags=re.DOTALL))
    assert found.record[3] == [0b1010, 0b0101, 0b1010, 0b0101]
    assert checking.site_reasons(found) == []


PLAN_MISTAKES = [
    (('["EB", "walk S"]', '["EB", "walkS"]'), ("phases", "2", "groups", 1), "no group 'walkS'", "walk S"),
    (("[phases.8]", "[phases.eight]"), ("phases", "eight"), "expected the number of a phase", ""),
    (("[phases.8]", "[phases.8888]"), ("phases", "8888"), "expected the number of a phase", ""),
    (('passage = "2s"\n', ""), ("phases", "1", "passage"), "missing: how long a gap may last in green, here or in", ""),
    (('split = "20s"\n', ""), ("phases", "1", "split"), "missing: its part of the cycle", ""),
    (("phases = [2, 6]", "phases = [2, 9]"), ("coordination", "phases"), "expected numbers of phases, 1 to 8", ""),
    (("dwell = [2, 5]", "dwell = [2, 2]"), ("preemptions", 0, "dwell"), "each once; found [2, 2]", ""),
    (('[coordination]\ncycle = "120s"\noffset = "0s"\nphases = [2, 6]\ntransition = "shortway"\n', ""),
     ("phases", "1", "split"), "a split without a [coordination]", ""),
]  # fmt: skip


@pytest.mark.parametrize(("change", "place", "told", "nearest"), PLAN_MISTAKES)
def test_mistakes_of_a_plan(change, place, told, nearest):
    with pytest.raises(MistakesError) as raised:
        plan_of(changed(examples.plan_text("CN"), change), SITE.record)
    mistake = next(each for each in raised.value.found if each.place == place)
    assert told in mistake.what
    assert mistake.nearest == nearest


# What a node refuses


def test_reasons_name_groups_and_have_the_place_of_what_they_are_about():
    found = site_of(changed(examples.site_text("CN"), ('crossing = "14m"', 'crossing = "14m", clearance = "6s"')))
    (reason,) = checking.site_reasons(found)
    assert reason.place == ("groups", "walk S")
    assert reason.what == "walk S: pedestrian clearance of 6000 ms is below 13100 ms, which 14000 mm take"
    plan = plan_of(changed(examples.plan_text("CN"), ('groups = ["EB", "walk S"]', 'groups = ["EB"]')), SITE.record)
    assert [each.what for each in checking.plan_reasons(plan, SITE.record)] == ["walk S is served by no phase"]
    plan = plan_of(changed(examples.plan_text("CN"), ('maximum = "30s"', 'maximum = "1s"')), SITE.record)
    (reason,) = checking.plan_reasons(plan, SITE.record)
    assert reason.place == ("phases", "4")
    assert reason.what.startswith("phase 4 (SB, walk W): most green of 1000 ms")


def test_a_record_that_no_frame_could_carry_is_refused():
    long = copy.deepcopy(SITE)
    names = [f"{i:016}-{i:07}" for i in range(16)]
    vehicles = [[name, *SITE.record[2][0][1:]] for name in names]
    everybody = (1 << 16) - 1
    pairs = [[i, j, 60_000] for i in range(16) for j in range(16) if i != j]
    start = [5_000, 60_000]
    record = [1, "CN", vehicles, [everybody & ~(1 << i) for i in range(16)], pairs, start, []]
    assert checking.site_reasons(site_file.Site("n" * 64, 1, record)) == []
    checking_limit = len(orders.encode_site(["n" * 64, 1, record]))
    assert checking_limit < checking.SITE_LIMIT
    long.record[2][0][0] = "x" * 3_000
    assert "has 3" in " ".join(each.what for each in checking.site_reasons(long))
    plan = plan_of(examples.plan_text("CN"), SITE.record)
    plan[1] = "x" * 4_000
    assert [each.what for each in checking.plan_reasons(plan, SITE.record)] == [
        "the plan has 4357 bytes, a node takes 3500"
    ]


def test_a_plan_for_a_site_that_no_node_takes():
    broken = copy.deepcopy(SITE.record)
    broken[2][0][2] = 100
    with pytest.raises(ToolError, match="no node takes the site record: WBL: minimum green"):
        checking.plan_reasons(plan_of(examples.plan_text("CN"), SITE.record), broken)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested tables and lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above, *(place for key, each in inner for place in places(each, (*above, key)))]


@given(st.data(), ODD)
def test_anything_in_any_place_of_a_file_is_a_mistake_or_a_reason(data, odd):
    text, model, judge = data.draw(st.sampled_from(FILES))
    found: Any = tomllib.loads(text)
    place = data.draw(st.sampled_from([place for place in places(found) if place]))
    table = found
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = odd
    with contextlib.suppress(ValidationError, MistakesError):
        judge(model.model_validate(found))


def judge_site(file: site_file.SiteFile) -> None:
    found = site_file.to_site(file)
    if not checking.site_reasons(found):
        assert site_of(site_file.to_text(found)) == found
        words.in_words(found)


def judge_plan(file: plan_file.PlanFile) -> None:
    record = plan_file.to_record(file, SITE.record)
    if not checking.plan_reasons(record, SITE.record):
        assert plan_of(plan_file.to_text(record, SITE.record), SITE.record) == record


def judge_days(file: day_file.DayFile) -> None:
    record = day_file.to_record(file)
    if not checking.day_reasons(record, ["day", "night"]):
        assert days_of(day_file.to_text(record)) == record


FILES = (
    (examples.site_text("UK"), site_file.SiteFile, judge_site),
    (examples.plan_text("CN"), plan_file.PlanFile, judge_plan),
    (examples.days_text(), day_file.DayFile, judge_days),
)


@given(st.data(), ODD)
def test_anything_in_any_place_of_a_record_is_a_reason_or_good(data, odd):
    """What comes in a signed file is nobody's word until it is checked."""
    record = copy.deepcopy(data.draw(st.sampled_from([SITE.record, site_of(examples.site_text("DE")).record])))
    place = data.draw(st.sampled_from([place for place in places(record) if place]))
    table: Any = record
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = odd
    found = site_file.Site("signal-1", 1, record)
    if not checking.site_reasons(found):
        assert all(words.in_words(found))
        assert words.differences(SITE, found)


# In words


def test_in_words_everything_is_said_that_is_signed():
    told = words.in_words(SITE)
    assert told[0] == "edition 1, CN, 12 groups, of signal-1"
    assert (
        "group 9: walk S; pedestrian; walk 7s; clearance 13.1s; crossing 14m; red-revert 2s; longest red 240s" in told
    )
    assert "NBL may move with SBL, NB, walk E" in told
    assert "after SB: 6s to walk S; 5s to all others in its way" in told
    assert "the start flashes 5s and shows all-red 8s" in told


def test_each_change_of_a_record_is_told():
    """No number of a record can change without a line that says so, but for the edition."""
    seen = 0
    for place in places(SITE.record[1:]):
        changed_record = copy.deepcopy(SITE.record)
        table: Any = changed_record[1:]
        whole = table
        for key in place[:-1]:
            table = table[key]
        is_kind, is_matrix = len(place) == 3 and place[::2] == (1, 1), place[:1] == (2,)
        if not place or not isinstance(table[place[-1]], int) or is_kind or is_matrix:
            continue
        table[place[-1]] = table[place[-1]] + 1 if place[0] != 3 or place[-1] == 2 else 11 - table[place[-1]]
        seen += 1
        assert len(words.differences(SITE, site_file.Site("signal-1", 2, [1, *whole]))) > 1, place
    assert seen > 12 * 6


def test_who_may_move_together_now_stands_first():
    new = copy.deepcopy(SITE.record)
    new[3][1] &= ~(1 << 6)
    new[3][6] &= ~(1 << 1)
    new[4] = [row for row in new[4] if {row[0], row[1]} != {1, 6}]
    new[2][0][2] = 9_000
    told = words.differences(SITE, site_file.Site("signal-1", 2, new))
    rest = "flashing green 3s; amber 3s; red-revert 2s; longest red 240s"
    assert told == [
        "edition 1 -> 2",
        "EB + SBL: conflict  ->  MAY MOVE TOGETHER",
        f"WBL: vehicle; green 5s; {rest}  ->  vehicle; green 9s; {rest}",
        "intergreen EB > SBL: 5s  ->  gone",
        "intergreen SBL > EB: 5s  ->  gone",
    ]


def test_the_payload_of_a_plan_is_short():
    assert len(cbor.encode(plan_of(examples.plan_text("CN"), SITE.record))) < 400
