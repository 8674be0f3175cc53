"""Every fault of every sensor model: a flag on each report, one event when it comes and one when it goes, no value."""

from __future__ import annotations

import pytest

from paifang_rig.balance import balance
from paifang_wire import messages
from paifang_wire.names import QUALITY

PERIOD_MS = 400
SPEED = 4
REPORTS_IN_FAULT = 4

# role, sensor, fault, quality of its points, event. A sensor that never answered is absent; one that fell silent, mute.
FAULTS = [
    ("air_quality", "pms5003", "mute", messages.MUTE, "sensor-mute"),
    ("air_quality", "pms5003", "garbled", messages.GARBLED, "sensor-garbled"),
    ("air_quality", "pms5003", "truncated", messages.GARBLED, "sensor-garbled"),
    ("air_quality", "pms5003", "implausible", messages.IMPLAUSIBLE, "implausible"),
    ("air_quality", "bme280", "absent", messages.ABSENT, "sensor-absent"),
    ("air_quality", "bme280", "mute", messages.MUTE, "sensor-mute"),
    ("air_quality", "bme280", "stuck", messages.MUTE, "sensor-mute"),
    ("air_quality", "bme280", "implausible", messages.IMPLAUSIBLE, "implausible"),
    ("smart_meter", "pzem004t", "mute", messages.MUTE, "sensor-mute"),
    ("smart_meter", "pzem004t", "late", messages.MUTE, "sensor-mute"),
    ("smart_meter", "pzem004t", "exception", messages.FAULT, "implausible"),
    ("smart_meter", "pzem004t", "other-unit", messages.GARBLED, "sensor-garbled"),
    ("smart_meter", "pzem004t", "garbled", messages.GARBLED, "sensor-garbled"),
    ("smart_meter", "pzem004t", "truncated", messages.GARBLED, "sensor-garbled"),
    ("smart_meter", "pzem004t", "implausible", messages.IMPLAUSIBLE, "implausible"),
]
FROM_THE_START = [
    ("air_quality", "pms5003", "absent", messages.ABSENT, "sensor-absent"),
    ("air_quality", "bme280", "absent", messages.ABSENT, "sensor-absent"),
    ("air_quality", "bme280", "wrong-chip", messages.ABSENT, "sensor-absent"),
    ("smart_meter", "pzem004t", "absent", messages.ABSENT, "sensor-absent"),
]
FIRST_POINT = {"pms5003": 1, "bme280": 4, "pzem004t": 1}


class Watch:
    """What the gateway stored of one sensor."""

    def __init__(self, gate, made, sensor: str) -> None:
        self._gate, self._made, self._point = gate, made, FIRST_POINT[sensor]

    def reports(self, quality: int) -> list[dict]:
        """Reports of the sensor whose first point has this quality."""
        return [
            record
            for record in self._gate.stored()
            if self._point in record.get("values", {}) and record["quality"].get(self._point, messages.GOOD) == quality
        ]

    def good(self) -> int:
        return len(self.reports(messages.GOOD)) + len(self.reports(messages.SETTLING))

    async def events(self) -> list[str]:
        """Its events, oldest first."""
        found = await self._gate.request("events", node=self._made.name, limit=1000)
        return [event["event"] for event in found if event["number"] is not None]


async def make(gateway, node, role: str, sensor: str):
    gate = await gateway()
    made = node("n-1", role, gate.port, period_ms=PERIOD_MS, speed=SPEED)
    await gate.enrol(made.identity)
    return gate, made, Watch(gate, made, sensor)


def assert_nothing_made_up(bench, gate, made) -> None:
    result = balance(bench.emitted, gate.stored(), ended={made.name: made.board.ended})
    assert (result.foreign, result.duplicated) == (0, 0), str(result)


@pytest.mark.parametrize(("role", "sensor", "fault", "quality", "event"), FAULTS)
async def test_a_fault_comes_and_goes(bench, gateway, node, role, sensor, fault, quality, event) -> None:
    gate, made, watch = await make(gateway, node, role, sensor)
    made.board.power_on()
    await bench.until(lambda: watch.good() >= 2)
    made.sensors[sensor].fault = fault
    await bench.until(lambda: len(watch.reports(quality)) >= REPORTS_IN_FAULT, what=f"reports {QUALITY[quality]}")
    made.sensors[sensor].fault = None
    good = watch.good()
    await bench.until(lambda: watch.good() >= good + 2)
    assert await watch.events() == [event, "recovered"]
    for report in watch.reports(quality):
        assert all(report["values"][point] is None for point in report["quality"])
    made.board.power_cut()
    assert_nothing_made_up(bench, gate, made)


@pytest.mark.parametrize(("role", "sensor", "fault", "quality", "event"), FROM_THE_START)
async def test_a_sensor_that_was_never_there(bench, gateway, node, role, sensor, fault, quality, event) -> None:
    gate, made, watch = await make(gateway, node, role, sensor)
    made.sensors[sensor].fault = fault
    made.board.power_on()
    await bench.until(lambda: len(watch.reports(quality)) >= REPORTS_IN_FAULT)
    assert await watch.events() == [event]
    assert watch.good() == 0
    made.board.power_cut()
    assert_nothing_made_up(bench, gate, made)


async def test_a_particle_sensor_whose_fan_stopped_is_woken(bench, gateway, node) -> None:
    _, made, watch = await make(gateway, node, "air_quality", "pms5003")
    made.board.power_on()
    await bench.until(lambda: watch.good() >= 2)
    made.sensors["pms5003"].fault = "sleeping"
    await bench.until(lambda: len(watch.reports(messages.MUTE)) >= 1)
    good = watch.good()
    await bench.until(lambda: watch.good() >= good + 2)
    assert await watch.events() == ["sensor-mute", "recovered"]


@pytest.mark.parametrize("fault", ["stuck-open", "no-read-back"])
async def test_a_contact_that_does_not_follow_is_no_success(bench, gateway, node, fault: str) -> None:
    gate, made, watch = await make(gateway, node, "smart_meter", "pzem004t")
    made.sensors["relay"].fault = fault
    made.board.power_on()
    await bench.until(lambda: watch.good() >= 2)
    answers = []
    while not answers or answers[-1]["reason"] == "too-soon":
        good = watch.good()  # a point takes so many commands a minute, and no more
        await bench.until(lambda good=good: watch.good() >= good + 3)
        answers.append(await gate.request("send", node=made.name, point="relay", value=1, within_ms=5_000))
    assert (answers[-1]["verdict"], answers[-1]["reason"]) == ("refused", "inconsistent")
    assert answers[-1]["after"] is False
    await bench.until(lambda: made.sensors["relay"].coil is False)
    # The receipt is faster than the record: wait for a second event beside the one of the start.
    await bench.until(lambda: sum(record["kind"] == messages.EVENT for record in gate.stored()) >= 2)
    assert await watch.events() == ["output-fault"]
