"""The gates that every command passes before it is logged and sent: policy, the node's own rules, rates."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.commands.rates import Rates
from paifang.commands.refusals import WIRE_LEAST, WIRE_MOST, by_rule, refused, unlogged
from paifang.errors import PaifangError
from paifang.policy import Ask
from paifang_wire import messages, names, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from paifang.commands.givers import Giver
    from paifang.commands.journal import Journal
    from paifang.commands.target import Target
    from paifang.policy import Policy
    from paifang.settings import AuthoritySettings
    from paifang.store.points import Point

APPROVE = "approve"
MESSAGE_LIMIT = 500
"""Characters of a refusal's message in the log."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done: `op` to `point` of `node`, values as on the wire."""

    node: str
    point: Point
    op: int
    value: int | None
    expect: int | None = None


@dataclass(slots=True)
class Attempt:
    """Somebody's attempt at a command, as the log will call it if it is refused; filled in as it becomes known."""

    node: str
    actor: str
    about: dict[str, Any]


class Gates:
    """`policy()` and `settings()` are those in force now."""

    def __init__(
        self,
        journal: Journal,
        policy: Callable[[], Policy],
        settings: Callable[[], AuthoritySettings],
        utc_ms: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self.refused = 0
        self._journal = journal
        self._policy = policy
        self._settings = settings
        self._utc_ms = utc_ms
        self._monotonic = monotonic
        self._points = Rates(1)
        self._persons = Rates(1)

    @contextlib.contextmanager
    def attempt(self, node: str, actor: str, **about: Any) -> Generator[Attempt]:
        """Log what is refused inside, with its reason."""
        made = Attempt(node, actor, about)
        try:
            yield made
        except PaifangError as error:
            self.refused += 1
            about = {name: _short(value) for name, value in made.about.items()}
            message = str(error)[:MESSAGE_LIMIT]
            self._journal.note("refused", _short(made.node), made.actor, code=error.code, message=message, **about)
            raise

    def check_log(self) -> None:
        """Raise PaifangError while nothing can be logged."""
        if self._journal.broken is not None:
            raise unlogged(self._journal.broken)

    def check(self, giver: Giver, step: Step, target: Target) -> tuple[str, ...]:
        """Pass all gates, and return the names of the policy's rules that let it through. Raises PaifangError."""
        for value in (step.value, step.expect):
            if value is not None and not WIRE_LEAST <= value <= WIRE_MOST:
                raise by_rule(messages.LIMIT, step.node, step.point, value)
        decided = self.ask(giver, step, names.OPS[step.op])
        self.check_rules(step, target)
        if step.op != messages.OP_SAFE:
            self._take_rates(giver, step)
        return decided

    def ask(self, giver: Giver, step: Step, action: str, requester: str | None = None) -> tuple[str, ...]:
        """The names of the policy's rules that permit the action. Raises PaifangError when none does."""
        point = step.point
        ask = Ask(
            giver.person,
            giver.roles,
            action,
            step.node,
            point.name,
            point.point_class,
            step.value,
            self._utc_ms(),
            requester,
            giver.via,
        )
        decision = self._policy().decide(ask)
        if not decision.allowed:
            message = f"{giver.person} may not {action} {step.node} {point.name}: {decision.reason}"
            raise refused("no-authority", message, "`paifang policy explain` tells which rule decides")
        return decision.rules

    def check_rules(self, step: Step, target: Target) -> None:
        """Raise PaifangError for what the node's own table, or the values it has lately reported, forbid."""
        assert target.table is not None
        read = target.values().get
        found = rules.refusal(
            target.table.rows, step.point.number, step.op, step.value, step.expect, read, is_node=False
        )
        if found:
            raise by_rule(found, step.node, step.point, step.value)

    def _take_rates(self, giver: Giver, step: Step) -> None:
        now_s, rates = self._monotonic(), self._settings().rates
        for what, buckets, key, most in (
            (f"{step.node} {step.point.name} takes", self._points, (step.node, step.point.number), rates.per_point),
            (f"{giver.person} may send", self._persons, giver.person, rates.per_person),
        ):
            if not buckets.take(key, now_s, most):
                wait_s = math.ceil(buckets.wait_s(key, now_s, most))
                raise refused("rate", f"{what} {most} commands a minute", f"try again in {wait_s} s")


def _short(value: Any) -> Any:
    """What somebody made up may be long; no name of ours is."""
    return value[: messages.TEXT_LIMIT] if isinstance(value, str) else value
