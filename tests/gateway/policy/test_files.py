"""Policies with mistakes in them: each is told with its file, its line, and what was perhaps meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paifang.config.load import parse
from paifang.policy import Ask, Policy, PolicyError
from paifang.policy.people import parse_days, parse_hours
from paifang.policy.rules import split

GOOD = '@id("good") permit (principal, action, resource);\n'

BAD_RULES = [
    ("permit (principal, action, resource);", 'r.cedar:1: a rule without a name: write @id("what-it-is-for") above it'),
    ('\n// a\n@id("")\npermit (principal, action, resource);', "r.cedar:3: a rule without a name"),
    ('@id("a") permit (principal, action, resource)', "r.cedar:1: not Cedar: unexpected end of input"),
    (GOOD + "permit (", "r.cedar:2: not Cedar: unexpected end of input"),
    (
        '@id("a") permit (principal, action, resource)\nwhen {\n  context.node lik "x" };',
        'r.cedar:3: not Cedar: unexpected token `lik`; did you mean "like"?',
    ),
    (
        GOOD + '@id("a")\npermit (principal in Role::"operater", action, resource);',
        'r.cedar:3: no role `operater`; did you mean "operator"?',
    ),
    (
        '@id("a") permit (principal, action == Action::"opperate",\nresource);',
        'r.cedar:1: no action `opperate`; did you mean "operate"?',
    ),
    (
        '@id("a") permit (principal in Rolle::"operator", action, resource);',
        'r.cedar:1: no type `Rolle`; did you mean "Role"?',
    ),
    (
        '@id("a") permit (principal, action, resource)\nwhen {\n context.hour > 3 &&\n context.noode == "x" };',
        'r.cedar:4: attribute `noode` in context not found; did you mean "node"?',
    ),
    ('@id("a") permit (principal, action, resource) when { context.hour == "3" };', "r.cedar:1: the types Long and"),
    (
        '@id("a") permit (principal, action, resource) when { context.value < 3 };',
        "r.cedar:1: unable to guarantee safety of access to optional attribute `value`",
    ),
    ('@id("a") permit (principal == ?principal, action, resource);', "r.cedar:1: ?principal and ?resource are for"),
    (GOOD + GOOD, 'r.cedar:2: @id("good") is there already, at r.cedar:1'),
    ('@id("two-persons") permit (principal, action, resource);', "is there already, at guards.cedar:3"),
]


@pytest.mark.parametrize(("text", "told"), BAD_RULES, ids=range(len(BAD_RULES)))
def test_a_mistake_in_a_rule_is_told_with_its_line(tmp_path, text, told):
    (tmp_path / "r.cedar").write_text(text)
    with pytest.raises(PolicyError) as refused:
        Policy.load(tmp_path)
    assert told in str(refused.value)
    assert len(refused.value.problems) == 1
    assert refused.value.exit_code == 2


BAD_PEOPLE = [
    ("[people.alice]", "people.toml:1: people.alice.roles: missing: what the person may do"),
    ("[people.alice]\nrole = []\nroles = []", 'people.toml:2: people.alice.role: unknown name; did you mean "roles"?'),
    ("[peopel.alice]\nroles = []", 'people.toml:1: peopel: unknown name; did you mean "people"?'),
    ('[people.alice]\nroles = [\n"viewer",\n"oprator"]', 'roles[2]: no role "oprator"; did you mean "operator"?'),
    ('[people.alice]\nroles = "viewer"', "people.toml:2: people.alice.roles: expected a list in [ ]"),
    ('[people.a]\nroles = []\nhours = "6-20"', 'people.toml:3: people.a.hours: expected hours such as "06:00-20:00"'),
    ('[people.a]\nroles = []\nhours = "06:00-24:01"', "people.toml:3: people.a.hours: expected hours"),
    ('[people.a]\nroles = []\ndays = "mon-fry"', "people.toml:3: people.a.days: expected days such as"),
    ('[people.a]\nroles = []\nnodes = ["*-1"]', "people.toml:3: people.a.nodes: expected names, or beginnings"),
    ('zone = "Mars/Olympus"', "people.toml:1: zone: expected a time zone"),
    ('zone = "../../etc/passwd"', "people.toml:1: zone: expected a time zone"),
    ('more_roles = ["a b"]', "people.toml:1: more_roles: expected short names"),
    ("[people", "people.toml:1: not TOML"),
]


@pytest.mark.parametrize(("text", "told"), BAD_PEOPLE, ids=range(len(BAD_PEOPLE)))
def test_a_mistake_about_a_person_is_told_with_its_line(tmp_path, text, told):
    (tmp_path / "people.toml").write_text(text)
    with pytest.raises(PolicyError) as refused:
        Policy.load(tmp_path)
    assert told in str(refused.value)


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path):
    (tmp_path / "a.cedar").write_text(f"permit (;\n{GOOD}")
    (tmp_path / "b.cedar").write_text('@id("x") permit (principal in Role::"x", action, resource);')
    with pytest.raises(PolicyError) as refused:
        Policy.load(tmp_path)
    assert [(problem.file.name, problem.line) for problem in refused.value.problems] == [("a.cedar", 1), ("b.cedar", 1)]


def test_a_folder_that_is_not_there_and_a_file_that_is_no_text(tmp_path):
    with pytest.raises(PolicyError, match="no such folder"):
        Policy.load(tmp_path / "none")
    (tmp_path / "r.cedar").write_bytes(b"//\n\xff")
    with pytest.raises(PolicyError, match=r"r\.cedar:2: not UTF-8"):
        Policy.load(tmp_path)


def test_a_folder_with_persons_alone_has_the_embedded_rules(tmp_path):
    (tmp_path / "people.toml").write_text('[people.a]\nroles = ["viewer"]')
    assert [rule.id for rule in Policy.load(tmp_path).rules] == [rule.id for rule in Policy.load().rules]


SPLITS = [
    ("", []),
    ("// nothing;\n", []),
    ("a;b;", [(1, "a;"), (1, "b;")]),
    ('a "x;//y" ;\n\n// c;\n b "\\";" ;', [(1, 'a "x;//y" ;'), (4, 'b "\\";" ;')]),
    ("a // x;\n / b;", [(1, "a // x;\n / b;")]),
    ("a;\nb", [(1, "a;"), (2, "b")]),
    ('a;\n"b;', [(1, "a;"), (2, '"b;')]),
]


@pytest.mark.parametrize(("text", "pieces"), SPLITS, ids=range(len(SPLITS)))
def test_rules_are_taken_apart_at_their_ends_alone(text, pieces):
    assert list(split(text)) == pieces


def test_hours_and_days():
    assert parse_hours("06:00-12:30, 22:00-24:00") == ((360, 750), (1320, 1440))
    assert parse_hours("22:00-06:00") == ((1320, 360),)
    assert parse_days("mon-wed, sun") == {0, 1, 2, 6}
    assert parse_days("sat-mon") == {5, 6, 0}
    for wrong in ("", "24:00-06:00", "06:00", "06:00-20:00-"):
        with pytest.raises(ValueError, match="hours such as"):
            parse_hours(wrong)
    for wrong in ("", "monday", "mon-", "-fri", "mon-tue-wed"):
        with pytest.raises(ValueError, match="days such as"):
            parse_days(wrong)


DOCS = Path(__file__).parents[3] / "docs" / "policy.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCS.read_text(), re.DOTALL)


def test_the_files_shown_in_the_docs_are_right(tmp_path):
    [rules] = blocks("cedar")
    people, settings = blocks("toml")
    (tmp_path / "docs.cedar").write_text(rules)
    (tmp_path / "people.toml").write_text(people)
    policy = Policy.load(tmp_path)
    assert policy.people.persons.keys() == {"alice", "bob", "carol"}
    assert len(parse(settings, tmp_path / "gateway.toml").control.users) == 2


def test_the_docs_name_all_that_a_rule_may_ask_for():
    table = DOCS.read_text().partition("| `context.` | |\n|---|---|\n")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == Policy.load().context(Ask("a", requester="b", value=1)).keys()
