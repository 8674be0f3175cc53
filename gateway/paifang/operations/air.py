"""The operation on air quality: the indices of the ward's stations, of the last whole hour or of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from paifang.air import correction, index, standards, units
from paifang.arguments import Arguments
from paifang.errors import bad_argument, not_found
from paifang.store import hours

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from paifang.air.index import AirIndex, Measured, SubIndex
    from paifang.air.standards import Rule, Standard
    from paifang.control.authority import Caller
    from paifang.control.connection import Handler
    from paifang.store import Store
    from paifang.store.hours import Hourly
    from paifang.store.points import Point, PointTable

DAY_HOURS = 24
DEFAULT = standards.CN_2026.name
RAW = "as measured"
_POINTS = (*units.POLLUTANTS, correction.CF1, correction.HUMIDITY)
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class _Report:
    """What is asked for: the index of `from_ms`..`until_ms`, which `rules` make out of the hours up to then."""

    standard: Standard
    rules: Sequence[Rule]
    from_ms: int
    until_ms: int

    def hours(self, pollutants: Collection[str]) -> int:
        """How far the averages of these look back."""
        return max((rule.averaging.hours for rule in self.rules if rule.pollutant in pollutants), default=1)


class AirOperations:
    """`bridged()` are the devices of bridges; what else there is, are nodes, whose sensors are low-cost ones."""

    def __init__(
        self,
        store: Store,
        table: Callable[[bytes | None], PointTable | None],
        bridged: Callable[[], Collection[str]],
        utc_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._table = table
        self._bridged = bridged
        self._utc_ms = utc_ms

    def handlers(self) -> dict[str, Handler]:
        return {"air.index": self._index}

    async def _index(self, args: dict[str, Any], _caller: Caller) -> Any:
        """One item a station and method: as measured, and corrected where the station has what that needs."""
        given = Arguments("air.index", args)
        node = given.optional_text("node")
        standard = standards.named(given.optional_text("standard") or DEFAULT)
        day = given.optional_text("day")
        given.done()
        report = self._of_day(standard, day) if day else self._of_hour(standard)
        rows: list[dict[str, Any]] = []
        for station in self._stations(node):
            rows += self._rows(station, report, await self._read(station, report))
        return rows

    def _of_hour(self, standard: Standard) -> _Report:
        until_ms = self._utc_ms() // hours.HOUR_MS * hours.HOUR_MS
        return _Report(standard, standard.present, until_ms - hours.HOUR_MS, until_ms)

    def _of_day(self, standard: Standard, day: str) -> _Report:
        """A day of this machine's time zone. Raises PaifangError when it is none, not over, or not reported here."""
        if not standard.daily:
            daily = ", ".join(each.name for each in standards.STANDARDS.values() if each.daily)
            raise bad_argument(f"{standard.title} is rated by the hour here, not by the day", f"days are by {daily}")
        try:
            end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time()).astimezone()
            until_ms = round(end.timestamp() * 1000)
        except (ValueError, OverflowError) as error:
            raise bad_argument(f"{day!r} is no day", 'give it as "2026-11-27"') from error
        if until_ms > self._utc_ms():
            raise bad_argument(f"{day} is not over yet", "leave the day out for the last hour")
        return _Report(standard, standard.daily, until_ms - DAY_HOURS * hours.HOUR_MS, until_ms)

    def _stations(self, node: str | None) -> list[str]:
        """Those that measure what has an index. Raises PaifangError when `node` is none of them."""
        known = {*self._store.registry.nodes, *self._bridged()}
        if node is None:
            return sorted(name for name in known if self._rated(name))
        if node not in known:
            raise not_found(f"no node or device {node!r}", "`paifang nodes` lists those there are")
        if not self._rated(node):
            raise not_found(f"{node} measures nothing that has an index", "that is " + ", ".join(units.POLLUTANTS))
        return [node]

    def _rated(self, node: str) -> list[Point]:
        """The points of `node` that have an index."""
        newest = max(self._store.boots(node).values(), key=lambda boot: boot.boot, default=None)
        known = self._table(newest.description) if newest is not None else None
        return [point for point in known.points if point.name in units.POLLUTANTS] if known is not None else []

    async def _read(self, node: str, report: _Report) -> dict[str, Hourly]:
        """Also of points that are there and have said nothing."""
        rated = self._rated(node)
        back = report.hours([point.name for point in rated])
        found = await self._store.read(
            lambda connection: hours.hourly(connection, node, _POINTS, report.until_ms, back, self._table)
        )
        return {point.name: hours.Hourly(point.unit, (None,) * back, False) for point in rated} | found

    def _rows(self, node: str, report: _Report, found: Mapping[str, Hourly]) -> list[dict[str, Any]]:
        measured = {name: _measured(found[name]) for name in units.POLLUTANTS if name in found}
        methods = {RAW: measured}
        if correction.CF1 in found and correction.HUMIDITY in found:
            methods[correction.METHOD] = {**measured, units.PM25: _corrected(found)}
        common = {
            "node": node,
            "from_ms": report.from_ms,
            "until_ms": report.until_ms,
            **_standard(report),
            "indicative": node not in self._bridged() or any(each.indicative for each in found.values()),
        }
        return [
            {
                **common,
                "method": method,
                **_index(index.assess(report.standard, report.rules, each), method, report.until_ms),
            }
            for method, each in methods.items()
        ]


def _measured(found: Hourly) -> Measured:
    return index.Measured(found.unit, found.means)


def _corrected(found: Mapping[str, Hourly]) -> Measured:
    pairs = zip(found[correction.CF1].means, found[correction.HUMIDITY].means, strict=True)
    means = [
        None if cf1 is None or humidity is None else correction.corrected(cf1, humidity) for cf1, humidity in pairs
    ]
    return index.Measured(standards.MASS, means)


def _standard(report: _Report) -> dict[str, Any]:
    standard = report.standard
    return {
        "standard": standard.name,
        "title": standard.title,
        "in_force": standard.is_in_force(report.from_ms),
        "since": _day(standard.since),
        "until": _day(standard.until),
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _index(found: AirIndex, method: str, end_ms: int) -> dict[str, Any]:
    return {
        "index": found.index,
        "category": found.category,
        "dominant": list(found.dominant),
        "beyond": found.beyond,
        "reason": found.reason,
        "unmeasured": list(found.unmeasured),
        "parts": [_part(each, method if each.pollutant == units.PM25 else RAW, end_ms) for each in found.parts],
    }


def _part(part: SubIndex, method: str, end_ms: int) -> dict[str, Any]:
    value = part.concentration
    return {
        "pollutant": part.pollutant,
        "method": method,
        "average": part.averaging,
        "concentration": None if value is None else float(round(value, _DECIMALS)),
        "unit": part.unit,
        "index": part.index,
        "category": part.category,
        "beyond": part.beyond,
        "missing_ms": [end_ms - (ago + 1) * hours.HOUR_MS for ago in reversed(part.missing)],
        "reason": part.reason,
    }
