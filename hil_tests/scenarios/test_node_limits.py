"""A node left alone: a full queue, a broken configuration, a serial line that somebody else types on."""

from __future__ import annotations

import os

import pytest

from paifang_rig.balance import balance
from paifang_rig.nodes import SERIAL_LINK
from paifang_wire import messages

# What a terminal, a modem probe or mpremote sends first: interrupt, raw REPL, soft reset, paste mode.
MPREMOTE = b"\r\x03\x03\r\x01\r\x04\x05\x02import machine; machine.reset()\r\n\x04"


def readings(gate) -> int:
    return sum(1 in record.get("values", {}) for record in gate.stored())


async def test_a_long_outage_costs_the_oldest_records_and_says_so(bench, gateway, node) -> None:
    gate = await gateway()
    made = node(
        "n-1", "smart_meter", gate.port, period_ms=100, speed=4, config={"queue_bytes": 1500, "journal_bytes": 0}
    )
    await gate.enrol(made.identity)
    made.board.power_on()
    await bench.until(lambda: readings(gate) >= 3)
    await gate.kill()
    emitted = len(bench.emitted)
    await bench.until(lambda: len(bench.emitted) >= emitted + 150, 60)
    await gate.start()
    await bench.until(lambda: sum(gate.lost().values()) > 0, 60)
    made.sensors["pzem004t"].fault = "mute"
    await bench.until(lambda: weigh(bench, gate, made).unexplained == 0, 60)
    result = weigh(bench, gate, made)
    assert result.dropped > 50
    assert (result.duplicated, result.foreign) == (0, 0), str(result)
    events = [event["event"] for event in await gate.request("events", node=made.name, limit=1000)]
    assert events.count("records-dropped") <= 2  # told when it begins, and that one may have had to go itself


def weigh(bench, gate, made):
    return balance(bench.emitted, gate.stored(), dropped=gate.lost(), ended={made.name: made.board.ended})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"period_ms": "10s"}, ("period_ms", "10s", "integer from 50")),
        ({"role": "air_qualty"}, ("role", "air_qualty", "air_quality")),
        ({"hardware": {"pzem004t": {"uart": 1}}}, ("hardware.pzem004t.uart", "the link's")),
    ],
)
async def test_a_broken_configuration_is_named_on_the_console(node, config, words) -> None:
    made = node("n-1", "smart_meter", SERIAL_LINK, config=config, speed=4)
    made.board.power_on()
    line = await made.board.wait_line("node stopped")
    for word in words:
        assert word in line
    assert await made.board.wait_exit() == "reset"


async def test_what_others_type_on_the_serial_link_changes_nothing(bench, gateway, node) -> None:
    made = node("n-1", "smart_meter", SERIAL_LINK, period_ms=200)
    made.board.power_on()
    line = os.open(made.board.serial_path, os.O_RDWR | os.O_NOCTTY)
    for noise in (bytes(range(256)), MPREMOTE, MPREMOTE * 20, os.urandom(3000)):
        emitted = len(bench.emitted)
        os.write(line, noise)
        await bench.until(lambda before=emitted: len(bench.emitted) >= before + 2)
    os.close(line)
    gate = await gateway(serial=[made.board.serial_path])
    await gate.enrol(made.identity)
    await bench.until(lambda: readings(gate) >= 3, 60)
    assert made.board.ended == {}
    started = [record for record in gate.stored() if record["kind"] == messages.EVENT]
    assert {record["boot"] for record in started} == {1}
