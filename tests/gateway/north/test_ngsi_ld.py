"""NGSI-LD: entities as the Smart Data Models describe them, and what answers of a broker become."""

from __future__ import annotations

import asyncio
import json
import random
from decimal import Decimal
from pathlib import Path

import pytest
from certificates import certificates, of_server
from records import DOOR, TEMPERATURE, UTC_MS, event, point, report, value
from sinks import Sink

from paifang.config.sink_ngsi_ld import NgsiLdSettings, PlaceSettings
from paifang.errors import EXIT_UNREACHABLE, PaifangError
from paifang.north import kinds
from paifang.north.connector import NOT_WANTED, REFUSED
from paifang.north.http import Answer
from paifang.north.ngsi_ld import upserts
from paifang.north.ngsi_ld.connector import without_place
from paifang.north.ngsi_ld.entities import Entity, entities
from paifang.north.ngsi_ld.upserts import Item
from paifang.profiles import city_tables, load
from paifang.profiles.catalogue import built_in
from paifang_rig.engines.http_far_side import FarSide, Reply, judged_ngsi_ld
from paifang_wire import messages

NODES = 30
PLACE = PlaceSettings(node="aq-1", longitude=116.397, latitude=39.908)
COMMON = city_tables.naming("common")
MODELS = json.loads((Path(__file__).parent / "smart_data_models.json").read_text("utf-8"))["models"]
TYPES = {"number": (int, Decimal), "string": str, "object": dict, "array": list}


def made(record, naming=COMMON, place=PLACE, context=()):
    found = entities(record, place, naming, context)
    return found if isinstance(found, str) else [json.loads(each.text, parse_float=Decimal) for each in found]


def misfits(entity):
    """What the model of an entity does not allow: attributes it has not, of another type, or missing."""
    model = MODELS[entity["type"]]
    wrong = [name for name in model["required"] if name not in entity]
    for name, attribute in entity.items():
        if name in {"id", "type", "@context"}:
            continue
        known = model["attributes"].get(name)
        held = attribute["value"]
        if isinstance(held, dict) and held.get("@type") == "DateTime":
            held = held["@value"]
        if known is None or not isinstance(held, TYPES[known["type"]]):
            wrong.append(name)
        elif known["type"] == "object" and "properties" in known:
            wrong += [f"{name}.{key}" for key in held if key not in known["properties"]]
    return wrong


def test_a_report_is_an_entity_with_its_time_on_every_property():
    pressure, humidity = point("pressure", "Pa", 0, number=5), point("humidity", "%", -2, number=6)
    record = report(
        42, [value(352), value(2451, TEMPERATURE, messages.FAULT), value(100_044, pressure), value(5530, humidity)]
    )
    [entity] = made(record)
    at = "2026-11-20T08:00:42.000Z"
    assert entity == {
        "id": "urn:ngsi-ld:AirQualityObserved:ward-1:aq-1",
        "type": "AirQualityObserved",
        "dateObserved": {"type": "Property", "value": {"@type": "DateTime", "@value": at}, "observedAt": at},
        "location": {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": [Decimal("116.397"), Decimal("39.908")]},
        },
        "source": {"type": "Property", "value": "urn:paifang:ward-1:aq-1:3.42", "observedAt": at},
        "pm25": {"type": "Property", "value": Decimal("35.2"), "unitCode": "GQ", "observedAt": at},
        "temperature": {
            "type": "Property",
            "value": Decimal("24.51"),
            "unitCode": "CEL",
            "quality": {"type": "Property", "value": "fault"},
            "observedAt": at,
        },
        "pressure": {"type": "Property", "value": Decimal("1000.44"), "unitCode": "A97", "observedAt": at},
        "relativeHumidity": {"type": "Property", "value": Decimal("0.553"), "unitCode": "C62", "observedAt": at},
        "@context": [
            "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld",
            "https://raw.githubusercontent.com/smart-data-models/dataModel.Environment/master/context.jsonld",
        ],
    }


