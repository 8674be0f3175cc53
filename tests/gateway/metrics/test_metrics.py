"""The metrics page of a whole gateway, read by Prometheus' own parsers."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from far_side import CURRENT, RELAY, VOLTAGE, until
from near_side import settings_in
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from paifang.app import Gateway
from paifang.config.metrics import MetricsSettings
from paifang.config.sink_mqtt import MqttSettings
from paifang.config.sinks import SinksSettings
from paifang.errors import EXIT_RESOURCE, PaifangError
from paifang_wire import messages
from paifang_wire.errors import UNKNOWN_POINT

ANYWHERE = "127.0.0.1:0"


async def asked(gateway, path="/metrics", accept=""):
    async with (
        aiohttp.ClientSession(headers={"Accept": accept} if accept else {}) as client,
        client.get(f"http://127.0.0.1:{gateway.metrics.port}{path}") as answer,
    ):
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def figures(gateway):
    """{(name, *values of labels by their names): value}."""
    _, _, text = await asked(gateway)
    return samples(plain(text))


def samples(read):
    return {(sample.name, *sample.labels.values()): sample.value for family in read for sample in family.samples}


async def test_nobody_can_ask_unless_it_is_said_where(house):
    assert house.gateway.metrics.port is None
    await house.gateway.metrics.reload(MetricsSettings(listen=ANYWHERE))
    assert (await figures(house.gateway))["paifang_records_stored_total",] == 0
    await house.gateway.metrics.reload(MetricsSettings())
    assert house.gateway.metrics.port is None


async def test_what_has_come_in_and_what_became_of_it(house):
    await house.gateway.metrics.reload(MetricsSettings(listen=ANYWHERE))
    far = await house.enrolled()
    for number in (1, 2, 3, 3, 6):
        far.report(number)
    far.say([messages.GAP, 1, 4, 5, messages.GAP_QUEUE_FULL])
    far.report(7, {99: 1})
    await until(lambda: house.gateway.store.stored == 4 and house.refused)
    found = await figures(house.gateway)
    assert found["paifang_records_stored_total",] == 4
    assert found["paifang_records_duplicate_total",] == 1
    assert found["paifang_records_lost_total", "queue-full"] == 2
    assert found["paifang_frames_refused_total", UNKNOWN_POINT] == 1
    assert found["paifang_sessions",] == 1
    assert found["paifang_degraded",] == 0
    assert found["paifang_store_bytes",] > 4_096
    assert found["paifang_info", "ward-1", found_version(found)] == 1
    assert not any(name.startswith(("paifang_node_", "paifang_value")) for name, *_ in found)


def found_version(found):
    return next(place[2] for place in found if place[0] == "paifang_info")


async def test_nodes_and_their_present_values_where_they_are_wanted(house):
    await house.gateway.metrics.reload(MetricsSettings(listen=ANYWHERE, nodes=True, values=True))
    far = await house.enrolled()
    far.report(1, {VOLTAGE: 2301, CURRENT: 1500, RELAY: 1})
    far.report(2, {VOLTAGE: 2302, CURRENT: None, RELAY: 0}, {CURRENT: messages.MUTE})
    await until(lambda: house.gateway.store.stored == 2)
    found = await figures(house.gateway)
    assert {place[1:]: value for place, value in found.items() if place[0] == "paifang_value"} == {
        ("meter-1", "voltage", "V"): 230.2,
        ("meter-1", "relay", ""): 0.0,
    }
    assert found["paifang_node_connected", "meter-1"] == 1
    assert found["paifang_node_records_stored_total", "meter-1"] == 2
    assert found["paifang_node_seen_timestamp_seconds", "meter-1"] > 1_700_000_000


async def test_a_sink_whose_far_side_is_not_there(start, tmp_path):
    sinks = SinksSettings(mqtt=(MqttSettings(name="city", broker="127.0.0.1:9"),))
    house = await start(settings_in(tmp_path / "data", sinks=sinks, metrics=MetricsSettings(listen=ANYWHERE)))
    far = await house.enrolled()
    far.report(1)
    await until(lambda: house.gateway.store.stored == 1)
    await until(lambda: house.gateway.sinks._running["city"].runner.figures.problem)
    (finding,) = [found for found in await house.ask("check") if found["subject"] == "sinks"]
    assert finding["message"].startswith("city waits: ")
    found = await figures(house.gateway)
    assert found["paifang_sink_up", "mqtt", "city"] == 0
    assert found["paifang_sink_waiting", "mqtt", "city"] == 1
    assert found["paifang_sink_delivered_total", "mqtt", "city"] == 0
    assert any(place[0] == "paifang_sink_problem" and "Connect call failed" in place[2] for place in found)


async def test_readers_that_ask_for_openmetrics_get_it(house):
    await house.gateway.metrics.reload(MetricsSettings(listen=ANYWHERE, nodes=True, values=True))
    far = await house.enrolled()
    far.report(1)
    await until(lambda: house.gateway.store.stored == 1)
    _, content_type, text = await asked(house.gateway, accept="application/openmetrics-text;version=1.0.0")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert samples(openmetrics(text))["paifang_records_stored_total",] == 1
    assert text.endswith("# EOF\n")


async def test_anything_else_is_elsewhere(house):
    await house.gateway.metrics.reload(MetricsSettings(listen=ANYWHERE))
    assert await asked(house.gateway, "/") == (404, "text/plain; charset=utf-8", "the metrics are at /metrics\n")


async def test_other_settings_are_taken_up_while_the_gateway_runs(house):
    gateway = house.gateway
    wanted = gateway.settings.model_copy(update={"metrics": MetricsSettings(listen=ANYWHERE)})
    await gateway.reload(wanted)
    assert (await figures(gateway))["paifang_sessions",] == 0
    port = gateway.metrics.port
    await gateway.reload(wanted)
    assert gateway.metrics.port == port


async def test_a_port_that_is_taken(tmp_path, house):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = MetricsSettings(listen=f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(PaifangError, match="Address already in use") as raised:
            await Gateway(settings_in(tmp_path / "other", metrics=taken)).start()
        assert raised.value.exit_code == EXIT_RESOURCE
        await house.gateway.metrics.reload(MetricsSettings(listen=ANYWHERE))
        with pytest.raises(PaifangError, match="Address already in use"):
            await house.gateway.metrics.reload(taken)
    assert (await figures(house.gateway))["paifang_degraded",] == 0
