"""SensorThings: observations in data arrays, with their own time, and what answers of a server become."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import pytest
from pydantic import ValidationError
from records import DOOR, TEMPERATURE, UTC_MS, event, point, report, value
from sinks import Sink

from paifang.config.sink_sensorthings import DatastreamSettings, SensorThingsSettings
from paifang.errors import PaifangError
from paifang.north import kinds
from paifang.north.connector import NOT_WANTED, REFUSED
from paifang.north.sensorthings.observations import Streams, body, observations
from paifang.profiles import city_tables
from paifang_rig.engines.http_far_side import FarSide, Reply, judged_sensorthings
from paifang_wire import messages

REFUSED_RECORD = "ward-1/aq-2/1.2"
COMMON = city_tables.naming("common")
PRESSURE = point("pressure", "Pa", 0, number=5)


def settings(url="http://127.0.0.1:1/v1.1", **given):
    return SensorThingsSettings(
        **({"name": "sta", "url": url, "template": "{node}:{name}", "from_start": True} | given)
    )


def only(name, **given):
    return {"template": None, "datastreams": (DatastreamSettings(point=name, id=1, **given),)}


def made(record, **given):
    found = observations(0, record, Streams(settings(**given)), COMMON)
    return found if isinstance(found, str) else json.loads(body(found), parse_float=Decimal)


def test_a_report_is_an_observation_a_point_with_its_time_and_id():
    record = report(
        42, [value(352), value(100_044, PRESSURE), value(1, DOOR), value(2451, TEMPERATURE, messages.FAULT)]
    )
    components = ["phenomenonTime", "result", "resultQuality", "parameters"]
    at, who = "2026-11-20T08:00:42.000Z", {"record": "ward-1/aq-1/3.42"}

    def array(datastream, result, quality="good"):
        return {
            "Datastream": {"@iot.id": datastream},
            "components": components,
            "dataArray@iot.count": 1,
            "dataArray": [[at, result, quality, who]],
        }

    assert made(record) == [
        array("aq-1:pm25", Decimal("35.2")),
        array("aq-1:pressure", Decimal("1000.44")),
        array("aq-1:door", True),
        array("aq-1:temperature", Decimal("24.51"), "fault"),
    ]


def test_ids_that_are_given_go_before_those_that_are_made():
    given = (
        DatastreamSettings(point="aq-1/pm25", id=17),
        DatastreamSettings(point="aq-1/pressure", id="p/1", unit="kPa"),
    )
    record = report(1, [value(352), value(100_044, PRESSURE), value(2451, TEMPERATURE)])
    rows = [(array["Datastream"]["@iot.id"], array["dataArray"][0][1]) for array in made(record, datastreams=given)]
    assert rows == [(17, Decimal("35.2")), ("p/1", Decimal("100.044")), ("aq-1:temperature", Decimal("24.51"))]
    [alone] = made(record, datastreams=given[:1], template=None)
    assert alone["Datastream"] == {"@iot.id": 17}


@pytest.mark.parametrize(
    ("record", "given", "why"),
    [
        (event(), {}, NOT_WANTED),
        (report(), {"template": None, "datastreams": (DatastreamSettings(point="b/c", id=1),)}, NOT_WANTED),
        (
            report(),
            {"template": None, "datastreams": (DatastreamSettings(point="aq-1/pm25", id=1, unit="V"),)},
            NOT_WANTED,
        ),
        (report(utc_ms=None), {}, "no-time"),
        (report(values=[value(None, quality=messages.MUTE)]), {}, "no-value"),
    ],
)
def test_what_cannot_be_an_observation_is_dropped_with_the_reason(record, given, why):
    assert made(record, **given) == why


@pytest.mark.parametrize(
    "given",
    [
        {"template": "{node}"},
        {"template": "{node}:{name}:{what}"},
        {"template": None},
        {"datastreams": (DatastreamSettings(point="a/b", id=1), DatastreamSettings(point="a/b", id=2))},
        {"url": "sta.city.example"},
    ],
)
def test_settings_that_make_no_sense_are_refused(given):
    with pytest.raises(ValidationError):
        settings(**given)


def test_a_unit_that_there_is_not_is_told_before_it_starts():
    wrong = settings(datastreams=(DatastreamSettings(point="aq-1/pm25", id=1, unit="kpa"),))
    with pytest.raises(PaifangError, match="the datastream of aq-1/pm25 has no unit 'kpa'") as told:
        Streams(wrong)
    assert 'did you mean "kPa"?' in told.value.hint


class Server:
    """Keeps observations as a server would, and twice what comes twice; `mood(request)` may reply first."""

    def __init__(self):
        self.rows = []
        self.mood = lambda _request: None

    def __call__(self, request):
        reply = self.mood(request)
        if reply is not None and not reply.hangs_up:
            return reply
        told = []
        for array in request.items:
            for time, result, _, parameters in array["dataArray"]:
                is_refused = parameters["record"] == REFUSED_RECORD
                told.append("error" if is_refused else f"http://sta/v1.1/Observations({len(self.rows)})")
                if not is_refused:
                    self.rows.append((parameters["record"], array["Datastream"]["@iot.id"], time, result))
        return reply or Reply(201, told)


@pytest.fixture
async def far():
    found = FarSide(judged_sensorthings, Server())
    await found.start()
    yield found
    await found.stop()


async def delivered(far, records, **given):
    ward = kinds.Ward("ward-1", lambda: UTC_MS, random.Random(1).randbytes)
    connector = kinds.build("sensorthings", settings(f"{far.url}/v1.1", **given), ward)
    try:
        await connector.open()
        return await connector.deliver(records)
    finally:
        await connector.close()


async def test_from_a_store_to_a_server_of_every_mood(far, tmp_path, tier_size):
    coming, chance = [], random.Random(9)

    def mood(_request):
        if not coming:
            coming.extend([None, None, Reply(503), Reply(201, hangs_up=True)])
            chance.shuffle(coming)
        return coming.pop()

    far.answer.mood = mood
    async with Sink(tmp_path, "sensorthings", settings(f"{far.url}/v1.1")) as sink:
        await sink.reports.fill(tier_size(5_000, 100_000))
        await sink.settled(tier_size(30, 3_600))
        assert sink.figures.dropped == {"refused": 1}
    assert far.wrong == []
    made = [record for record in sink.ids if record != REFUSED_RECORD]
    by_record = {}
    for record, datastream, time, result in far.answer.rows:
        assert by_record.setdefault(record, (datastream, time, result)) == (datastream, time, result)
    assert sorted(by_record) == sorted(made)
    for node in ("aq-1", "aq-2", "aq-3"):
        assert [record for record in by_record if f"/{node}/" in record] == [
            each for each in made if f"/{node}/" in each
        ]


async def test_the_one_observation_that_is_refused_is_found(far):
    def mood(request):
        rows = [row for array in request.items for row in array["dataArray"]]
        return Reply(400, {"message": "no"}) if any(row[1] == Decimal("-1.0") for row in rows) else None

    far.answer.mood = mood
    records = [report(number, [value(-10 if number == 3 else number)]) for number in range(1, 8)]
    assert await delivered(far, records) == {2: REFUSED}
    assert [row[0] for row in far.answer.rows] == [record.id for record in records if record.number != 3]


async def test_an_answer_that_does_not_say_of_each_confirms_none(far):
    for odd in (["http://sta/1"], {"made": 2}, [1, 2]):
        far.answer.mood = lambda _request, odd=odd: Reply(201, odd)
        with pytest.raises(PaifangError, match="an answer that nobody understands"):
            await delivered(far, [report(1), report(2)])


async def test_an_answer_of_many_pieces_is_read_to_its_end(far):
    records = [report(number, [value(number)]) for number in range(1, 5_001)]
    assert await delivered(far, records) == {}
    assert len(far.answer.rows) == 5_000