def all_points(table):
    """A report with every point that a table has a name for."""
    found = []
    for number, (name, names) in enumerate(city_tables.find(table).points.items(), 1):
        if names.ngsi_ld is not None:
            found.append(value(5, point(name, names.ngsi_ld.unit, number=number)))
    return report(1, found)


@pytest.mark.parametrize("table", sorted(set(city_tables.built_in()) - {"heat-meter"}))
def test_entities_are_what_their_models_allow(table):
    found = made(all_points(table), city_tables.naming(table))
    assert found
    for entity in found:
        assert misfits(entity) == []


def test_the_check_of_models_finds_what_is_wrong():
    [entity] = made(report(1))
    assert misfits(entity) == []
    assert misfits({name: held for name, held in entity.items() if name != "location"}) == ["location"]
    assert misfits(entity | {"PM25": entity["pm25"]}) == ["PM25"]
    assert misfits(entity | {"pm25": {"value": "35"}}) == ["pm25"]


def test_phases_are_keys_of_one_attribute():
    naming = city_tables.naming(None, load.load(built_in() / "abb-b23.toml"))
    phases = [value(2300 + phase, point(f"voltage_l{phase}", "V", -1, number=phase)) for phase in (1, 2, 3)]
    [entity] = made(report(1, phases), naming)
    assert entity["phaseVoltage"]["value"] == {"L1": Decimal("230.1"), "L2": Decimal("230.2"), "L3": Decimal("230.3")}
    assert entity["phaseType"]["value"] == "threePhase"


def test_a_period_begins_before_its_observation():
    [entity] = made(report(60, [value(551, point("laeq", "dB"))]))
    assert entity["dateObservedFrom"]["value"]["@value"] == "2026-11-20T08:00:00.000Z"
    assert entity["dateObservedTo"]["value"]["@value"] == "2026-11-20T08:01:00.000Z"


def test_points_of_two_models_are_two_entities_and_names_are_urns():
    record = report(1, [value(352), value(231, point("voltage", "V", 0, number=2))], node="电 1/x"[:3])
    found = made(record, context=("https://context.city.example/c.jsonld",))
    assert [entity["id"] for entity in found] == [
        "urn:ngsi-ld:AirQualityObserved:ward-1:%E7%94%B5%201",
        "urn:ngsi-ld:ACMeasurement:ward-1:%E7%94%B5%201",
    ]
    assert found[0]["@context"] == ["https://context.city.example/c.jsonld"]


@pytest.mark.parametrize(
    ("record", "place", "why"),
    [
        (event(), PLACE, NOT_WANTED),
        (report(values=[value(1, DOOR)]), PLACE, NOT_WANTED),
        (report(), None, "no-place"),
        (report(utc_ms=None), PLACE, "no-time"),
        (report(values=[value(None, quality=messages.MUTE)]), PLACE, "no-value"),
    ],
)
def test_what_cannot_be_an_entity_is_dropped_with_the_reason(record, place, why):
    assert made(record, place=place) == why


def test_nodes_without_a_place_are_known_beforehand():
    chosen = NgsiLdSettings(name="context", url="http://b", places=(PLACE,), nodes=("aq-*",))
    assert without_place(chosen, ["aq-1", "aq-2", "meter-1"]) == ["aq-2"]


def items(count):
    return [Item(place, Entity(f"urn:{place}", "{}")) for place in range(count)]


def multi(**given):
    return Answer(207, json.dumps(given).encode())


def test_of_a_207_each_entity_is_judged_by_itself():
    errors = [
        {"entityId": "urn:1", "error": {"status": 400, "title": "bad"}},
        {"entityId": "urn:2", "error": {"type": "BadRequestData"}},
    ]
    outcome = upserts.outcome(multi(success=["urn:0"], errors=errors), items(3))
    assert set(outcome.refused) == {"urn:1", "urn:2"}
    assert outcome.later == ""


