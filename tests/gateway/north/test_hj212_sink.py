"""From a store through a running sink to a bureau of every temper: each report once, in order, with its own time."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import ssl
import time

import pytest
import uvloop
from certificates import certificates, of_server
from records import UTC_MS, report
from reports import START_MS
from sinks import Sink

from paifang.config.sink_hj212 import Hj212Settings, StationSettings
from paifang.errors import PaifangError
from paifang.north import kinds
from paifang_rig.engines.bureau import GARBAGE, Answer, Bureau, ack, framed, obliging, refusal

MNS = {"aq-1": "A110000_0001", "aq-2": "A110000_0002", "aq-3": "A110000_0003"}
TIMEOUT_MS = 25
BEIJING = dt.timezone(dt.timedelta(hours=8))


@pytest.fixture
async def bureau():
    found = Bureau(obliging)
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def settings(bureau, tmp_path):
    password = tmp_path / "pw.txt"
    password.write_text("123456\n", "utf-8")

    def make(**given):
        stations = tuple(StationSettings(mn=mn, password_file=password, nodes=(node,)) for node, mn in MNS.items())
        common = {"name": "bureau", "address": f"127.0.0.1:{bureau.port}", "stations": stations}
        return Hj212Settings(**(common | {"timeout_ms": 5_000, "pause_ms": 0, "from_start": True} | given))

    return make


def running(folder, chosen):
    """QNs are of a clock that goes on, as everywhere but in the reports."""
    return Sink(folder, "hj212", chosen, lambda: time.time_ns() // 1_000_000)


def expected(sink):
    """{(MN, DataTime): value} of all reports of the sink, in their order."""
    found = {}
    for place, (node, _, number) in enumerate(sink.reports.made):
        time = dt.datetime.fromtimestamp((START_MS + place * 1_000) // 1_000, BEIJING)
        found[MNS[node], f"{time:%Y%m%d%H%M%S}"] = f"{number % 10_000 / 10:.1f}"
    return found


def arrived(bureau):
    """The same, as the bureau has it; what came again counts once and must say the same."""
    found = {}
    for taken in bureau.taken:
        if taken.cn == "2011":
            said = taken.field("a34004-Rtd")
            assert found.setdefault((taken.head["MN"], taken.field("DataTime")), said) == said
    return found


async def test_every_report_arrives_once_in_order_with_its_time(bureau, settings, tmp_path, tier_size):
    async with running(tmp_path, settings()) as sink:
        await sink.reports.fill(tier_size(1_500, 100_000))
        await sink.settled(tier_size(30, 3_600))
    assert list(arrived(bureau).items()) == list(expected(sink).items())
    assert len(bureau.taken) == len(sink.reports.made)
    assert bureau.wrong == []
    assert len({(taken.head["MN"], taken.qn) for taken in bureau.taken}) == len(bureau.taken)
    assert {(taken.head["PW"], taken.head["ST"], taken.head["Flag"]) for taken in bureau.taken} == {
        ("123456", "22", "5")
    }


class Moody:
    """Of so many messages half are confirmed at once, and each mood comes up once, in an order of chance."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.seen = set()
        self.coming = []

    def __call__(self, bureau, taken):
        if not self.coming:
            self.coming = [*MOODS, *["at once"] * len(MOODS)]
            self.chance.shuffle(self.coming)
        mood = self.coming.pop()
        self.seen.add(mood)
        return MOODS[mood](bureau, taken)


def late(bureau, taken):
    asyncio.get_running_loop().call_later(1.2 * TIMEOUT_MS / 1_000, bureau.send, ack(taken))
    return Answer()


MOODS = {
    "at once": obliging,
    "late": late,
    "twice": lambda _, taken: Answer((ack(taken) * 2,)),
    "of another": lambda _, taken: Answer((ack(taken, qn="20200101000000000"),)),
    "of another station": lambda _, taken: Answer((ack(taken, mn="X1"),)),
    "never": lambda *_: Answer(),
    "in pieces": lambda _, taken: Answer(tuple(bytes([byte]) for byte in ack(taken))),
    "after garbage": lambda _, taken: Answer((GARBAGE + ack(taken),)),
    "spoiled": lambda _, taken: Answer((ack(taken)[:-6] + b"0000\r\n",)),
    "with a request": lambda _, taken: Answer((asked(taken, "1011") + ack(taken),)),
    "not now": lambda _, taken: Answer((refusal(taken, "2"),)),
    "has it and hangs up": lambda *_: Answer(hangs_up=True),
    "confirms and hangs up": lambda _, taken: Answer((ack(taken),), hangs_up=True),
}


def asked(taken, cn):
    head = taken.head
    return framed(f"QN=20200101000000001;ST={head['ST']};CN={cn};PW={head['PW']};MN={head['MN']};Flag=5;CP=&&&&")


@pytest.mark.timeout(120)
async def test_a_bureau_of_every_mood_is_survived(bureau, settings, tmp_path, tier_size):
    bureau.manner = moody = Moody(212)
    async with running(tmp_path, settings(attempts=2, timeout_ms=TIMEOUT_MS)) as sink:
        await sink.reports.fill(tier_size(100, 3_000))
        await sink.settled(tier_size(60, 3_600))
    assert moody.seen == set(MOODS)
    assert list(arrived(bureau).items()) == list(expected(sink).items())
    assert bureau.links > 1
    answers = [taken for taken in bureau.taken if taken.cn in {"9011", "1011", "9012"}]
    assert {taken.qn for taken in answers} == {"20200101000000001"}
    first = {}
    for taken in bureau.taken:
        if taken.cn == "2011":
            assert first.setdefault((taken.head["MN"], taken.qn), taken.groups) == taken.groups


