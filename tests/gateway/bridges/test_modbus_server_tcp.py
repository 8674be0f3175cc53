"""The Modbus server over TCP: other people's clients, and who is let in for how long."""

from __future__ import annotations

import asyncio
import ipaddress
import shutil
from fractions import Fraction

import pytest
from pymodbus.client import AsyncModbusTcpClient
from shown_ward import READ_ONLY, Ward

from paifang.bridges.modbus import frames
from paifang.bridges.modbus.server import Adu, Adus
from paifang.bridges.modbus.server_tcp import Door, ModbusServer
from paifang.errors import EXIT_RESOURCE, PaifangError


@pytest.fixture
def ward():
    return Ward()


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