@pytest.mark.parametrize(
    "answer",
    [
        multi(success=["urn:0"], errors=[{"entityId": "urn:1", "error": {"status": 500}}]),
        multi(success=["urn:0"], errors=[]),
        multi(success=["urn:0"]),
        multi(success="urn:0urn:1"),
        multi(errors=[{"error": {"status": 400}}]),
        Answer(207, b""),
        Answer(207, b"[]"),
        Answer(207, b'{"success": [{"a": 1}]}'),
    ],
)
def test_what_a_207_does_not_confirm_comes_again(answer):
    assert upserts.outcome(answer, items(2)).later


def test_no_request_has_an_entity_twice():
    twice = [Item(place, Entity(f"urn:{place % 2}", str(place))) for place in range(5)]
    assert [[item.place for item in each] for each in upserts.rounds(twice)] == [[0, 1], [2, 3], [4]]


@pytest.fixture
async def broker():
    found = FarSide(judged_ngsi_ld, lambda _request: Reply(204))
    await found.start()
    yield found
    await found.stop()


def settings(broker, **given):
    places = tuple(PlaceSettings(node=f"aq-{number}", longitude=116.4, latitude=39.9) for number in range(1, NODES + 1))
    return NgsiLdSettings(**({"name": "context", "url": broker.url, "places": places, "from_start": True} | given))


async def delivered(chosen, records):
    connector = kinds.build("ngsi_ld", chosen, kinds.Ward("ward-1", lambda: UTC_MS, random.Random(1).randbytes))
    try:
        await connector.open()
        return await connector.deliver(records)
    finally:
        await connector.close()


def observed(request):
    return [(entity["id"], entity["source"]["value"], entity["pm25"]["value"]) for entity in request.items]


class Moody:
    """Of six requests, in an order of chance: three taken, one broken off after it was taken, one refused for now, one
    taken in part.
    """

    def __init__(self):
        self.chance, self.coming, self.kept = random.Random(5), [], {}

    def __call__(self, request):
        if not self.coming:
            self.coming = [*["take"] * 27, "hang up", "later", "in part"]
            self.chance.shuffle(self.coming)
        mood = self.coming.pop()
        taken = request.items if mood != "in part" else request.items[::2]
        if mood != "later":
            for entity in taken:
                at = entity["pm25"]["observedAt"]
                self.kept[entity["id"], at] = (entity["source"]["value"], entity["pm25"]["value"])
        if mood == "in part" and len(request.items) > 1:
            errors = [{"entityId": entity["id"], "error": {"status": 503}} for entity in request.items[1::2]]
            return Reply(207, {"success": [entity["id"] for entity in taken], "errors": errors})
        return Reply(503 if mood == "later" else 204, hangs_up=mood == "hang up")


async def test_from_a_store_to_a_broker_of_every_mood(broker, tmp_path, tier_size):
    broker.answer = moody = Moody()
    async with Sink(tmp_path, "ngsi_ld", settings(broker)) as sink:
        await sink.reports.fill(tier_size(1_000, 100_000), NODES)
        await sink.settled(tier_size(30, 3_600))
        assert sink.figures.dropped == {}
    assert broker.wrong == []
    assert len(moody.kept) == len(sink.reports.made)
    expected = {
        f"urn:paifang:ward-1:{node}:{boot}.{number}": Decimal(number % 10_000) / 10
        for node, boot, number in sink.reports.made
    }
    assert dict(moody.kept.values()) == expected


async def test_an_outage_and_a_restart_lose_nothing(broker, tmp_path):
    async with Sink(tmp_path, "ngsi_ld", settings(broker)) as sink:
        await sink.reports.fill(60)
        await sink.until(lambda: sink.figures.delivered > 0)
        await broker.stop()
        await sink.reports.fill(120)
        await sink.until(lambda: sink.figures.problem is not None)
        await broker.start()
        await sink.settled()
    sources = [source for request in broker.requests if request.items for _, source, _ in observed(request)]
    assert set(sources) == {f"urn:paifang:ward-1:{node}:{boot}.{number}" for node, boot, number in sink.reports.made}


