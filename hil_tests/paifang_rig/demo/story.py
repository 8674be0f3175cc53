"""What happens in the demo, in order; at the end everything is counted."""

from __future__ import annotations

import asyncio
import collections
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paifang.errors import PaifangError
from paifang_rig.demo import attacks
from paifang_rig.demo.audit import verify
from paifang_rig.demo.persons import TwoPersons
from paifang_rig.demo.plant import DEVICES, Relays
from paifang_rig.demo.screen import Screen
from paifang_rig.demo.signals import Signals
from paifang_rig.demo.ward import TAPPED_NODE, Ward, open_ward
from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from paifang_rig.balance import Balance

FAN = 16
_CUT_NODE = "aq-2"
_DARK_S = 2.0
_SETTLE_S = 5.0
_GLANCE_S = 0.05
_REFRESH_S = 0.5
_DEADLINE_S = 20.0
_FEW = 50
_PAUSE_S = 1.0
"""Between two steps, so that a reader can follow."""


async def tell(folder: Path, duration_s: float | None, *, live: bool) -> bool:
    """Run the demo until `duration_s` is over or Ctrl-C; True when every reading and every act is accounted for."""
    end = time.monotonic() + duration_s if duration_s else None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with Screen(live=live) as screen:
        screen.say("a gateway with embedded defaults, three persons' keys, eight nodes: real firmware on MicroPython")
        async with open_ward(folder) as ward:
            people = TwoPersons(ward, screen.say)
            story = asyncio.create_task(_Story(ward, screen, people).run())
            helpers = [asyncio.create_task(work(ward, screen)) for work in (_follow, _refresh)]
            helpers.append(asyncio.create_task(ward.junctions.run()))
            signals = asyncio.create_task(Signals(ward, screen.say).run())
            await _wait(stop, [story, signals], end)
            result = await _count(ward)
            audit = await verify(ward, folder, expected=people.thief_is_seen)
            for task in (story, signals, *helpers):
                task.cancel()
            await asyncio.gather(story, signals, *helpers, return_exceptions=True)
        screen.last("\n".join([*audit.lines(), _verdict(result)]))
    return _balanced(result) and audit.is_good


