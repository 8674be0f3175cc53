"""The demo's chapter of two persons: what one of them cannot do alone, and what a stolen gateway cannot do at all."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from paifang.errors import PaifangError
from paifang_rig.authority import good_for
from paifang_rig.demo.ward import STOLEN_LINE_NODE, Ward
from paifang_rig.desk import Desk
from paifang_wire import messages, names

if TYPE_CHECKING:
    from collections.abc import Callable

RELAY = "relay"
_RELAY_POINT = 16
_NODE = STOLEN_LINE_NODE


class TwoPersons:
    """`say(text, kind)` tells what happens. The relay is of class 3 by the node's own table."""

    def __init__(self, ward: Ward, say: Callable[..., None]) -> None:
        self._ward = ward
        self._say = say
        self._pending = ""
        self.thief_is_seen = False
        """Whether the node has given the gateway a receipt after those that the thief got."""

    async def ask(self) -> None:
        """One person asks; the node gives out a token, and nothing moves."""
        self._say(f"$ paifang send {_NODE} {RELAY} on --key alice          (class 3: it takes two persons)")
        answer = await self._ward.operators.set("alice", _NODE, RELAY, 1)
        self._pending = str(answer["id"])
        self._say(f"{answer['verdict']}: {_NODE} has given out a token, and wants it signed by a second person, too")

    async def alone(self) -> None:
        """The same person has a second key; it is no second person."""
        self._say(f"$ paifang approve {self._pending} --key alice-2          (with her other key)")
        try:
            await self._ward.operators.approve("alice-2", self._pending)
        except PaifangError as error:
            self._say(f"refused by the gateway: {error.message}", "refused")

    async def together(self) -> None:
        """Another person approves, and the node believes both signatures."""
        self._say(f"$ paifang approve {self._pending} --key bob")
        receipt = await self._ward.operators.approve("bob", self._pending)
        place = "closed" if self._relay.closed else "open"
        if receipt["verdict"] == "executed":
            self._say(f"{_NODE} has checked both signatures: executed; the contact on the bench is {place}", "did")
        else:
            self._say(f"receipt of {_NODE}: {receipt['verdict']}: {receipt['reason']}", "refused")

    async def thief(self) -> None:
        """Whoever has the gateway has every node's key, and nobody's signature."""
        self._say(
            f"a thief has the gateway and every key in it, and sends {_NODE} relay off over two forged signatures"
        )
        moves = len(self._relay.moves)
        async with Desk(self._ward.nodes[_NODE].identity, acknowledges=False) as desk:
            self._ward.lead_to(desk.port)
            await desk.session(_NODE)
            receipt = await self._forge(desk)
            self._ward.lead_to(self._ward.gateway.port)
        moved = len(self._relay.moves) - moves
        verdict, reason = names.VERDICTS[receipt[3]], names.REFUSALS[receipt[4]]
        self._say(f"{_NODE} has checked them itself: {verdict}: {reason}; its relay moved {moved} times", "refused")

    async def safe(self) -> None:
        """The safe state asks for nobody's signature; and its receipt is chained to the thief's."""
        await self._ward.online(_NODE)
        self._say(f"$ paifang safe {_NODE} {RELAY}          (to its fail-safe position: no second person, no key)")
        (receipt,) = await self._ward.control.request("safe", node=_NODE, point=RELAY)
        self.thief_is_seen = True
        place = "closed" if self._relay.closed else "open"
        self._say(f"receipt of {_NODE}: {receipt['verdict']}; the contact on the bench is {place}", "did")

    async def _forge(self, desk: Desk) -> list[Any]:
        """Relay off, over what looks like the signatures of two persons: the receipt."""
        selected = await desk.command(_NODE, _RELAY_POINT, messages.OP_SELECT, 0)
        identifier, described = secrets.token_bytes(8), desk.lines[_NODE].description
        where = [identifier, _NODE, _RELAY_POINT, described]
        order = self._ward.authority.order(
            "carol", [*where, messages.OP_OPERATE, 0, None, good_for(), 1, "", selected[7]]
        )
        approval = self._ward.authority.approval("alice-2", order)
        return await desk.command(
            _NODE,
            _RELAY_POINT,
            messages.OP_OPERATE,
            0,
            identifier=identifier,
            order=_forged(order),
            approval=_forged(approval),
        )

    @property
    def _relay(self) -> Any:
        return self._ward.nodes[_NODE].sensors["relay"]


def _forged(signed: bytes) -> bytes:
    """The same with a signature that somebody without the key can make."""
    return signed[:-32] + bytes(16) + secrets.token_bytes(16)
