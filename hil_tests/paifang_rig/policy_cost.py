"""Bench suite `policy`: what a decision costs, with the embedded rules and with those of a large ward."""

import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import cedarpy

from paifang.policy import Ask, Policy
from paifang.policy.names import COMMANDS
from paifang_tools.bench.rows import AT_LEAST, Row, emit, middle, row

_RULES, _PERSONS = 100, 200
_DECISIONS = 2_000
_ROUNDS = 7
_FRIDAY_NOON_MS = 1_795_176_000_000


def main() -> None:
    """Print the suite's rows."""
    emit(rows())


def rows() -> list[Row]:
    """Measure and return the suite's rows."""
    with tempfile.TemporaryDirectory() as place:
        large = _large(Path(place))
    asks = [_ask(number) for number in range(_PERSONS)]
    small_us = _per_call_us(Policy.load().decide, asks)
    large_us = _per_call_us(large.decide, asks)
    parsing_us = _per_call_us(_parsing_each_time(large), asks[:20])
    how = f"median of {_ROUNDS} rounds of {_DECISIONS}, operators in turn; {len(large.rules)} rules, {_PERSONS} persons"
    return [
        row("policy decision, embedded rules", small_us, "µs", how),
        row("policy decision, large ward", large_us, "µs", how),
        row("quicker than parsing rules each time", parsing_us / large_us, "x", "same engine, same run", (AT_LEAST, 5)),
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


def _per_call_us(decide: Callable[[Ask], object], asks: list[Ask]) -> float:
    for ask in asks:
        decide(ask)
    return middle([_round_s(decide, asks) for _ in range(_ROUNDS)]) / _DECISIONS * 1e6


def _round_s(decide: Callable[[Ask], object], asks: list[Ask]) -> float:
    begun = time.perf_counter()
    for _, ask in zip(range(_DECISIONS), cycle(asks), strict=False):
        decide(ask)
    return time.perf_counter() - begun


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
