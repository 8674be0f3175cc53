"""What the gateway tells about itself and its nodes."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from paifang.nodes.clocks import LEAST_UTC_MS
from paifang.store import history
from paifang_wire.errors import BAD_MAC, BOOT_BACK, WRONG_SITE, WRONG_SUITE
from paifang_wire.names import TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from paifang.commands.dispatch import Dispatcher
    from paifang.commands.gates import Gates
    from paifang.commands.journal import Journal
    from paifang.commands.keysets import KeySets
    from paifang.commands.pending import Pendings
    from paifang.feed import Feed
    from paifang.nodes.links import Link
    from paifang.nodes.service import NodeService
    from paifang.settings import Settings
    from paifang.store import Store
    from paifang.store.points import Point
    from paifang.store.sql import Row

_HELLO_DEPTH = 11
_REFUSAL_HINTS = {
    BAD_MAC: "somebody else says its name, or its key is not the enrolled one: if it was provisioned anew, "
    "`paifang nodes remove %s` and add it again",
    BOOT_BACK: "if its NVS was lost or written anew: `paifang nodes reset-boot %s`",
    WRONG_SITE: 'the config.json of %s names another site than "site" in the settings here',
    WRONG_SUITE: "the firmware of %s speaks another version of the protocol: write the one of this release",
}
"""By the reason of a refused hello, for an operator; %s is the node."""
_NEVER = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Commanding:
    """The parts of the commands' path that are reported on."""

    journal: Journal
    dispatcher: Dispatcher
    pendings: Pendings
    gates: Gates
    keysets: KeySets

    def figures(self) -> dict[str, Any]:
        log, broken = self.journal.log, self.journal.broken
        return {
            "open": len(self.dispatcher.open),
            "pending": len(self.pendings),
            "refused": self.gates.refused,
            "keyset": self.keysets.version,
            "audit": {
                "entries": self.journal.size,
                "problem": broken.message if broken else None,
                "late": log.late if log else 0,
                "lost": (log.lost if log else 0) + self.journal.unlogged,
            },
        }


class Bridging(Protocol):
    """The devices behind bridges: which there are, how each stands, and what there is to look at."""

    @property
    def devices(self) -> Collection[str]: ...
    def rows(self) -> list[dict[str, Any]]: ...
    def status(self) -> list[dict[str, Any]]: ...
    def findings(self) -> list[dict[str, str]]: ...


class Coordinating(Protocol):
    """The coordination of signals: its state by node, and what there is to look at."""

    def status(self) -> dict[str, Any]: ...
    def findings(self) -> list[dict[str, str]]: ...


class Showing(Protocol):
    """What shows the ward to others: its state, None while it shows nothing, and what there is to look at."""

    def status(self) -> dict[str, Any] | None: ...
    def findings(self) -> list[dict[str, str]]: ...


class Delivering(Protocol):
    """The sinks: the state of each, and what there is to look at."""

    def status(self) -> dict[str, str]: ...
    def findings(self) -> list[dict[str, str]]: ...