async def _wait(stop: asyncio.Event, chapters: list[asyncio.Task[None]], end: float | None) -> None:
    """Until Ctrl-C or the time is over; a chapter that fails ends it at once with its error."""
    stopping = asyncio.create_task(stop.wait())
    left = {stopping, *chapters}
    while stopping in left and (end is None or time.monotonic() < end - 1.0):
        timeout_s = None if end is None else max(0.0, end - time.monotonic() - 1.0)
        done, left = await asyncio.wait(left, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    stopping.cancel()


class _Story:
    def __init__(self, ward: Ward, screen: Screen, people: TwoPersons) -> None:
        self._ward = ward
        self._say = screen.say
        self._people = people

    async def run(self) -> None:
        for node in self._ward.every_node():
            node.board.power_on()
        await self._until(lambda rows: all(row["connected"] for row in rows))
        self._say(
            "all eight nodes are online, one of them on a serial line, and so are four devices that are not ours",
            "did",
        )
        single = (self._too_soon, self._too_much, self._forge, self._switch, self._replay)
        people, relays = self._people, Relays(self._ward, self._say)
        bridged = (relays.switch, relays.together)
        for step in (
            *single,
            *bridged,
            people.ask,
            people.alone,
            people.together,
            people.thief,
            people.safe,
            self._cut_power,
        ):
            await asyncio.sleep(_PAUSE_S)
            await step()
        self._say("that was the story of the six; the ward goes on", "did")

    async def _too_soon(self) -> None:
        self._say("$ paifang send sm-1 relay on          (a relay rests before it closes, after power-on too)")
        await self._send("sm-1", "relay", value=True)

    async def _switch(self) -> None:
        self._say("$ paifang send sm-1 relay on          (once more)")
        await self._send("sm-1", "relay", value=True)
        closed = self._ward.nodes["sm-1"].sensors["relay"].closed
        self._say(f"the contact on the bench is {'closed' if closed else 'open'}", "did")

    async def _too_much(self) -> None:
        self._say("$ paifang send sm-2 power_limit 99999")
        await self._send("sm-2", "power_limit", value=99_999)

    async def _forge(self) -> None:
        self._say(f"an attacker on the line of {TAPPED_NODE} makes up a command: fan on")
        await self._attack(attacks.forged_command(FAN, 1), "forged")

    async def _replay(self) -> None:
        heard: list[bytes] = []
        attacks.listen_for_command(self._ward.tap, heard.append)
        self._say(f"$ paifang send {TAPPED_NODE} fan on          (the attacker copies it from the line)")
        await self._send(TAPPED_NODE, "fan", value=True)
        self._say("the attacker sends the copy again, byte for byte")
        await self._attack(heard[0], "replayed")

    async def _attack(self, frame: bytes, what: str) -> None:
        """Inject `frame`, and wait for the node's own word on its console that it refused one."""
        node = self._ward.nodes[TAPPED_NODE]
        moves = len(node.sensors["relay"].moves)
        before = len(_refusals(node.board.console))
        attacks.inject(self._ward.tap, frame)
        await self._ward.bench.until(lambda: len(_refusals(node.board.console)) > before, _DEADLINE_S, "a refusal")
        why = _refusals(node.board.console)[-1]
        moved = len(node.sensors["relay"].moves) - moves
        self._say(
            f"{TAPPED_NODE} refuses the {what} command ({why}), in silence; its fan moved {moved} times", "refused"
        )

    async def _cut_power(self) -> None:
        board = self._ward.nodes[_CUT_NODE].board
        board.power_cut()
        self._say(f"power of {_CUT_NODE} is cut", "power")
        await asyncio.sleep(_DARK_S)
        board.power_on()
        self._say(f"power of {_CUT_NODE} is back")
        await self._until(lambda rows: any(row["node"] == _CUT_NODE and row["boot"] == 2 for row in rows))
        self._say(f"{_CUT_NODE} is back by itself, in its second boot", "did")

    async def _send(self, node: str, point: str, *, value: object) -> None:
        try:
            receipt = await self._ward.control.request("send", node=node, point=point, value=value)
        except PaifangError as error:
            self._say(f"refused by the gateway: {error.message}; {error.hint}", "refused")
            return
        if receipt["verdict"] == "executed":
            before, after = ("on" if receipt[key] else "off" for key in ("before", "after"))
            self._say(f"receipt of {node}: executed: {point} was {before}, reads back {after}", "did")
        else:
            self._say(f"receipt of {node}: {receipt['verdict']}: {receipt['reason']}", "refused")

    async def _until(self, condition: Callable[[list[dict[str, Any]]], bool]) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while not condition(rows := await self._ward.rows()):
            if time.monotonic() > deadline:
                away = ", ".join(row["node"] for row in rows if not row["connected"]) or "none"
                raise RigError(f"nodes are not where the story needs them within {_DEADLINE_S:.0f} s; offline: {away}")
            await asyncio.sleep(_GLANCE_S)


def _refusals(lines: Sequence[str]) -> list[str]:
    """The reasons of the frames that a node says it refused."""
    mark = "link: refused "
    return [line.partition(mark)[2] for line in lines if mark in line]


async def _follow(ward: Ward, screen: Screen) -> None:
    for name in DEVICES:  # some tell what has not changed once in a minute only
        for reading in await ward.control.request("read", node=name, limit=_FEW):
            screen.know(reading)
    async for item in ward.control.stream("watch"):
        screen.take(item)


async def _refresh(ward: Ward, screen: Screen) -> None:
    while True:
        for name in ward.junctions.nodes:
            screen.tell(name, ward.junctions.shown(name))
        screen.show(await ward.rows(), collections.Counter(e.board for e in ward.bench.emitted if e.valid and e.asked))
        await asyncio.sleep(_REFRESH_S)


async def _count(ward: Ward) -> Balance:
    """The balance of this moment. What was still under way is counted as buffered once it has arrived."""
    first = result = ward.balance()
    deadline = time.monotonic() + _SETTLE_S
    while result.unexplained and time.monotonic() < deadline:
        await asyncio.sleep(_GLANCE_S)
        result = ward.balance()
    if result.unexplained:
        return result
    return replace(
        first, buffered=first.unexplained, unexplained=0, duplicated=result.duplicated, foreign=result.foreign
    )


def _balanced(result: Balance) -> bool:
    return result.emitted > 0 and not (result.unexplained or result.duplicated or result.foreign)


def _verdict(result: Balance) -> str:
    sums = f"{result.stored} stored + {result.buffered} buffered"
    drops = f"{result.dropped} dropped{{queue-full}} + {result.lost_in_cut} dropped{{power-cut}}"
    line = f"balance: {result.emitted} readings emitted = {sums} + {drops}"
    if _balanced(result):
        return f"[green]{line}[/]"
    wrong = f"{result.unexplained} unexplained, {result.duplicated} stored twice, {result.foreign} never emitted"
    return f"[red]{line}; {wrong}[/]"
