"""The site safety record: every reason for which one is refused, and that nothing else than a reason comes out."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
import sites
from hypothesis import given
from hypothesis import strategies as st

from paifang_wire import cbor
from roles.traffic_signal import aspects, site

COUNTRIES = ("CN", "US", "UK", "DE")
JUNCTION = sites.junction("US")
NAME, KIND, OPEN, FIXED, REVERT, CROSSING, MOST_RED = range(7)
GROUPS, CONFLICTS, INTERGREENS, START, MONITOR = 2, 3, 4, 5, 6

REFUSED: dict[str, tuple[Any, Any, str]] = {
    "a version of tomorrow": ((0,), 2, "version 2: this firmware reads version 1"),
    "a bool for a version": ((0,), True, "version True: this firmware reads version 1"),
    "a country nobody knows": ((1,), "XX", "country 'XX': expected one of CN, DE, UK, US"),
    "no groups": ((GROUPS,), [], "groups: expected a list of 1 to 16"),
    "a group that is none": ((GROUPS, 3), ["x"], "group 3: expected [name, kind, ms, [fixed ms], ms, mm, ms]"),
    "a kind nobody knows": ((GROUPS, 3, KIND), 2, "group 3: expected"),
    "times of the other kind": ((GROUPS, 3, FIXED), [3000], "group 3: expected"),
    "a bool for a number": ((GROUPS, 3, OPEN), True, "group 3: expected"),
    "too few masks": ((CONFLICTS,), [0], "conflicts: expected one bitmask a group"),
    "intergreens of two": ((INTERGREENS, 0), [0, 1], "intergreens: expected [from, to, ms] each"),
    "no start": ((START,), [], "start: expected [flash ms, all-red ms]"),
    "no monitor": ((MONITOR,), 7, "monitor: expected a list"),
    "a name twice": ((GROUPS, 1, NAME), "phase 1", "group 1: name 'phase 1' is empty or taken"),
    "no name": ((GROUPS, 1, NAME), "", "group 1: name '' is empty or taken"),
    "a short green": ((GROUPS, 1, OPEN), 4900, "phase 2: minimum green of 4900 ms is below the floor of 5000 ms"),
    "a short walk": ((GROUPS, 8, OPEN), 6900, "crossing 2: walk of 6900 ms is below the floor of 7000 ms"),
    "an odd time": ((GROUPS, 1, OPEN), 5050, "phase 2: minimum green of 5050 ms is no multiple of 100 ms"),
    "a negative time": ((GROUPS, 1, OPEN), -100, "phase 2: minimum green of -100 ms is below the floor"),
    "an endless time": ((GROUPS, 1, OPEN), 600_100, "phase 2: minimum green of 600100 ms is above the limit"),
    "no amber": ((GROUPS, 1, FIXED, 2), 0, "phase 2: amber of 0 ms is below the floor of 3000 ms"),
    "a short amber": ((GROUPS, 1, FIXED, 2), 2900, "phase 2: amber of 2900 ms is below the floor of 3000 ms"),
    "a long amber": ((GROUPS, 1, FIXED, 2), 6100, "phase 2: amber of 6100 ms is above the limit of 6000 ms"),
    "red-amber in the US": ((GROUPS, 1, FIXED, 0), 1000, "phase 2: red-amber of 1000 ms where the country has none"),
    "flashing green in the US": ((GROUPS, 1, FIXED, 1), 3000, "phase 2: flashing green of 3000 ms where the country"),
    "a short red": ((GROUPS, 1, REVERT), 1900, "phase 2: red-revert of 1900 ms is below the floor of 2000 ms"),
    "a crossing for cars": ((GROUPS, 1, CROSSING), 8000, "phase 2: a vehicle group has no crossing"),
    "a crossing of no width": ((GROUPS, 8, CROSSING), 0, "crossing 2: a crossing of 0 mm"),
    "a wide crossing": (
        (GROUPS, 8, CROSSING),
        8600,
        "crossing 2: pedestrian clearance of 8000 ms is below 8100 ms, which 8600 mm take",
    ),
    "no time for red": ((GROUPS, 1, MOST_RED), 0, "phase 2: longest red of 0 ms is no time"),
    "no room in the red": (
        (GROUPS, 0, MOST_RED),
        14_900,
        "phase 1: longest red of 14900 ms has no room for phase 2, which takes 15000 ms",
    ),
    "a conflict with nobody": ((CONFLICTS, 0), 1 << 12, "phase 1: conflicts with a group that is not there"),
    "a conflict with itself": ((CONFLICTS, 0), 1, "phase 1: conflicts with itself"),
    "a conflict one way": ((CONFLICTS, 0), 0, "phase 2 conflicts with phase 1, but not the other way round"),
    "an intergreen of nobody": ((INTERGREENS, 0), [0, 4, 5000], "intergreen 0 to 4: these do not conflict"),
    "an intergreen twice": ((INTERGREENS, 0), [0, 2, 5000], "intergreen 0 to 2: given twice"),
    "no intergreen": ((INTERGREENS, 0), [0, 2, 5000], "no intergreen from phase 1 to phase 2"),
    "a short intergreen": (
        (INTERGREENS, 0, 2),
        2900,
        "intergreen from phase 1 to phase 2 of 2900 ms is below the 3000 ms of the amber",
    ),
    "an odd intergreen": ((INTERGREENS, 0, 2), 5010, "intergreen from phase 1 to phase 2 of 5010 ms is no multiple"),
    "an endless intergreen": ((INTERGREENS, 0, 2), 60_100, "of 60100 ms is no multiple of 100 ms up to 60000 ms"),
    "a short flash": ((START, 0), 3900, "flash of the start of 3900 ms is below 4000 ms"),
    "a short all-red": ((START, 1), 4900, "all-red of the start of 4900 ms is below 5000 ms"),
    "an odd all-red": ((START, 1), 10_050, "all-red of the start of 10050 ms: no multiple of 100 ms, or too long"),
}


def changed(place: tuple[int, ...], value: Any) -> list[Any]:
    record = copy.deepcopy(JUNCTION)
    part = record
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    return record


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_record_at_the_floors_is_taken(country: str) -> None:
    assert site.check(sites.junction(country)) == []
    assert sites.tables(sites.junction(country)).count == 12


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_its_reason(case: str) -> None:
    place, value, reason = REFUSED[case]
    reasons = site.check(changed(place, value))
    assert any(reason in found for found in reasons), reasons
    with pytest.raises(site.SiteError) as caught:
        sites.tables(changed(place, value))
    assert caught.value.reasons == reasons


def test_all_reasons_at_once() -> None:
    record = copy.deepcopy(JUNCTION)
    record[GROUPS][0][OPEN], record[GROUPS][9][OPEN], record[CONFLICTS][3] = 100, 200, 8
    assert len(site.check(record)) >= 3


def test_where_the_country_clears_within_the_intergreen() -> None:
    record = sites.junction("DE")
    row = next(row for row in record[INTERGREENS] if row[0] == 8)
    row[2] = 7400
    name = record[GROUPS][row[1]][NAME]
    assert site.check(record) == [
        f"intergreen from crossing 2 to {name} of 7400 ms is below the 7500 ms of the way over the crossing"
    ]


def test_where_the_country_wants_steady_dont_walk() -> None:
    record = sites.junction("US")
    row = next(row for row in record[INTERGREENS] if row[0] == 8)
    row[2] = 2900
    assert "is below the 3000 ms of the country's steady don't-walk" in site.check(record)[0]


def test_a_payload_that_is_no_record() -> None:
    payload = cbor.encode(JUNCTION)
    for broken in (b"", payload[:-1], payload + b"\0", b"\xff" * 9):
        with pytest.raises(site.SiteError, match="no canonical CBOR"):
            site.decode(broken)


def test_every_bit_of_the_payload_counts() -> None:
    """No flip of a bit leaves both the record's check and its CRC content with what they were."""
    payload = cbor.encode(sites.dual_ring("US"))
    crc = site.decode(payload).crc
    taken = 0
    for place in range(0, 8 * len(payload), 7):
        broken = bytearray(payload)
        broken[place >> 3] ^= 1 << (place & 7)
        with contextlib.suppress(site.SiteError):
            assert site.decode(bytes(broken)).crc != crc
            taken += 1
    assert taken, "some flips make another record that could be one: their CRC and their signatures tell"


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=20,
)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=4), _ANYTHING)
def test_whatever_stands_in_a_record_gives_reasons_and_no_error(steps: list[int], value: Any) -> None:
    record: Any = copy.deepcopy(JUNCTION)
    part = record
    for step in steps[:-1]:
        inner = part[step % len(part)]
        if not isinstance(inner, list) or not inner:
            break
        part = inner
    part[steps[-1] % len(part)] = value
    reasons = site.check(record)
    assert all(isinstance(reason, str) for reason in reasons)
    if not reasons:
        assert site.decode(cbor.encode(record)).count


@given(_ANYTHING)
def test_what_is_no_record_at_all(value: Any) -> None:
    assert site.check(value)


def test_lamps() -> None:
    """Every aspect has its lamps; those of a step that flashes are dark for half of the time."""
    shown = {aspects.LETTERS[a]: (aspects.lamps(a, 1), aspects.lamps(a, 0)) for a in range(aspects.ASPECTS)}
    r, a, g = aspects.R, aspects.A, aspects.G
    assert shown == {
        "R": (r, r),
        "r": (r | a, r | a),
        "G": (g, g),
        "g": (g, 0),
        "A": (a, a),
        "W": (g, g),
        "w": (g, 0),
        "D": (r, r),
        "a": (a, 0),
        "f": (r, 0),
        "-": (0, 0),
    }
    assert aspects.lamps(aspects.WALK_FLASH, 1, r) == r
    assert aspects.lamps(aspects.WALK_FLASH, 0, r) == 0
