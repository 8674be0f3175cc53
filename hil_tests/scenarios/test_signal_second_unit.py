"""A second unit that watches the lamps of a signal node: its own relay, its own matrix, its own latch."""

from __future__ import annotations

from dataclasses import dataclass, field

from paifang_rig.nodes import make_node
from paifang_rig.signals.node import example, make_signal
from paifang_rig.signals.street import GREEN_SHIFT, Street
from paifang_rig.simulated.models.cabinet import DOOR_OPEN, RESET_BUTTON, Cabinet
from paifang_tools.signals import site_file

SPEED = 1
FIRST_GREEN_S = 60
SAMPLES = 50
HARDWARE = {"cabinet": {"groups": 16, "detectors": 8}}


@dataclass
class InSeries(Street):
    """A street whose lamps hang behind the relay of a second unit, too."""

    second: Street = field(default_factory=Street)

    def lit(self) -> int:
        return super().lit() if self.second.relay_closed else self.flasher


@dataclass
class Watched(Street):
    """What the second unit sees: the lamps of the first one's street."""

    first: Street = field(default_factory=Street)

    def lit(self) -> int:
        return self.first.lit()


@dataclass
class Watching(Cabinet):
    """The cabinet of the second unit, with the two wires from the first."""

    driving: Cabinet = field(default_factory=Cabinet)

    def _inputs(self) -> bytes:
        return super()._inputs()[:-1] + bytes((super()._inputs()[-1] | self.driving.status,))


def two_units(bench):
    site, plan = example()
    driving = Cabinet(street=InSeries())
    watching = Watching(driving=driving, detectors=8, street=Watched(first=driving.street))
    driving.street.second = watching.street
    options = {"speed": SPEED, "period_ms": 1_000}
    first = make_signal(
        bench, "j1", site, [plan], hardware={"cabinet": {"groups": 16, "detectors": 32}}, sensors=[driving], **options
    )
    config = {"hardware": {"monitor": site_file.monitor_config(site), **HARDWARE}}
    second = make_node(bench, "m1", "signal_monitor", config=config, sensors=[watching], heap="256k", **options)
    return first.board, driving, second.board, watching


def is_green(cabinet):
    return cabinet.street.relay_closed and cabinet.street.lit() >> GREEN_SHIFT


async def test_both_must_hold_and_either_lets_go(bench) -> None:
    first, driving, second, watching = two_units(bench)
    first.power_on()
    second.power_on()
    await bench.until(lambda: is_green(driving) and watching.street.relay_closed, FIRST_GREEN_S)
    second.power_cut()
    await bench.until(
        lambda: not driving.street.relay_closed, 30, "what the driving unit sees is not what it asked for"
    )


async def test_it_latches_by_itself_over_a_loss_of_power_until_the_button(bench) -> None:
    first, driving, second, watching = two_units(bench)
    first.power_on()
    second.power_on()
    await bench.until(lambda: is_green(driving) and watching.street.relay_closed, FIRST_GREEN_S)
    driving.street.stuck_on = 0xFF << GREEN_SHIFT
    await bench.until(lambda: not watching.street.relay_closed, 30)
    driving.street.stuck_on = 0
    second.power_cut()
    second.power_on()
    taken = watching.taken
    await bench.until(lambda: watching.taken > taken + SAMPLES, 30)
    assert not watching.street.relay_closed
    assert not driving.street.relay_closed
    driving.hands = watching.hands = RESET_BUTTON | DOOR_OPEN
    await bench.until(lambda: is_green(driving) and watching.street.relay_closed, FIRST_GREEN_S)
