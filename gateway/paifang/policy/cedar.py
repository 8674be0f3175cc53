"""The policy engine as the policy uses it: parsed once, typed, and its answers taken apart."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

import cedarpy
from cedarpy import Entities, PolicySet, Schema

from paifang.policy.names import COMMANDS

__all__ = ["Entities", "PolicySet", "Schema", "ask", "member", "mistakes", "parse"]

_cedar = cast("Any", cedarpy)
"""The package's own annotations leave the contents of its dicts open."""


def parse(text: str) -> PolicySet:
    """The rules of a text; ValueError with what is wrong."""
    return PolicySet.from_str(text)


def member(person: str, roles: Iterable[str]) -> Entities:
    """A person with these roles, and which actions are commands."""
    entities = [_entity("Person", person, "Role", roles)]
    entities += [_entity("Action", action, "Action", ["command"]) for action in COMMANDS]
    return cast("Entities", _cedar.Entities.from_json_str(json.dumps(entities)))


def ask(
    policies: PolicySet, entities: Entities, person: str, action: str, node: str, context: Mapping[str, Any]
) -> tuple[bool, tuple[str, ...], list[str]]:
    """Whether it is allowed, the `@id` of the rules that decided, and the rules that could not be evaluated."""
    request = {
        "principal": {"type": "Person", "id": person},
        "action": {"type": "Action", "id": action},
        "resource": {"type": "Node", "id": node},
        "context": context,
    }
    result = _cedar.is_authorized(request, policies, entities)
    found = result.diagnostics
    return result.allowed, tuple(sorted(found.id_annotations_by_reason.values())), list(found.errors)


def mistakes(text: str, schema: Schema) -> list[str]:
    """What does not fit the schema in a text that can be parsed."""
    return [error.error for error in _cedar.validate_policies(text, schema).errors]


def _entity(kind: str, name: str, parent_kind: str, parents: Iterable[str]) -> dict[str, Any]:
    above = [{"type": parent_kind, "id": parent} for parent in sorted(parents)]
    return {"uid": {"type": kind, "id": name}, "attrs": {}, "parents": above}
