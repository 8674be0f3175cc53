"""Which figure is which metric. Names and units as Prometheus' conventions have them: seconds, bytes, `_total`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.core import Metric

    from paifang.metrics.figures import Figures

PREFIX = "paifang_"
_S_OF_MS = 1e-3

# What Reporter.metrics() calls it, the metric, what it says; counted since the gateway's start.
_COUNTED = (
    ("frames", "frames", "Frames that nodes sent"),
    ("bytes_in", "received_bytes", "Bytes that nodes sent"),
    ("bytes_out", "sent_bytes", "Bytes sent to nodes"),
    ("stored", "records_stored", "Records synced to disk"),
    ("duplicates", "records_duplicate", "Records that were stored before"),
    ("conflicts", "records_conflicting", "Records that are stored with another content"),
    ("commits", "store_commits", "Synced commits of the store"),
    ("acks", "acks", "Acknowledgements sent"),
    ("hellos", "hellos", "Hellos of nodes"),
    ("promotions", "sessions_opened", "Sessions that were proven"),
    ("displaced", "sessions_displaced", "Sessions ended by a newer one of the same node"),
    ("connections_total", "connections_opened", "Connections of nodes"),
    ("ignored_receipts", "receipts_ignored", "Receipts of commands that nobody waits for"),
    ("watch_missed", "watch_missed", "Records that a slow watcher missed"),
)
_COUNTED_BY_REASON = (
    ("refused", "frames_refused", "Frames refused"),
    ("gaps", "records_lost", "Record numbers that nodes declared lost"),
    ("closed", "connections_closed", "Connections closed"),
    ("control_refused", "control_refused", "Requests on the control socket refused"),
)
_NOW = (
    ("buffered", "records_buffered", "Records taken in that are not synced yet"),
    ("sessions", "sessions", "Nodes with a proven session"),
    ("connections", "connections", "Connections of nodes that are open"),
    ("watchers", "watchers", "Who watches the readings live"),
)
_COMMANDS = (
    ("open", "commands_open", "Commands whose nodes have not answered"),
    ("pending", "commands_pending", "Commands that wait for a second person"),
)
_SINK_UP = {"up": 1, "paused": 0, "down": 0}


def families(figures: Figures) -> Iterator[Metric]:
    yield _gauge("info", "The gateway", {"site": figures.site, "version": figures.version}, 1)
    yield _gauge("uptime_seconds", "Since the gateway's start", {}, figures.uptime_s)
    yield _gauge("degraded", "1 while the store or the audit log takes nothing", {}, figures.is_degraded)
    yield _gauge("store_bytes", "The store's files", {}, figures.store_bytes)
    if figures.imbalances is not None:
        told = "Counts that did not add up when all were last compared"
        yield _gauge("balance_problems", told, {}, figures.imbalances)
    yield from _of_gateway(figures.gateway)
    yield from _of_sinks(figures)
    yield from _of_nodes(figures)
    yield from _of_values(figures)


def _of_gateway(told: Mapping[str, Any]) -> Iterator[Metric]:
    for key, name, text in _COUNTED:
        yield _counter(name, text, {}, told[key])
    for key, name, text in _COUNTED_BY_REASON:
        family = CounterMetricFamily(PREFIX + name, text, labels=["reason"])
        for reason, count in sorted(told[key].items()):
            family.add_metric([str(reason)], count)
        yield family
    for key, name, text in _NOW:
        yield _gauge(name, text, {}, told[key])
    commands = told["commands"]
    for key, name, text in _COMMANDS:
        yield _gauge(name, text, {}, commands[key])
    yield _counter("commands_refused", "Commands refused at the gateway", {}, commands["refused"])
    yield _gauge("audit_entries", "Entries of the audit log", {}, commands["audit"]["entries"])
    yield _counter("audit_lost", "Entries that could not be logged", {}, commands["audit"]["lost"])


def _of_sinks(figures: Figures) -> Iterator[Metric]:
    labels = ["sink", "kind"]
    up = GaugeMetricFamily(f"{PREFIX}sink_up", "1 while it is connected and nothing is wrong", labels=labels)
    paused = GaugeMetricFamily(f"{PREFIX}sink_paused", "1 while it is paused", labels=labels)
    delivered = CounterMetricFamily(f"{PREFIX}sink_delivered", "Records confirmed, since it began", labels=labels)
    waiting = GaugeMetricFamily(f"{PREFIX}sink_waiting", "Records that wait for it, at most", labels=labels)
    told = "For how long the oldest of them has been stored"
    behind = GaugeMetricFamily(f"{PREFIX}sink_behind_seconds", told, labels=labels)
    told = "Records it has left out, since it began"
    dropped = CounterMetricFamily(f"{PREFIX}sink_dropped", told, labels=[*labels, "reason"])
    problem = GaugeMetricFamily(f"{PREFIX}sink_problem", "Why nothing is confirmed now", labels=[*labels, "problem"])
    for row in figures.sinks:
        who = [row["sink"], row["kind"]]
        oldest_ms = row["oldest_ms"]
        up.add_metric(who, _SINK_UP[row["state"]])
        paused.add_metric(who, row["state"] == "paused")
        delivered.add_metric(who, row["delivered"])
        waiting.add_metric(who, row["waiting"])
        behind.add_metric(who, 0 if oldest_ms is None else max(figures.now_ms - oldest_ms, 0) * _S_OF_MS)
        for reason, count in sorted(row["dropped"].items()):
            dropped.add_metric([*who, reason], count)
        if row["why"]:
            problem.add_metric([*who, row["why"]], 1)
    yield from (up, paused, delivered, waiting, behind, dropped, problem)


def _of_nodes(figures: Figures) -> Iterator[Metric]:
    if not figures.nodes:
        return
    connected = GaugeMetricFamily(f"{PREFIX}node_connected", "1 while it is there", labels=["node"])
    seen = GaugeMetricFamily(f"{PREFIX}node_seen_timestamp_seconds", "When it was last heard", labels=["node"])
    stored = CounterMetricFamily(f"{PREFIX}node_records_stored", "Of its records, ever", labels=["node"])
    lost = CounterMetricFamily(f"{PREFIX}node_records_lost", "Record numbers it declared lost, ever", labels=["node"])
    for row in figures.nodes:
        who = [row["node"]]
        connected.add_metric(who, row["connected"])
        stored.add_metric(who, row["stored"])
        lost.add_metric(who, row["lost"])
        if row["seen_ms"] is not None:
            seen.add_metric(who, row["seen_ms"] * _S_OF_MS)
    yield from (connected, seen, stored, lost)


def _of_values(figures: Figures) -> Iterator[Metric]:
    if not figures.values:
        return
    labels = ["node", "point", "unit"]
    value = GaugeMetricFamily(f"{PREFIX}value", "The present value of a point, while it is good", labels=labels)
    for each in figures.values:
        value.add_metric([each.node, each.point, each.unit], each.value)
    yield value


def _gauge(name: str, told: str, labels: dict[str, str], value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, told, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def _counter(name: str, told: str, labels: dict[str, str], value: float) -> CounterMetricFamily:
    family = CounterMetricFamily(PREFIX + name, told, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family
