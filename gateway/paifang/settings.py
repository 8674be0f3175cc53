"""The settings of a gateway: frozen models with a default for everything.

`Settings()` is a whole working gateway. `paifang.config.load` reads them from a file and explains what
is wrong there; a field's description is the comment above it in the file that `paifang init` writes.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from paifang.config import places
from paifang.config.bridges import BridgeSettings, each_once
from paifang.config.metrics import MetricsSettings
from paifang.config.modbus_server import ModbusServerSettings
from paifang.config.names import Listen, PointName
from paifang.config.sinks import SinksSettings
from paifang.config.tables import FilePath, Milliseconds, Table
from paifang.config.units import MS_OF_UNIT

SITE_EXPECTED = 'a short name of letters, digits, "-", "_" and "." (32 at most), such as "ward-1"'

_SITE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")

Role = Literal["viewer", "operator", "safety", "approver", "engineer"]
"""What a person may be, in rising order of what it takes: look; command; make safe; approve; enrol and maintain."""


def _site(value: str) -> str:
    if not _SITE.fullmatch(value):
        raise ValueError(SITE_EXPECTED)
    return value


BaudRate = Literal[9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600]
PhaseNumber = Annotated[int, Field(ge=1, le=8)]


class TcpSettings(Table):
    listen: Listen = Field(
        default="127.0.0.1:7600", description='Where nodes connect. "0.0.0.0:7600" takes them from the whole network.'
    )
    backlog: int = Field(
        default=4096, ge=1, le=65535, description="Connections that may wait at once, as after a power cut in the ward."
    )


class SerialSettings(Table):
    device: FilePath = Field(description="The serial port; /dev/serial/by-id/... stays the same over reboots.")
    baud: BaudRate = Field(default=115200, description="Its speed, as the node has it.")


def _each_once(lines: tuple[SerialSettings, ...]) -> tuple[SerialSettings, ...]:
    devices = [line.device for line in lines]
    twice = next((device for device in devices if devices.count(device) > 1), None)
    if twice is not None:
        raise ValueError(f"each serial device once, {twice} is there twice")
    return lines


class NodesSettings(Table):
    tcp: TcpSettings = Field(default=TcpSettings(), description="Nodes on the network.")
    serial: Annotated[tuple[SerialSettings, ...], Field(strict=False), AfterValidator(_each_once)] = Field(
        default=(), description="Nodes on a serial line, one such table a line."
    )


class StoreSettings(Table):
    commit_ms: Milliseconds = Field(
        default=10,
        ge=1,
        le=1000,
        validation_alias="commit",
        description="How long readings are gathered into one synced commit. Nodes wait this long for their receipt.",
    )
    keep_ms: Milliseconds = Field(
        default=400 * MS_OF_UNIT["d"],
        ge=MS_OF_UNIT["h"],
        validation_alias="keep",
        description="How long readings are kept once every sink has them; what a sink still waits for stays longer.",
    )
    pack_ms: Milliseconds = Field(
        default=7 * MS_OF_UNIT["d"],
        ge=0,
        validation_alias="pack",
        description='Readings older than this are packed, to about a tenth, once every sink has them; "0s" is never.',
    )
    budget_mb: int = Field(
        default=8_000,
        ge=10,
        le=10_000_000,
        description="Megabytes that the store may fill; beyond, the oldest readings go, sent or not, and are counted.",
    )


class UserSettings(Table):
    user: str | None = Field(
        default=None,
        min_length=1,
        description="Who: a user of this machine; or `group`, the name of one, or `uid`, a number.",
    )
    group: str | None = Field(default=None, min_length=1, description="Or whoever is in this group.")
    uid: Annotated[int, Field(ge=0)] | None = Field(default=None, description="Or the user with this id.")
    roles: Annotated[tuple[Role, ...], Field(strict=False)] = Field(
        default=(), description="Of viewer, operator, safety, approver, engineer."
    )
    person: str | None = Field(
        default=None, min_length=1, description="The same person in people.toml, whose roles are added."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(each is not None for each in (self.user, self.group, self.uid)) != 1:
            raise ValueError("one of user, group and uid")
        if self.group is not None and self.person is not None:
            raise ValueError("a person with a user or uid: a group is several persons")
        if not self.roles and self.person is None:
            raise ValueError('roles, such as ["operator"], or a person of people.toml')
        return self


class ControlSettings(Table):
    socket: FilePath | None = Field(
        default=None, description="The socket of the commands on this machine. Without it, in the data folder."
    )
    uids: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(strict=False)] = Field(
        default=(), description="User ids that may look, beside the gateway's own and root, who may do all."
    )
    users: Annotated[tuple[UserSettings, ...], Field(strict=False)] = Field(
        default=(), description="Users and groups of this machine that may do more, one such table each."
    )


class RatesSettings(Table):
    per_point: int = Field(default=30, ge=1, le=6000, description="Of one point, whoever sends them.")
    per_person: int = Field(default=120, ge=1, le=6000, description="Of one person, whatever they are for.")


class AuthoritySettings(Table):
    local_class: int = Field(
        default=1,
        ge=0,
        le=1,
        description="The greatest class of points that a user of this machine commands without a key; 0 asks for a "
        "signature always. Points of class 2 and 3 always need one.",
    )
    policy: FilePath | None = Field(
        default=None,
        description="The folder of rules (*.cedar) and persons (people.toml). Without it, `policy` in the data folder; "
        "without that, the roles that paifang comes with.",
    )
    roots: FilePath | None = Field(
        default=None, description="The public root keys. Without it, roots.json in the data folder."
    )
    rates: RatesSettings = Field(
        default=RatesSettings(), description="Commands a minute; the safe state is always open."
    )


class PhaseSettings(Table):
    phase: PhaseNumber = Field(description="Its number in the plan, 1 to 8.")
    lanes: int = Field(default=1, ge=1, le=8, description="Lanes that it serves.")
    lane_flow: int = Field(
        default=1900, ge=100, le=3000, description="Vehicles an hour that a lane lets through while it is green."
    )
    detectors: Annotated[tuple[Annotated[int, Field(ge=1, le=32)], ...], Field(strict=False)] = Field(
        default=(),
        description="Its detectors in the plan, from 1 on: when another one fails, this phase is not in doubt.",
    )
    counters: int = Field(default=1, ge=1, le=8, description="Detectors of it that each vehicle passes.")
    standing: PointName | None = Field(
        default=None, description="Who counts the vehicles that stand before it, such as a camera."
    )
    coming: PointName | None = Field(
        default=None, description="Who counts all on their way to it; without it, those that stand."
    )
    ahead: PointName | None = Field(
        default=None, description="Who counts those on the road it leads to; without it, that road is taken to be free."
    )
    room: int | None = Field(default=None, ge=1, le=1000, description="For how many vehicles that road has room.")
    service_ms: Milliseconds | None = Field(
        default=None,
        ge=1_000,
        le=240_000,
        validation_alias="service",
        description="Its shortest green or walk, with amber, red and pedestrian clearance.",
    )

    @property
    def is_weighed(self) -> bool:
        """Enough is said of it for it to be advised."""
        is_ahead_known = (self.ahead is None) == (self.room is None)
        return self.standing is not None and self.service_ms is not None and is_ahead_known


Phases = Annotated[tuple[PhaseNumber, ...], Field(strict=False)]
Ring = Annotated[tuple[Phases, ...], Field(strict=False)]


def _rings(rings: tuple[tuple[tuple[int, ...], ...], ...]) -> tuple[tuple[tuple[int, ...], ...], ...]:
    phases = [phase for ring in rings for side in ring for phase in side]
    if not 1 <= len(rings) <= 2 or len({len(ring) for ring in rings}) > 1 or len(set(phases)) < len(phases):
        raise ValueError("one ring or two of as many sides, and each phase once")
    return rings


class SignalSettings(Table):
    node: str = Field(min_length=1, description="A signal node.")
    key: FilePath | None = Field(
        default=None, description="The key file of the service that sends it orders. Without it, it is only watched."
    )
    passphrase_file: FilePath | None = Field(default=None, description="The file with that key's passphrase.")
    report_ms: Milliseconds = Field(
        default=1_000, ge=100, le=60_000, validation_alias="report", description="How often the node reports."
    )
    window_ms: Milliseconds = Field(
        default=900_000,
        ge=60_000,
        le=3_600_000,
        validation_alias="window",
        description="Over which time congestion is told.",
    )
    fresh_ms: Milliseconds = Field(
        default=5_000,
        ge=1_000,
        le=60_000,
        validation_alias="fresh",
        description="How old a count of vehicles may be to be gone by.",
    )
    bound_ms: Milliseconds = Field(
        default=180_000,
        ge=10_000,
        le=600_000,
        validation_alias="bound",
        description="The longest red of somebody who waits, as in the site record.",
    )
    rings: Annotated[tuple[Ring, ...], Field(strict=False), AfterValidator(_rings)] = Field(
        default=(((1, 2), (3, 4)), ((5, 6), (7, 8))),
        description="Its phases as in the plan: rings, their sides, phases.",
    )
    phases: Annotated[tuple[PhaseSettings, ...], Field(strict=False)] = Field(
        default=(), description="Its phases, one such table each."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        known = [phase for ring in self.rings for side in ring for phase in side]
        named = [each.phase for each in self.phases]
        if len(set(named)) < len(named) or not set(named) <= set(known):
            raise ValueError("[[signals.phases]] for phases of its rings, each once")
        if (self.key is None) != (self.passphrase_file is None):
            raise ValueError("key and passphrase_file, or neither")
        if self.key is not None and (set(named) < set(known) or not all(each.is_weighed for each in self.phases)):
            raise ValueError("[[signals.phases]] with standing and service for each of its phases, and room with ahead")
        return self


def _each_node_once(signals: tuple[SignalSettings, ...]) -> tuple[SignalSettings, ...]:
    names = [signal.node for signal in signals]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"each node once, {twice} is there twice")
    return signals


class LogSettings(Table):
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least that is logged.")


class Settings(Table):
    site: Annotated[str, AfterValidator(_site)] = Field(
        default="ward-1", description="The ward's name. Node keys are made for it: changing it means new keys."
    )
    data: FilePath = Field(
        default_factory=places.default_data, description="The folder of everything the gateway keeps."
    )
    nodes: NodesSettings = Field(default=NodesSettings())
    store: StoreSettings = Field(default=StoreSettings(), description="Readings on disk.")
    control: ControlSettings = Field(
        default=ControlSettings(), description="Commands on this machine, known by their user id."
    )
    authority: AuthoritySettings = Field(default=AuthoritySettings(), description="Who may command what.")
    signals: Annotated[tuple[SignalSettings, ...], Field(strict=False), AfterValidator(_each_node_once)] = Field(
        default=(), description="Signal nodes that are watched, and advised by max-pressure, one such table each."
    )
    bridges: Annotated[tuple[BridgeSettings, ...], Field(strict=False), AfterValidator(each_once)] = Field(
        default=(), description="Third-party meters, sensors and relays, one such table a bus or connection."
    )
    modbus_server: ModbusServerSettings = Field(
        default=ModbusServerSettings(), description="The ward as a Modbus TCP server, for a plant's SCADA."
    )
    sinks: SinksSettings = Field(default=SinksSettings(), description="Where in the city network records go.")
    metrics: MetricsSettings = Field(
        default=MetricsSettings(), description="The gateway's figures, for Prometheus. They begin with paifang_."
    )
    log: LogSettings = Field(default=LogSettings(), description="What the gateway says on its standard error.")

    @property
    def socket_path(self) -> Path:
        """The control socket: as set, or in the data folder."""
        return self.control.socket or places.default_socket(self.data)

    @property
    def policy_folder(self) -> Path | None:
        """The folder of the policy: as set, or `policy` in the data folder if it is there."""
        own = self.data / "policy"
        return self.authority.policy or (own if own.is_dir() else None)

    @property
    def roots_file(self) -> Path:
        """The public root keys: as set, or in the data folder."""
        return self.authority.roots or self.data / "roots.json"
