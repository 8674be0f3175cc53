"""All bridges together: started, reloaded with as little disturbance as can be, swept for what is stale, stopped."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from paifang.bridges.bus import Bus
from paifang.bridges.carriers import carrier_of
from paifang.bridges.lines import party_of, radio
from paifang.bridges.party import Denied, Ordered, Readings, Standing
from paifang.bridges.plan import place_of, plan
from paifang.bridges.ward.bridged import Bridged
from paifang.errors import EXIT_USAGE, PaifangError, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from paifang.bridges.bus import AnyBus
    from paifang.bridges.meter import Wish
    from paifang.bridges.party import Heard, Party
    from paifang.bridges.plan import PlannedBus
    from paifang.bridges.ward.bridged import Clock
    from paifang.config.bridges import BridgeSettings
    from paifang.profiles.catalogue import Catalogue
    from paifang.store import Store
    from paifang.store.sql import Connection

SWEEP_S = 0.25
"""How exactly it is told when a value has become stale."""
COUNTERS_SWEEPS = 240
"""So many sweeps, and the counters of devices that encrypt are written down."""
_LOCK_FACT = "bridge-locked:"
_COUNTER_FACT = "ble-counter:"


@dataclass(slots=True)
class _Running:
    """A bus and who may be on it."""

    planned: PlannedBus
    bus: AnyBus
    members: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Buses with their parties and who may be in those; `locks`: who is locked, or unlocked, by an operator."""

    buses: Sequence[tuple[PlannedBus, Party | None, Mapping[str, Any]]]
    locks: Mapping[str, int]


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
        self._counters: dict[str, int] = {}
        self._sweeps = 0
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, settings: Sequence[BridgeSettings], catalogue: Catalogue) -> None:
        """Raises PaifangError as `prepare`."""
        await self.apply(await self.prepare(settings, catalogue))
        self._sweep()

    async def prepare(self, settings: Sequence[BridgeSettings], catalogue: Catalogue) -> Prepared:
        """What `apply` makes of these settings. Raises PaifangError for what does not fit; nothing is changed yet."""
        wanted = plan(settings, catalogue)
        self._check_names(wanted)
        counters = await self._store.read(partial(_facts, kind=_COUNTER_FACT)) | self._live_counters()
        made = [(bus, *party_of(bus, self._clock.now_us(), counters)) for bus in wanted]
        return Prepared(made, await self._store.read(partial(_facts, kind=_LOCK_FACT)))

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
        self._keep_counters()
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
        self._store.write(partial(_keep_facts, kind=_LOCK_FACT, numbers={name: int(locked)}))
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
                "faults": dict(running.bus.faults),
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

    def bus_of(self, name: str) -> tuple[PlannedBus, AnyBus]:
        """Raises PaifangError when there is no such device."""
        self.find(name)
        return self._bus_of[name].planned, self._bus_of[name].bus

    @property
    def buses(self) -> list[AnyBus]:
        return [running.bus for running in self._running.values()]

    def _check_names(self, wanted: Sequence[PlannedBus]) -> None:
        for bus in wanted:
            for device in bus.devices:
                if device.name in self._store.registry.nodes:
                    message = f"the bridged device {device.name} has the name of an enrolled node"
                    hint = f"give it another name, or first: paifang nodes remove {device.name}"
                    raise PaifangError(message, hint, code="exists", exit_code=EXIT_USAGE)

    def _begin(
        self, planned: PlannedBus, talk: Party | None, members: Mapping[str, Any], locks: Mapping[str, int]
    ) -> None:
        bus = self._bus(planned, talk, members.keys())
        running = self._running[planned.place] = _Running(planned, bus, members)
        for device in planned.devices:
            made = Bridged(device, self._store, self._clock, partial(self._order, bus), self._answer)
            self.devices[device.name] = made
            self._bus_of[device.name] = running
            if locks.get(device.name, device.settings.locked):
                made.device.lock(True, self._clock.now_us())
            else:
                bus.talk.add(device.name, members[device.name])
        bus.start()

    def _bus(self, planned: PlannedBus, talk: Party | None, names: Collection[str]) -> AnyBus:
        if talk is None:
            return radio(planned.place, self._heard, self._clock.monotonic)
        carrier = partial(carrier_of, place_of(planned))
        return Bus(planned.place, talk, carrier, self._heard, lambda: names, self._clock.monotonic)

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

    def _order(self, bus: AnyBus, device: str, wish: Wish) -> None:
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
        self._sweeps += 1
        if self._sweeps % COUNTERS_SWEEPS == 0:
            self._keep_counters()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _live_counters(self) -> dict[str, int]:
        return {name: count for bus in self.buses for name, count in bus.counters.items()}

    def _keep_counters(self) -> None:
        found = self._live_counters()
        if found != self._counters:
            self._counters = found
            self._store.write(partial(_keep_facts, kind=_COUNTER_FACT, numbers=found))


def _finding(message: str, hint: str) -> dict[str, str]:
    return {"level": "warning", "subject": "bridges", "message": message, "hint": hint}


def _facts(connection: Connection, kind: str) -> dict[str, int]:
    """By device, the numbers of this kind."""
    query = "SELECT substr(name, ?), number FROM facts WHERE name GLOB ?"
    return dict(connection.execute(query, (len(kind) + 1, f"{kind}*")))


def _keep_facts(connection: Connection, kind: str, numbers: Mapping[str, int]) -> None:
    for name, number in numbers.items():
        connection.execute("INSERT OR REPLACE INTO facts(name, number) VALUES (?, ?)", (kind + name, number))
