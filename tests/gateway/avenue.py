"""A junction as the gateway sees it: a signal node that does what it is told, a camera that counts, and a clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from far_side import FarNode, until
from near_side import settings_in
from persons import Obedient, Persons

from paifang.insight.orders import KINDS
from paifang.keys import keyfile
from paifang.keys.keyfile import PublicKey
from paifang.nodes.clocks import Clocks
from paifang.settings import PhaseSettings, SignalSettings
from paifang_wire import messages

if TYPE_CHECKING:
    from pathlib import Path

SIGNAL, CAMERA = "signal-1", "camera-1"
PASSPHRASE = "seven wet crows"
EVERYWHERE = (("signal-*", "*"),)
PHASES = (2, 4, 6, 8)
RINGS = (((2,), (4,)), ((6,), (8,)))
COMMANDS = {name: 5 + kind for kind, name in enumerate(KINDS)}
"""The numbers of the points that take orders."""
STATE, MODE, PRIORITY, FAULTS, CALLS, RING_1, RING_2, FLOW, OCCUPANCY = 1, 3, 22, 24, 20, 18, 19, 41, 49


def told(number: int, name: str, unit: str = "") -> tuple[Any, ...]:
    return (number, name, unit, messages.INT, 0, None, None, 0, None)


POINTS = (
    told(STATE, "state"),
    (MODE, "mode", "", messages.INT, 0, 0, 2, 1, None),
    *((number, name, "", messages.INT, 0, 0, 255, 1, None) for name, number in COMMANDS.items()),
    told(RING_1, "ring_1"),
    told(RING_2, "ring_2"),
    told(CALLS, "calls"),
    told(PRIORITY, "priority"),
    told(FAULTS, "detector_faults"),
    *(told(FLOW + phase - 1, f"flow_{phase}") for phase in range(1, 9)),
    *(told(OCCUPANCY + phase - 1, f"occupancy_{phase}", "%") for phase in range(1, 9)),
)
"""Those of a signal node that the gateway makes something of."""
COMING = 10
"""And the phase: the number of a camera's point of those that come; of those that stand it is the phase."""
COUNTS = tuple(
    told(first + phase, f"{name}_{phase}") for first, name in ((0, "standing"), (COMING, "coming")) for phase in PHASES
)


class Clock:
    """Time of the gateway, which goes on when a test says so; the date goes with it."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._began_ms = round(time.time() * 1000)

    def clocks(self) -> Clocks:
        return Clocks(utc_ms=lambda: self._began_ms + round((self.now_s - 1_000) * 1000), monotonic=lambda: self.now_s)


def signal_settings(folder: Path, **changes: Any) -> SignalSettings:
    """Of SIGNAL, advised under the key that `write_key` has written into `folder`."""
    phases = tuple(
        PhaseSettings(
            phase=phase, standing=f"{CAMERA}/standing_{phase}", coming=f"{CAMERA}/coming_{phase}", service_ms=10_000
        )
        for phase in PHASES
    )
    files = {"key": folder / "max-pressure.key", "passphrase_file": folder / "max-pressure.txt"}
    return SignalSettings(**{"node": SIGNAL, "rings": RINGS, "phases": phases, **files, **changes})


def write_key(folder: Path, people: Persons, passphrase: str = PASSPHRASE, kind: str = "service") -> None:
    """The service's key, and PASSPHRASE, which opens it if it was sealed with it."""
    about = PublicKey("max-pressure", "max-pressure", people.service.public, kind)
    keyfile.seal(folder / "max-pressure.key", about, people.service, passphrase)
    (folder / "max-pressure.txt").write_text(PASSPHRASE + "\n")


class Street:
    """The gateway `house` with SIGNAL, for which `node` answers, and CAMERA."""

    def __init__(self, house: Any, people: Persons, clock: Clock) -> None:
        self.house, self.people, self.clock = house, people, clock
        self.ask = people.ask = house.ask
        self.signal, self.camera = house.far(SIGNAL), house.far(CAMERA)
        self.signal.points, self.camera.points = POINTS, COUNTS
        self.node = Obedient(self.signal)
        self.values = {STATE: 2, MODE: 0, PRIORITY: 0, FAULTS: 0, CALLS: 0, RING_1: 2 | 1 << 4, RING_2: 6 | 1 << 4}
        self.values |= dict.fromkeys(range(FLOW, FLOW + 8), 0) | dict.fromkeys(range(OCCUPANCY, OCCUPANCY + 8), 5)
        self.counts = dict.fromkeys((point[0] for point in COUNTS), 0)
        self._numbers = {SIGNAL: 0, CAMERA: 0}

    async def open(self) -> None:
        for far in (self.signal, self.camera):
            await self.ask("nodes.add", node=far.node, key=far.key.hex(), epoch=1)
        await self.people.load(1)
        await self.node.connect()
        await self.camera.connect()

    async def delegate(self, **changes: Any) -> Any:
        about = {"service": "max-pressure", "scope": EVERYWHERE, "rate": 600, **changes}
        return await self.ask("delegations.add", delegation=self.people.delegation(**about).hex())

    async def second(self, *quiet: str) -> None:
        """Everybody but `quiet` reports, a second goes by, and the coordinator has had its look."""
        for far, values in ((self.signal, self.values), (self.camera, self.counts)):
            far.uptime_ms += 990
            if far.node not in quiet:
                await self._report(far, dict(values))  # adds the rest of the second
            else:
                far.uptime_ms += 10
        self.clock.now_s += 1
        await self.house.gateway.coordination.coordinator.round()

    async def seconds(self, count: int, *quiet: str) -> None:
        for _ in range(count):
            await self.second(*quiet)

    @property
    def state(self) -> dict[str, Any]:
        return self.house.gateway.coordination.status()[SIGNAL]

    def moves(self) -> list[tuple[str, int | None]]:
        """What the node has done since this was last asked, by the names of its points."""
        names = {number: name for name, number in COMMANDS.items()}
        done = [(names[point], value) for point, value in self.node.moves]
        self.node.moves.clear()
        return done

    async def log(self, kind: str) -> list[dict[str, Any]]:
        """Details of the log's entries of a kind."""
        await self.house.gateway.journal.record("start", "test", "test")  # what was noted before is on the disk
        return [entry["detail"] for entry in await self.ask("audit.list", limit=10_000, first=0, kind=kind)]

    async def _report(self, far: FarNode, values: dict[int, Any]) -> None:
        number = self._numbers[far.node] = self._numbers[far.node] + 1
        far.report(number, values)
        await until(lambda: far.acked.get(far.boot, (0, 0))[0] >= number)


async def build(start: Any, folder: Path, **changes: Any) -> Street:
    """A street whose node is advised, but for the delegation. `changes` are of the signal's settings."""
    people, clock = Persons(), Clock()
    data = folder / "data"
    people.write(data)
    write_key(folder, people)
    settings = settings_in(data, signals=(signal_settings(folder, **changes),))
    street = Street(await start(settings, clocks=clock.clocks()), people, clock)
    await street.open()
    return street