async def test_each_node_s_reports_go_in_order_with_tenant_and_token(broker, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n", "utf-8")
    records = [report(number, node=f"aq-{number % 3 + 1}") for number in range(1, 31)]
    assert await delivered(settings(broker, tenant="city", token_file=token), records) == {}
    assert {request.headers["NGSILD-Tenant"] for request in broker.requests} == {"city"}
    assert {request.headers["Authorization"] for request in broker.requests} == {"Bearer s3cret"}
    for node in ("aq-1", "aq-2", "aq-3"):
        sources = [
            source for request in broker.requests for name, source, _ in observed(request) if name.endswith(node)
        ]
        assert sources == [f"urn:paifang:ward-1:{node}:3.{each.number}" for each in records if each.node == node]


async def test_the_one_entity_that_is_refused_is_found_and_dropped(broker):
    def answer(request):
        bad = any(entity["id"].endswith("aq-2") for entity in request.items)
        return Reply(400, {"type": "BadRequestData"}) if bad else Reply(204)

    broker.answer = answer
    assert await delivered(settings(broker), [report(1, node=f"aq-{number}") for number in (1, 2, 3)]) == {1: REFUSED}


async def test_opening_it_asks_whether_the_broker_takes_this_gateway(broker):
    connector = kinds.build("ngsi_ld", settings(broker), kinds.Ward("ward-1", lambda: 0, random.Random(1).randbytes))
    broker.answer = lambda _request: Reply(403)
    with pytest.raises(PaifangError, match="answers 403"):
        await connector.open()
    await connector.close()
    broker.answer = lambda _request: Reply(400)
    await connector.open()
    await connector.close()
    assert [request.items for request in broker.requests] == [[], []]


async def test_too_large_a_request_is_halved(broker):
    broker.answer = lambda request: Reply(413 if len(request.items) > 1 else 204)
    assert await delivered(settings(broker), [report(1, node=f"aq-{number}") for number in (1, 2, 3)]) == {}
    assert sorted(len(request.items) for request in broker.requests if request.items) == [1, 1, 1, 2, 3]


@pytest.mark.parametrize(
    ("status", "hint", "exit_code"),
    [
        (401, "token_file", 1),
        (403, "token_file", 1),
        (404, "look at url", 1),
        (302, "look at the far side", 1),
        (429, "it is tried again", EXIT_UNREACHABLE),
        (503, "it is tried again", EXIT_UNREACHABLE),
    ],
)
async def test_what_is_not_about_a_record_is_told_and_drops_none(broker, status, hint, exit_code):
    broker.answer = lambda _request: Reply(status, {"title": "no"})
    with pytest.raises(PaifangError, match=f"context: {broker.url} answers {status}") as told:
        await delivered(settings(broker), [report(1)])
    assert hint in told.value.hint
    assert told.value.exit_code == exit_code


async def test_a_broker_that_is_silent_or_away_is_told(broker):
    async def silent(_request):
        await asyncio.Event().wait()

    broker.answer = silent
    with pytest.raises(PaifangError, match=r"no answer from .* within 50 ms"):
        await delivered(settings(broker, timeout_ms=50), [report(1)])
    await broker.stop()
    with pytest.raises(PaifangError) as away:
        await delivered(settings(broker), [report(1)])
    assert away.value.exit_code == EXIT_UNREACHABLE


async def test_https_with_certificates_on_both_sides(tmp_path):
    files = certificates(tmp_path)
    far = FarSide(judged_ngsi_ld, lambda _request: Reply(204), tls=of_server(files))
    await far.start()
    shown = {"cert_file": files["ward"], "key_file": files["ward_key"]}
    assert await delivered(settings(far, ca_file=files["ca"], **shown), [report(1)]) == {}
    assert observed(far.requests[-1])[0][1] == "urn:paifang:ward-1:aq-1:3.1"
    for stranger in ({"ca_file": files["other_ca"], **shown}, {"ca_file": files["ca"]}):
        with pytest.raises(PaifangError) as refused:
            await delivered(settings(far, **stranger), [report(1)])
        assert refused.value.exit_code == EXIT_UNREACHABLE
    await far.stop()
