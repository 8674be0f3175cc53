"""The Modbus TCP server: what stands where, which exception is whose, and other people's clients against it."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import shutil
import struct
from fractions import Fraction

import pytest
from pymodbus.client import AsyncModbusTcpClient

from paifang.bridges.errors import FrameError
from paifang.bridges.modbus import frames
from paifang.bridges.modbus.server import DONE, Adu, Adus, Server, Write
from paifang.bridges.modbus.server_map import QUALITY_FROM, Entry, RegisterMap, Shown
from paifang.bridges.modbus.server_tcp import Door, ModbusServer
from paifang.errors import EXIT_RESOURCE, PaifangError
from paifang_wire import messages

GOOD = messages.GOOD
ENTRIES = (
    Entry(1, 0, "meter-1", "power", "float32"),
    Entry(1, 2, "meter-1", "energy", "int32", scale=1),
    Entry(1, 4, "meter-1", "voltage", "uint16", scale=-1),
    Entry(1, 5, "meter-1", "flow", "int16", order="ABCD", scale=-2, is_writable=True),
    Entry(1, 6, "meter-1", "setpoint", "float32", order="CDAB", is_writable=True),
    Entry(1, 8, "meter-1", "big", "int64"),
    Entry(1, 20, "relays", "relay_1", "bit", is_writable=True),
    Entry(1, 21, "relays", "relay_2", "bit"),
    Entry(7, 0, "meter-7", "power", "float64"),
)
NOW = {
    ("meter-1", "power"): Shown(Fraction("1234.5"), GOOD),
    ("meter-1", "energy"): Shown(Fraction(123_450), GOOD),
    ("meter-1", "voltage"): Shown(Fraction("230.16"), messages.INDICATIVE),
    ("meter-1", "flow"): Shown(Fraction("-1.5"), GOOD),
    ("meter-1", "setpoint"): Shown(Fraction("21.5"), GOOD),
    ("meter-1", "big"): Shown(Fraction(-5), GOOD),
    ("relays", "relay_1"): Shown(Fraction(1), GOOD),
    ("relays", "relay_2"): Shown(Fraction(0), GOOD),
    ("meter-7", "power"): Shown(Fraction("0.1"), GOOD),
}
READ_ONLY = [Entry(entry.unit, entry.address, entry.node, entry.point, entry.type) for entry in ENTRIES]


class Ward:
    def __init__(self, entries=ENTRIES):
        self.now = dict(NOW)
        self.server = Server(RegisterMap(entries), lambda entry: self.now[entry.node, entry.point])
        self.written = []
        self.verdict = DONE

    def ask(self, *pdu, unit=1):
        """The answer to a PDU in bytes or hexadecimal digits; of a write, who is to decide what."""
        return self.server.answer(
            unit, b"".join(bytes.fromhex(each) if isinstance(each, str) else each for each in pdu)
        )

    def registers(self, first, count, unit=1, function=3):
        answer = self.ask(bytes((function,)), first.to_bytes(2), count.to_bytes(2), unit=unit)
        assert answer[:2] == bytes((function, 2 * count)), answer.hex()
        return answer[2:]

    async def on_write(self, write, peer):
        assert peer == "127.0.0.1"
        self.written.append((write.entry.node, write.entry.point, write.value))
        return self.verdict


@pytest.fixture
def ward():
    return Ward()


# What stands where


@pytest.mark.parametrize("function", [3, 4])
def test_values_stand_where_the_map_says_as_holding_and_as_input_registers(ward, function):
    data = ward.registers(0, 12, function=function)
    assert struct.unpack(">fiHh", data[:12]) == (1234.5, 12345, 2302, -150)
    assert struct.unpack(">f", data[14:16] + data[12:14]) == (21.5,), "CDAB: the low word first"
    assert struct.unpack(">q", data[16:]) == (-5,)
    assert struct.unpack(">d", ward.registers(0, 4, unit=7)) == (0.1,)


def test_switches_are_coils_and_what_is_good_is_a_discrete_input(ward):
    assert ward.ask("01 0014 0002").hex() == "010101"
    assert ward.ask("02 0000 0008").hex() == "0201ef", "the voltage at 4 is an indication only"
    assert ward.ask("02 0014 0002").hex() == "020103"


@pytest.mark.parametrize("quality", [messages.ABSENT, messages.STALE, messages.GARBLED, messages.FAULT, messages.MUTE])
def test_where_there_is_no_value_nothing_is_made_up(ward, quality):
    """A value that is old is not shown either."""
    for key in ward.now:
        ward.now[key] = Shown(Fraction(1), quality)
    assert ward.registers(0, 12).hex() == "7fc0000080000000ffff800000007fc08000000000000000"
    assert ward.ask("02 0000 000c").hex() == "02020000"
    assert ward.ask("01 0014 0001").hex() == "010100"
    assert ward.registers(QUALITY_FROM, 12) == quality.to_bytes(2) * 12


def test_why_a_value_is_not_good_stands_beside_it(ward):
    assert ward.registers(QUALITY_FROM, 6).hex() == "0000" * 4 + "0008" + "0000"
    ward.now["meter-1", "energy"] = Shown(None, GOOD)
    assert ward.registers(QUALITY_FROM + 2, 2) == messages.ABSENT.to_bytes(2) * 2
    ward.now["relays", "relay_1"] = Shown(None, GOOD)
    assert ward.registers(QUALITY_FROM + 20, 1) == messages.ABSENT.to_bytes(2)


@pytest.mark.parametrize(("point", "value", "at"), [("voltage", 7000, 4), ("flow", -400, 5), ("energy", 10**12, 2)])
def test_a_value_that_does_not_fit_is_none(ward, point, value, at):
    ward.now["meter-1", point] = Shown(Fraction(value), GOOD)
    assert ward.registers(QUALITY_FROM + at, 1) == messages.OUT_OF_RANGE.to_bytes(2)


def test_units_0_and_255_are_the_first_one(ward):
    assert ward.registers(0, 2, unit=0) == ward.registers(0, 2, unit=255) == ward.registers(0, 2)


# Exceptions


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        ("05 0014 ff00", frames.ILLEGAL_FUNCTION),
        ("06 0005 0001", frames.ILLEGAL_FUNCTION),
        ("10 0006 0002 04 00000000", frames.ILLEGAL_FUNCTION),
        ("2b 0e 01 00", frames.ILLEGAL_FUNCTION),
        ("03 000c 0001", frames.ILLEGAL_ADDRESS),
        ("03 0000 000d", frames.ILLEGAL_ADDRESS),
        ("03 0000 0001", frames.ILLEGAL_ADDRESS),
        ("03 0001 0001", frames.ILLEGAL_ADDRESS),
        ("03 0014 0001", frames.ILLEGAL_ADDRESS),
        ("01 0000 0001", frames.ILLEGAL_ADDRESS),
        ("02 000c 0001", frames.ILLEGAL_ADDRESS),
        ("03 ffff 0002", frames.ILLEGAL_ADDRESS),
        ("03 800c 0001", frames.ILLEGAL_ADDRESS),
        ("03 0000 0000", frames.ILLEGAL_VALUE),
        ("03 0000 007e", frames.ILLEGAL_VALUE),
        ("01 0014 07d1", frames.ILLEGAL_VALUE),
        ("03 0000 00", frames.ILLEGAL_VALUE),
        ("03 0000 0002 00", frames.ILLEGAL_VALUE),
    ],
)
def test_what_cannot_be_answered_has_the_exception_of_the_standard(pdu, exception):
    ward = Ward(READ_ONLY)
    data = bytes.fromhex(pdu)
    assert ward.ask(pdu) == bytes((data[0] | 0x80, exception))
    assert ward.server.refused == {exception: 1}


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        ("05 0015 ff00", frames.ILLEGAL_ADDRESS),
        ("05 0005 ff00", frames.ILLEGAL_ADDRESS),
        ("06 0004 0001", frames.ILLEGAL_ADDRESS),
        ("06 0006 0001", frames.ILLEGAL_ADDRESS),
        ("10 0005 0003 06 000100000000", frames.ILLEGAL_ADDRESS),
        ("05 0014 0001", frames.ILLEGAL_VALUE),
        ("0f 0014 0002 01 03", frames.ILLEGAL_VALUE),
        ("10 0006 0002 03 000000", frames.ILLEGAL_VALUE),
        ("10 0006 0002 04 00007fc0", frames.ILLEGAL_VALUE),
        ("10 0006 0002 04 00007f80", frames.ILLEGAL_VALUE),
        ("06 0005 8000", frames.ILLEGAL_VALUE),
    ],
)
def test_what_cannot_be_written(ward, pdu, exception):
    assert ward.ask(pdu) == bytes((bytes.fromhex(pdu)[0] | 0x80, exception))


def test_a_unit_that_is_not_there_is_a_device_that_does_not_answer(ward):
    assert ward.ask("03 0000 0002", unit=2) == bytes((0x83, frames.UNREACHED))


@pytest.mark.parametrize(
    ("pdu", "point", "value"),
    [
        ("05 0014 0000", "relay_1", 0),
        ("0f 0014 0001 01 01", "relay_1", 1),
        ("06 0005 ff6a", "flow", Fraction("-1.5")),
        ("10 0005 0001 02 0096", "flow", Fraction("1.5")),
        ("10 0006 0002 04 00004120", "setpoint", 10),
    ],
)
def test_a_write_is_somebody_elses_to_decide(ward, pdu, point, value):
    write = ward.ask(pdu)
    assert isinstance(write, Write)
    assert (write.entry.point, write.value) == (point, value)
    assert ward.server.decided(write, DONE) == bytes.fromhex(pdu)[:5]
    assert ward.server.decided(write, frames.DEVICE_FAILURE) == bytes((write.answer[0] | 0x80, 4))


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        (Entry(1, 1, "b", "y", "uint16"), "1: a/x has it"),
        (Entry(1, QUALITY_FROM - 1, "b", "y", "float32"), "32768: 32768 and up have it"),
    ],
)
def test_two_points_at_one_address_are_a_mistake(other, taken):
    with pytest.raises(PaifangError, match=f"b/y at unit 1, address {taken}") as refused:
        RegisterMap([Entry(1, 0, "a", "x", "float32"), other])
    assert "address of its own" in refused.value.hint


# Bytes of a connection


def test_requests_come_in_any_pieces():
    dice = random.Random(1)
    lengths = (1, 253, *(dice.randint(1, 253) for _ in range(200)))
    sent = [Adu(number, number % 3, dice.randbytes(length)) for number, length in enumerate(lengths)]
    stream = b"".join(adu.data for adu in sent)
    adus, found = Adus(), []
    while stream:
        length = dice.randint(1, 300)
        found += adus.feed(stream[:length])
        stream = stream[length:]
    assert found == sent


@pytest.mark.parametrize("data", ["0001 0001 0006 01", "0001 0000 0001 01", "0001 0000 00ff 01"])
def test_what_is_no_modbus_tcp_is_refused(data):
    with pytest.raises(FrameError) as refused:
        Adus().feed(bytes.fromhex(data))
    assert refused.value.reason in {"shape", "length"}


def test_spoiled_requests_are_answered_or_refused_and_nothing_else(ward, fuzz):
    frames_ = [
        Adu(1, 1, bytes.fromhex(pdu)).data
        for pdu in (
            "03 0000 000c",
            "04 8000 000c",
            "01 0014 0002",
            "02 0000 000c",
            "05 0014 ff00",
            "06 0005 0001",
            "0f 0014 0001 01 01",
            "10 0006 0002 04 00004120",
        )
    ]

    def answer(data):
        for adu in Adus().feed(data):
            found = ward.server.answer(adu.unit, adu.pdu)
            pdu = found.answer if isinstance(found, Write) else found
            assert pdu[0] & 0x7F == adu.pdu[0] & 0x7F
            assert 2 <= len(pdu) <= 253

    seen = fuzz(answer, frames_)
    assert seen["taken"] > 1000
    assert seen["shape"] > 500
    assert ward.server.refused[frames.ILLEGAL_ADDRESS] > 100


# Over TCP


@pytest.fixture
async def serve():
    """`await serve(ward, **door)` -> the running server."""
    running = []

    async def start(ward, **door):
        server = ModbusServer(Door("127.0.0.1", 0, **door), ward.server, ward.on_write)
        await server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        await server.stop()


@pytest.fixture
async def client(ward, serve):
    server = await serve(ward)
    client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=5, retries=0)
    assert await client.connect()
    yield client
    client.close()


async def test_pymodbus_reads_what_stands_there(client):
    found = await client.read_holding_registers(0, count=2, device_id=1)
    assert client.convert_from_registers(found.registers, client.DATATYPE.FLOAT32) == 1234.5
    found = await client.read_input_registers(2, count=2, device_id=1)
    assert client.convert_from_registers(found.registers, client.DATATYPE.INT32) == 12345
    assert (await client.read_coils(20, count=2, device_id=1)).bits[:2] == [True, False]
    assert (await client.read_discrete_inputs(0, count=5, device_id=1)).bits[:5] == [True, True, True, True, False]
    assert (await client.read_holding_registers(100, count=2, device_id=1)).exception_code == frames.ILLEGAL_ADDRESS
    assert (await client.read_holding_registers(0, count=2, device_id=9)).exception_code == frames.UNREACHED


async def test_pymodbus_writes_what_is_taken_and_not_what_is_not(ward, client):
    assert not (await client.write_coil(20, False, device_id=1)).isError()
    registers = client.convert_to_registers(21.0, client.DATATYPE.FLOAT32, word_order="little")
    assert not (await client.write_registers(6, registers, device_id=1)).isError()
    ward.verdict = frames.BUSY
    assert (await client.write_register(5, 7, device_id=1)).exception_code == frames.BUSY
    assert ward.written == [
        ("relays", "relay_1", 0),
        ("meter-1", "setpoint", 21),
        ("meter-1", "flow", Fraction("0.07")),
    ]


MBPOLL = shutil.which("mbpoll")


async def mbpoll(port, *arguments):
    """Exit code and what it printed. Its own references count from 1 unless -0 is given."""
    process = await asyncio.create_subprocess_exec(
        MBPOLL, "-m", "tcp", "-p", str(port), "-0", "-1", "-o", "5", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


@pytest.mark.skipif(MBPOLL is None, reason="needs mbpoll: apt-get install mbpoll")
class TestMbpoll:
    @pytest.mark.parametrize(
        ("arguments", "printed"),
        [
            (("-a", "1", "-t", "4:float", "-B", "-r", "0"), "[0]: \t1234.5"),
            (("-a", "1", "-t", "3:int", "-B", "-r", "2"), "[2]: \t12345"),
            (("-a", "1", "-t", "4", "-r", "4"), "[4]: \t2302"),
            (("-a", "1", "-t", "4:float", "-r", "6"), "[6]: \t21.5"),
            (("-a", "1", "-t", "0", "-r", "20", "-c", "2"), "[20]: \t1\n[21]: \t0"),
            (("-a", "1", "-t", "1", "-r", "3", "-c", "2"), "[3]: \t1\n[4]: \t0"),
        ],
    )
    async def test_reads_what_stands_there(self, ward, serve, arguments, printed):
        server = await serve(ward)
        code, found = await mbpoll(server.port, *arguments, "127.0.0.1")
        assert code == 0, found
        assert printed in found

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("-a", "1", "-t", "4", "-r", "100"), "Illegal data address"),
            (("-a", "9", "-t", "4", "-r", "0"), "Target device failed to respond"),
        ],
    )
    async def test_is_told_in_words(self, ward, serve, arguments, words):
        server = await serve(ward)
        code, found = await mbpoll(server.port, *arguments, "127.0.0.1")
        assert code != 0
        assert words in found

    async def test_writes_where_it_may(self, ward, serve):
        server = await serve(ward)
        code, found = await mbpoll(server.port, "-a", "1", "-t", "0", "-r", "20", "127.0.0.1", "0")
        assert (code, "Written 1 references" in found) == (0, True)
        code, found = await mbpoll(server.port, "-a", "1", "-t", "4", "-r", "4", "127.0.0.1", "5")
        assert "Illegal data address" in found
        assert ward.written == [("relays", "relay_1", 0)]

    async def test_cannot_write_to_a_ward_that_is_only_shown(self, serve):
        server = await serve(Ward(READ_ONLY))
        _, found = await mbpoll(server.port, "-a", "1", "-t", "0", "-r", "20", "127.0.0.1", "0")
        assert "Illegal function" in found


async def connect(server):
    return await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_client_that_sends_something_else_is_hung_up_on(ward, serve):
    server = await serve(ward)
    reader, writer = await connect(server)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await reader.read() == b""
    assert server.counts["garbled"] == 1
    writer.close()


async def test_who_is_idle_is_hung_up_on_and_half_a_request_is_idle_too(ward, serve):
    server = await serve(ward, idle_s=0.05)
    reader, writer = await connect(server)
    writer.write(bytes.fromhex("0001 0000"))
    assert await reader.read() == b""
    assert (server.counts["idle"], server.connected) == (1, 0)
    writer.close()


async def test_a_crowd_makes_room_for_the_newest(ward, serve):
    server = await serve(ward, connections=3)
    request = Adu(1, 1, bytes.fromhex("0300000002")).data
    crowd = [await connect(server) for _ in range(3)]
    for reader, writer in crowd:  # the first one has then been idle longest
        writer.write(request)
        assert await reader.readexactly(13)
    newest = await connect(server)
    newest[1].write(request)
    assert await newest[0].readexactly(13)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await crowd[0][0].readexactly(1)
    assert (server.connected, server.counts["crowded"]) == (3, 1)
    for _, writer in (*crowd, newest):
        writer.close()


async def test_of_each_address_it_is_told_once(ward, serve, caplog):
    server = await serve(ward, allow=[ipaddress.ip_network("10.0.0.0/8")])
    for _ in range(20):
        reader, writer = await connect(server)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
    assert server.counts["refused"] == 20
    assert [each.message for each in caplog.records if each.levelname == "WARNING"] == [
        "modbus server: 127.0.0.1 is not let in"
    ]


async def test_only_who_is_named_is_let_in(ward, serve):
    server = await serve(ward, allow=[ipaddress.ip_network("10.0.0.0/8")])
    reader, writer = await connect(server)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    assert (server.counts["refused"], server.counts["connections"]) == (1, 0)
    writer.close()
    open_to_it = await serve(ward, allow=[ipaddress.ip_network("127.0.0.0/8")])
    reader, writer = await connect(open_to_it)
    writer.write(Adu(1, 1, bytes.fromhex("0300000002")).data)
    assert await reader.readexactly(13)
    writer.close()


async def test_requests_that_come_at_once_are_answered_in_their_order(ward, serve):
    server = await serve(ward)
    reader, writer = await connect(server)
    writer.write(b"".join(Adu(number, 1, bytes.fromhex("0300000002")).data for number in range(500)))
    answers = Adus().feed(await reader.readexactly(500 * 13))
    assert [adu.transaction for adu in answers] == list(range(500))
    writer.close()


async def test_an_address_that_cannot_be_had_says_what_to_do(ward, serve):
    server = await serve(ward)
    with pytest.raises(PaifangError, match="Modbus clients cannot connect") as refused:
        await ModbusServer(Door("127.0.0.1", server.port), ward.server, ward.on_write).start()
    assert refused.value.exit_code == EXIT_RESOURCE
    assert "[modbus_server]" in refused.value.hint