class Reporter:
    """Every answer is JSON; times are UTC milliseconds."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        store: Store,
        service: NodeService,
        bridges: Bridging,
        commanding: Commanding,
        feed: Feed,
        callers_refused: Callable[[], Mapping[str, int]],
        signals: Coordinating,
        modbus_server: Showing,
        sinks: Delivering,
    ) -> None:
        self._settings = settings
        self._store = store
        self._service = service
        self._bridges = bridges
        self._commanding = commanding
        self._feed = feed
        self._callers_refused = callers_refused
        self._signals = signals
        self._modbus_server = modbus_server
        self._sinks = sinks
        self._started_s = service.clocks.monotonic()

    async def status(self) -> dict[str, Any]:
        settings, store, service = self._settings(), self._store, self._service
        problem = store.problem or self._commanding.journal.broken
        listener = service.listener
        return {
            "site": settings.site,
            "state": "degraded" if problem else "ok",
            "problem": problem.message if problem else None,
            "uptime_s": round(service.clocks.monotonic() - self._started_s, 1),
            "pid": os.getpid(),
            "data": str(settings.data),
            "tcp": f"{listener.host}:{listener.port}" if listener else None,
            "serial": [
                {"device": line.device, "baud": line.baud, "problem": carrier.problem or None}
                for line, carrier in service.lines.items()
            ],
            "nodes": {"enrolled": len(store.registry.nodes), "connected": len(service.desk.sessions)},
            "bridges": self._bridges.status(),
            "records": {"stored": store.stored, "duplicates": store.duplicates, "buffered": store.buffered},
            "sinks": self._sinks.status(),
            "commands": self._commanding.figures(),
            "signals": self._signals.status(),
            "modbus_server": self._modbus_server.status(),
            "refused": sum(service.desk.counters.refused.values()),
            "refused_for": dict(service.desk.counters.refused),
        }

    async def metrics(self) -> dict[str, Any]:
        """Counts since the start: `refused` of frames, `gaps` of record numbers, `control_refused` of local calls."""
        counters, store = self._service.desk.counters, self._store
        return {
            "frames": counters.frames,
            "bytes_in": counters.bytes_in,
            "bytes_out": counters.bytes_out,
            "refused": dict(counters.refused),
            "stored": store.stored,
            "duplicates": store.duplicates,
            "conflicts": store.conflicts,
            "buffered": store.buffered,
            "gaps": dict(counters.gaps),
            "commits": store.commits,
            "acks": counters.acks,
            "hellos": counters.hellos,
            "sessions": len(self._service.desk.sessions),
            "promotions": counters.promotions,
            "displaced": counters.displaced,
            "connections": self._service.connections,
            "connections_total": counters.connections,
            "closed": dict(counters.closed),
            "ignored_receipts": self._commanding.dispatcher.ignored_receipts,
            "commands": self._commanding.figures(),
            "control_refused": dict(self._callers_refused()),
            "watchers": self._feed.watchers,
            "watch_missed": self._feed.missed,
        }

    async def check(self) -> list[dict[str, str]]:
        """Findings {level, subject, message, hint}, level one of ok, warning, error."""
        found = [self._store_finding(), self._audit_finding(), *self._command_findings()]
        if self._service.clocks.utc_ms() < LEAST_UTC_MS:
            found.append(_finding("warning", "clock", "this machine does not know the date", "set it, or run NTP"))
        found += [
            _finding("warning", "serial", f"{line.device}: {carrier.problem}", "check the cable and the device's name")
            for line, carrier in self._service.lines.items()
            if carrier.problem
        ]
        found += [*self._turned_away(), *self._bridges.findings(), *self._signals.findings()]
        found += [*self._modbus_server.findings(), *self._sinks.findings()]
        strangers = self._service.desk.strangers.all()
        if strangers:
            message = f"unknown nodes that have knocked: {len(strangers)}, the last was {strangers[0].node}"
            found.append(_finding("warning", "nodes", message, "`paifang nodes --unknown` lists them"))
        return found

    def _turned_away(self) -> list[dict[str, str]]:
        """A warning for each enrolled node that is not connected and whose last hello was refused."""
        desk = self._service.desk
        away = [node for node in sorted(self._store.registry.nodes) if node not in desk.sessions]
        return [
            _finding("warning", "nodes", f"{node} is refused: {refusal.reason}", _REFUSAL_HINTS[refusal.reason] % node)
            for node in away
            if (refusal := desk.counters.turned_away.of(node)) is not None
        ]

    async def nodes(self) -> list[dict[str, Any]]:
        figures = await self._store.read(history.figures)
        bridged = {row["device"]: row for row in self._bridges.rows()}
        names = sorted({*self._store.registry.nodes, *bridged})
        return [self._node_row(name, figures.get(name, _NEVER), bridged.get(name)) for name in names]

    async def node(self, node: str) -> dict[str, Any]:
        """One node or bridged device: its row of the list, its boots, and its points with their latest values."""
        bridged = next((row for row in self._bridges.rows() if row["device"] == node), None)
        if bridged is None:
            self._store.registry.find(node)
        table = self._service.desk.table
        figures, boots, latest = await self._store.read(
            lambda connection: (
                history.figures(connection),
                history.boots(connection, node),
                history.latest(connection, node, table),
            )
        )
        row = self._node_row(node, figures.get(node, _NEVER), bridged)
        newest = max(self._store.boots(node).values(), key=lambda boot: boot.boot, default=None)
        known = table(newest.description) if newest else None
        points = [_point_row(point, latest.get(point.number)) for point in known.points] if known else []
        more = self._keys(node) if bridged is None else {"bridge": bridged}
        return {**row, **more, "boots": boots, "points": points}

    def strangers(self) -> list[dict[str, Any]]:
        """Unknown node ids that said hello, the latest first."""
        return [
            {
                "node": stranger.node,
                "count": stranger.hellos,
                "first_ms": stranger.first_ms,
                "seen_ms": stranger.last_ms,
                "link": stranger.peer,
            }
            for stranger in self._service.desk.strangers.all()
        ]

    def _store_finding(self) -> dict[str, str]:
        problem = self._store.problem
        if problem is None:
            return _finding("ok", "store", f"{self._store.path} takes what it is given", "")
        return _finding("error", "store", problem.message, problem.hint)

    def _audit_finding(self) -> dict[str, str]:
        problem = self._commanding.journal.broken
        if problem is None:
            return _finding(
                "ok", "audit", f"the audit log takes what it is given: {self._commanding.journal.size} entries", ""
            )
        return _finding(
            "error", "audit", f"commands are refused, but for the safe state: {problem.message}", problem.hint
        )

    def _command_findings(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        commanding = self._commanding
        if commanding.keysets.problem is not None:
            problem = commanding.keysets.problem
            found.append(_finding("error", "keyset", f"no signature counts: {problem.message}", problem.hint))
        if commanding.dispatcher.open:
            message = f"commands whose nodes have not answered: {len(commanding.dispatcher.open)}"
            found.append(_finding("warning", "commands", message, "`paifang commands` lists them"))
        return found

    def _keys(self, node: str) -> dict[str, Any]:
        known, link = self._store.registry.nodes[node], self._service.desk.sessions.get(node)
        return {"epoch": known.epoch, "next_epoch": known.next_epoch, "keyset": link.keyset if link else None}

    def _node_row(self, node: str, figures: Row, bridged: Mapping[str, Any] | None) -> dict[str, Any]:
        link = self._service.desk.sessions.get(node)
        newest = max(self._store.boots(node).values(), key=lambda boot: boot.boot, default=None)
        stored, lost, _ = figures
        refusal = self._service.desk.counters.turned_away.of(node)
        return {
            "node": node,
            "connected": link is not None or (bridged is not None and bridged["state"] != "down"),
            "link": link.carrier.peer if link else bridged["bus"] if bridged else "offline",
            "seen_ms": newest.seen_ms if newest else None,
            "boot": newest.boot if newest else None,
            "highest": newest.marks.high if newest else None,
            "stored": stored,
            "lost": lost,
            "depth": _depth(link),
            "firmware": newest.firmware if newest else None,
            "refused": asdict(refusal) if refusal else None,
        }


def _depth(link: Link | None) -> int | None:
    """Records that waited on the node when its session began."""
    return link.hello[_HELLO_DEPTH] if link is not None and link.hello is not None else None


def _point_row(point: Point, latest: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "number": point.number,
        "name": point.name,
        "unit": point.unit,
        "type": TYPES[point.type],
        "class": point.point_class,
        "limits": _limits(point),
        "value": latest["value"] if latest else None,
        "shown": point.text(latest["wire"]).removesuffix(point.unit).rstrip() if latest else "",
        "quality": latest["quality"] if latest else None,
        "utc_ms": latest["utc_ms"] if latest else None,
    }


def _limits(point: Point) -> str:
    low, high = point.minimum, point.maximum
    if low is None:
        return "" if high is None else f"at most {point.text(high)}"
    return f"at least {point.text(low)}" if high is None else f"{point.text(low)} to {point.text(high)}"


def _finding(level: str, subject: str, message: str, hint: str) -> dict[str, str]:
    return {"level": level, "subject": subject, "message": message, "hint": hint}
