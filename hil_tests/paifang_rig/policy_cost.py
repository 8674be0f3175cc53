"""Bench suite `policy`: what a decision costs, with the embedded rules and with those of a large ward."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cedarpy

from paifang.policy import Ask, Policy
from paifang.policy.names import COMMANDS
from paifang_tools.bench.rows import AT_LEAST, Row, emit, middle, row

_RULES, _PERSONS = 100, 200
_DECISIONS, _PARSED = 500, 50
_ROUNDS = 15
_FRIDAY_NOON_MS = 1_795_176_000_000


def main() -> None:
    """Print the suite's rows."""
    emit(rows())


def rows() -> list[Row]:
    """Measure and return the suite's rows."""
    with tempfile.TemporaryDirectory() as place:
        large = _large(Path(place))
    small, parsing = Policy.load(), _parsing_each_time(large)
    rounds = [
        (_us(small.decide, _DECISIONS), _us(large.decide, _DECISIONS), _us(parsing, _PARSED)) for _ in range(_ROUNDS)
    ]
    small_us, large_us = (middle([each[place] for each in rounds]) for place in range(2))
    ratio = middle([parsing_us / large_us for _, large_us, parsing_us in rounds])
    how = f"median of {_ROUNDS} rounds of {_DECISIONS}, operators in turn; {len(large.rules)} rules, {_PERSONS} persons"
    return [
        row("policy decision, embedded rules", small_us, "µs", how),
        row("policy decision, large ward", large_us, "µs", how),
        row("quicker than parsing rules each time", ratio, "x", "same rounds, median of ratios", (AT_LEAST, 5)),
    ]


def _large(folder: Path) -> Policy:
    """A ward with a rule for each of many kinds of nodes, forbids among them, and hours for everybody."""
    rules = (
        f'@id("kind-{number}") {"forbid" if number % 4 == 0 else "permit"} (principal in Role::"operator", '
        f'action in Action::"command", resource) when {{ context.node like "kind{number}-*" && '
        f"context.class <= 2 && context.hour >= {number % 7} }};"
        for number in range(1, _RULES + 1)
    )
    persons = (
        f'[people.person-{number}]\nroles = ["operator"]\nhours = "00:00-24:00"\nnodes = ["kind*", "meter-1"]\n'
        for number in range(_PERSONS)
    )
    (folder / "ward.cedar").write_text("\n".join(rules))
    (folder / "people.toml").write_text('zone = "UTC"\n' + "\n".join(persons))
    return Policy.load(folder)


def _ask(number: int) -> Ask:
    roles = frozenset({"operator"})
    return Ask(f"person-{number}", roles, "direct", f"kind{number % _RULES}-7", "relay", 1, 1, _FRIDAY_NOON_MS)


def _us(decide: Callable[[Ask], object], calls: int) -> float:
    """Microseconds of one call, persons in turn, each seen before."""
    asks = [_ask(number % _PERSONS) for number in range(calls)]
    decide(asks[0])
    begun = time.perf_counter()
    for ask in asks:
        decide(ask)
    return (time.perf_counter() - begun) / calls * 1e6


def _parsing_each_time(policy: Policy) -> Callable[[Ask], object]:
    """What a caller without parsed rules pays."""
    text = "\n".join(rule.text for rule in policy.rules)
    commands = [_entity("Action", name, "Action", "command") for name in COMMANDS]

    def decide(ask: Ask) -> object:
        request = {
            "principal": {"type": "Person", "id": ask.person},
            "action": {"type": "Action", "id": ask.action},
            "resource": {"type": "Node", "id": ask.node},
            "context": policy.context(ask),
        }
        return cedarpy.is_authorized(request, text, [_entity("Person", ask.person, "Role", "operator"), *commands])

    return decide


def _entity(kind: str, name: str, parent_kind: str, parent: str) -> dict[str, object]:
    return {"uid": {"type": kind, "id": name}, "attrs": {}, "parents": [{"type": parent_kind, "id": parent}]}


if __name__ == "__main__":
    main()
