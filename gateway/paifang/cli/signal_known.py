"""What is known of a signal node: what it reports, and the records it was given, which have the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from paifang.errors import PaifangError, bad_argument, not_found
from paifang_wire import cbor
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from paifang.control.client import ControlClient
    from paifang_tools.signals.site_file import Site

PLAN_LOAD, DAYS_LOAD, EDITION = 11, 12, 15
RECORDS = (PLAN_LOAD, DAYS_LOAD, EDITION)
"""Points whose values say what a signal node goes by."""

_ELSEWHERE = "ask whoever loaded it, through another gateway or over USB"


@dataclass(frozen=True)
class Known:
    """`row` is the answer of nodes.show; `site`, `plan`, `days` are None where nobody here knows them."""

    node: str
    row: Mapping[str, Any]
    site: Site | None = None
    plan: Sequence[Any] | None = None
    days: Sequence[Any] | None = None
    values: Mapping[int, Any] = field(default_factory=dict[int, Any])
    """The values shown, by the number of their point."""

    def needed_site(self) -> Site:
        """Raises PaifangError if it is not known."""
        if self.site is None:
            raise self._unknown("site record", EDITION, "give its site.toml with --site FILE")
        return self.site

    def needed_plan(self) -> Sequence[Any]:
        """Raises PaifangError if it is not known."""
        if self.plan is None:
            raise self._unknown("plan", PLAN_LOAD, _ELSEWHERE)
        return self.plan

    def needed_days(self) -> Sequence[Any]:
        """Raises PaifangError if they are not known."""
        if self.days is None:
            raise self._unknown("day plans", DAYS_LOAD, _ELSEWHERE)
        return self.days

    def _unknown(self, what: str, point: int, hint: str) -> PaifangError:
        number = self.values.get(point)
        if not number:
            return not_found(f"{self.node} reports no {what}", f"`paifang signal status {self.node}` tells why")
        return not_found(f"{self.node} goes by {what} {number}, and has that from elsewhere", hint)


def ask(gateway: ControlClient, node: str, site_file: Path | None = None) -> Known:
    """What the gateway knows of a signal node, its site record from a file if one is given.

    Raises PaifangError for a node that is none.
    """
    row = cast("dict[str, Any]", gateway.request("nodes.show", node=node))
    values = {point["number"]: point["value"] for point in row["points"]}
    names = {point["number"]: point["name"] for point in row["points"]}
    if names and names.get(PLAN_LOAD) != "plan_load":
        raise not_found(f"{node} is no signal node", f"`paifang nodes show {node}` lists what it has")
    numbers = {"edition": EDITION, "plan": PLAN_LOAD, "days": DAYS_LOAD}
    given = {name: _whole(values.get(number)) for name, number in numbers.items()}
    found = cast("dict[str, str | None]", gateway.request("signals.show", node=node, **given))
    plan, days = (_record(found[name]) for name in ("plan", "days"))
    return Known(
        node, row, _site(found["site"]) if site_file is None else _site_in(site_file, node), plan, days, values
    )


def _site(data: str | None) -> Site | None:
    """The record of a *.site that a node has taken from this gateway."""
    from paifang.keys import sites
    from paifang.keys.roots import Rooted
    from paifang_tools.signals.site_file import Site

    return None if data is None else Site(*sites.read(Rooted.decode(bytes.fromhex(data))))


def _site_in(file: Path, node: str) -> Site:
    """The record of a file, which must be of the node. Raises PaifangError."""
    from paifang.cli import signal_files

    found = signal_files.read_site(file)
    if found.node != node:
        raise bad_argument(f"{file} is the site record of {found.node}, not of {node}", "give that one with --site")
    return found


def _record(data: str | None) -> list[Any] | None:
    try:
        return None if data is None else cbor.decode(bytes.fromhex(data))
    except WireError:
        return None


def _whole(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
