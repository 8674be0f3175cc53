"""The SCD4x model at the wire: what it answers, byte for byte, and what it does not acknowledge, and when."""

from __future__ import annotations

import errno

import pytest

from paifang_rig.simulated.models.scd4x import FIRST_PPM, Scd4x, sealed

START, STOP, READY, READ = (bytes.fromhex(command) for command in ("21B1", "3F86", "E4B8", "EC05"))
SERIAL, SET_ALTITUDE, GET_ALTITUDE = (bytes.fromhex(command) for command in ("3682", "2427", "2322"))


class Board:
    """A port whose time stands still unless a test moves it."""

    def __init__(self) -> None:
        self.ms = 0.0
        self.emitted: list[tuple] = []

    def node_ms(self) -> float:
        return self.ms

    def is_over(self, due_ms: float) -> bool:
        return self.ms >= due_ms

    def emit(self, sensor, identity, values, *, valid: bool, asked: bool) -> None:
        self.emitted.append((identity, dict(values), valid, asked))


class Wire:
    """A model, its board, and what a driver does on the bus; `ask` waits the millisecond that a command takes."""

    def __init__(self, *, started: bool = True) -> None:
        self.sensor, self.board = Scd4x(), Board()
        self.sensor.attach(self.board)
        self.sensor.power(on=True)
        if started:
            self.wait(1_000)
            self.write(START)

    def wait(self, ms: float) -> None:
        self.board.ms += ms

    def write(self, data: bytes) -> None:
        assert self.sensor.transfer(data, 0) == b""

    def ask(self, command: bytes, count: int) -> bytes:
        self.write(command)
        self.wait(1)
        return self.sensor.transfer(b"", count)

    def measure(self) -> bytes:
        self.wait(5_000)
        return self.ask(READ, 9)

    def refuses(self, data: bytes, count: int = 0) -> bool:
        with pytest.raises(OSError) as caught:
            self.sensor.transfer(data, count)
        return caught.value.errno == errno.ENODEV


def test_the_data_sheets_answers():
    wire = Wire(started=False)
    wire.wait(1_000)
    assert wire.ask(SERIAL, 9) == bytes.fromhex("F896 31 9F07 C2 3BBE 89")
    wire.write(START)
    assert wire.ask(READY, 3) == bytes.fromhex("8000 A2")
    wire.wait(5_000)
    assert wire.ask(READY, 3) == bytes.fromhex("8006 04")
    assert wire.ask(READ, 9) == bytes.fromhex("01F4 33 6667 A2 5EB9 3C")
    assert wire.board.emitted == [(0, {9: 500}, True, True)]


def test_nothing_is_acknowledged_too_early():
    wire = Wire(started=False)
    wire.wait(999)
    assert wire.refuses(b"")
    wire.wait(1)
    wire.write(STOP)
    wire.wait(499)
    assert wire.refuses(START)
    wire.wait(1)
    wire.write(SERIAL)
    assert wire.refuses(b"", 9)


def test_while_it_measures_it_takes_few_commands():
    wire = Wire()
    for command in (START, SERIAL, SET_ALTITUDE + sealed(520), GET_ALTITUDE):
        assert wire.refuses(command)
    wire.write(bytes.fromhex("E000") + sealed(1013))
    wire.write(STOP)
    wire.wait(500)
    assert wire.ask(READY, 3) == bytes.fromhex("8000 A2")
    wire.write(START)


def test_a_measurement_is_read_once_and_replaced_by_the_next():
    wire = Wire()
    assert wire.measure()[:3] == sealed(500)
    wire.write(READ)
    wire.wait(1)
    assert wire.refuses(b"", 9)
    wire.wait(10_000)
    assert wire.ask(READ, 9)[:3] == sealed(FIRST_PPM + 2)
    assert wire.ask(READY, 6) == bytes.fromhex("8000 A2 FFFFFF")


def test_no_two_measurements_are_alike():
    wire = Wire()
    answers = {wire.measure() for _ in range(2_000)}
    keys = {wire.sensor.key_of(values) for _, values, _, _ in wire.board.emitted}
    assert (len(answers), len(keys)) == (2_000, 2_000)
    assert Scd4x.key_of({4: 2508}) is None


def test_an_argument_needs_its_checksum():
    wire = Wire(started=False)
    wire.wait(1_000)
    assert wire.refuses(SET_ALTITUDE + b"\x02\x08\x00")
    assert wire.refuses(SET_ALTITUDE + b"\x02")
    wire.write(SET_ALTITUDE + sealed(520))
    assert wire.sensor.altitude_m == 520
    assert wire.ask(GET_ALTITUDE, 3) == sealed(520)
    wire.sensor.power(on=True)
    wire.wait(1_000)
    assert wire.ask(GET_ALTITUDE, 3) == sealed(0)


def test_faults_on_the_bus():
    wire = Wire()
    wire.sensor.fault = "mute"
    with pytest.raises(OSError) as caught:
        wire.sensor.transfer(READY, 0)
    assert caught.value.errno == errno.ETIMEDOUT
    wire.sensor.fault = "absent"
    assert wire.refuses(READY)
    wire.sensor.fault = None
    wire.wait(999)
    assert wire.refuses(READY)  # plugged in again: it starts up, and is not measuring
    wire.wait(6_000)
    assert wire.ask(READY, 3) == bytes.fromhex("8000 A2")


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("garbled", "01F4 33 6667 A2 5EB9 3D"),
        ("implausible", "FFFF AC FFFF AC FFFF AC"),
        ("no-co2", "0000 81 6667 A2 5EB9 3C"),
    ],
)
def test_faults_in_the_data(fault: str, answer: str):
    wire = Wire()
    wire.sensor.fault = fault
    assert wire.measure() == bytes.fromhex(answer)
    assert [valid for _, _, valid, _ in wire.board.emitted] == [False]


def test_a_measurement_that_never_ends():
    wire = Wire()
    wire.sensor.fault = "not-ready"
    wire.wait(60_000)
    assert wire.ask(READY, 3) == bytes.fromhex("8000 A2")
    assert wire.board.emitted == []
