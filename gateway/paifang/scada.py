"""The Modbus server joined to the gateway: it shows what is stored, and what clients write goes the way of all orders.

That way is: signed with a service's key, under an operator's delegation, by policy, the node's own rules and rates, and
logged before it is sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.server import DONE, Server
from paifang.bridges.modbus.server_map import Entry, RegisterMap, Shown
from paifang.bridges.modbus.server_tcp import Door, ModbusServer
from paifang.commands.path import Submitted
from paifang.commands.rates import Rates
from paifang.config.names import split_listen
from paifang.errors import PaifangError
from paifang.insight.service_key import open_key
from paifang.keys.requests import ID_LENGTH, Target, make_order, sign_order
from paifang.profiles.conversion import power_of_ten
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.bridges.modbus.server import Write
    from paifang.commands.room import CommandRoom
    from paifang.config.modbus_server import ModbusServerSettings, RegisterSettings
    from paifang.keys.signing import SigningKey
    from paifang.nodes.clocks import Clocks
    from paifang.store import Batch, Store
    from paifang.store.points import PointTable

WITHIN_MS = 3_000
"""What a client writes is done in this time or not at all: it waits for its answer."""
UNDELEGATED_RATE = 6
"""Writes a minute of which is told that nobody has delegated them."""
EXCEPTIONS = {
    "limit": frames.ILLEGAL_VALUE,
    "bad-type": frames.ILLEGAL_VALUE,
    "busy": frames.BUSY,
    "rate": frames.BUSY,
    "too-soon": frames.BUSY,
    "offline": frames.UNREACHED,
}
"""Why a write was not done -> the exception that says so; a device failure for all else."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Latest:
    """`made`: (boot, uptime in ms), which tells a newer one from one that is told late."""

    value: Fraction | None
    quality: int
    made: tuple[int, int]
    made_s: float


