"""Means of hours out of stored reports: exact, covered enough, and of usable readings alone."""

from __future__ import annotations

from fractions import Fraction

import pytest

from paifang.store import Store, hours
from paifang.store.hours import HOUR_MS, SLOT_MS, hourly
from paifang.store.points import Point, PointTable
from paifang_wire import messages

END_MS = 500_000 * HOUR_MS
PM25, HUMIDITY = 2, 5
TABLE = PointTable(
    [
        Point(PM25, "pm25", "µg/m3", messages.INT, -1, 0, 10_000, 0, None),
        Point(HUMIDITY, "humidity", "%", messages.INT, -2, 0, 10_000, 0, None),
    ]
)
OTHER_SCALE = PointTable([Point(PM25, "pm25", "µg/m3", messages.INT, 0, 0, 1_000, 0, None)])


class Reports:
    """Reports of one node, put into a store as its own records."""

    def __init__(self, store):
        self.store = store
        self.boot = store.boot("aq-1", 1)
        self.number = 0

    def add(self, utc_ms, value, quality=messages.GOOD, uptime_ms=0, point=PM25):
        self.number += 1
        report = [
            messages.REPORT,
            1,
            self.number,
            uptime_ms,
            utc_ms,
            {point: value},
            {point: quality} if quality else {},
        ]
        body = messages.encode(report)
        self.store.add(self.boot, ("aq-1", 1, self.number, messages.REPORT, uptime_ms, utc_ms, END_MS, body))

    def fill(self, hours_ago, value, slots=range(12), quality=messages.GOOD):
        for slot in slots:
            self.add(END_MS - (hours_ago + 1) * HOUR_MS + slot * SLOT_MS, value, quality)

    async def means(self, count=3, table=lambda _: TABLE, names=("pm25",)):
        await self.store.flush()
        found = await self.store.read(lambda connection: hourly(connection, "aq-1", names, END_MS, count, table))
        return {name: each.means for name, each in found.items()}.get("pm25")


@pytest.fixture
async def reports(tmp_path):
    store = Store(tmp_path / "paifang.db", settled=lambda batch: None)
    await store.open()
    yield Reports(store)
    await store.close()


async def test_each_hour_has_its_own_mean(reports):
    for ago, value in ((2, 100), (1, 200), (0, 301)):
        reports.fill(ago, value)
    assert await reports.means() == (10, 20, Fraction("30.1"))


async def test_an_hour_needs_nine_of_its_twelve_parts(reports):
    reports.fill(1, 100, range(9))
    reports.fill(0, 100, range(8))
    assert await reports.means() == (None, 10, None)


async def test_a_burst_weighs_no_more_than_the_minutes_it_covers(reports):
    reports.fill(0, 100)
    for _ in range(50):
        reports.add(END_MS - 1, 1_300)
    # Eleven parts of 10.0, and one of (10.0 + 50 * 130.0) / 51.
    assert await reports.means(1) == ((11 * 10 + Fraction(6510, 51)) / 12,)


async def test_an_hour_begins_with_its_first_millisecond_and_ends_before_the_next(reports):
    reports.fill(1, 100)
    reports.fill(0, 100)
    reports.add(END_MS, 5_000)
    reports.add(END_MS - HOUR_MS - 1, 700)
    older, newest = await reports.means(2)
    assert newest == 10
    assert older == (11 * 10 + 40) / Fraction(12)


@pytest.mark.parametrize("quality", [each for each in range(1, messages.FAULT + 1) if each != messages.INDICATIVE])
async def test_readings_of_a_bad_quality_do_not_count(reports, quality):
    reports.fill(0, 100)
    reports.fill(0, 9_000, quality=quality)
    reports.fill(1, 100, quality=quality)
    assert await reports.means(2) == (None, 10)


async def test_indicative_readings_count_and_are_said_to_be(reports):
    reports.fill(0, 100, quality=messages.INDICATIVE)
    assert await reports.means(1) == (10,)
    await reports.store.flush()
    found = await reports.store.read(lambda each: hourly(each, "aq-1", ("pm25",), END_MS, 1, lambda _: TABLE))
    assert found["pm25"].indicative
    assert found["pm25"].unit == "µg/m3"


async def test_nothing_and_less_than_nothing_do_not_count(reports):
    reports.fill(0, 100)
    reports.fill(0, -50)
    reports.fill(0, None)
    assert await reports.means(1) == (10,)


async def test_clean_air_is_zero_and_not_nothing(reports):
    reports.fill(0, 0)
    assert await reports.means(1) == (0,)


async def test_readings_are_dated_by_their_boot_when_the_node_had_no_clock(reports):
    reports.boot.offset_ms = END_MS - HOUR_MS
    for slot in range(12):
        reports.add(None, 100, uptime_ms=slot * SLOT_MS)
    assert await reports.means(1) == (10,)


async def test_readings_without_any_date_are_of_no_hour(reports):
    for slot in range(12):
        reports.add(None, 100, uptime_ms=slot * SLOT_MS)
    assert await reports.means(1) is None


async def test_reports_out_of_their_order_are_found(reports):
    reports.fill(0, 100)
    reports.add(END_MS - 2 * HOUR_MS, 0)  # the clock was set back and forth
    reports.fill(1, 300, range(11))
    assert await reports.means(1) == (10,)


async def test_what_was_reported_in_another_scale_is_not_mixed_in(reports):
    reports.fill(1, 100)
    reports.fill(0, 10)
    tables = iter([OTHER_SCALE] * 12 + [TABLE] * 12)
    assert await reports.means(2, table=lambda _: next(tables)) == (None, 10)


async def test_what_has_come_since_does_not_hide_an_old_hour(reports, monkeypatch):
    monkeypatch.setattr(hours, "SCAN_LIMIT", 12)
    reports.fill(0, 100)
    for number in range(50):
        reports.add(END_MS + number, 900)
    assert await reports.means(1) == (10,)


async def test_of_a_node_that_tells_too_much_older_hours_are_missing(reports, monkeypatch):
    monkeypatch.setattr(hours, "SCAN_LIMIT", 12)
    reports.fill(1, 100)
    reports.fill(0, 200)
    assert await reports.means(2) == (None, 20)


async def test_other_points_are_left_alone(reports):
    reports.fill(0, 100)
    reports.add(END_MS - 1, 5_000, point=HUMIDITY)
    assert await reports.means(1) == (10,)
    assert await reports.means(1, names=("co2",)) is None


async def test_a_backlog_that_reaches_far_back_hides_nothing_that_is_live(reports):
    reports.fill(0, 100)
    reports.number = messages.BACKLOG
    for hours_ago in range(9, 0, -1):
        reports.fill(hours_ago, 300)
    assert await reports.means(2) == (30, 10)
