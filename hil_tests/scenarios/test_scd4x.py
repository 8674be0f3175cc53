"""An air quality node with an SCD4x beside its other sensors, and one without: the readings, the faults, the heap."""

from __future__ import annotations

import pytest

from paifang_rig.balance import balance
from paifang_rig.control import ResetCause
from paifang_rig.simulated.models.bme280 import Bme280
from paifang_rig.simulated.models.pms5003 import Pms5003
from paifang_rig.simulated.models.relay import Relay
from paifang_rig.simulated.models.scd4x import CO2, Scd4x
from paifang_wire.messages import ABSENT, GARBLED, GOOD, IMPLAUSIBLE, MUTE, SETTLING

SPEED = 10
PERIOD_MS = 1_000
ALTITUDE_M = 520
# Another driver wants its heap from somewhere: a shorter queue.
FITTED = {"hardware": {"scd4x": {"altitude_m": ALTITUDE_M}}}
FREE_HEAP, LEAST_FREE_B = 32, 4_000


class Station:
    """A node with an SCD4x, and what the gateway stored of its CO2."""

    def __init__(self, gate, made) -> None:
        self.gate, self.made, self.model = gate, made, made.sensors["scd4x"]

    def reports(self, quality: int) -> list[int | None]:
        """The CO2 of each report of this quality."""
        reports = [record for record in self.gate.stored() if CO2 in record.get("values", {})]
        return [record["values"][CO2] for record in reports if record["quality"].get(CO2, GOOD) == quality]

    async def events(self) -> list[str]:
        found = await self.gate.request("events", node=self.made.name, limit=1000)
        return [event["event"] for event in found if event["number"] == CO2]

    def weigh(self, bench):
        return balance(bench.emitted, self.gate.stored(), ended={self.made.name: self.made.board.ended})


@pytest.fixture
def station(gateway, node):
    async def make(**options) -> Station:
        gate = await gateway()
        options = {"period_ms": PERIOD_MS, "speed": SPEED, "config": FITTED} | options
        made = node("n-1", "air_quality", gate.port, sensors=[Pms5003(), Bme280(), Relay(), Scd4x()], **options)
        await gate.enrol(made.identity)
        return Station(gate, made)

    return make


@pytest.mark.parametrize("period_ms", [1_000, 10_000])
async def test_every_measurement_that_was_read_is_stored_once(bench, station, period_ms: int) -> None:
    here = await station(period_ms=period_ms)
    here.made.board.power_on()
    await bench.until(lambda: len(here.reports(GOOD)) >= 5)
    assert here.model.altitude_m == ALTITUDE_M
    assert await here.events() == []
    shown = await here.gate.request("nodes.show", node=here.made.name)
    assert [(point["name"], point["unit"]) for point in shown["points"] if point["number"] == CO2] == [("co2", "ppm")]
    here.made.board.power_cut()
    result = here.weigh(bench)
    assert (result.unexplained, result.duplicated, result.foreign) == (0, 0, 0), str(result)
    co2 = [emission.values[CO2] for emission in bench.emitted if emission.sensor == "scd4x"]
    stored = here.reports(GOOD)
    assert stored == co2[: len(stored)]
    assert co2[0] == 500


@pytest.mark.parametrize(
    ("fault", "quality", "event"),
    [
        ("absent", ABSENT, "sensor-absent"),
        ("mute", MUTE, "sensor-mute"),
        ("garbled", GARBLED, "sensor-garbled"),
        ("implausible", IMPLAUSIBLE, "implausible"),
        ("no-co2", MUTE, "sensor-mute"),
        ("not-ready", MUTE, "sensor-mute"),
    ],
)
async def test_a_fault_comes_and_goes(bench, station, fault: str, quality: int, event: str) -> None:
    here = await station()
    here.made.board.power_on()
    await bench.until(lambda: here.reports(GOOD))
    here.model.fault = fault
    await bench.until(lambda: len(here.reports(quality)) >= 2, what=f"{fault} flagged")
    here.model.fault = None
    good = len(here.reports(GOOD))
    await bench.until(lambda: len(here.reports(GOOD)) >= good + 2, what=f"good readings after {fault}")
    assert await here.events() == [event, "recovered"]
    assert set(here.reports(quality)) == {None}
    here.made.board.power_cut()
    result = here.weigh(bench)
    assert (result.unexplained, result.duplicated, result.foreign) == (0, 0, 0), str(result)


async def test_one_that_was_never_there_disturbs_no_other_sensor(bench, station) -> None:
    here = await station()
    here.model.fault = "absent"
    here.made.board.power_on()
    await bench.until(lambda: len(here.reports(ABSENT)) >= 3)
    assert await here.events() == ["sensor-absent"]
    others = {quality for r in here.gate.stored() for point, quality in r.get("quality", {}).items() if point != CO2}
    assert others <= {SETTLING}


async def test_it_still_measures_when_the_node_starts_again(bench, station) -> None:
    """A reset of the node takes no power from the sensor, which then acknowledges nothing but a stop."""
    here = await station()
    here.made.board.power_on()
    await bench.until(lambda: here.reports(GOOD))
    here.made.board._restart("watchdog", ResetCause.WATCHDOG)
    good = len(here.reports(GOOD))
    await bench.until(lambda: len(here.reports(GOOD)) >= good + 2)
    assert here.made.board.boot == 2
    assert await here.events() == []


async def test_the_node_that_has_one_has_heap_to_spare(bench, station) -> None:
    here = await station(speed=20)
    here.made.board.power_on()
    free = []

    def reported() -> bool:
        values = [record.get("values", {}) for record in here.gate.stored()]
        free[:] = [each[FREE_HEAP] for each in values if FREE_HEAP in each]
        return len(free) >= 3

    await bench.until(reported, 90)
    assert min(free[1:]) > LEAST_FREE_B, free


async def test_a_node_without_one_does_not_speak_of_it(bench, gateway, node) -> None:
    gate = await gateway()
    made = node("n-1", "air_quality", gate.port, period_ms=PERIOD_MS, speed=SPEED)
    await gate.enrol(made.identity)
    made.board.power_on()
    await bench.until(lambda: sum(4 in record.get("values", {}) for record in gate.stored()) >= 8)
    shown = await gate.request("nodes.show", node=made.name)
    assert CO2 not in [point["number"] for point in shown["points"]]
    assert not [record for record in gate.stored() if CO2 in record.get("values", {})]