async def test_after_an_outage_what_is_new_goes_first_and_both_in_order(bureau, settings, tmp_path):
    async with running(tmp_path, settings()) as sink:
        await bureau.stop()
        await sink.reports.fill(200)
        old = len(sink.reports.made)
        sink.reports.clock_ms += 60_000
        bureau.taken.clear()
        await bureau.start(bureau.port)
        await bureau.until(lambda: bureau.taken)
        first_new = sink.reports.clock_ms
        await sink.reports.fill(12, step_ms=400)
        await sink.settled()
    names = list(arrived(bureau))
    border = f"{dt.datetime.fromtimestamp(first_new // 1_000, BEIJING):%Y%m%d%H%M%S}"
    backlog = [name for name in names if name[1] < border]
    live = [name for name in names if name[1] >= border]
    assert backlog == list(expected(sink))[:old]
    assert live == sorted(live, key=lambda name: name[1])
    assert len(live) == 12
    assert names.index(live[-1]) < len(names) - 1


async def test_a_wrong_password_is_told_and_nothing_is_lost(bureau, settings, tmp_path):
    bureau.manner = lambda _, taken: Answer((refusal(taken, "3"),))
    async with running(tmp_path, settings()) as sink:
        await sink.reports.fill(5)
        await sink.until(lambda: sink.figures.problem is not None)
        problem = sink.figures.problem
        bureau.manner = obliging
        await sink.settled()
    assert problem.message == "bureau: the bureau refuses A110000_0001: wrong password (PW)"
    assert "compare mn, st, the password" in problem.hint
    assert list(arrived(bureau)) == list(expected(sink))


async def test_records_without_factor_station_or_time_are_dropped_by_reason(bureau, settings, tmp_path):
    async with running(tmp_path, settings()) as sink:
        sink.reports.add("aq-1", {3: 1})
        sink.reports.add("door-1")
        await sink.reports.fill(1)
        await sink.settled()
        assert sink.figures.dropped == {"not-wanted": 2}
    ward = kinds.Ward("ward-1", lambda: UTC_MS, random.Random(1).randbytes)
    connector = kinds.build("hj212", settings(), ward)
    await connector.open()
    assert await connector.deliver([report(1, utc_ms=None), report(2)]) == {0: "no-time"}
    await connector.close()
    assert bureau.taken[-1].field("DataTime") == "20261120160002"


async def test_heartbeats_go_out_while_there_is_nothing_to_say(bureau, settings, tmp_path):
    ward = kinds.Ward("ward-1", lambda: UTC_MS, random.Random(1).randbytes)
    connector = kinds.build("hj212", settings(version="2025", heartbeat_ms=1_000), ward)
    await connector.open()
    await connector.deliver([report(1)])
    await bureau.until(lambda: bureau.taken[-1].cn == "9015")
    await connector.close()
    assert [(taken.cn, taken.head["Flag"]) for taken in bureau.taken] == [("2011", "9"), ("9015", "8")]


async def test_under_tls_with_certificates_on_both_sides(bureau, settings, tmp_path):
    files = certificates(tmp_path)
    await bureau.stop()
    bureau.tls = of_server(files)
    await bureau.start(bureau.port)
    ward = kinds.Ward("ward-1", lambda: UTC_MS, random.Random(1).randbytes)
    shown = {"tls": True, "cert_file": files["ward"], "key_file": files["ward_key"]}
    connector = kinds.build("hj212", settings(ca_file=files["ca"], **shown), ward)
    await connector.open()
    assert await connector.deliver([report(1)]) == {}
    await connector.close()
    assert bureau.taken[0].field("DataTime") == "20261120160001"
    with pytest.raises(ssl.SSLError):
        await kinds.build("hj212", settings(ca_file=files["other_ca"], **shown), ward).open()


def test_on_the_loop_that_the_gateway_runs(tmp_path):
    password = tmp_path / "pw.txt"
    password.write_text("123456", "utf-8")

    async def once():
        far = Bureau(obliging)
        await far.start()
        station = StationSettings(mn="A110000_0001", password_file=password)
        chosen = Hj212Settings(name="bureau", address=f"127.0.0.1:{far.port}", stations=(station,))
        connector = kinds.build("hj212", chosen, kinds.Ward("ward-1", lambda: UTC_MS, random.Random(1).randbytes))
        await connector.open()
        dropped = await connector.deliver([report(1), report(2)])
        await connector.close()
        await far.stop()
        return dropped, [taken.field("DataTime") for taken in far.taken]

    assert uvloop.run(once()) == ({}, ["20261120160001", "20261120160002"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"password": "12;45\n"}, "holds no PW of HJ 212 for station A110000_0001"),
        ({"password": "\n"}, "there is no passphrase in"),
        ({"names": "air-qualty"}, "no table of city names 'air-qualty'"),
    ],
)
async def test_what_cannot_work_is_told_before_it_starts(settings, tmp_path, given, told):
    password = tmp_path / "other.txt"
    password.write_text(given.get("password", "123456"), "utf-8")
    station = StationSettings(mn="A110000_0001", password_file=password, names=given.get("names"))
    with pytest.raises(PaifangError, match=told):
        kinds.build("hj212", settings(stations=(station,)), kinds.Ward("ward-1", lambda: 0, random.Random(1).randbytes))
