"""A whole signal node on the bench: shipped firmware, signed records on its flash, a cabinet or a loop before it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from paifang_rig.authority import Authority
from paifang_rig.nodes import SERIAL_LINK, Node, make_node
from paifang_rig.simulated.models.sensor import UartSensor
from paifang_tools import build
from paifang_tools.signals import examples, flash, plan_file, site_file
from paifang_wire import cbor, orders, sign1

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paifang_rig.bench import Bench
    from paifang_rig.simulated.models.sensor import Sensor

LOOP_UART = 2
NO_SITE: tuple[Any, ...] = (0, "", (), (0,), (), (), ())
LOOP_BAUD = 921_600
HEAP = "224k"
"""Some 20 KB are the rig's stand-ins. What is free at rest is what the check of a plan takes for a moment."""


class LoopLine(UartSensor):
    """The far end of a node's loop, for whoever borrows it from the board."""

    def __init__(self) -> None:
        super().__init__(uart=LOOP_UART, baud=LOOP_BAUD)
        self.kind = "loop"

    def received(self, data: bytes) -> None:
        """Nobody has borrowed the line."""


def example(country: str = "US", *, free: bool = False) -> tuple[list[Any], list[Any]]:
    """(site record, plan record) of a junction of 8 vehicle and 4 pedestrian groups; `free` of any cycle."""
    found = site_file.to_site(site_file.SiteFile.model_validate(tomllib.loads(examples.site_text(country))))
    text = tomllib.loads(examples.plan_text(country))
    if free:
        text["coordination"], text["priorities"] = None, []
        text["phases"] = {p: {key: row[key] for key in row if key != "split"} for p, row in text["phases"].items()}
    plan = plan_file.PlanFile.model_validate(text)
    return found.record, plan_file.to_record(plan, found.record)


def signed_site(authority: Authority, name: str, site_record: Sequence[Any], edition: int = 1) -> bytes:
    """The file of a site record for node `name` that two root keys have signed."""
    payload = orders.encode_site([name, edition, list(site_record)])
    return flash.site_file(payload, authority.rooted(sign1.SITE_RECORD, payload).detached)


def make_signal(
    bench: Bench,
    name: str,
    site_record: Sequence[Any] | None,
    plans: Sequence[Sequence[Any]] = (),
    link: Mapping[str, Any] | int = SERIAL_LINK,
    *,
    authority: Authority | None = None,
    selected: int = 1,
    hardware: Mapping[str, Any] | None = None,
    sensors: list[Sensor] | None = None,
    edition: int = 1,
    **options: Any,
) -> Node:
    """A signal without power yet. Without `hardware` its cabinet is a loop at UART 2; `options` as of `make_node`."""
    authority = authority or Authority()
    monitor = site_file.monitor_config(site_record or NO_SITE)
    wired = {"monitor": monitor, **({"loop": {"uart": LOOP_UART, "baud": LOOP_BAUD}} if hardware is None else hardware)}
    identity = authority.identity(name)
    node = make_node(
        bench,
        name,
        "traffic_signal",
        link,
        site=authority.site,
        identity=identity,
        sensors=[LoopLine()] if sensors is None else sensors,
        config={"hardware": wired},
        **{"heap": HEAP, **options},
    )
    if site_record is not None:
        site = signed_site(authority, name, site_record, edition)
        files = flash.files(site, [cbor.encode(plan) for plan in plans])
        node.board.flash_path.write_bytes(build.add_files(node.board.flash_path.read_bytes(), files))
        node.board.nvs_path.write_bytes(flash.enter(identity.nvs(), site, selected if plans else 0))
    return node
