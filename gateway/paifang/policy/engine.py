"""The policy in force: loaded once, asked for every command."""

from __future__ import annotations

import hashlib
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from paifang.config.explain import Problem
from paifang.policy import cedar
from paifang.policy.ask import Ask, Decision
from paifang.policy.names import ACTIONS, WEEKDAYS
from paifang.policy.people import NOBODY, People, Person, load_people
from paifang.policy.problems import PolicyError, read_text
from paifang.policy.rules import GUARDS_FILE, ROLES_FILE, Rule, embedded, read_rules, same_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

PEOPLE_FILE = "people.toml"
SAFETY_RULE = "safety-always"
"""Not in a file: who has the role `safety` may always bring a point into its safe state."""
ENTITIES_KEPT = 1024

_STRANGER = Person(frozenset())


class Policy:
    """Rules and persons. Frozen: a change of its files is another policy.

    `hash` (SHA-256) is over the files, those that come with paifang included.
    """

    def __init__(self, rules: tuple[Rule, ...], people: People, site: str, zone: tzinfo | None, digest: bytes) -> None:
        self.rules = rules
        self.people = people
        self.site = site
        self.hash = digest
        self._zone = zone or people.zone
        self._rule: Mapping[str, Rule] = {rule.id: rule for rule in rules}
        self._policies = cedar.parse("\n".join(rule.text for rule in rules))
        self._entities: dict[tuple[str, frozenset[str]], cedar.Entities] = {}

    @classmethod
    def load(cls, folder: Path | None = None, site: str = "ward-1", zone: tzinfo | None = None) -> Self:
        """The policy of a folder, or the embedded one. PolicyError naming every mistake.

        Without a *.cedar file in the folder the embedded roles hold; the guards hold always. `zone` goes before
        that of people.toml; without both it is the machine's.
        """
        texts = _texts(folder)
        people = NOBODY if folder is None else load_people(folder / PEOPLE_FILE)
        rules: list[Rule] = []
        problems: list[Problem] = []
        for file, text in texts.items():
            found, wrong = read_rules(text, file, people.roles)
            rules += found
            problems += wrong
        problems += same_ids(rules)
        if problems:
            raise PolicyError(problems)
        return cls(tuple(rules), people, site, zone, _digest(folder, texts))

    def roles_of(self, person: str) -> frozenset[str]:
        """Those that people.toml gives a person."""
        return self.people.persons.get(person, _STRANGER).roles

    def decide(self, ask: Ask) -> Decision:
        """Deny by default. What a rule cannot evaluate denies, except the safe state."""
        roles = ask.roles or self.roles_of(ask.person)
        if ask.action not in ACTIONS:
            return Decision(False, (), f'there is no action "{ask.action}"')
        if ask.action == "safe" and "safety" in roles:
            return Decision(True, (SAFETY_RULE,), f"permitted by {SAFETY_RULE}: the role safety may always make safe")
        try:
            allowed, ids, errors = cedar.ask(
                self._policies,
                self._entities_of(ask.person, roles),
                ask.person,
                ask.action,
                ask.node,
                self.context(ask),
            )
        except (ValueError, OverflowError, OSError) as error:  # text that is none, a time that never is
            return Decision(False, (), f"the policy cannot be asked this: {error}")
        if errors and ask.action != "safe":
            return Decision(False, ids, f"a rule could not be evaluated: {errors[0]}")
        return Decision(allowed, ids, self._reason(ask, roles, allowed, ids))

    def now(self) -> datetime:
        """In the zone of the rules."""
        return datetime.now(self._zone).astimezone(self._zone)

    def local_time(self, utc_ms: int) -> datetime:
        """In the zone of the rules."""
        return datetime.fromtimestamp(utc_ms / 1000, self._zone).astimezone(self._zone)

    def context(self, ask: Ask) -> dict[str, Any]:
        """What the rules see of a question."""
        local = self.local_time(ask.utc_ms)
        person = self.people.persons.get(ask.person, _STRANGER)
        context: dict[str, Any] = {
            "node": ask.node,
            "point": ask.point,
            "class": ask.point_class,
            "site": self.site,
            "hour": local.hour,
            "minute": local.minute,
            "weekday": WEEKDAYS[local.weekday()],
            "via": ask.via,
            "on_duty": person.on_duty(local),
            "in_area": person.in_area(self.site, ask.node),
        }
        if ask.value is not None:
            context["value"] = int(ask.value)
        if ask.requester is not None:
            context["requester"] = {"__entity": {"type": "Person", "id": ask.requester}}
        return context

    def _entities_of(self, person: str, roles: frozenset[str]) -> cedar.Entities:
        known = self._entities.get((person, roles))
        if known is None:
            if len(self._entities) >= ENTITIES_KEPT:
                self._entities.clear()
            known = self._entities[person, roles] = cedar.member(person, roles)
        return known

    def _reason(self, ask: Ask, roles: frozenset[str], allowed: bool, ids: tuple[str, ...]) -> str:
        if not ids:
            if not roles:
                return f"{ask.person} has no role here: give {ask.person} one in {PEOPLE_FILE}"
            return f"no rule permits {ask.person} ({', '.join(sorted(roles))}) to {ask.sentence()}"
        told = ", ".join(self._told(name) for name in ids)
        return f"{'permitted' if allowed else 'forbidden'} by {told}"

    def _told(self, name: str) -> str:
        rule = self._rule[name]
        return f"{name} ({rule.place}{': ' if rule.reason else ''}{rule.reason})"


def _texts(folder: Path | None) -> dict[Path, str]:
    """The guards, and the rules of the folder or the embedded ones; by file."""
    texts = {Path(GUARDS_FILE): embedded(GUARDS_FILE)}
    if folder is not None:
        if not folder.is_dir():
            raise PolicyError([Problem(folder, None, "", "there is no such folder of policy files")])
        texts |= {file: read_text(file) for file in sorted(folder.glob("*.cedar"))}
    if len(texts) == 1:
        texts[Path(ROLES_FILE)] = embedded(ROLES_FILE)
    return texts


def _digest(folder: Path | None, texts: Mapping[Path, str]) -> bytes:
    named = {file.name: text for file, text in texts.items()}
    if folder is not None and (folder / PEOPLE_FILE).exists():
        named[PEOPLE_FILE] = read_text(folder / PEOPLE_FILE)
    digest = hashlib.sha256()
    for name, text in sorted(named.items()):
        for part in (name, text):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
