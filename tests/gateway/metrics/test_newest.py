"""The present value of every point, and what each figure of a sink becomes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from reports import START_MS, TABLE

from paifang.metrics.families import families
from paifang.metrics.figures import Figures
from paifang.metrics.newest import Newest
from paifang_wire import messages

FRESH_MS = 60_000


@pytest.fixture
def newest():
    return Newest(lambda _node, _boot: SimpleNamespace(offset_ms=None, description=b""), lambda _: TABLE)


def row(second, values, quality=None, utc_ms=START_MS, boot=1, body=None, lane=0):
    number = lane + second
    message = [messages.REPORT, boot, number, 1_000 * second, utc_ms, values, quality or {}]
    told = messages.encode(message) if body is None else body
    return ("aq-1", boot, number, messages.REPORT, 1_000 * second, utc_ms, START_MS, told)


def shown(newest, now_ms=START_MS):
    return {each.point: each.value for each in newest.values(now_ms, FRESH_MS)}


def test_the_newest_counts_whatever_comes_late(newest):
    newest.settled([row(5, {1: 352}), row(4, {1: 340, 2: 4_000}), row(6, {3: 1})])
    assert shown(newest) == {"pm25": 35.2, "humidity": 40.0, "door": 1.0}
    newest.settled([row(4, {1: 341}, lane=messages.BACKLOG), row(6, {1: 353})])
    assert shown(newest)["pm25"] == 35.3
    newest.settled([row(1, {1: 100}, boot=2)])
    assert shown(newest)["pm25"] == 10.0


@pytest.mark.parametrize(("wire", "quality"), [(None, messages.MUTE), (352, messages.FAULT), (352, messages.SETTLING)])
def test_a_value_that_is_not_good_takes_the_last_good_one_away(newest, wire, quality):
    newest.settled([row(1, {1: 340}), row(2, {1: wire}, {1: quality}), row(1, {1: 340})])
    assert shown(newest) == {}
    newest.settled([row(3, {1: 341})])
    assert shown(newest) == {"pm25": 34.1}


def test_what_is_old_is_not_shown(newest):
    newest.settled([row(1, {1: 340}), row(2, {2: 4_000}, utc_ms=START_MS + 50_000), row(3, {3: 1}, utc_ms=None)])
    assert shown(newest, START_MS + FRESH_MS) == {"pm25": 34.0, "humidity": 40.0}
    assert shown(newest, START_MS + FRESH_MS + 1) == {"humidity": 40.0}


def test_what_cannot_be_read_is_left_out(newest):
    newest.settled([row(1, {1: 340}), row(2, {9: 1}), row(3, {1: 1}, body=b"\xff")])
    assert shown(newest) == {"pm25": 34.0}


def test_every_figure_of_a_sink():
    commands = {"open": 1, "pending": 2, "refused": 3, "audit": {"entries": 4, "lost": 5}}
    by_reason = {"refused": {}, "gaps": {}, "closed": {}, "control_refused": {"denied": 6}}
    names = "frames bytes_in bytes_out stored duplicates conflicts buffered commits acks hellos sessions promotions"
    more = "displaced connections connections_total ignored_receipts watchers watch_missed"
    counts = dict.fromkeys(f"{names} {more}".split(), 7)
    sink = {
        "sink": 'ci"ty\n',
        "kind": "mqtt",
        "state": "down",
        "why": "the \\ broker\nsays no",
        "delivered": 8,
        "dropped": {"refused": 9, "not-wanted": 10},
        "waiting": 11,
        "oldest_ms": 1_000,
    }
    figures = Figures("ward-1", "1.0", 3_500, 12.0, True, 13, {**counts, **by_reason, "commands": commands}, [sink], 14)
    text = generate_latest(SimpleNamespace(collect=lambda: families(figures))).decode()
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    # Labels stand in the order of their names: kind, problem or reason, sink.
    kind, name = "mqtt", 'ci"ty\n'
    assert {place: value for place, value in found.items() if "sink" in place[0]} == {
        ("paifang_sink_up", kind, name): 0,
        ("paifang_sink_paused", kind, name): 0,
        ("paifang_sink_delivered_total", kind, name): 8,
        ("paifang_sink_waiting", kind, name): 11,
        ("paifang_sink_behind_seconds", kind, name): 2.5,
        ("paifang_sink_dropped_total", kind, "refused", name): 9,
        ("paifang_sink_dropped_total", kind, "not-wanted", name): 10,
        ("paifang_sink_problem", kind, "the \\ broker\nsays no", name): 1,
    }
    assert found["paifang_degraded",] == 1
    assert found["paifang_balance_problems",] == 14
    assert found["paifang_control_refused_total", "denied"] == 6
    assert found["paifang_audit_lost_total",] == 5
