"""What each kind of fault does to the ward, and how it ends. `Mishaps.befall` is called when its time has come."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import apsw

from paifang.errors import PaifangError
from paifang.store import cursors
from paifang_rig.week.gateway import BUDGET_BYTES
from paifang_rig.week.ward import SINKS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from paifang_rig.week.gateway import GatewayLife
    from paifang_rig.week.node import Node
    from paifang_rig.week.schedule import Fault
    from paifang_rig.week.ward import Ward

MOODS = {
    "sink-down": "is_down",
    "sink-loses": "loses",
    "sink-slow": "is_slow",
    "sink-silent": "is_silent",
    "sink-refuses": "refuses",
}
"""By fault, the attribute of a FarSide that it sets."""
CLOCK_STEPS_MS = (-3_600_000, -90_000, -2_000, 2_000, 90_000, 3_600_000)
WRITES_MOST = 12
"""What dies in a write does so within so many."""
BUDGET_PARTS = 0.9
"""A budget that is too small is so much of what is used."""
RETRY_S = 10.0
AGAIN_S = 30.0


class Mishaps:
    """`fired` counts the faults that took effect, by kind; `missed` those that met nothing that they could harm.

    `sectors_lost`: what the gateway's disk has not kept of what was not synced when its power failed.
    """

    def __init__(self, ward: Ward) -> None:
        self.fired: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.sectors_lost = 0
        self._ward = ward
        self._clock = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False
        self._at_node: dict[str, Callable[[Node, Fault], bool]] = {
            "power-cut": self._power_cut,
            "power-cut-in-a-write": self._power_cut_in_a_write,
            "restart": self._restart,
            "flash-refuses": self._flash_refuses,
            "flash-damage": lambda node, fault: node.damage(fault.share),
            "link-down": self._link_down,
            "link-reset": self._link_reset,
            "link-noisy": self._link_noisy,
        }
        self._at_gateway: dict[str, Callable[[GatewayLife, Fault], bool]] = {
            "killed": self._killed,
            "killed-in-a-write": self._killed_in_a_write,
            "machine-power-cut": partial(self._killed_in_a_write, is_power=True),
            "stopped": partial(self._killed, is_clean=True),
            "ward-down": self._ward_down,
            "disk-full": partial(self._disk, raised=apsw.FullError),
            "disk-fails": partial(self._disk, raised=apsw.IOError),
            "clock-step": self._clock_step,
            "clock-lost": self._clock_lost,
            "budget-too-small": self._budget_too_small,
            "sink-paused": self._sink_paused,
        }

    def befall(self, fault: Fault) -> None:
        """Once its time has come; if there is nothing that it could harm, it comes again a little later."""
        if self._is_over:
            self.missed[fault.kind] += 1
        elif self._has_befallen(fault):
            self.fired[fault.kind] += 1
        else:
            self._clock.call_later(AGAIN_S, self.befall, fault)

    def _has_befallen(self, fault: Fault) -> bool:
        if fault.kind in self._at_node:
            return self._at_nodes(self._at_node[fault.kind], fault)
        if fault.kind in self._at_gateway:
            gateway = self._ward.gateway
            return gateway is not None and self._at_gateway[fault.kind](gateway, fault)
        return self._mood(fault)

    async def end(self) -> None:
        """Nothing is wrong any more, and nothing will be."""
        self._is_over = True
        ward = self._ward
        ward.disk_fault, ward.is_clock_lost, ward.budget_bytes = None, False, BUDGET_BYTES
        for far in ward.fars.values():
            for name in MOODS.values():
                setattr(far, name, False)
        for node in ward.nodes:
            node.line.down, node.line.is_noisy = 0, False
            if node.flash is not None:
                node.flash.refuses, node.flash.cut_after = False, None
            node.power_on()
        gateway = await ward.running()
        gateway.disk.fault, gateway.disk.dies_after, gateway.budget_bytes = None, None, BUDGET_BYTES
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for place in range(len(SINKS)):
            await self._pause(place, paused=False)

    # Nodes

    def _at_nodes(self, act: Callable[[Node, Fault], bool], fault: Fault) -> bool:
        """At the node that the schedule names, or the next one that it can befall: not each has a journal."""
        nodes = self._ward.nodes
        return any(act(node, fault) for node in nodes[fault.whose :] + nodes[: fault.whose])

    def _power_cut(self, node: Node, fault: Fault) -> bool:
        if node.life is None:
            return False
        node.power_off()
        self._clock.call_later(fault.lasts_s, node.power_on)
        return True

    def _power_cut_in_a_write(self, node: Node, fault: Fault) -> bool:
        return node.cut_in_a_write(1 + int(fault.share * WRITES_MOST), fault.lasts_s)

    def _restart(self, node: Node, fault: Fault) -> bool:  # noqa: ARG002 - all faults of nodes are called alike
        return node.restart()

    def _flash_refuses(self, node: Node, fault: Fault) -> bool:
        flash = node.flash
        if flash is None:
            return False

        def refuse(*, is_on: bool) -> None:
            flash.refuses = is_on
            node.note_trouble()

        return self._for_a_while(fault, refuse)

    def _link_down(self, node: Node, fault: Fault) -> bool:
        return self._for_a_while(fault, lambda *, is_on: _set_down((node,), is_on=is_on))

    def _link_reset(self, node: Node, fault: Fault) -> bool:  # noqa: ARG002 - as above
        return node.line.reset()

    def _link_noisy(self, node: Node, fault: Fault) -> bool:
        return not node.line.is_connected and self._for_a_while(
            fault, lambda *, is_on: setattr(node.line, "is_noisy", is_on)
        )

    # The gateway

    def _killed(self, gateway: GatewayLife, fault: Fault, *, is_clean: bool = False, is_power: bool = False) -> bool:
        self._ward.take_gateway()
        self._run(self._dead(gateway, fault, is_clean=is_clean, is_power=is_power))
        return True

    def _killed_in_a_write(self, gateway: GatewayLife, fault: Fault, *, is_power: bool = False) -> bool:
        disk = gateway.disk
        if disk.dies_after is not None:
            return False

        def died() -> None:
            if gateway is self._ward.gateway:
                self._killed(gateway, fault, is_power=is_power)

        disk.dies_after = 1 + int(fault.share * WRITES_MOST)
        disk.on_death = lambda: self._clock.call_soon(died)
        return True

    async def _dead(self, gateway: GatewayLife, fault: Fault, *, is_clean: bool, is_power: bool) -> None:
        await (gateway.stop() if is_clean else gateway.kill())
        if is_power:
            self.sectors_lost += gateway.disk.lose(self._ward.chance(f"power {fault.at_s}"))
        await asyncio.sleep(fault.lasts_s)
        await self._ward.start_gateway()

    def _ward_down(self, gateway: GatewayLife, fault: Fault) -> bool:  # noqa: ARG002 - it is the gateway's network
        return self._for_a_while(fault, lambda *, is_on: _set_down(self._ward.nodes, is_on=is_on))

    def _disk(self, gateway: GatewayLife, fault: Fault, *, raised: type[apsw.Error]) -> bool:  # noqa: ARG002
        def fail(*, is_on: bool) -> None:
            self._ward.disk_fault = raised if is_on else None
            if self._ward.gateway is not None:
                self._ward.gateway.disk.fault = self._ward.disk_fault

        return self._for_a_while(fault, fail)

    def _clock_step(self, gateway: GatewayLife, fault: Fault) -> bool:  # noqa: ARG002
        self._ward.offset_ms += CLOCK_STEPS_MS[int(fault.share * len(CLOCK_STEPS_MS))]
        return True

    def _clock_lost(self, gateway: GatewayLife, fault: Fault) -> bool:  # noqa: ARG002
        return self._for_a_while(fault, lambda *, is_on: setattr(self._ward, "is_clock_lost", is_on))

    def _budget_too_small(self, gateway: GatewayLife, fault: Fault) -> bool:
        async def limit() -> None:
            used = await gateway.used_bytes()
            self._for_a_while(fault, partial(self._set_budget, int(BUDGET_PARTS * used)))

        self._run(limit())
        return True

    def _set_budget(self, budget: int, *, is_on: bool) -> None:
        self._ward.budget_bytes = budget if is_on else BUDGET_BYTES
        if self._ward.gateway is not None:
            self._ward.gateway.budget_bytes = self._ward.budget_bytes

    # Sinks

    def _mood(self, fault: Fault) -> bool:
        far = list(self._ward.fars.values())[fault.whose]
        return self._for_a_while(fault, lambda *, is_on: setattr(far, MOODS[fault.kind], is_on))

    def _sink_paused(self, gateway: GatewayLife, fault: Fault) -> bool:  # noqa: ARG002
        self._run(self._pause(fault.whose, paused=True))
        self._clock.call_later(fault.lasts_s, self._resume, fault.whose)
        return True

    def _resume(self, place: int) -> None:
        if not self._is_over:
            self._run(self._pause(place, paused=False))

    async def _pause(self, place: int, *, paused: bool) -> None:
        """As a person does it, who tries again while the gateway does not answer."""
        name = list(SINKS)[place]
        while True:
            runner = (await self._ward.running()).runners[name]
            try:
                await runner.adopt(partial(cursors.pause, sink=name, paused=paused))
            except PaifangError:
                await asyncio.sleep(RETRY_S)
            else:
                return

    # What all have in common

    def _for_a_while(self, fault: Fault, change: Callable[..., None]) -> bool:
        """Have it on for as long as the fault lasts."""
        change(is_on=True)

        def over() -> None:
            if not self._is_over:
                change(is_on=False)

        self._clock.call_later(fault.lasts_s, over)
        return True

    def _run(self, task: Coroutine[None, None, None]) -> None:
        running = asyncio.get_running_loop().create_task(task)
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)


def _set_down(nodes: Iterable[Node], *, is_on: bool) -> None:
    for node in nodes:
        node.line.down += 1 if is_on else -1