class Scada:
    """`table(description)` is the point table of that name."""

    def __init__(
        self,
        site: str,
        store: Store,
        table: Callable[[bytes | None], PointTable | None],
        room: CommandRoom,
        clocks: Clocks,
    ) -> None:
        self._site = site
        self._store = store
        self._table = table
        self._room = room
        self._clocks = clocks
        self._settings: ModbusServerSettings | None = None
        self._server: ModbusServer | None = None
        self._key: SigningKey | PaifangError | None = None
        self._wanted: frozenset[tuple[str, str]] = frozenset()
        self._nodes: frozenset[str] = frozenset()
        self._take = Rates(0).take
        self._latest: dict[tuple[str, str], _Latest] = {}

    async def start(self, settings: ModbusServerSettings) -> None:
        """Raises PaifangError when two points stand at one address, or the port cannot be had."""
        server = await self._listening(settings)
        self._settings, self._server = settings, server
        self._key = await _opened(settings)
        self._wanted = frozenset(_place(each) for each in settings.registers)
        self._nodes = frozenset(node for node, _ in self._wanted)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def reload(self, settings: ModbusServerSettings) -> None:
        """Go on with other settings; clients have to connect again. Raises PaifangError and goes on as before.

        `registers_of` tells of two points at one address before anything is changed.
        """
        before = self._settings
        if before == settings:
            return
        await self.stop()
        try:
            await self.start(settings)
        except PaifangError:
            if before is not None:
                await self.start(before)
            raise

    @property
    def port(self) -> int | None:
        return self._server.port if self._server else None

    def settled(self, batch: Batch) -> None:
        """Have the reports of points that are shown noted."""
        for record in batch.records:
            if record[3] == messages.REPORT and record[0] in self._nodes:
                self._note(*record[:3], *record[4:8])

    def findings(self) -> list[dict[str, str]]:
        """A warning when there are registers that clients may write, and nobody to sign for them."""
        if not isinstance(self._key, PaifangError):
            return []
        message = f"clients cannot write: {self._key.message}"
        return [{"level": "warning", "subject": "modbus_server", "message": message, "hint": self._key.hint}]

    def status(self) -> dict[str, Any] | None:
        """None: it does not listen."""
        if self._server is None or self._settings is None:
            return None
        host, _ = split_listen(self._settings.listen or "")
        return {
            "listen": f"{host}:{self._server.port}",
            "connected": self._server.connected,
            "points": len(self._settings.registers),
            "counts": dict(self._server.counts),
        }

    async def _listening(self, settings: ModbusServerSettings) -> ModbusServer | None:
        registers = registers_of(settings)
        if settings.listen is None:
            return None
        allow = tuple(ipaddress.ip_network(each) for each in settings.allow)
        door = Door(*split_listen(settings.listen), allow, settings.connections, settings.idle_ms / 1000)
        server = ModbusServer(door, Server(registers, self._shown), self._write)
        await server.start()
        return server

    def _shown(self, entry: Entry) -> Shown:
        latest = self._latest.get((entry.node, entry.point))
        if latest is None or self._settings is None:
            return Shown(None, messages.ABSENT)
        if self._clocks.monotonic() - latest.made_s > self._settings.stale_ms / 1000:
            return Shown(None, messages.STALE)
        return Shown(latest.value, latest.quality)

    def _note(
        self, node: str, boot: int, _number: int, uptime_ms: int, utc_ms: int | None, received_ms: int, body: bytes
    ) -> None:
        known = self._store.boot(node, boot)
        table = self._table(known.description)
        if table is None:
            return
        if utc_ms is None and known.offset_ms is not None:
            utc_ms = uptime_ms + known.offset_ms
        age_ms = self._clocks.utc_ms() - (received_ms if utc_ms is None else utc_ms)
        made, made_s = (boot, uptime_ms), self._clocks.monotonic() - max(age_ms, 0) / 1000
        values, quality = messages.decode(body)[5:7]
        for number, wire in values.items():
            point = table.by_number.get(number)
            place = (node, point.name) if point else None
            if point is None or place not in self._wanted:
                continue
            before = self._latest.get(place)
            if before is None or before.made <= made:
                value = None if wire is None else Fraction(wire) * power_of_ten(point.scale)
                self._latest[place] = _Latest(value, quality.get(number, messages.GOOD), made, made_s)

    async def _write(self, write: Write, peer: str) -> int:
        """The exception to answer with, DONE for none. What is beyond the rate leaves no trace: it may be a flood."""
        place = f"{write.entry.node}/{write.entry.point}"
        grant = self._grant()
        if not self._take(None, self._clocks.monotonic(), grant["rate"] if grant else UNDELEGATED_RATE):
            return frames.BUSY
        try:
            answer = await self._order(write.entry, write.value, peer)
        except PaifangError as error:
            _log.warning("modbus server: %s may not set %s: %s", peer, place, error)
            return EXCEPTIONS.get(error.code, frames.DEVICE_FAILURE)
        if answer["verdict"] == "executed":
            return DONE
        _log.warning("modbus server: %s did not take what %s wrote: %s", place, peer, answer["reason"])
        return EXCEPTIONS.get(str(answer["reason"]), frames.DEVICE_FAILURE)

    async def _order(self, entry: Entry, value: Fraction, peer: str) -> dict[str, Any]:
        """Raises PaifangError when it may not be, or is no value of this point."""
        key, delegation = self._authority()
        _, point = self._room.path.located(entry.node, entry.point)
        wire = round(value / power_of_ten(point.scale))
        order = make_order(
            Target.of_answer(self._site, self._room.lookup.target(entry.node, entry.point)),
            messages.OP_DIRECT,
            wire,
            identifier=self._clocks.random(ID_LENGTH),
            expires_ms=self._clocks.utc_ms() + WITHIN_MS,
            reason=f"Modbus client {peer}",
        )
        signed = sign_order(key, self._site, order)
        return await self._room.path.submit(Submitted(signed, WITHIN_MS, delegation=delegation))

    def _grant(self) -> dict[str, Any] | None:
        """The newest delegation for the key."""
        key = self._key
        return None if key is None or isinstance(key, PaifangError) else self._room.delegations.shown(key.kid)

    def _authority(self) -> tuple[SigningKey, bytes]:
        """The key, and the id of its delegation. Raises PaifangError."""
        if isinstance(self._key, PaifangError):
            raise self._key
        grant = self._grant()
        if self._key is None or grant is None:
            hint = "paifang keys delegate, then paifang delegations add"
            raise PaifangError("nothing is delegated to the Modbus server's key", hint, code="not-delegated")
        return self._key, bytes.fromhex(grant["id"])


def registers_of(settings: ModbusServerSettings) -> RegisterMap:
    """What stands where. Raises PaifangError for two points at one address."""
    return RegisterMap(entry_of(each) for each in settings.registers)


def entry_of(each: RegisterSettings) -> Entry:
    return Entry(each.unit, each.address, *_place(each), each.type, each.order, each.scale, each.write)


def _place(each: RegisterSettings) -> tuple[str, str]:
    node, _, point = each.point.partition("/")
    return node, point


async def _opened(settings: ModbusServerSettings) -> SigningKey | PaifangError | None:
    """The key, why there is none, or None where none is needed. It takes a while, on purpose, and its own thread."""
    if settings.key is None or settings.passphrase_file is None:
        return None
    try:
        return await asyncio.to_thread(open_key, settings.key, settings.passphrase_file, "what Modbus clients write")
    except PaifangError as error:
        return error
