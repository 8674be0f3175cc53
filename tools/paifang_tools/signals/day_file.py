"""days.toml: which plan runs when.

```toml
utc_offset = "+08:00"

[[rows]]                          # each holds until the next one that applies, over midnight too
weekdays = ["mon", "tue", "wed", "thu", "fri"]
from = "06:30"
plan = "am-peak"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import Field

from paifang_tools.signals import toml_text
from paifang_tools.signals.columns import Bits
from paifang_tools.signals.quantities import Minute, MinutesEast, Table, moment_text, offset_text
from paifang_tools.signals.shipped import days

if TYPE_CHECKING:
    from collections.abc import Sequence

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS = Bits(get_args(Weekday))


class Row(Table):
    weekdays: list[Weekday] = Field(description="On which days it begins.")
    begins: Minute = Field(alias="from", description='When it begins, such as "06:30".')
    plan: str = Field(min_length=1, max_length=64, description="The plan's name.")


class DayFile(Table):
    """The whole file."""

    utc_offset: MinutesEast = Field(description='Of the local time, such as "+08:00".')
    rows: list[Row] = Field(description="Which plan runs from when on.")


def to_record(file: DayFile) -> list[Any]:
    """The record of a file; whether a node can use it is for `checking`."""
    rows = [[WEEKDAYS.bits(row.weekdays), row.begins, row.plan] for row in file.rows]
    return [days.VERSION, file.utc_offset, rows]


def to_text(record: Sequence[Any]) -> str:
    """A days.toml that gives the same record. It must have the form of one (`checking.day_reasons` says)."""
    _, east, rows = record
    blocks = [toml_text.lines({"utc_offset": offset_text(east)})]
    for bits, minute, plan in rows:
        told = {"weekdays": WEEKDAYS.shown(bits), "from": moment_text(minute), "plan": plan}
        blocks.append(f"\n[[rows]]\n{toml_text.lines(told)}")
    return "".join(blocks)
