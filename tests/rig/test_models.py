"""The sensor models at the wire: captured frames and data-sheet vectors, byte for byte."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING

import pytest

from paifang_rig.simulated.models import bme280, pms5003, pzem004t
from paifang_rig.simulated.models.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Callable


class Board:
    """A port that delivers at once and keeps everything; `wait` runs what is due."""

    def __init__(self) -> None:
        self.sent = b""
        self.emitted: list[tuple] = []
        self.due: list[Callable[[], None]] = []

    def after(self, delay_ms: float, action: Callable[[], None]) -> None:
        self.due.append(action)

    def transmit(self, uart: int, data: bytes) -> None:
        self.sent += data

    def emit(self, sensor, identity, values, *, valid: bool, asked: bool) -> None:
        self.emitted.append((identity, dict(values), valid, asked))

    def wait(self) -> None:
        due, self.due = self.due, []
        for action in due:
            action()

    def take(self) -> bytes:
        self.wait()
        sent, self.sent = self.sent, b""
        return sent


def on(sensor):
    board = Board()
    sensor.attach(board)
    return sensor, board


READ = bytes.fromhex("424DE200000171")
PASSIVE = bytes.fromhex("424DE100000170")
ACTIVE = bytes.fromhex("424DE100010171")
SLEEP = bytes.fromhex("424DE400000173")
WAKE = bytes.fromhex("424DE400010174")


@pytest.mark.parametrize(
    ("data", "pm25_cf1", "pm25"), [*zip(pms5003.CAPTURED, (10, 11, 62), (10, 11, 46), strict=True)]
)
def test_captured_pms_frames_are_whole(data: bytes, pm25_cf1: int, pm25: int):
    assert len(data) == 32
    assert sum(data[:30]) == int.from_bytes(data[30:], "big")
    words = struct.unpack(">13H", data[4:30])
    assert words[1] == pm25_cf1
    assert pms5003.frame(words) == data
    assert pms5003.values_of(data)[pms5003.PM25] == pm25


def test_pms_plays_the_captured_frames_and_then_no_two_alike():
    sensor, board = on(pms5003.Pms5003())
    sensor.received(PASSIVE)
    assert board.take() == bytes.fromhex("424D0004E1000174")
    frames = []
    for _ in range(500):
        sensor.received(READ)
        frames.append(board.take())
    assert tuple(frames[:3]) == pms5003.CAPTURED
    assert all(sum(data[:30]) == int.from_bytes(data[30:], "big") for data in frames)
    assert len({sensor.key_of(pms5003.values_of(data)) for data in frames}) == 500
    assert [values for _, values, _, _ in board.emitted] == [pms5003.values_of(data) for data in frames]


def test_pms_is_active_from_power_on_until_told():
    sensor, board = on(pms5003.Pms5003())
    sensor.power(on=True)
    assert len(board.take()) == 32
    assert board.emitted[0][3] is False
    sensor.received(PASSIVE)
    board.wait()
    board.take()
    assert board.take() == b""


def test_pms_sleeps_until_woken():
    sensor, board = on(pms5003.Pms5003())
    sensor.received(PASSIVE + SLEEP)
    board.take()
    sensor.received(READ)
    assert board.take() == b""
    sensor.received(WAKE + READ)
    assert len(board.take()) == 32


def test_pms_hears_a_command_behind_noise_and_in_pieces_and_no_wrong_one():
    sensor, board = on(pms5003.Pms5003())
    sensor.received(b"\x00BM\xe2" + READ[:3])
    sensor.received(READ[3:])
    assert len(board.take()) == 32
    sensor.received(READ[:6] + b"\x72" + bytes(7))
    assert board.take() == b""


@pytest.mark.parametrize(
    ("fault", "length", "good_sum"),
    [
        ("mute", 0, None),
        ("absent", 0, None),
        ("sleeping", 0, None),
        ("garbled", 32, False),
        ("truncated", 20, None),
        ("implausible", 32, True),
    ],
)
def test_pms_faults(fault: str, length: int, good_sum: bool | None):
    sensor, board = on(pms5003.Pms5003(fault=fault))
    sensor.received(READ)
    data = board.take()
    assert len(data) == length
    if good_sum is not None:
        assert (sum(data[:30]) == int.from_bytes(data[30:], "big")) is good_sum
    assert not any(valid for _, _, valid, _ in board.emitted)


def test_bme_data_sheet_example():
    """BST-BMP280-DS001 section 3.12."""
    fine = bme280.temperature_fine(519888)
    assert round(fine / 51.2) == 2508
    assert round(bme280.pressure_pa(415148, fine), 1) == pytest.approx(100653.27, abs=0.1)


def test_bme_calibration_lies_where_the_data_sheet_says():
    registers = bme280.calibration()
    low = bytes(registers[0x88 + i] for i in range(26))
    assert struct.unpack_from("<Hhh", low) == (27504, 26435, -1000)
    assert struct.unpack_from("<H8h", low, 6) == bme280.P
    high = bytes(registers[0xE1 + i] for i in range(7))
    assert (low[25], *struct.unpack_from("<hB", high)) == (bme280.H1, bme280.H2, bme280.H3)
    assert high[3] << 4 | high[4] & 0xF == bme280.H4
    assert high[5] << 4 | high[4] >> 4 == bme280.H5
    assert high[6] == bme280.H6


@pytest.mark.parametrize(
    "weather", [(2508, 5000, 100653), (-2000, 1000, 70000), (4999, 9500, 105493), (1000, 4000, 95000)]
)
def test_bme_raw_numbers_show_the_weather(weather: tuple[int, int, int]):
    shown = bme280.values_of(bme280.raw_for(*weather))
    for point, wanted in zip((4, 5, 6), weather, strict=True):
        assert abs(shown[point] - wanted) <= 2


def measure(sensor: bme280.Bme280, board: Board) -> bytes:
    sensor.transfer(b"\xf2\x01", 0)
    sensor.transfer(b"\xf4\x25", 0)
    assert sensor.transfer(b"\xf3", 1)[0] & 8
    board.wait()
    assert not sensor.transfer(b"\xf3", 1)[0] & 8
    return sensor.transfer(b"\xf7", 8)


def test_bme_measures_when_forced_and_sleeps_again():
    sensor, board = on(bme280.Bme280())
    assert sensor.transfer(b"\xd0", 1) == b"\x60"
    assert sensor.transfer(b"\xf7", 8) == bytes.fromhex("800000 800000 8000")
    first = measure(sensor, board)
    assert int.from_bytes(first[0:3], "big") >> 4 == 415148
    assert int.from_bytes(first[3:6], "big") >> 4 == 519888
    assert sensor.transfer(b"\xf4", 1)[0] & 3 == 0
    seen = {measure(sensor, board) for _ in range(200)}
    assert len(seen) == 200
    assert [identity for identity, *_ in board.emitted] == list(range(201))
    assert len({sensor.key_of(values) for _, values, _, _ in board.emitted}) == 201


def test_bme_skips_what_is_not_switched_on():
    sensor, board = on(bme280.Bme280())
    sensor.transfer(b"\xf4\x21", 0)
    board.wait()
    assert sensor.transfer(b"\xf7", 8)[:3] == bytes.fromhex("800000")
    assert sensor.transfer(b"\xf7", 8)[6:] == bytes.fromhex("8000")


@pytest.mark.parametrize(("fault", "number"), [("absent", errno.ENODEV), ("mute", errno.ETIMEDOUT)])
def test_bme_faults_on_the_bus(fault: str, number: int):
    sensor, _ = on(bme280.Bme280(fault=fault))
    with pytest.raises(OSError) as caught:
        sensor.transfer(b"\xd0", 1)
    assert caught.value.errno == number


def test_bme_faults_in_the_data():
    sensor, board = on(bme280.Bme280())
    sensor.fault = "implausible"
    assert measure(sensor, board) == bytes.fromhex("FFFFF0 FFFFF0 FFFF".replace(" ", ""))
    assert board.emitted[0][2] is False
    sensor.fault = "wrong-chip"
    assert sensor.transfer(b"\xd0", 1) == b"\x58"


def test_pzem_answers_the_captured_request_with_the_captured_frame():
    sensor, board = on(pzem004t.Pzem004t())
    sensor.received(pzem004t.CAPTURED_REQUEST)
    assert board.take() == pzem004t.CAPTURED
    assert board.emitted == [(0, {1: 2257, 2: 108, 3: 244, 4: 38, 5: 500, 6: 100, 7: 0}, True, True)]


def test_pzem_reads_parts_and_refuses_what_it_does_not_have():
    sensor, board = on(pzem004t.Pzem004t())

    def ask(body: str) -> bytes:
        sensor.received(pzem004t.sealed(bytes.fromhex(body)))
        answer = board.take()
        assert not answer or pzem004t.crc16(answer[:-2]) == answer[-2:]
        return answer[:-2]

    assert ask("01 04 0005 0002") == bytes.fromhex("01 04 04 0026 0000")
    assert board.emitted[-1][2] is False
    assert ask("01 04 0005 0006") == bytes.fromhex("01 84 02")
    assert ask("01 03 0001 0002") == bytes.fromhex("01 03 04 59D8 0001")
    assert ask("01 06 0001 0064") == bytes.fromhex("01 06 0001 0064")
    assert ask("01 06 0001 FFFF") == bytes.fromhex("01 86 03")
    assert ask("01 06 0007 0001") == bytes.fromhex("01 86 02")
    assert ask("01 10 0000") == b""
    assert ask("02 04 0000 000A") == b""
    assert ask("F8 04 0000 000A")[:3] == bytes.fromhex("F8 04 14")
    sensor.received(bytes.fromhex("01 42 80 11"))
    assert board.take() == bytes.fromhex("01 42 80 11")
    assert sensor.energy_wh == 0


def test_pzem_says_nothing_to_a_damaged_request_and_hears_the_next():
    sensor, board = on(pzem004t.Pzem004t())
    sensor.received(pzem004t.CAPTURED_REQUEST[:-1] + b"\x00")
    assert board.take() == b""
    sensor.received(pzem004t.CAPTURED_REQUEST[:5])
    sensor.received(pzem004t.CAPTURED_REQUEST[5:])
    assert board.take() == pzem004t.CAPTURED


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("mute", b""),
        ("absent", b""),
        ("exception", pzem004t.sealed(bytes.fromhex("018404"))),
        ("truncated", pzem004t.CAPTURED[:12]),
        ("other-unit", pzem004t.sealed(b"\x02" + pzem004t.CAPTURED[1:-2])),
        ("implausible", pzem004t.sealed(bytes.fromhex("010414") + b"\xff" * 20)),
    ],
)
def test_pzem_faults(fault: str, answer: bytes):
    sensor, board = on(pzem004t.Pzem004t(fault=fault))
    sensor.received(pzem004t.CAPTURED_REQUEST)
    assert board.take() == answer
    assert not any(valid for _, _, valid, _ in board.emitted)


def test_pzem_garbled_has_a_wrong_crc():
    sensor, board = on(pzem004t.Pzem004t(fault="garbled"))
    sensor.received(pzem004t.CAPTURED_REQUEST)
    answer = board.take()
    assert len(answer) == 25
    assert pzem004t.crc16(answer[:-2]) != answer[-2:]


def test_no_current_flows_through_an_open_relay():
    relay = Relay()
    sensor, board = on(pzem004t.Pzem004t(load=relay))
    sensor.received(pzem004t.CAPTURED_REQUEST)
    relay.driven(25, 1)
    sensor.received(pzem004t.CAPTURED_REQUEST)
    board.wait()
    (_, off, _, _), (_, on_, _, _) = board.emitted
    assert (off[2], off[3]) == (0, 0)
    assert on_[2] > 0
    assert on_[3] > 0


@pytest.mark.parametrize(
    ("fault", "levels"), [(None, (0, 1)), ("stuck-open", (0, 0)), ("stuck-closed", (1, 1)), ("no-read-back", (0, 0))]
)
def test_relay_reads_back_what_the_contacts_did(fault: str | None, levels: tuple[int, int]):
    relay = Relay(fault=fault)
    read = []
    for level in (0, 1):
        relay.driven(25, level)
        read.append(relay.level(26))
    assert tuple(read) == levels
