"""A whole node on the bench: a board with the shipped firmware, an identity, and the sensors its role expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang_rig.simulated.models.bme280 import Bme280
from paifang_rig.simulated.models.pms5003 import Pms5003
from paifang_rig.simulated.models.pzem004t import Pzem004t
from paifang_rig.simulated.models.relay import Relay
from paifang_tools import build, provision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from paifang_rig.bench import Bench
    from paifang_rig.board import SimBoard
    from paifang_rig.simulated.models.sensor import Sensor

BLOCK_COUNT = 192  # 768 KB: enough for firmware and journal, small enough for a thousand boards on one disk
JOURNAL_BYTES = 131_072  # what fits beside the firmware there
WIFI = {"ssid": "paifang", "password": "one for the rig"}
SERIAL_LINK = {"kind": "serial", "uart": 1, "baud": 115200}


def _air_quality() -> list[Sensor]:
    return [Pms5003(), Bme280(), Relay()]


def _smart_meter() -> list[Sensor]:
    relay = Relay()
    return [Pzem004t(load=relay), relay]


SENSORS: dict[str, Callable[[], list[Sensor]]] = {"air_quality": _air_quality, "smart_meter": _smart_meter}
"""What a role is wired to, at its default pins."""


@dataclass(frozen=True, slots=True)
class Node:
    """`board` has no power yet; `identity.node_key` is what the gateway must know."""

    board: SimBoard
    identity: provision.Identity
    sensors: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.identity.node


def tcp_link(port: int, host: str = "127.0.0.1") -> dict[str, Any]:
    return {"kind": "tcp", "host": host, "port": port}


def make_node(
    bench: Bench,
    name: str,
    role: str = "air_quality",
    link: Mapping[str, Any] | int = SERIAL_LINK,
    *,
    site: str = "ward-1",
    period_ms: int = 1_000,
    identity: provision.Identity | None = None,
    sensors: list[Sensor] | None = None,
    config: Mapping[str, Any] | None = None,
    **options: Any,
) -> Node:
    """`link` is a link section, or the port of a gateway on this machine; `config` adds to the node's config.json.

    The options are SimBoard's. Sensors are found again by their kind: `node.sensors["pms5003"].fault = "mute"`.
    """
    link = tcp_link(link) if isinstance(link, int) else link
    identity = identity or provision.new_identity(name, site)
    wired = SENSORS[role]() if sensors is None else sensors
    settings: dict[str, Any] = {"node": name, "site": site, "role": role, "period_ms": period_ms, "link": dict(link)}
    if role in SENSORS:
        settings["journal_bytes"] = JOURNAL_BYTES
    if link["kind"] == "tcp":
        settings["wifi"] = WIFI
    board = bench.board(
        name,
        build.build_image(settings | dict(config or {}), BLOCK_COUNT),
        nvs=identity.nvs(),
        sensors=wired,
        serial=link["kind"] == "serial",
        **options,
    )
    return Node(board, identity, {sensor.kind: sensor for sensor in wired})
