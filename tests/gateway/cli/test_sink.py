"""`paifang sink` and `paifang balance`: from a settings file to records at a broker, and every one accounted for."""

from __future__ import annotations

import apsw
import pytest
from far_side import VOLTAGE, until

from paifang.errors import EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE
from paifang_rig.engines.mosquitto import Mosquitto
from paifang_rig.errors import RigError


@pytest.fixture
async def broker(tmp_path):
    try:
        made = Mosquitto(tmp_path / "broker")
    except RigError as error:
        pytest.skip(str(error))
    async with made as found:
        yield found


@pytest.fixture
def settings(paifang):
    paifang.data.mkdir(parents=True, mode=0o700)
    file = paifang.data / "gateway.toml"
    file.write_text('[nodes.tcp]\nlisten = "127.0.0.1:0"\n')
    return file


async def test_from_a_settings_file_to_a_broker_and_back(broker, settings, daemon, ask):
    done = await ask("sink", "add", "city", "mqtt", f"broker={broker.address}", 'nodes=["meter-*"]')
    assert (done.code, done.out) == (0, "")
    assert "try it with `paifang sink test city`" in done.err
    assert f'[[sinks.mqtt]]\nname = "city"\nbroker = "{broker.address}"\nnodes = ["meter-*"]' in settings.read_text()
    assert "city is there" in (await ask("sink", "test", "city")).err

    await daemon.start()
    node, other = await daemon.node("meter-1"), await daemon.node("aq-1")
    await report(node, 1, 5)
    await report(other, 1, 2)
    (row,) = await listed(ask, lambda row: row["waiting"] == 0)
    assert (row["state"], row["delivered"], row["dropped"]) == ("up", 5, {"not-wanted": 2})

    assert (await ask("sink", "pause", "city")).err == "city is paused\n"
    assert (await ask("sink", "pause", "city")).err == "city was paused before\n"
    await report(node, 6, 8)
    (row,) = await listed(ask, lambda row: row["waiting"] == 3)
    assert (row["state"], row["delivered"]) == ("paused", 5)
    assert (await ask("sink", "resume", "city")).code == 0
    await listed(ask, lambda row: row["delivered"] == 8)

    assert "10 records go to city once more" in (await ask("sink", "replay", "city", "--since", "1h")).err
    await listed(ask, lambda row: row["delivered"] == 16)
    table = (await ask("sink", "list")).out.splitlines()
    assert table[0].split() == ["SINK", "KIND", "STATE", "DELIVERED", "WAITING", "BEHIND", "DROPPED", "WHY"]
    assert table[1].split()[:6] == ["city", "mqtt", "up", "16", "0", "-"]
    assert "4 not-wanted" in table[1]

    done = await ask("balance")
    assert done.code == 0
    assert done.out.split("\n\n")[0].splitlines()[0].split()[:4] == ["NODE", "SETTLED", "STORED", "LOST"]
    found = (await ask("balance", "--json")).json
    assert [(each["node"], each["due"], each["delivered"], each["buffered"]) for each in found["sinks"]] == [
        ("aq-1", 4, 0, 0),
        ("meter-1", 16, 16, 0),
    ]


async def test_a_count_that_is_wrong_is_found(settings, daemon, ask):
    await daemon.start()
    await report(await daemon.node("meter-1"), 1, 5)
    await daemon.close()
    assert (await ask("balance")).code == 0
    connection = apsw.Connection(str(settings.with_name("paifang.db")))
    connection.execute("DELETE FROM records WHERE number = 3")
    connection.close()
    done = await ask("balance")
    assert done.code == EXIT_REFUSED
    assert "meter-1: settled 5, stored 5, lost 0, kept 4, retired 0" in done.err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("city", "pigeon", "broker=b:1"), "city is not added: sinks.pigeon"),
        (("city", "mqtt", "broker=nowhere"), "HOST:PORT"),
        (("city", "mqtt", "brokr=b:1"), "broker"),
        (("city", "mqtt", "broker"), "'broker' is no setting"),
        (("ci ty", "mqtt", "broker=b:1"), "a short name"),
        (("city", "mqtt", "broker=b:1", "user=x", "password_file=nothing-there"), "nothing-there"),
    ],
)
def test_what_cannot_be_is_told_and_not_added(settings, inside, arguments, what):
    before = settings.read_text()
    done = inside("sink", "add", *arguments)
    assert done.code != 0
    assert what in done.err
    assert settings.read_text() == before


def test_tables_inside_of_its_table(settings, inside):
    password = settings.with_name("pw.txt")
    password.write_text("123456\n")
    given = '[{mn="A110000_0001", password_file="pw.txt", nodes=["aq-1"]}, {mn="A110000_0002", password_file="pw.txt"}]'
    assert inside("sink", "add", "bureau", "hj212", "address=b:1", f"stations={given}").code == 0
    assert settings.read_text().endswith(
        '[[sinks.hj212]]\nname = "bureau"\naddress = "b:1"\n\n'
        '[[sinks.hj212.stations]]\nmn = "A110000_0001"\npassword_file = "pw.txt"\nnodes = ["aq-1"]\n\n'
        '[[sinks.hj212.stations]]\nmn = "A110000_0002"\npassword_file = "pw.txt"\n'
    )
    assert inside("check").out.count("bureau is set up (hj212)") == 1


def test_two_sinks_of_one_name(settings, inside):
    assert inside("sink", "add", "city", "mqtt", "broker=b:1").code == 0
    done = inside("sink", "add", "city", "mqtt", "broker=c:1")
    assert done.code == EXIT_USAGE
    assert "city is there twice" in done.err


def test_a_far_side_that_is_not_there(settings, inside):
    assert inside("sink", "test", "city").err.startswith("paifang: there is no sink city in the settings")
    assert inside("sink", "add", "city", "mqtt", "broker=127.0.0.1:9").code == 0
    done = inside("sink", "test", "city")
    assert done.code == EXIT_UNREACHABLE
    assert done.err.startswith("paifang: city: ")
    assert "127.0.0.1" in done.err


async def test_a_gateway_runs_without_a_file_that_a_sink_needs(settings, daemon, ask, tmp_path):
    password = tmp_path / "password"
    password.write_text("secret")
    added = await ask("sink", "add", "city", "mqtt", "broker=127.0.0.1:9", "user=x", f"password_file={password}")
    assert added.code == 0
    password.unlink()
    await daemon.start()
    await report(await daemon.node("meter-1"), 1, 3)
    (row,) = await listed(ask, lambda row: row["why"])
    assert (row["state"], row["waiting"]) == ("down", 3)
    assert str(password) in row["why"]
    reloaded = await ask("reload")
    assert reloaded.code != 0
    assert str(password) in reloaded.err


async def test_there_may_be_none(settings, daemon, ask):
    await daemon.start()
    assert "paifang sink add" in (await ask("sink", "list")).err
    assert (await ask("sink", "pause", "city")).err.startswith("paifang: there is no sink city")


async def report(node, first, last):
    for number in range(first, last + 1):
        node.report(number, {VOLTAGE: 2300 + number})
    await until(lambda: node.acked.get(1, (0, 0))[0] == last)


async def listed(ask, holds):
    """The rows of `sink list`, once the first one is so."""
    rows = []

    async def look():
        rows[:] = (await ask("sink", "list", "--json")).json
        return holds(rows[0])

    while not await look():
        pass
    return rows
