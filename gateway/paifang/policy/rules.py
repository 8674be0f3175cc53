"""Cedar rules in files: found one by one, so that a mistake has its line and a decision its rule."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from paifang.config.explain import Problem, nearest
from paifang.policy import cedar
from paifang.policy.names import ACTIONS

GUARDS_FILE, ROLES_FILE, SCHEMA_FILE = "guards.cedar", "roles.cedar", "policy.cedarschema"

_TOKEN = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|[;]|[^/";]+|/|"', re.DOTALL)
_BLANK = re.compile(r"(?:\s|//[^\n]*)*")
_QUOTED = re.compile(r'`(?:\w+::)?"?([^`"]+)"?`')
_PERSON = re.compile(r'Person::"([^"]+)"')
_FOR_POLICY = re.compile(r"^for policy `policy0`[,:] ")
_FOR_ACTION = re.compile(r' (?:in context )?for Action::"\w+"')
_SHORTER = (
    (re.compile(r'entity `Role::"(.*)"` is of an enumerated entity type, .*'), r"no role `\1`"),
    (re.compile(r'unrecognized action `Action::"(.*)"`'), r"no action `\1`"),
    (re.compile(r"unrecognized entity type"), "no type"),
)
_CONSEQUENCE = "unable to find an applicable action given the policy scope constraints"
_KEYWORDS = ("permit", "forbid", "when", "unless", "like", "has", "in", "is", "context", "principal", "resource")
_TYPES = ("Person", "Role", "Node", "Action")
_ATTRIBUTES = (
    "node", "point", "class", "value", "site", "hour", "minute", "weekday", "via", "requester", "on_duty", "in_area"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: where it stands, its `@id`, and what its `@reason` says."""

    file: Path
    line: int
    id: str
    forbids: bool
    reason: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.file.name}:{self.line}"


def embedded(name: str) -> str:
    """The text of a file that comes with paifang."""
    return files("paifang.policy").joinpath("embedded", name).read_text("utf-8")


@cache
def schema(roles: tuple[str, ...]) -> cedar.Schema:
    """What rules may speak of, with these roles."""
    listed = ", ".join(f'"{role}"' for role in roles)
    return cedar.Schema.from_str(embedded(SCHEMA_FILE).replace("[ROLES]", f"[{listed}]"))


def read_rules(text: str, file: Path, roles: tuple[str, ...]) -> tuple[list[Rule], list[Problem]]:
    """The rules of a file's text, and its mistakes in their order."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for line, piece in split(text):
        try:
            parsed = cedar.parse(piece)
        except ValueError as error:
            problems.append(_problem(file, line, piece, f"not Cedar: {error}", roles))
            continue
        rule = _rule(parsed, file, line, piece)
        if isinstance(rule, Problem):
            problems.append(rule)
            continue
        rules.append(rule)
        problems += [_problem(file, line, piece, what, roles) for what in _refusals(piece, roles)]
    return rules, problems


def same_ids(rules: Sequence[Rule]) -> Iterator[Problem]:
    """A decision names the rule that made it: each id once."""
    first: dict[str, Rule] = {}
    for rule in rules:
        other = first.setdefault(rule.id, rule)
        if other is not rule:
            yield Problem(rule.file, rule.line, "", f'@id("{rule.id}") is there already, at {other.place}')


def persons_named(rule: Rule) -> list[str]:
    """Whom a rule names."""
    return _PERSON.findall(rule.text)


def split(text: str) -> Iterator[tuple[int, str]]:
    """Each rule with the line where it begins, without the comments above it; what follows the last ";" too."""
    start = 0
    for match in _TOKEN.finditer(text):
        if match[0] == ";" or (match.end() == len(text) and match[0] != ";"):
            begin = cast("re.Match[str]", _BLANK.match(text, start)).end()
            if begin < match.end():
                yield text.count("\n", 0, begin) + 1, text[begin : match.end()]
            start = match.end()


def _rule(parsed: cedar.PolicySet, file: Path, line: int, text: str) -> Rule | Problem:
    nodes = cast("Any", parsed.to_pst())
    if len(nodes.static_policies) != 1:
        return Problem(file, line, "", "?principal and ?resource are for templates: write the names")
    [found] = nodes.static_policies.values()
    name = found.annotations.get("id", "")
    if not name:
        return Problem(file, line, "", 'a rule without a name: write @id("what-it-is-for") above it')
    return Rule(file, line, name, found.effect == "forbid", found.annotations.get("reason", "") or "", text)


def _refusals(piece: str, roles: tuple[str, ...]) -> list[str]:
    """What Cedar finds wrong in a rule that it can read, each thing once."""
    found: dict[str, None] = {}
    for error in cedar.mistakes(piece, schema(roles)):
        text = _FOR_ACTION.sub(" in context", _FOR_POLICY.sub("", error))
        for longer, shorter in _SHORTER:
            text = longer.sub(shorter, text)
        found[text] = None
    return [text for text in found if text != _CONSEQUENCE or len(found) == 1]


def _problem(file: Path, line: int, piece: str, what: str, roles: tuple[str, ...]) -> Problem:
    """With the line of the word that is complained of, and the nearest right one."""
    match = _QUOTED.search(what)
    if match is None:
        return Problem(file, line, "", what)
    word = match[1]
    at = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", piece)
    if at is not None:
        line += piece.count("\n", 0, at.start())
    near = nearest(word, _known(what, roles))
    near = "" if near == word else near
    return Problem(file, line, "", what, found=word, nearest=near)


def _known(what: str, roles: tuple[str, ...]) -> tuple[str, ...]:
    """The right words for what is complained of."""
    for mark, words in (
        ("no role", roles),
        ("no action", (*ACTIONS, "command")),
        ("no type", _TYPES),
        ("attribute", _ATTRIBUTES),
    ):
        if mark in what:
            return words
    return _KEYWORDS
