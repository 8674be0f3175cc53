"""The stations of a running gateway and their indices, by the operation."""

from __future__ import annotations

import time

import pytest
from far_side import key_of

from paifang.errors import PaifangError
from paifang.nodes.clocks import Clocks
from paifang_wire import messages

HOUR_MS = 3_600_000
END_MS = 1_795_852_800_000  # 2026-11-28 08:00 UTC
PM25, PM10, HUMIDITY, CF1, CO2 = 2, 3, 5, 8, 9
POINTS = (
    (PM25, "pm25", "µg/m3", messages.INT, 0, 0, 1000, 0, None),
    (PM10, "pm10", "µg/m3", messages.INT, 0, 0, 1000, 0, None),
    (HUMIDITY, "humidity", "%", messages.INT, -2, 0, 10000, 0, None),
    (CO2, "co2", "ppm", messages.INT, 0, 0, 40000, 0, None),
)
WITH_CF1 = (*POINTS, (CF1, "pm25_cf1", "µg/m3", messages.INT, 0, 0, 1000, 0, None))


@pytest.fixture
async def house(start):
    return await start(clocks=Clocks(utc_ms=lambda: END_MS + 17 * 60_000))


async def station(house, node="aq-1", points=POINTS, hours=24, **values):
    """A node that has reported `values` every five minutes of the last whole hours."""
    await house.ask("nodes.add", node=node, key=key_of(node).hex(), epoch=1)
    far = house.far(node)
    far.points = points
    await far.connect()
    numbers = {row[1]: row[0] for row in points}
    reported = {numbers[name]: value for name, value in values.items()}
    for number in range(1, 12 * hours + 1):
        utc_ms = END_MS - hours * HOUR_MS + (number - 1) * 300_000
        far.say([messages.REPORT, 1, number, number * 300_000, utc_ms, reported, {}])
    await far.acked_up_to(12 * hours)
    return far


async def test_stations_are_rated_by_any_standard(house):
    await station(house, pm25=75, pm10=60, co2=900)
    [chinese] = await house.ask("air.index")
    assert (chinese["node"], chinese["standard"]) == ("aq-1", "cn-2026")
    assert (chinese["from_ms"], chinese["until_ms"]) == (END_MS - HOUR_MS, END_MS)
    assert (chinese["index"], chinese["category"], chinese["dominant"]) == (114, "lightly polluted", ["pm25"])
    assert chinese["unmeasured"] == ["so2", "no2", "o3", "co"]
    assert (chinese["indicative"], chinese["in_force"], chinese["method"]) == (True, True, "as measured")
    assert [part["pollutant"] for part in chinese["parts"]] == ["pm25", "pm10"]
    found = {name: (await house.ask("air.index", standard=name))[0] for name in ("cn-2012", "us", "eu")}
    assert {name: row["index"] for name, row in found.items()} == {"cn-2012": 100, "us": 165, "eu": 4}
    assert {name: row["in_force"] for name, row in found.items()} == {"cn-2012": False, "us": True, "eu": True}


async def test_hours_that_are_missing_are_named(house):
    await station(house, hours=3, pm25=75)
    [found] = await house.ask("air.index", node="aq-1", standard="cn-2012")
    assert (found["index"], found["reason"]) == (None, "too few hours of every pollutant")
    part, _ = found["parts"]
    assert (part["pollutant"], part["reason"]) == ("pm25", "3 of 24 hours, 20 are needed")
    assert part["missing_ms"] == [END_MS - ago * HOUR_MS for ago in range(24, 3, -1)]


async def test_a_station_of_clean_air_shows_its_parts_where_china_publishes_no_index(house):
    await station(house, hours=1, pm25=35, pm10=20)
    [found] = await house.ask("air.index")
    assert (found["index"], found["reason"]) == (None, "no index up to 100 is published without so2, no2, o3, co")
    assert [part["index"] for part in found["parts"]] == [50, 20]


async def test_raw_and_corrected_stand_beside_each_other(house):
    await station(house, points=WITH_CF1, hours=2, pm25=75, pm25_cf1=100, humidity=5000)
    raw, corrected = await house.ask("air.index", standard="us")
    assert (raw["method"], raw["parts"][0]["concentration"]) == ("as measured", 75)
    assert corrected["method"] == "EPA correction 2022 (PMS, CF=1)"
    assert corrected["parts"][0]["concentration"] == pytest.approx(80.04)
    assert [part["method"] for part in corrected["parts"]] == [corrected["method"], "as measured"]


@pytest.fixture
def in_shanghai(monkeypatch):
    """There the last whole day ended sixteen hours before END_MS, and the hours of `station` begin with it."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_a_day_is_one_of_the_gateways_own_place(house, in_shanghai):
    await station(house, hours=40, pm25=61, pm10=60)
    [found] = await house.ask("air.index", day="2026-11-27")
    assert (found["from_ms"], found["until_ms"]) == (END_MS - 40 * HOUR_MS, END_MS - 16 * HOUR_MS)
    assert (found["index"], found["dominant"]) == (101, ["pm25"])
    assert found["parts"][0]["average"] == "24 h mean"
    assert found["parts"][0]["missing_ms"] == []


@pytest.mark.parametrize(
    ("standard", "day", "said"),
    [
        ("cn-2026", "2026-11-28", "not over yet"),
        ("cn-2026", "yesterday", "'yesterday' is no day"),
        ("cn-2026", "9999-12-31", "'9999-12-31' is no day"),
        ("us", "2026-11-27", "rated by the hour"),
    ],
)
async def test_days_that_have_no_report_are_refused(house, in_shanghai, standard, day, said):
    with pytest.raises(PaifangError, match=said):
        await house.ask("air.index", standard=standard, day=day)


async def test_nodes_that_measure_no_air_are_no_stations(house):
    await house.enrolled("meter-1")
    assert await house.ask("air.index") == []
    with pytest.raises(PaifangError, match="meter-1 measures nothing that has an index"):
        await house.ask("air.index", node="meter-1")
    with pytest.raises(PaifangError, match="no node or device 'aq-9'"):
        await house.ask("air.index", node="aq-9")
    with pytest.raises(PaifangError, match="no standard 'caqi'"):
        await house.ask("air.index", standard="caqi")


async def test_a_station_that_has_reported_nothing_yet_says_so(house):
    await station(house, hours=0)
    [found] = await house.ask("air.index")
    assert (found["index"], found["reason"]) == (None, "too few hours of every pollutant")
    assert [part["reason"] for part in found["parts"]] == ["0 of 1 hours, 1 are needed"] * 2


async def test_a_unit_that_is_no_concentration_is_the_reason(house):
    points = ((PM25, "pm25", "counts", messages.INT, 0, 0, 1000, 0, None),)
    await station(house, points=points, hours=1, pm25=75)
    [found] = await house.ask("air.index")
    assert found["index"] is None
    assert found["parts"][0]["reason"].startswith("pm25 is in counts, which is no concentration")
