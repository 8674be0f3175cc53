"""All bridges together: started, reloaded with as little disturbance as can be, swept for what is stale, stopped."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from paifang.bridges.bus import Bus
from paifang.bridges.carriers import carrier_of
from paifang.bridges.lines import party_of
from paifang.bridges.party import Denied, Ordered, Readings, Standing
from paifang.bridges.plan import place_of, plan
from paifang.bridges.ward.bridged import Bridged
from paifang.errors import EXIT_USAGE, PaifangError, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from paifang.bridges.meter import Wish
    from paifang.bridges.party import Heard, Member, Party
    from paifang.bridges.plan import PlannedBus
    from paifang.bridges.ward.bridged import Clock
    from paifang.config.bridges import BridgeSettings
    from paifang.profiles.catalogue import Catalogue
    from paifang.store import Store
    from paifang.store.sql import Connection

SWEEP_S = 0.25
"""How exactly it is told when a value has become stale."""
_LOCK_FACT = "bridge-locked:"


@dataclass(slots=True)
class _Running:
    """A bus and who may be on it."""

    planned: PlannedBus
    bus: Bus
    members: Mapping[str, Member]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Buses with their parties and who may be in those; `locks`: who is locked, or unlocked, by an operator."""

    buses: Sequence[tuple[PlannedBus, Party, Mapping[str, Member]]]
    locks: Mapping[str, bool]


