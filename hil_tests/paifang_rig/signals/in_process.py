"""A signal's node in this interpreter: the shipped role over a cabinet, a flash and an NVS in memory."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paifang_rig.authority import Authority
from paifang_rig.control import ResetCause
from paifang_tools.signals import flash, site_file
from paifang_wire import cbor

from . import node as signal_node
from .seen import NO_UNIT, flags
from .shipped import points, role
from .street import Street

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from .seen import Seen

_PERIOD_MS = 60_000
_NAME = "signal"


class InProcess:
    """The shipped role on this interpreter. `events` are what it has told since its power came.

    What it holds outlives `power_cut` and `power_on`. `files` ({name: content}) and `entries` (of the NVS) replace what
    a node with these records has; `authority` has signed its site record; `monitor` as in a node's config.json.
    """

    def __init__(
        self,
        site_record: Sequence[Any],
        plan_record: Sequence[Any],
        *,
        authority: Authority | None = None,
        files: Mapping[str, bytes] | None = None,
        entries: Mapping[str, Any] | None = None,
        monitor: Mapping[str, Any] | None = None,
    ) -> None:
        self.street = Street()
        self.role: Any = None
        self._authority = authority or Authority()
        self._monitor = monitor or site_file.monitor_config(site_record)
        site = signal_node.signed_site(self._authority, _NAME, site_record)
        self._folder = Path(tempfile.mkdtemp(prefix="paifang-signal-"))
        self._end = weakref.finalize(self, shutil.rmtree, self._folder)
        for name, data in (flash.files(site, [cbor.encode(plan_record)]) | dict(files or {})).items():
            (self._folder / name).write_bytes(data)
        self.nvs = _Nvs(roots=self._authority.roots.blob, site=flash.pointer(site), plan=1)
        self.nvs.entries.update(entries or {})
        self.power_on()

    def power_on(self, cause: int = ResetCause.POWER_ON) -> None:
        """It starts on what it holds."""
        self.reason = self.trip = 0
        self.events: list[str] = []
        self._cabinet = _Cabinet()
        matrix = [int(mask, 16) for mask in self._monitor["matrix"].split(",")]
        own = (matrix, int(self._monitor["vehicles"], 16), self._monitor["options"])
        self.role = role.TrafficSignal(self._cabinet, own, self, _PERIOD_MS)
        self.role.open((self._authority.site, _NAME), self.nvs, cause, f"{self._folder}/")
        self.role.attach(self)

    def power_cut(self) -> None:
        """What it has not committed is gone; the street is left to the flasher."""
        self.nvs.lose_power()
        self.street.lose_power()

    @property
    def unit(self) -> Any:
        """The role's `unit.Unit`; None without a site record that it believes."""
        return self.role.unit

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        return self._step(t_ms, seen, is_tick=True)

    def sample(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        return self._step(t_ms, seen, is_tick=False)

    def once(self, t_ms: int, seen: Seen) -> None:
        """A tick by way of the role's own `run`, which ends with what has gone wrong in it."""

        async def wait() -> int:
            self._cabinet.take(t_ms, seen, self.street, True)
            return t_ms

        self._cabinet.wait = wait
        asyncio.run(self.role.run(lambda: None))

    def close(self) -> None:
        self._end()

    def _step(self, t_ms: int, seen: Seen, *, is_tick: bool) -> tuple[bytes, int]:
        self.street.pass_time(t_ms)
        self._cabinet.take(t_ms, seen, self.street, is_tick)
        self.role._step(t_ms)  # noqa: SLF001 - what its `run` does for each frame
        unit = self.unit
        if unit is None:
            self.street.drive(0, self._cabinet.level, t_ms)
            self.reason = points.state(None, self.role.holdings)[points.REASON]
            return b"", NO_UNIT
        self.street.drive(unit.red | unit.amber << 16 | unit.green << 32, self._cabinet.level, t_ms)
        self.reason, self.trip = unit.reason, unit.monitor.reason
        return bytes(unit.interlock.aspects), unit.interlock.mode

    # What the role asks of its node

    def report(self, values: dict[int, int | None], quality: dict[int, int]) -> None:
        """Reports go nowhere."""

    def event(self, code: int, point: int | None, detail: str) -> None:
        del code, point
        self.events.append(detail)

    def utc_ms(self) -> None:
        """The cabinet knows the time."""


class _Nvs:
    """`esp32.NVS` in memory."""

    def __init__(self, **entries: Any) -> None:
        self.entries = entries
        self._staged: dict[str, Any] = {}

    def lose_power(self) -> None:
        self._staged.clear()

    def get_i32(self, key: str) -> int:
        return self._get(key)

    def get_blob(self, key: str, buffer: bytearray) -> int:
        value = self._get(key)
        buffer[: len(value)] = value
        return len(value)

    def set_i32(self, key: str, value: int) -> None:
        self._staged[key] = value

    def commit(self) -> None:
        self.entries.update(self._staged)
        self._staged.clear()

    def _get(self, key: str) -> Any:
        known = self.entries | self._staged
        if key not in known:
            raise OSError(-0x1102)
        return known[key]


class _Cabinet:
    """`drivers.cabinet.Cabinet` in memory."""

    wait: Callable[[], Awaitable[int]]

    def __init__(self) -> None:
        self.order: tuple[int, int] | None = None
        self.red = self.amber = self.green = self.level = self._utc_ms = 0
        self.covered = self.buttons = self.preempts = self.transit = self.flags = 0
        self.ticks = True

    def take(self, t_ms: int, seen: Seen, street: Street, is_tick: bool) -> None:
        self._utc_ms, self.ticks, self.order = t_ms + seen.clock_ms, is_tick, seen.order
        lit = street.lit()
        self.red, self.amber, self.green = lit & 0xFFFF, lit >> 16 & 0xFFFF, lit >> 32
        self.covered, self.buttons = seen.detectors, seen.pedestrians
        self.preempts, self.transit = seen.preempts, seen.transit
        self.flags = flags(street, seen)

    def utc_ms(self, records_utc_ms: Callable[[], int | None]) -> int:
        del records_utc_ms
        return self._utc_ms

    def show(self, unit: Any) -> None:
        """It is read from the unit."""

    def feed(self, level: int) -> None:
        self.level = level
