"""The people of a ward with their keys, and a node that does what it is told, as far as its gateway can see."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import os
import time
from typing import TYPE_CHECKING, Any

from far_side import PATIENCE_S, POINTS, FarNode

from paifang.keys.delegations import Delegation
from paifang.keys.keyset import Entry, KeySet
from paifang.keys.requests import Target, make_approval, make_order, sign_order
from paifang.keys.roots import Root, Roots
from paifang.keys.signing import SigningKey
from paifang_wire import messages, orders, sign1

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SITE = "ward-1"
LAMP, BARRIER = 21, 22
WARD_POINTS = (
    *POINTS,
    (LAMP, "lamp", "", messages.BOOL, 0, None, None, 2, "1: voltage<=2530"),
    (BARRIER, "barrier", "", messages.BOOL, 0, None, None, 3, None),
)
PEOPLE = {"alice": "alice", "bob": "bob", "bob-2": "bob", "carol": "carol"}
"""Key → person."""
PEOPLE_TOML = """\
[people.alice]
roles = ["operator"]
[people.bob]
roles = ["operator", "approver", "safety"]
[people.carol]
roles = ["approver"]
"""
ALL_OPS = 0b11111
FOR_EVER_MS = 300_000


class Persons:
    """Three root keys and a key each of PEOPLE; `ask` is the gateway's control socket."""

    def __init__(self, ask: Any = None) -> None:
        self.ask = ask
        self.keys = {name: SigningKey.new() for name in PEOPLE}
        self.service = SigningKey.new()
        self.root_keys = [SigningKey.new() for _ in range(3)]
        self.roots = Roots(SITE, tuple(Root(f"root-{n}", key.public) for n, key in enumerate(self.root_keys, 1)))
        self._ids = itertools.count(1)

    def write(self, data: Path) -> None:
        """What a gateway in the folder `data` has beside its settings."""
        (data / "policy").mkdir(parents=True, exist_ok=True)
        (data / "policy" / "people.toml").write_text(PEOPLE_TOML)
        (data / "roots.json").write_text(self.roots.text())

    def keyset(
        self, version: int = 1, revoked: tuple[str, ...] = (), by: tuple[int, ...] = (0, 1), **less: Any
    ) -> bytes:
        entries = [
            Entry(
                self.keys[name].public,
                person,
                less.get("key_class", {}).get(name, 3),
                orders.REVOKED if name in revoked else orders.ACTIVE,
                less.get("ops", ALL_OPS),
                less.get("scope", (("*", "*"),)),
            )
            for name, person in PEOPLE.items()
        ]
        found = KeySet.build(version, entries).rooted
        for number in by:
            found = found.signed(self.root_keys[number].sign1(SITE, sign1.KEYSET, found.payload, detached=True))
        return found.encode()

    async def load(self, version: int = 1, **changes: Any) -> Any:
        return await self.ask("keyset.load", keyset=self.keyset(version, **changes).hex())

    async def target(self, node: str, point: str) -> Target:
        answer = await self.ask("commands.target", node=node, point=point)
        return Target.of_answer(SITE, answer)

    async def order(self, who: str, node: str, point: str, op: int, value: int | None = None, **more: Any) -> bytes:
        target = await self.target(node, point)
        more = {"identifier": next(self._ids).to_bytes(8, "big"), "expires_ms": good_for(), **more}
        key = self.service if who == "service" else self.keys[who]
        return sign_order(key, SITE, make_order(target, op, value, **more))

    async def submit(self, who: str, node: str, point: str, op: int, value: int | None = None, **more: Any) -> Any:
        within_ms = more.pop("within_ms", 20_000)
        given = {"delegation": more.pop("delegation")} if "delegation" in more else {}
        order = await self.order(who, node, point, op, value, **more)
        return await self.ask("commands.submit", order=order.hex(), within_ms=within_ms, **given)

    async def select(self, who: str, node: str = "gate-1", value: int = 1) -> bytes:
        """The node's token for its barrier."""
        answer = await self.submit(who, node, "barrier", messages.OP_SELECT, value)
        assert answer["verdict"] == "executed", answer
        return bytes.fromhex(answer["token"])

    async def pend(self, who: str, node: str = "gate-1", value: int = 1, **more: Any) -> Any:
        """A pending order for the barrier."""
        token = await self.select(who, node, value)
        return await self.submit(who, node, "barrier", messages.OP_OPERATE, value, token=token, **more)

    async def approve(self, who: str, identifier: str, **more: Any) -> Any:
        within_ms = more.pop("within_ms", 20_000)
        shown = await self.ask("commands.show", id=identifier)
        approval = make_approval(self.keys[who], SITE, bytes.fromhex(shown["order"]), **more)
        return await self.ask("commands.approve", id=identifier, approval=approval.hex(), within_ms=within_ms)

    def delegation(self, who: str = "bob", **changes: Any) -> bytes:
        about = {
            "service_key": self.service.public,
            "service": "scada",
            "ops": ALL_OPS,
            "scope": (("gate-*", "relay"),),
            "greatest_class": 1,
            "rate": 60,
            "expires_ms": good_for(),
            "keyset": 1,
        }
        return Delegation(**{**about, **changes}).sign(self.keys[who], SITE)


