"""Who may do what: the embedded rules, the guards, rules and persons of a folder, against tables of cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from paifang.policy import ACTIONS, ALL_ROLES, ROLES, Ask, Policy
from paifang.policy.engine import ENTITIES_KEPT

NOON_MS = round(datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp() * 1000)
"""A Friday."""
HOUR_MS = 3_600_000

PEOPLE = """
zone = "UTC"
more_roles = ["night-shift"]

[people.alice]
roles = ["operator"]
hours = "06:00-20:00"

[people.bob]
roles = ["approver", "safety"]
nodes = ["relay-*", "meter-1"]
sites = ["ward-1", "ward-2"]

[people.carol]
roles = ["night-shift"]
hours = "22:00-06:00"
days = "mon-fri"

[people.dora]
roles = ["operator", "approver"]
"""

RULES = """
@id("night-shift-lights")
permit (principal in Role::"night-shift", action in Action::"command", resource)
when { context.node like "light-*" && context.point like "lamp*" };

@id("operators")
permit (principal in Role::"operator", action in Action::"command", resource);

@id("approvers")
permit (principal in Role::"approver", action == Action::"approve", resource);

@id("half-power")
@reason("never more than 50 at the weekend")
forbid (principal, action in Action::"command", resource)
when { ["sat", "sun"].contains(context.weekday) && context has value && context.value > 50 };

@id("no-modbus-at-night")
forbid (principal, action, resource)
when { context.via == "modbus" && (context.hour >= 22 || context.hour < 6) };

@id("only-class-1-by-delegation")
forbid (principal, action, resource) when { context.via == "delegation" && context.class > 1 };

