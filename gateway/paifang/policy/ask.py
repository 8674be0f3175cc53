"""A question to the policy, and its answer."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Ask:
    """May `person` do `action` at `point` of `node`?

    `roles` are those that a local caller has; empty: those of the person in people.toml. `value` is in the point's
    own steps, as on the wire; a yes or no is 1 or 0. `requester` is the person whose command is approved.
    """

    person: str
    roles: frozenset[str] = field(default=frozenset())
    action: str = "read"
    node: str = ""
    point: str = ""
    point_class: int = 0
    value: int | None = None
    utc_ms: int = 0
    requester: str | None = None
    via: str = "local"

    def sentence(self) -> str:
        """What is asked for, in the words of `paifang policy explain`: "operate relay-7 relay 1"."""
        value = None if self.value is None else str(self.value)
        return " ".join(part for part in (self.action, self.node, self.point, value) if part)


@dataclass(frozen=True, slots=True)
class Decision:
    """`rules` are the ids of those that decided, empty if none permits; `reason` tells it to a person."""

    allowed: bool
    rules: tuple[str, ...]
    reason: str
