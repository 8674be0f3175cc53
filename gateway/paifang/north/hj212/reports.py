"""A record as an HJ 212 message: real-time data (2011) with its own DataTime, factors of the station's table, flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.north.connector import NOT_WANTED
from paifang.north.hj212 import codes, packets
from paifang.north.hj212.session import Message
from paifang.north.naming import NO_TIME, time_of
from paifang.notation.text import number
from paifang_wire import messages

if TYPE_CHECKING:
    from paifang.north.hj212.desk import Station, Ways
    from paifang.north.record import Record, Value
    from paifang.profiles.city_tables import Naming

FLAGS = {
    messages.GOOD: "N",
    messages.INDICATIVE: "N",
    messages.SETTLING: "M",
    messages.OUT_OF_RANGE: "T",
    messages.IMPLAUSIBLE: "D",
    messages.ABSENT: "B",
    messages.MUTE: "B",
    messages.GARBLED: "B",
    messages.STALE: "B",
    messages.FAULT: "D",
}
"""Quality -> data flag: N normal, T beyond the range, D fault, B no communication, M maintenance."""


def message(record: Record, station: Station, naming: Naming, ways: Ways) -> Message | str:
    """What a record becomes; a str is why it is dropped."""
    rows = _rows(record, naming, ways)
    if not rows:
        return NOT_WANTED
    utc_ms = time_of(record)
    if utc_ms is None:
        return NO_TIME
    return Message(station, codes.REAL_TIME, f"DataTime={packets.time_text(utc_ms, ways.zone)}", rows)


def _rows(record: Record, naming: Naming, ways: Ways) -> list[str]:
    """A row a factor; of two points with the same one, the first."""
    rows: dict[str, str] = {}
    for value in record.values:
        found = naming.find("hj212", value.point.name, value.point.unit)
        exact = value.exact
        if found is None or isinstance(exact, bool):
            continue
        name, conversion = found
        told = None if exact is None else number(conversion(exact))
        rows.setdefault(name.factor, _row(name.factor, told, value, ways))
    return list(rows.values())


def _row(factor: str, told: str | None, value: Value, ways: Ways) -> str:
    """2017 has no sign for what could not be measured: the flag stands alone."""
    flag = f"{factor}-Flag={FLAGS[value.quality]}"
    if told is None and ways.version == "2025":
        told = codes.NOT_COMPUTABLE
    return flag if told is None else f"{factor}-Rtd={told},{flag}"
