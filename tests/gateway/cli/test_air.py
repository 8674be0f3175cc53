"""`paifang air`, through the real gateway and a node on a real socket."""

import time

from paifang.errors import EXIT_REFUSED, EXIT_USAGE
from paifang_wire import messages

HOUR_MS = 3_600_000
POINTS = (
    (2, "pm25", "µg/m3", messages.INT, 0, 0, 1000, 0, None),
    (3, "pm10", "µg/m3", messages.INT, 0, 0, 1000, 0, None),
)


WITH_OZONE = (
    *POINTS,
    (4, "o3", "µg/m3", messages.INT, 0, 0, 1000, 0, None),
    (5, "humidity", "%", messages.INT, -2, 0, 10000, 0, None),
    (8, "pm25_cf1", "µg/m3", messages.INT, 0, 0, 1000, 0, None),
)


async def reporting(daemon, points=POINTS, hours=4, **values):
    """A station; its reports reach into the next hour, so that one may begin while the test runs."""
    node = await daemon.node("aq-1")
    node.points = points
    reported = {row[0]: values[row[1]] for row in points}
    await node.hang_up()
    node.boot = 2
    await node.connect()
    begin_ms = time.time_ns() // 1_000_000 // HOUR_MS * HOUR_MS - (hours - 1) * HOUR_MS
    for number in range(1, 12 * hours + 1):
        utc_ms = begin_ms + (number - 1) * 300_000
        node.say([messages.REPORT, 2, number, number * 300_000, utc_ms, reported, {}])
    await node.acked_up_to(12 * hours)


async def test_the_ward_and_one_station(daemon, ask):
    await daemon.start()
    assert "no station measures what has an index" in (await ask("air")).err
    await reporting(daemon, pm25=75, pm10=20)
    ward = await ask("air")
    header, row = ward.out.splitlines()
    assert header.split()[:4] == ["FROM", "NODE", "INDEX", "CATEGORY"]
    assert "aq-1    114  lightly polluted  pm25      pm25 114, pm10 20  as measured" in row
    assert ward.err.splitlines() == ["low-cost sensors: the indices are indicative, not those of a reference station"]
    one = await ask("air", "aq-1", "--standard", "us")
    assert "pm25       NowCast  75 µg/m3    165  unhealthy" in one.out
    old = await ask("air", "--standard", "cn-2012")
    assert "too few hours of every pollutant" in old.out
    assert "HJ 633-2012 is in force from 2016-01-01 until 2026-03-01" in old.err
    [found] = (await ask("air", "--json")).json
    assert (found["index"], found["parts"][0]["concentration"], found["indicative"]) == (114, 75.0, True)


async def test_a_pollutant_stands_once_in_the_ward_and_with_each_average_and_method_in_its_station(daemon, ask):
    await daemon.start()
    await reporting(daemon, WITH_OZONE, 10, pm25=75, pm10=20, o3=150, humidity=5000, pm25_cf1=100)
    ward = (await ask("air", "--standard", "cn-2012")).out
    assert "pm25 -, pm10 -, o3 92 " in ward
    lines = (await ask("air", "aq-1", "--standard", "cn-2012")).out.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["pm25", "pm10", "o3", "o3", "pm25"]
    assert "as measured" in lines[1]
    assert "EPA correction 2022 (PMS, CF=1)" in lines[5]


async def test_what_cannot_be_shown_is_said(daemon, ask):
    await daemon.start()
    await daemon.node()
    refused = await ask("air", "meter-1")
    assert (refused.code, refused.out) == (EXIT_REFUSED, "")
    assert "meter-1 measures nothing that has an index; that is pm25, pm10" in refused.err
    assert (await ask("air", "--standard", "caqi")).code == EXIT_USAGE
    tomorrow = await ask("air", "--day", "2999-01-01")
    assert (tomorrow.code, tomorrow.out) == (EXIT_USAGE, "")
    assert "2999-01-01 is not over yet" in tomorrow.err
