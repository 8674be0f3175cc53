"""Alarms to a service that answers as it likes; signatures as the Standard Webhooks specification verifies them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import Counter

import pytest
from aiohttp import web
from pydantic import ValidationError
from records import DOOR, PM25, event, report, value
from reports import START_MS
from sinks import Sink

from paifang.config.sink_webhook import WebhookSettings
from paifang.errors import PaifangError
from paifang.north import kinds
from paifang.north.connector import NOT_WANTED, REFUSED, AskedToWait
from paifang.north.webhook import signing
from paifang_wire import messages

KEY = bytes(range(32))
WARD = kinds.Ward("ward-1", lambda: START_MS, bytes)


class Service:
    """Keeps what it is sent; `answers` are given in turn, then it is 204 for ever."""

    def __init__(self):
        self.answers = []
        self.taken = []
        self.asked = Counter()

    async def __aenter__(self):
        application = web.Application()
        application.router.add_post("/alarms", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/alarms"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _take(self, request):
        body = await request.read()
        self.asked[request.headers["webhook-id"]] += 1
        answer = self.answers.pop(0) if self.answers else web.Response(status=204)
        if answer.status < 300:
            self.taken.append((request.headers.copy(), body))
        return answer


@pytest.fixture
async def service():
    async with Service() as running:
        yield running


@pytest.fixture
async def connector(service, tmp_path):
    opened = []

    async def make(**more):
        sink = kinds.build("webhook", settings(service, **more), WARD)
        await sink.open()
        opened.append(sink)
        return sink

    yield make
    for sink in opened:
        await sink.close()


def settings(service, **more):
    return WebhookSettings(name="alarms", url=service.url, from_start=True, **more)


SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


def secret(folder, text=SECRET):
    file = folder / "secret"
    file.write_text(text + "\n")
    return file


def test_a_signature_is_that_of_the_specifications_example():
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', key)
    assert told["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_an_alarm_is_signed_and_says_all_there_is(service, connector, tmp_path):
    sink = await connector(secret_file=secret(tmp_path))
    assert await sink.deliver([event(7)]) == {}
    ((told, body),) = service.taken
    assert told["Content-Type"] == "application/json"
    assert told["webhook-id"] == "ward-1/aq-1/3.7"
    assert told["webhook-timestamp"] == str(START_MS // 1_000)
    signed = f"{told['webhook-id']}.{told['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert told["webhook-signature"] == f"v1,{expected}"
    assert json.loads(body)["event"] == {"name": "sensor-mute", "point": "pm25", "detail": "no answer"}


async def test_only_alarms_go(service, connector):
    sink = await connector(events=("sensor-mute",), qualities=("fault", "out-of-range"))
    records = [
        report(1),
        event(2, "sensor-mute"),
        event(3, "recovered"),
        report(4, (value(352), value(1, DOOR, messages.FAULT))),
        report(5, (value(352, PM25, messages.STALE),)),
    ]
    assert await sink.deliver(records) == {0: NOT_WANTED, 2: NOT_WANTED, 4: NOT_WANTED}
    assert [told["webhook-id"] for told, _ in service.taken] == ["ward-1/aq-1/3.2", "ward-1/aq-1/3.4"]


async def test_all_events_and_no_reports_unless_said_otherwise(service, connector):
    sink = await connector()
    assert await sink.deliver([event(1, "started", None), report(2, (value(1, DOOR, messages.FAULT),))]) == {
        1: NOT_WANTED
    }


@pytest.mark.parametrize("status", [400, 409, 410, 413, 422])
async def test_what_is_refused_is_dropped(service, connector, status):
    sink = await connector()
    service.answers = [web.Response(status=status)]
    assert await sink.deliver([event(1), event(2)]) == {0: REFUSED}
    assert len(service.taken) == 1


@pytest.mark.parametrize("status", [302, 401, 403, 404, 408, 425, 429, 500, 502, 503])
async def test_what_can_be_set_right_waits(service, connector, status):
    sink = await connector()
    service.answers = [web.Response(status=status, headers={"Location": "/elsewhere"})]
    with pytest.raises(PaifangError, match=f"answers {status}"):
        await sink.deliver([event(1)])
    assert await sink.deliver([event(1)]) == {}


@pytest.mark.parametrize(
    ("after", "date", "after_s"),
    [
        ("120", "", 120.0),
        ("86400", "", 3_600.0),
        ("Fri, 20 Nov 2026 08:01:30 GMT", "Fri, 20 Nov 2026 08:00:00 GMT", 90.0),
    ],
)
async def test_a_service_that_wants_to_be_left_alone_is(service, connector, after, date, after_s):
    sink = await connector()
    service.answers = [web.Response(status=429, headers={"Retry-After": after, **({"Date": date} if date else {})})]
    with pytest.raises(AskedToWait) as raised:
        await sink.deliver([event(1)])
    assert raised.value.after_s == after_s


async def test_a_retry_after_that_says_nothing_is_none(service, connector):
    sink = await connector()
    service.answers = [web.Response(status=503, headers={"Retry-After": "soon"})]
    with pytest.raises(PaifangError) as raised:
        await sink.deliver([event(1)])
    assert not isinstance(raised.value, AskedToWait)


async def test_over_every_kind_of_trouble_each_alarm_is_confirmed_once(service, tmp_path):
    trouble = (503, 429, 500, 408)
    async with Sink(tmp_path, "webhook", settings(service, qualities=("fault",))) as sink:
        for number in range(1, 41):
            statuses = (trouble[number % 4], *[200] * (number % 3))
            service.answers += [web.Response(status=status) for status in statuses]
            sink.reports.add(values={1: number}, quality={1: messages.FAULT} if number % 2 else None)
        service.answers[4] = web.Response(status=429, headers={"Retry-After": "77"})
        await sink.store.flush()
        await sink.settled()
        assert sink.figures.dropped == {"not-wanted": 20}
        wanted = [record for place, record in enumerate(sink.ids) if place % 2 == 0]
        assert list(dict.fromkeys(told["webhook-id"] for told, _ in service.taken)) == wanted
        assert 77.0 in sink.pauses


async def test_nobody_there_is_said_by_its_address(tmp_path):
    wanted = WebhookSettings(name="alarms", url="http://127.0.0.1:9/alarms", from_start=True)
    sink = kinds.build("webhook", wanted, WARD)
    with pytest.raises(PaifangError, match=r"alarms: http://127.0.0.1:9/alarms: "):
        await sink.open()
    await sink.close()


@pytest.mark.parametrize("text", ["secret", "whsec_", "whsec_####", "whsec_c2hvcnQ="])
def test_a_secret_that_is_none_is_told_before_anything_is_sent(tmp_path, text):
    wanted = WebhookSettings(name="alarms", url="http://127.0.0.1:9/", secret_file=secret(tmp_path, text))
    with pytest.raises(PaifangError, match="holds no secret of a webhook") as raised:
        kinds.build("webhook", wanted, WARD)
    assert "whsec_$(head -c 32 /dev/urandom | base64)" in raised.value.hint


@pytest.mark.parametrize("field", ["events", "qualities"])
def test_a_name_that_nothing_has_is_told(field):
    with pytest.raises(ValidationError, match="sensor-mute" if field == "events" else "fault"):
        WebhookSettings(name="alarms", url="http://a/", **{field: ("sensor-mut",)})
