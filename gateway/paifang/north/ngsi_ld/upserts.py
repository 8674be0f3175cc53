"""Batch upserts: which entities go into one request, and what its answer says of each. Sans-IO.

ETSI GS CIM 009, clauses 5.6.8 and 6.15: 201 and 204 confirm all, 207 says which entities were not taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from paifang.north.http import Meaning, meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang.north.http import Answer
    from paifang.north.ngsi_ld.entities import Entity

PATH = "/ngsi-ld/v1/entityOperations/upsert?options=update"
"""Without options=update a broker replaces the whole entity, and loses the attributes of the other reports."""
CONTENT_TYPE = "application/ld+json"
MULTI_STATUS = 207


@dataclass(frozen=True, slots=True)
class Item:
    """An entity, and the place of its record in the batch."""

    place: int
    entity: Entity


@dataclass(frozen=True, slots=True)
class Outcome:
    """{id: why} of entities that are never taken, and why others have to come again, or ""."""

    refused: dict[str, str]
    later: str = ""


def rounds(items: Sequence[Item]) -> list[list[Item]]:
    """Requests to be made one after the other, in which no entity is twice: what an array with two of one id means
    is left to the broker.
    """
    found: list[list[Item]] = []
    seen: dict[str, int] = {}
    for item in items:
        at = seen.get(item.entity.id, 0)
        seen[item.entity.id] = at + 1
        if at == len(found):
            found.append([])
        found[at].append(item)
    return found


def body(items: Sequence[Item]) -> bytes:
    return f"[{','.join(item.entity.text for item in items)}]".encode()


def outcome(answer: Answer, items: Sequence[Item]) -> Outcome:
    """Of an answer that means DONE."""
    if answer.status != MULTI_STATUS:
        return Outcome({})
    try:
        found: Any = json.loads(answer.body)
        errors = {_text(each["entityId"]): each.get("error") for each in found.get("errors") or ()}
        done = {_text(each) for each in found.get("success") or ()}
    except (ValueError, TypeError, KeyError, AttributeError):
        return Outcome({}, f"an answer 207 that nobody understands: {answer.told}")
    refused: dict[str, str] = {}
    for item in items:
        name = item.entity.id
        if name in errors and meaning(_status(errors[name])) is Meaning.REFUSED:
            refused[name] = json.dumps(errors[name], ensure_ascii=False)
        elif name in errors or name not in done:
            return Outcome(refused, f"{name} was not taken: {json.dumps(errors.get(name), ensure_ascii=False)}")
    return Outcome(refused)


def _status(error: object) -> int:
    """Of a problem report, RFC 7807; a broker that gives none has judged the entity."""
    status = cast("dict[str, object]", error).get("status") if isinstance(error, dict) else None
    return int(status) if isinstance(status, int | str) and str(status).isdigit() else 400


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
