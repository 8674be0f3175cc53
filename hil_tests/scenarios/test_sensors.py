"""The shipped drivers on models that answer byte for byte: every fault is flagged, told once, and got over."""

from __future__ import annotations

import pytest

from paifang_rig.balance import balance
from paifang_wire import messages
from paifang_wire.messages import ABSENT, FAULT, GARBLED, IMPLAUSIBLE, MUTE

SENSOR_POINTS = {"pms5003": (1, 2, 3, 7), "bme280": (4, 5, 6), "pzem004t": (1, 2, 3, 4, 5, 6, 7)}
CASES = [
    (
        "air_quality",
        "pms5003",
        {"mute": MUTE, "garbled": GARBLED, "truncated": GARBLED, "implausible": IMPLAUSIBLE, "sleeping": MUTE},
    ),
    (
        "air_quality",
        "bme280",
        {"absent": ABSENT, "mute": MUTE, "stuck": MUTE, "implausible": IMPLAUSIBLE, "wrong-chip": None},
    ),
    (
        "smart_meter",
        "pzem004t",
        {
            "mute": MUTE,
            "exception": FAULT,
            "other-unit": GARBLED,
            "garbled": GARBLED,
            "truncated": GARBLED,
            "implausible": IMPLAUSIBLE,
        },
    ),
]


class Records:
    """The stored reports of one sensor, and the events, in order."""

    def __init__(self, gate, sensor: str) -> None:
        self._gate, self._points = gate, SENSOR_POINTS[sensor]

    def reports(self) -> list[dict]:
        return [r for r in self._gate.stored() if set(r.get("values", ())) == set(self._points)]

    def last(self) -> dict:
        reports = self.reports()
        return reports[-1] if reports else {}

    def is_good(self) -> bool:
        last = self.last()
        return (
            bool(last) and None not in last["values"].values() and set(last["quality"].values()) <= {messages.SETTLING}
        )

    def flags(self) -> set[int]:
        return set(self.last().get("quality", {}).values()) - {messages.SETTLING}


@pytest.mark.parametrize(("role", "sensor", "faults"), CASES, ids=[case[1] for case in CASES])
async def test_faults_are_flagged_and_got_over(bench, gateway, node, role: str, sensor: str, faults: dict):
    gate = await gateway()
    made = node("n-1", role, gate.port, period_ms=1_000, speed=5)
    await gate.enrol(made.identity)
    model, records = made.sensors[sensor], Records(gate, sensor)
    made.board.power_on()
    await bench.until(records.is_good, 30, "a good reading")
    for fault, quality in faults.items():
        if quality is None:
            continue
        model.fault = fault
        await bench.until(
            lambda q=quality: records.flags() == {q}, 30, f"{fault} flagged as {quality}: {records.last()}"
        )
        if fault != "implausible":
            assert set(records.last()["values"].values()) == {None}
        model.fault = None
        await bench.until(records.is_good, 60, f"good readings after {fault}")
    assert made.board.boot == 1
    made.board.power_cut()
    result = balance(bench.emitted, gate.stored(), ended={"n-1": made.board.ended})
    assert (result.foreign, result.duplicated, result.unexplained) == (0, 0, 0), str(result)
    assert not [line for line in made.board.console if "failed" in line]


@pytest.mark.parametrize(
    ("role", "sensor", "fault"),
    [
        ("air_quality", "pms5003", "absent"),
        ("air_quality", "bme280", "absent"),
        ("air_quality", "bme280", "wrong-chip"),
        ("smart_meter", "pzem004t", "absent"),
    ],
)
async def test_a_sensor_that_was_never_there_is_absent_until_it_is(
    bench, gateway, node, role: str, sensor: str, fault: str
):
    gate = await gateway()
    made = node("n-1", role, gate.port, period_ms=1_000, speed=5)
    await gate.enrol(made.identity)
    made.sensors[sensor].fault = fault
    records = Records(gate, sensor)
    made.board.power_on()
    await bench.until(lambda: records.flags() == {ABSENT}, 30, "flagged as absent")
    assert any(record["kind"] == messages.EVENT for record in gate.stored())
    made.sensors[sensor].fault = None
    await bench.until(records.is_good, 60, "good readings once it is there")


async def test_a_late_answer_is_not_taken_for_the_next_question_for_ever(bench, gateway, node):
    """Modbus answers carry no number: after answers came late, question and answer must find together again."""
    gate = await gateway()
    made = node("n-1", "smart_meter", gate.port, period_ms=1_000, speed=5)
    await gate.enrol(made.identity)
    model, records = made.sensors["pzem004t"], Records(gate, "pzem004t")
    made.board.power_on()
    await bench.until(records.is_good, 30, "a good reading")
    model.fault = "late"
    await bench.until(lambda: records.flags() == {MUTE}, 30, "late answers flagged")
    model.fault = None
    count = len(bench.emitted)
    await bench.until(lambda: len(bench.emitted) >= count + 8, 30)
    made.board.power_cut()
    newest = [emission.values[4] for emission in bench.emitted[count:]]
    stored = [record["values"][4] for record in records.reports() if record["values"][4] is not None]
    assert stored[-1] in newest[-2:]