@id("overflows")
forbid (principal, action in Action::"command", resource)
when { context has value && context.value * 2 > 0 && context.value < 0 };
"""


@pytest.fixture
def policy(tmp_path):
    (tmp_path / "people.toml").write_text(PEOPLE)
    (tmp_path / "rules.cedar").write_text(RULES)
    return Policy.load(tmp_path, "ward-1")


def ask(person="alice", action="operate", node="relay-7", **more) -> Ask:
    return Ask(**{"person": person, "action": action, "node": node, "point": "relay", "utc_ms": NOON_MS, **more})


ALLOWED_BY_DEFAULT = {
    "viewer": {"read"},
    "operator": {"read", "direct", "select", "operate", "cancel"},
    "safety": {"read", "safe"},
    "approver": {"read", "approve"},
    "engineer": {"read", "admin", "enrol"},
}


@pytest.mark.parametrize("role", ROLES)
def test_the_embedded_rules_are_this_table(role):
    policy = Policy.load()
    found = {
        action
        for action in ACTIONS
        if policy.decide(ask(roles=frozenset({role}), action=action, requester="bob")).allowed
    }
    assert found == ALLOWED_BY_DEFAULT[role]


def test_without_a_role_nothing_is_allowed():
    policy = Policy.load()
    for action in ACTIONS:
        decision = policy.decide(ask("mallory", action, requester="bob"))
        assert (decision.allowed, decision.rules) == (False, ())
        assert "mallory has no role here" in decision.reason


def test_an_action_that_is_none_is_denied():
    decision = Policy.load().decide(ask(action="destroy", roles=ALL_ROLES))
    assert (decision.allowed, decision.reason) == (False, 'there is no action "destroy"')


CASES = [
    # who, what, where                                                              allowed, by which rule
    (ask(), True, "operators"),
    (ask(utc_ms=NOON_MS + 8 * HOUR_MS - 1), True, "operators"),
    (ask(utc_ms=NOON_MS + 8 * HOUR_MS), False, "on-duty"),
    (ask(utc_ms=NOON_MS - 6 * HOUR_MS), True, "operators"),
    (ask(utc_ms=NOON_MS - 6 * HOUR_MS - 1), False, "on-duty"),
    (ask(action="approve", requester="dora"), False, None),
    (ask("dora", "approve", requester="alice"), True, "approvers"),
    (ask("dora", "approve", requester="dora"), False, "two-persons"),
    (ask("dora", "approve"), False, "approval-names-requester"),
    (ask("bob", "approve", requester="alice"), True, "approvers"),
    (ask("bob", "approve", "meter-1", requester="alice"), True, "approvers"),
    (ask("bob", "approve", "meter-10", requester="alice"), False, "in-area"),
    (ask("bob", "operate"), False, None),
    (ask("carol", node="light-3", point="lamp-1", utc_ms=NOON_MS + 10 * HOUR_MS), True, "night-shift-lights"),
    (ask("carol", node="light-3", point="door", utc_ms=NOON_MS + 10 * HOUR_MS), False, None),
    (ask("carol", node="relay-7", point="lamp-1", utc_ms=NOON_MS + 10 * HOUR_MS), False, None),
    # Friday's night ends on Saturday morning, and Saturday has none
    (ask("carol", node="light-3", point="lamp-1", utc_ms=NOON_MS + 18 * HOUR_MS - 1), True, "night-shift-lights"),
    (ask("carol", node="light-3", point="lamp-1", utc_ms=NOON_MS + 18 * HOUR_MS), False, "on-duty"),
    (ask("carol", node="light-3", point="lamp-1", utc_ms=NOON_MS + 34 * HOUR_MS), False, "on-duty"),
    (ask(value=51, utc_ms=NOON_MS + 24 * HOUR_MS), False, "half-power"),
    (ask(value=50, utc_ms=NOON_MS + 24 * HOUR_MS), True, "operators"),
    (ask(value=51), True, "operators"),
    (ask("dora", via="modbus", utc_ms=NOON_MS + 10 * HOUR_MS), False, "no-modbus-at-night"),
    (ask("dora", via="signed", utc_ms=NOON_MS + 10 * HOUR_MS), True, "operators"),
    (ask(via="delegation", point_class=2), False, "only-class-1-by-delegation"),
    (ask(via="delegation", point_class=1), True, "operators"),
    (ask("Alice"), False, None),
    (ask('alice" || true || "'), False, None),
]


@pytest.mark.parametrize(("question", "allowed", "rule"), CASES, ids=[f"{n}-{c[2]}" for n, c in enumerate(CASES)])
def test_rules_and_persons_decide(policy, question, allowed, rule):
    decision = policy.decide(question)
    assert (decision.allowed, decision.rules) == (allowed, () if rule is None else (rule,))
    assert rule is None or rule in decision.reason


def test_a_decision_says_where_its_rule_stands(policy):
    decision = policy.decide(ask(value=51, utc_ms=NOON_MS + 24 * HOUR_MS))
    assert decision.reason == "forbidden by half-power (rules.cedar:12: never more than 50 at the weekend)"


def test_nothing_that_permits_is_said_with_the_roles(policy):
    decision = policy.decide(ask("bob", value=1))
    assert decision.reason == "no rule permits bob (approver, safety) to operate relay-7 relay 1"


def test_roles_of_a_local_caller_go_before_those_of_people_toml(policy):
    assert not policy.decide(ask(roles=frozenset({"viewer"}))).allowed
    assert policy.decide(ask("mallory", roles=frozenset({"operator"}))).allowed


def test_a_rule_that_cannot_be_evaluated_denies(policy):
    """Cedar leaves such a rule out; a forbid that is left out would permit."""
    decision = policy.decide(ask(value=1 << 62))
    assert not decision.allowed
    assert "could not be evaluated" in decision.reason


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_the_safe_state_is_open_to_safety_whatever_the_rules_say(tmp_path, hour):
    (tmp_path / "people.toml").write_text('[people.bob]\nroles = ["safety"]\nnodes = ["a"]\nhours = "08:00-08:01"\n')
    (tmp_path / "rules.cedar").write_text('@id("all") forbid (principal, action, resource);')
    policy = Policy.load(tmp_path)
    decision = policy.decide(ask("bob", "safe", utc_ms=NOON_MS + hour * HOUR_MS))
    assert (decision.allowed, decision.rules) == (True, ("safety-always",))
    assert not policy.decide(ask("bob", "read")).allowed


def test_a_permit_of_the_folder_does_not_open_what_a_guard_forbids(tmp_path):
    (tmp_path / "people.toml").write_text('[people.alice]\nroles = ["approver"]\nnodes = ["meter-*"]\n')
    (tmp_path / "rules.cedar").write_text('@id("all") permit (principal, action, resource);')
    policy = Policy.load(tmp_path)
    assert policy.decide(ask("alice", "approve", requester="alice")).rules == ("in-area", "two-persons")
    assert policy.decide(ask("alice", "operate", "meter-3")).rules == ("all",)


def test_the_hash_is_of_all_files(tmp_path):
    def digest(**files):
        for path in tmp_path.iterdir():
            path.unlink()
        for name, text in files.items():
            (tmp_path / name.replace("_", ".")).write_text(text)
        return Policy.load(tmp_path).hash

    rule = '@id("a") permit (principal, action, resource);'
    found = [
        Policy.load().hash,
        digest(a_cedar=rule),
        digest(b_cedar=rule),
        digest(a_cedar=rule + " "),
        digest(a_cedar=rule, people_toml=""),
        digest(a_cedar=rule, people_toml="[people.a]\nroles = []\n"),
    ]
    assert len(set(found)) == len(found)
    assert digest(a_cedar=rule) == found[1]
    assert all(len(each) == 32 for each in found)


def test_more_persons_than_are_remembered_are_decided_as_well(policy):
    for number in range(ENTITIES_KEPT + 10):
        assert policy.decide(ask(f"guest-{number}", roles=frozenset({"operator"}))).allowed
    assert len(policy._entities) <= ENTITIES_KEPT


def test_the_zone_of_the_persons_is_that_of_the_hours(tmp_path):
    (tmp_path / "people.toml").write_text(PEOPLE.replace('zone = "UTC"', 'zone = "Asia/Shanghai"'))
    policy = Policy.load(tmp_path)
    assert policy.decide(ask(utc_ms=NOON_MS - HOUR_MS)).allowed  # 19:00 in Shanghai
    assert not policy.decide(ask(utc_ms=NOON_MS)).allowed


def test_what_changes_nothing_about_the_question_changes_nothing_about_the_answer(policy):
    for question, allowed, _ in CASES:
        assert policy.decide(replace(question)).allowed == allowed


STRANGE = [
    {"value": 1 << 70},
    {"node": "\ud800"},
    {"person": "\ud800"},
    {"requester": "\ud800", "action": "approve"},
    {"roles": frozenset({"\ud800"})},
    {"via": "\udfff"},
    {"utc_ms": 1 << 70},
    {"point_class": 1 << 70},
]


@pytest.mark.parametrize("strange", STRANGE, ids=[next(iter(each)) for each in STRANGE])
def test_what_cannot_be_asked_is_denied(strange):
    decision = Policy.load().decide(ask(**{"roles": ALL_ROLES, **strange}))
    assert (decision.allowed, decision.rules) == (False, ())
    assert decision.reason
