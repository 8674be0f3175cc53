"""What the points of a node are called in a schema of a city: by its profile, or by the table of a sink's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.profiles import city_tables

if TYPE_CHECKING:
    from paifang.north.kinds import Ward
    from paifang.north.record import Record
    from paifang.profiles.city_tables import Naming
    from paifang.profiles.model import AnyProfile

NO_TIME = "no-time"
"""Why a record is dropped of which nobody knows when it was, by a sink whose far side has no way to say so."""
_LAST_MS = 253_402_300_799_999 - 14 * 3_600_000
"""The last that has a date in every time zone: four digits for the year."""


def time_of(record: Record) -> int | None:
    """Its time, UTC in ms, which a calendar has; None: drop it with NO_TIME."""
    return record.utc_ms if record.utc_ms is not None and 0 <= record.utc_ms <= _LAST_MS else None


class Namings:
    """Of the nodes of `ward`, each looked up once for as long as it has its profile."""

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._found: dict[tuple[str, str | None], tuple[AnyProfile | None, Naming]] = {}

    def of(self, node: str, table: str | None) -> Naming:
        """`table`: as city_tables.naming takes it. Raises PaifangError when there is none."""
        profile = self._ward.profile(node)
        known = self._found.get((node, table))
        if known is not None and known[0] is profile:
            return known[1]
        found = city_tables.naming(table, profile)
        self._found[node, table] = profile, found
        return found
