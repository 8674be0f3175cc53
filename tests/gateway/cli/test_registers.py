"""What the Modbus server shows where, from a node's points to a client that reads them."""

import tomllib

from far_side import RELAY, VOLTAGE
from pymodbus.client import AsyncModbusTcpClient

from paifang.errors import EXIT_REFUSED, EXIT_USAGE

SERVER = 'modbus_server.listen = "127.0.0.1:0"\n'


async def test_the_points_of_a_node_are_proposed_taken_and_read(daemon, ask):
    daemon.configure(SERVER)
    await daemon.start()
    node = await daemon.node()
    done = await ask("registers", "propose", "meter-1", "--from", "100")
    tables = tomllib.loads(done.out)["modbus_server"]["registers"]
    where = {each["point"]: each["address"] for each in tables}
    assert (done.code, where["meter-1/voltage"]) == (0, 100)
    assert {each["point"]: each.get("type") for each in tables}["meter-1/relay"] == "bit"

    daemon.file.write_text(daemon.file.read_text() + done.out)
    assert (await ask("reload")).code == 0
    node.report(1, {VOLTAGE: 2301, RELAY: 1})
    await node.acked_up_to(1)
    status = (await ask("status", "--json")).json["modbus_server"]
    host, _, port = status["listen"].rpartition(":")
    client = AsyncModbusTcpClient(host, port=int(port), timeout=5, retries=0)
    assert await client.connect()
    found = (await client.read_holding_registers(where["meter-1/voltage"], count=2)).registers
    assert round(client.convert_from_registers(found, client.DATATYPE.FLOAT32), 1) == 230.1
    assert (await client.read_coils(where["meter-1/relay"], count=1)).bits[0]
    client.close()

    rows = (await ask("registers", "--json")).json
    assert {row["point"]: row["address"] for row in rows} == where
    assert rows[0]["quality"] == rows[0]["address"] + 32768
    lines = (await ask("registers")).out.splitlines()
    assert lines[0].split() == ["UNIT", "ADDRESS", "LAST", "TYPE", "ORDER", "SCALE", "WRITE", "QUALITY", "POINT"]
    more = tomllib.loads((await ask("registers", "propose", "meter-1")).out)["modbus_server"]["registers"]
    assert more[0]["address"] % 10 == 0
    assert more[0]["address"] > rows[-1]["last"]
    other = tomllib.loads((await ask("registers", "propose", "meter-1", "--unit", "7")).out)
    assert {(each["unit"], each["address"]) for each in other["modbus_server"]["registers"]} >= {(7, 0)}
    beyond = await ask("registers", "propose", "meter-1", "--from", "32760")
    assert (beyond.code, beyond.out) == (EXIT_USAGE, "")
    assert "addresses from 32760 on; there are those below 32768" in beyond.err


def test_nothing_is_shown_until_it_is_said(inside):
    done = inside("registers")
    assert (done.code, done.out) == (0, "")
    assert "paifang registers propose" in done.err


async def test_a_node_that_is_not_there_or_has_said_nothing_yet(daemon, ask):
    await daemon.start()
    unknown = await ask("registers", "propose", "meter-9")
    assert (unknown.code, "meter-9" in unknown.err) == (EXIT_REFUSED, True)
    await ask("nodes", "add", "meter-8", "--key", "00" * 32)
    silent = await ask("registers", "propose", "meter-8")
    assert (silent.code, "has not described itself yet" in silent.err) == (EXIT_REFUSED, True)


def test_two_points_at_one_address_are_told(inside, paifang):
    paifang.data.mkdir(mode=0o700)
    table = '[[modbus_server.registers]]\npoint = "a/{}"\naddress = 0\n'
    (paifang.data / "gateway.toml").write_text(table.format("x") + table.format("y"))
    done = inside("registers")
    assert (done.code, "a/y at unit 1, address 0: a/x has it" in done.err) == (EXIT_USAGE, True)
