"""A signal node as its gateway sees it: the firmware's own table of points, answers by script, a street by numbers."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from persons import SITE, Obedient, Persons

from paifang.keys import sites
from paifang_tools.signals import day_file, examples, plan_file, site_file
from paifang_tools.signals.shipped import part
from paifang_wire import messages, sign1

if TYPE_CHECKING:
    from far_side import FarNode

NODE = "signal-1"
POINTS: Any = part("describing").table()
PLAN_LOAD, EDITION = 11, 15
GREEN, RED, AMBER, WALK, CLEARANCE, DONT_WALK = 2, 0, 4, 5, 6, 7


def site_of(text: str) -> site_file.Site:
    return site_file.to_site(site_file.SiteFile.model_validate(tomllib.loads(text)))


def plan_of(text: str, site: site_file.Site) -> list[Any]:
    return plan_file.to_record(plan_file.PlanFile.model_validate(tomllib.loads(text)), site.record)


def days_of(text: str) -> list[Any]:
    return day_file.to_record(day_file.DayFile.model_validate(tomllib.loads(text)))


EXAMPLE = site_of(examples.site_text("CN"))
PLAN = plan_of(examples.plan_text("CN"), EXAMPLE)
DAYS = days_of(examples.days_text())


def signed_site(people: Persons, site: site_file.Site = EXAMPLE, by: tuple[int, ...] = (0, 2)) -> bytes:
    """A *.site that these roots of the ward have signed."""
    found = sites.build(*site.fields)
    for number in by:
        found = found.signed(people.root_keys[number].sign1(SITE, sign1.SITE_RECORD, found.payload, detached=True))
    return found.encode()


class SignalNode(Obedient):
    """Answers as Obedient, and HELD to what a signal node is given.

    `given` are (what, payload); `answers` takes what -> (held, refusal), without one it holds what it was given.
    """

    def __init__(self, far: FarNode) -> None:
        super().__init__(far)
        far.points = POINTS
        self.given: list[tuple[int, bytes]] = []
        self.answers: dict[int, tuple[int, int]] = {}

    def _given(self, message: list[Any]) -> None:
        _, what, payload = message[:3]
        if what in (messages.ROOTED_KEYSET, messages.ROOTED_EPOCH):
            super()._given(message)
            return
        self.given.append((what, payload))
        self._say([messages.HELD, what, *self.answers.get(what, (held_of(what, payload), 0))])


def held_of(what: int, payload: bytes) -> int:
    """What an honest node says that it holds then: an edition, or an id."""
    from paifang.commands.signals import staged_id
    from paifang_wire import orders

    return orders.decode_site(payload)[1] if what == messages.ROOTED_SITE else staged_id(payload)


def aspects(**shown: int) -> dict[int, int]:
    """Values of the two points: groups of the example by name, all others at rest."""
    found = 0
    for i, group in enumerate(EXAMPLE.record[2]):
        name = group[0].replace(" ", "_")
        found |= shown.get(name, DONT_WALK if group[1] else RED) << 4 * i
    return {16: found & 0xFFFFFFFF, 17: found >> 32}


def ring(phase: int, stage: int, green: int = 0, gap: int = 0, against: int = 0) -> int:
    """A ring's value; times in ticks."""
    return phase | stage << 4 | green << 8 | gap << 24 | against << 40
