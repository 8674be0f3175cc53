"""What a stolen gateway makes of signatures while they are fresh: it shows other things, or alters what was signed.

Each lie changes what is about to be signed, or the bytes that were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cbor2
from cast import APPROVAL, COMMAND, IMPOSTORS, pack, twin
from oracle import SELECT
from points import DOSING, VALVE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from world import World

What = dict[str, Any]

ABOUT_AN_ORDER: tuple[Callable[[What, World], What], ...] = (
    lambda what, _: {"node": "aq-2"},
    lambda what, _: {"description": bytes(8), "shown": "lamp"},
    lambda what, _: {"point": DOSING if what["point"] == VALVE else VALVE},
    lambda what, _: {"value": 1 - what["value"]},
    lambda what, _: {"op": SELECT},
    lambda what, _: {"expect": 1 if what["expect"] is None else None},
    lambda what, world: {"identifier": world.identifier()},
    lambda what, _: {"token": bytes(16)},
    lambda what, _: {"token": None},
    lambda what, _: {"purpose": APPROVAL},
    lambda what, _: {"until_ms": 1},
    lambda what, _: {"site": "ward-2"},
)
ABOUT_AN_APPROVAL: tuple[Callable[[What, World], What], ...] = (
    lambda what, world: {"order": world.chance.choice(world.orders)[7]} if world.orders else {},
    lambda what, _: {"token": bytes(16)},
    lambda what, _: {"purpose": COMMAND},
    lambda what, _: {"until_ms": 1},
)


def tell(lies: tuple[Callable[[What, World], What], ...], what: What, world: World) -> What:
    """`what` is about to be signed, with something in it that is not as it should be."""
    return {**what, **world.chance.choice(lies)(what, world)}


def alter(data: bytes, chance: random.Random) -> bytes:
    """A COSE_Sign1 that is not what was signed: its twin, another signature, another algorithm's header."""
    head, unprotected, payload, signature = cbor2.loads(data)
    way = chance.randrange(3)
    if way == 0:
        return twin(data)
    if way == 1:
        return pack(head[-8:], payload, IMPOSTORS[0].sign(payload))
    return cbor2.dumps([cbor2.dumps({1: -8, 4: head[-8:]}), unprotected, payload, signature])
