"""wire.cddl says the same form of site records, plans and day plans as the checks that a signal node makes."""

from __future__ import annotations

import copy
import tomllib
from typing import TYPE_CHECKING, Any

import cbor2
import pytest

from paifang_tools.signals import checking, day_file, examples, plan_file, site_file
from paifang_tools.signals.shipped import days, part, site

from . import cddl
from .test_cddl import WRONG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SITE = site_file.to_site(site_file.SiteFile.model_validate(tomllib.loads(examples.site_text("UK")))).record
SITE[6] = [3]
PLAN = plan_file.to_record(plan_file.PlanFile.model_validate(tomllib.loads(examples.plan_text("UK"))), SITE)
DAYS = day_file.to_record(day_file.DayFile.model_validate(tomllib.loads(examples.days_text())))
COUNTED = {"site-record": {(2,), (3,)}, "signal-plan": {(2,), (4, 2)}, "signal-days": set()}
"""Lists that must be as long as another one, which no grammar of this kind says."""
MORE = [
    *WRONG,
    2,
    6_000_000,
    6_000_001,
    1440,
    128,
    "UK",
    [[1, 2], [3]],
    [[[1, 2]]] * 2,
    [[[1]]] * 3,
    [[[]] * 5],
    [["x"]],
]


def is_site(record: Any) -> bool:
    return not site._shape(record)


def is_plan(record: Any) -> bool:
    return not part("structure")._shape(record)


def is_days(record: Any) -> bool:
    """Whatever plans there are, and whether two rows begin at once, is no matter of the form."""
    try:
        names = {row[2] for row in record[2]}
    except (TypeError, LookupError):
        names = set()
    return not [reason for reason in days.check(record, names) if "same time" not in reason and "1 to 48" not in reason]


VERSION_TRUE = ((0,), True)
"""In Python and on a node `True` is 1."""
FORMS: dict[str, tuple[list[Any], Callable[[Any], bool]]] = {
    "site-record": (SITE, is_site),
    "signal-plan": (PLAN, is_plan),
    "signal-days": (DAYS, is_days),
}


@pytest.mark.parametrize("rule", FORMS)
def test_a_record_fits(rule: str) -> None:
    record, judge = FORMS[rule]
    assert judge(record)
    assert cddl.GRAMMAR.fits(rule, record)
    assert cddl.passes_pycddl(rule, cbor2.dumps(record))


def test_the_records_are_good_ones() -> None:
    assert checking.site_reasons(site_file.Site("signal-1", 1, SITE)) == []
    assert checking.plan_reasons(PLAN, SITE) == []
    assert cddl.GRAMMAR.fits("site-edition", ["signal-1", 1, SITE])


@pytest.mark.parametrize("rule", FORMS)
def test_code_and_grammar_agree_on_near_misses(rule: str) -> None:
    """Every value at every place in turn replaced by every value of another type, length or range."""
    record, judge = FORMS[rule]
    agreed = refused = 0
    for place in places(record):
        for value in MORE:
            near = replaced(record, place, value)
            fits, takes = cddl.GRAMMAR.fits(rule, near), judge(near)
            if (fits and not takes and place in COUNTED[rule]) or (place, value) == VERSION_TRUE:
                continue
            assert fits == takes, (place, value)
            agreed += 1
            refused += not takes
    assert agreed > 200
    assert refused > agreed // 2


@pytest.mark.parametrize("rule", FORMS)
def test_other_lengths_are_refused_by_both(rule: str) -> None:
    record, judge = FORMS[rule]
    for place in [(), *places(record)]:
        found = at(record, place)
        if isinstance(found, list) and found and not isinstance(found[0], list):
            for near in (replaced(record, place, [*found, found[0]]), replaced(record, place, found[:-1])):
                fits, takes = cddl.GRAMMAR.fits(rule, near), judge(near)
                assert fits == takes or (fits and place in COUNTED[rule]), (place, near)


def places(value: Any, above: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Every place below a list; of rows that are alike the first three."""
    for index, each in enumerate(value):
        if index < 3 or not isinstance(each, list) or len(above) == 0:
            yield (*above, index)
            if isinstance(each, list):
                yield from places(each, (*above, index))


def at(value: Any, place: tuple[int, ...]) -> Any:
    for index in place:
        value = value[index]
    return value


def replaced(record: Any, place: tuple[int, ...], value: Any) -> Any:
    if not place:
        return value
    copied = copy.deepcopy(record)
    at(copied, place[:-1])[place[-1]] = value
    return copied
