"""A gateway with sinks into three city systems at once: from its settings file to what each far side has."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from far_side import FarNode, key_of, until

from paifang.control.async_client import AsyncControlClient
from paifang_rig.engines import server as engines
from paifang_rig.engines.bureau import Bureau, obliging
from paifang_rig.engines.http_far_side import FarSide, Reply, judged_ngsi_ld, judged_sensorthings
from paifang_wire import messages

SETTINGS = """\
[nodes.tcp]
listen = "127.0.0.1:0"

[[sinks.hj212]]
name = "bureau"
address = "127.0.0.1:{bureau}"

[[sinks.hj212.stations]]
mn = "A110000_0001"
password_file = "pw.txt"
nodes = ["aq-1"]

[[sinks.ngsi_ld]]
name = "context"
url = "{context}"
tenant = "city"

[[sinks.ngsi_ld.places]]
node = "aq-1"
longitude = 116.397
latitude = 39.908

[[sinks.sensorthings]]
name = "sta"
url = "{sta}/v1.1"
template = "{{node}}:{{name}}"
"""
POINTS = (
    (1, "pm25", "µg/m3", messages.INT, -1, 0, 10_000, 0, None),
    (2, "humidity", "%", messages.INT, -2, 0, 10_000, 0, None),
    (3, "pressure", "Pa", messages.INT, 0, 30_000, 110_000, 0, None),
)
COUNT = 20


def all_made(request):
    return Reply(201, [f"http://far/{place}" for array in request.items for place, _ in enumerate(array["dataArray"])])


def rows_of(sta):
    return [row for request in sta.requests for array in request.items for row in array["dataArray"]]


@pytest.fixture
async def bureau():
    found = Bureau(obliging)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def context():
    found = FarSide(judged_ngsi_ld, lambda _request: Reply(204))
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def sta():
    found = FarSide(judged_sensorthings, all_made)
    await found.start()
    yield found
    await found.stop()


async def air_station(daemon):
    async with AsyncControlClient(daemon.control) as client:
        await client.request("nodes.add", node="aq-1", key=key_of("aq-1").hex(), epoch=1)
    node = FarNode(daemon.address, "aq-1")
    node.points = POINTS
    await node.connect()
    return node


async def are_written_down(ask):
    """Whether all is confirmed to each sink, and its place says so."""
    rows = (await ask("sink", "list", "--json")).json
    return [(row["sink"], row["state"], row["delivered"]) for row in rows] == [
        (name, "up", COUNT) for name in ("bureau", "context", "sta")
    ]


async def test_one_gateway_tells_a_bureau_a_broker_and_a_server(bureau, context, sta, paifang, daemon, ask):
    paifang.data.mkdir(parents=True, mode=0o700)
    (paifang.data / "pw.txt").write_text("123456\n", "utf-8")
    places = SETTINGS.format(bureau=bureau.port, context=context.url, sta=sta.url)
    (paifang.data / "gateway.toml").write_text(places, "utf-8")
    for name in ("bureau", "context", "sta"):
        assert f"{name} is there" in (await ask("sink", "test", name)).err

    await daemon.start()
    node = await air_station(daemon)
    for number in range(1, COUNT + 1):
        node.uptime_ms += 1_000
        node.report(number, {1: 350 + number, 2: 5_530, 3: 100_044})
    await node.acked_up_to(COUNT)
    await until(lambda: len(bureau.taken) == COUNT)
    await until(lambda: sum(len(request.items) for request in context.requests) == COUNT)
    await until(
        lambda: sum(len(array["dataArray"]) for request in sta.requests for array in request.items) == 3 * COUNT
    )
    await node.hang_up()

    values = [Decimal(350 + number) / 10 for number in range(1, COUNT + 1)]
    assert [Decimal(taken.field("a34004-Rtd")) for taken in bureau.taken] == values
    assert {(taken.field("a01002-Rtd"), taken.field("a01006-Rtd")) for taken in bureau.taken} == {("55.30", "100.044")}
    entities = [entity for request in context.requests for entity in request.items]
    assert [entity["pm25"]["value"] for entity in entities] == values
    assert {entity["relativeHumidity"]["value"] for entity in entities} == {Decimal("0.553")}
    assert [row[1] for row in rows_of(sta) if row[1] in values] == values
    assert (bureau.wrong, context.wrong, sta.wrong) == ([], [], [])

    beijing = dt.timezone(dt.timedelta(hours=8))
    for entity, taken in zip(entities, bureau.taken, strict=True):
        observed = dt.datetime.fromisoformat(entity["pm25"]["observedAt"]).astimezone(beijing)
        assert taken.field("DataTime") == f"{observed:%Y%m%d%H%M%S}"
    assert {taken.head["MN"] for taken in bureau.taken} == {"A110000_0001"}

    await engines.until(lambda: are_written_down(ask), f"{COUNT} records confirmed to each sink")
    assert (await ask("balance")).code == 0