class BridgeService:
    """`devices` are those there are, by name.

    `on_receipt(name, receipt, payload)` gets their receipts, `on_session(name, connected)` what comes and goes,
    `on_up(name)` each that has come up.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.devices: dict[str, Bridged] = {}
        self.on_receipt: Callable[[str, list[Any], bytes], object] = lambda _name, _receipt, _payload: None
        self.on_session: Callable[[str, bool], object] = lambda _name, _connected: None
        self.on_up: Callable[[str], object] = lambda _name: None
        self._store = store
        self._clock = clock
        self._running: dict[str, _Running] = {}
        self._bus_of: dict[str, _Running] = {}
        self._points: dict[str, str] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, settings: Sequence[BridgeSettings], catalogue: Catalogue) -> None:
        """Raises PaifangError as `prepare`."""
        await self.apply(await self.prepare(settings, catalogue))
        self._sweep()

    async def prepare(self, settings: Sequence[BridgeSettings], catalogue: Catalogue) -> Prepared:
        """What `apply` makes of these settings. Raises PaifangError for what does not fit; nothing is changed yet."""
        wanted = plan(settings, catalogue)
        self._check_names(wanted)
        made = [(bus, *party_of(bus, self._clock.now_us())) for bus in wanted]
        return Prepared(made, await self._store.read(_locks))

    async def apply(self, prepared: Prepared) -> None:
        """Buses that stay as they are go on."""
        wanted = [planned for planned, _, _ in prepared.buses]
        kept = {place for place, each in self._running.items() if each.planned in wanted}
        for place in [place for place in self._running if place not in kept]:
            await self._end(self._running.pop(place))
        for planned, party, members in prepared.buses:
            if planned.place not in kept:
                self._begin(planned, party, members, prepared.locks)

    async def stop(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.gather(*(running.bus.stop() for running in self._running.values()))

    def find(self, name: str) -> Bridged:
        """Raises PaifangError when there is no such device."""
        found = self.devices.get(name)
        if found is None:
            raise not_found(f"no bridged device {name}", "`paifang bridge list` shows those there are")
        return found

    def target(self, name: str) -> Bridged | None:
        """The device, if it can be commanded now."""
        found = self.devices.get(name)
        return None if found is None or found.device.standing.state == "down" else found

    def check(self, name: str) -> None:
        """Raise PaifangError when the device takes no commands now, and say why."""
        device = self.find(name).device
        if device.is_locked:
            hint = f"it is left alone until: paifang bridge unlock {name}"
            raise PaifangError(f"{name} is locked", hint, code="locked")
        if device.standing.state == "down":
            message = f"{name} is down: {device.standing.why}"
            raise PaifangError(message, "a command is never kept for later", code="offline")

    def newest(self, name: str, point: str) -> tuple[float, int] | None:
        """A point's newest good value, in its unit, and how many ms ago it was read."""
        found = self.devices.get(name)
        described = found.device.description.table.by_name.get(point) if found is not None else None
        if found is None or described is None:
            return None
        value, read_ms = found.device.latest.get(described.number, (None, 0))
        shown = described.shown(value)
        return None if shown is None else (float(shown), found.uptime_ms() - read_ms)

    def lock(self, name: str, locked: bool) -> bool:
        """Leave a device alone, or take it up again; kept over restarts. Returns whether that changed anything."""
        found, running = self.find(name), self._bus_of[name]
        if found.device.is_locked == locked:
            return False
        self._store.write(partial(_keep_lock, name=name, locked=locked))
        if locked:
            running.bus.talk.remove(name)
        else:
            running.bus.talk.add(name, running.members[name])
        self._change(found, lambda: found.device.lock(locked, self._clock.now_us()))
        running.bus.wake()
        return True

    def rows(self) -> list[dict[str, Any]]:
        """Each device: where it is, and how it stands."""
        return [
            {**self.devices[name].row(), "bus": running.bus.place, "problem": running.bus.problem or None}
            for running in self._running.values()
            for name in running.members
        ]

    def status(self) -> list[dict[str, Any]]:
        """Each bus: whether it is open, and how its devices stand."""
        return [
            {
                "bus": running.bus.place,
                "problem": running.bus.problem or None,
                "devices": dict(Counter(self.devices[name].device.standing.state for name in running.members)),
            }
            for running in self._running.values()
        ]

    def findings(self) -> list[dict[str, str]]:
        """A warning for each bus that is not open, and for each device on others that is not up."""
        buses = [(bus.place, bus.problem) for bus in self.buses if bus.problem]
        found = [_finding(f"{place}: {why}", "check the cable, the address and the power") for place, why in buses]
        for row in self.rows():
            if row["problem"] is None and not row["locked"] and row["state"] != "up":
                about = f"{row['device']} is {row['state']}: {row['why']}"
                found.append(_finding(about, f"`paifang bridge trace {row['device']}` shows what goes over its bus"))
        return found

    def bus_of(self, name: str) -> tuple[PlannedBus, Bus]:
        """Raises PaifangError when there is no such device."""
        self.find(name)
        return self._bus_of[name].planned, self._bus_of[name].bus

    @property
    def buses(self) -> list[Bus]:
        return [running.bus for running in self._running.values()]

    def _check_names(self, wanted: Sequence[PlannedBus]) -> None:
        for bus in wanted:
            for device in bus.devices:
                if device.name in self._store.registry.nodes:
                    message = f"the bridged device {device.name} has the name of an enrolled node"
                    hint = f"give it another name, or first: paifang nodes remove {device.name}"
                    raise PaifangError(message, hint, code="exists", exit_code=EXIT_USAGE)

    def _begin(
        self, planned: PlannedBus, talk: Party, members: Mapping[str, Member], locks: Mapping[str, bool]
    ) -> None:
        names = members.keys()
        bus = Bus(
            planned.place,
            talk,
            partial(carrier_of, place_of(planned)),
            self._heard,
            lambda: names,
            self._clock.monotonic,
        )
        running = self._running[planned.place] = _Running(planned, bus, members)
        for device in planned.devices:
            made = Bridged(device, self._store, self._clock, partial(self._order, bus), self._answer)
            self.devices[device.name] = made
            self._bus_of[device.name] = running
            if locks.get(device.name, device.settings.locked):
                made.device.lock(True, self._clock.now_us())
            else:
                talk.add(device.name, members[device.name])
        bus.start()

    async def _end(self, running: _Running) -> None:
        await running.bus.stop()
        for name in running.members:
            gone = self.devices.pop(name)
            del self._bus_of[name]
            gone.executor.give_up()
            if gone.device.standing.state != "down":
                self.on_session(name, False)

    def _heard(self, heard: Heard) -> None:
        found = self.devices.get(heard.device)
        if found is None:
            return
        match heard:
            case Readings():
                self._change(found, lambda: found.device.take(heard.readings, heard.at_us))
            case Denied():
                self._change(found, lambda: found.device.deny(heard.points, heard.why, heard.at_us))
            case Standing():
                self._change(found, lambda: found.device.stand(heard.is_up, heard.why, heard.at_us))
            case Ordered():
                found.ordered(heard, self._points.pop(heard.key, None))

    def _change(self, found: Bridged, what: Callable[[], None]) -> None:
        """Do something that may bring the device up or down, and tell if it did."""
        before = found.device.standing.state
        what()
        after = found.device.standing.state
        if (before == "down") != (after == "down"):
            self.on_session(found.node, after != "down")
            if after != "down":
                self.on_up(found.node)

    def _order(self, bus: Bus, device: str, wish: Wish) -> None:
        bus.talk.order(device, wish)
        self._points[wish.key] = wish.point
        bus.wake()

    def _answer(self, name: str, receipt: list[Any], payload: bytes) -> None:
        self.on_receipt(name, receipt, payload)

    def _sweep(self) -> None:
        now_us = self._clock.now_us()
        for found in self.devices.values():
            device = found.device
            if device.stale_us is not None and device.stale_us <= now_us:
                device.tick(now_us)
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)


def _finding(message: str, hint: str) -> dict[str, str]:
    return {"level": "warning", "subject": "bridges", "message": message, "hint": hint}


def _locks(connection: Connection) -> dict[str, bool]:
    query = "SELECT substr(name, ?), number FROM facts WHERE name GLOB ?"
    return {name: bool(locked) for name, locked in connection.execute(query, (len(_LOCK_FACT) + 1, f"{_LOCK_FACT}*"))}


def _keep_lock(connection: Connection, name: str, locked: bool) -> None:
    query = "INSERT OR REPLACE INTO facts(name, number) VALUES (?, ?)"
    connection.execute(query, (_LOCK_FACT + name, int(locked)))