def good_for(ms: int = FOR_EVER_MS) -> int:
    return round(time.time() * 1000) + ms


class Obedient:
    """Answers for `far`: receipts with before and after, tokens for class 3, kept receipts for recalls.

    `moves` are the (point, value) it acted on. `mute` takes kinds of messages that it does not answer.
    """

    def __init__(self, far: FarNode) -> None:
        self.far = far
        self.moves: list[tuple[int, int | None]] = []
        self.commands: list[list[Any]] = []
        self.kept: dict[bytes, list[Any]] = {}
        self.mute: set[int] = set()
        self.unheard: list[list[Any]] = []
        self.refuse: dict[int, int] = {}
        """By operation, the reason for which it refuses."""
        self.keyset = 0
        self.acted: Callable[[bytes, list[Any]], object] = lambda _identifier, _receipt: None
        """Told of each command as it is carried out or refused, with its receipt."""
        self._values: dict[int, int | None] = {}
        self._told = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._answer())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def connect(self) -> None:
        """A new session, in which nothing that the gateway says is missed."""
        await self.stop()
        far = self.far
        await far.open()
        far.send_raw(far.hello())
        far.welcome = await far.hear(messages.WELCOME)
        self._told.clear()
        self.start()
        if far.welcome[6]:
            far.say([messages.DESCRIBE, far.description_hash, far.points])
        far.say([messages.CLOCK, far.uptime_ms])
        async with asyncio.timeout(PATIENCE_S):
            await self._told.wait()

    async def _answer(self) -> None:
        while True:
            message = await self.far.heard.get()
            kind = message[0]
            if kind == messages.TIME:
                self._told.set()
            if kind in self.mute:
                self.unheard.append(message)
                continue
            if kind == messages.COMMAND:
                self._command(message)
            elif kind == messages.RECALL:
                self._say(self.kept.get(message[1]) or self._not_kept(message[1]))
            elif kind in (messages.ROOTED, messages.STAGE):
                self._given(message)

    def _command(self, command: list[Any]) -> None:
        self.commands.append(command)
        _, identifier, point, op, value = command[:5]
        if identifier not in self.kept:
            self.kept[identifier] = self._receipt(command, point, op, value)
            self.acted(identifier, self.kept[identifier])
        if messages.RECEIPT not in self.mute:
            self._say(self.kept[identifier])

    def _receipt(self, command: list[Any], point: int, op: int, value: int | None) -> list[Any]:
        before, token = self._values.get(point, 0), None
        verdict, reason = messages.EXECUTED, self.refuse.get(op, 0)
        if reason:
            verdict = messages.REFUSED
        elif op in (messages.OP_DIRECT, messages.OP_OPERATE, messages.OP_SAFE):
            self._values[point] = 0 if op == messages.OP_SAFE else value
            self.moves.append((point, value))
        elif op == messages.OP_SELECT and point == BARRIER:
            token = os.urandom(16)
        command_hash = hashlib.sha256(messages.encode(command)).digest()
        after = self._values.get(point, 0)
        return [
            8,
            command[1],
            command_hash,
            verdict,
            reason,
            before,
            after,
            token,
            self.far.boot,
            9,
            bytes(32),
            bytes(32),
        ]

    def _not_kept(self, identifier: bytes) -> list[Any]:
        unknown = [messages.UNKNOWN, messages.NOT_KEPT, None, None, None]
        return [8, identifier, bytes(32), *unknown, self.far.boot, 9, bytes(32), bytes(32)]

    def _given(self, message: list[Any]) -> None:
        if message[1] == messages.ROOTED_KEYSET:
            self.keyset = orders.decode_keyset(message[2])[0]
            self._say([messages.HELD, messages.ROOTED_KEYSET, self.keyset, 0])

    def _say(self, message: list[Any]) -> None:
        with contextlib.suppress(ConnectionError):
            self.far.say(message)


async def restarted(ward: Any, start: Any) -> Any:
    """The same ward after its gateway was stopped and started; the node comes back in the same boot."""
    settings = ward.house.gateway.settings
    await ward.node.stop()
    await ward.far.hang_up()
    await ward.house.gateway.stop()
    house = await start(settings)
    ward.house, ward.ask, ward.people.ask = house, house.ask, house.ask
    ward.far.address = house.gateway.tcp_address
    await ward.node.connect()
    return ward


async def ended(ask: Any, identifier: str) -> dict[str, Any]:
    """The command once it has its verdict."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            shown = await ask("commands.show", id=identifier)
            if shown["state"] == "ended":
                return shown
            await asyncio.sleep(0.005)
