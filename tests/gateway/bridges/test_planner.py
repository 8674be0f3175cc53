"""Which registers are asked for together: the cheapest way, held against every way there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.bridges.modbus.layout import FORGET_US, RETRY_US, Layout
from paifang.bridges.modbus.line import timing
from paifang.bridges.modbus.planner import FEWEST, Block, Cost, Limits, Span, plan, serial_cost, value_bytes
from paifang.bridges.modbus.points import Device
from paifang.profiles.catalogue import Catalogue, built_in


def spans(*ends: tuple[int, int], table: str = "input") -> list[Span]:
    return [Span(table, first, end, f"{table}-{first}-{end}") for first, end in ends]


def extents(blocks: list[Block]) -> list[tuple[int, int]]:
    return [(block.first, block.end) for block in blocks]


def partitions(items: list[Span]) -> list[list[list[Span]]]:
    """Every way of sharing items out."""
    if not items:
        return [[]]
    first, rest = items[0], items[1:]
    found = []
    for shared in partitions(rest):
        found.append([[first], *shared])
        found += [[*shared[:at], [first, *shared[at]], *shared[at + 1 :]] for at in range(len(shared))]
    return found


def fits(group: list[Span], limits: Limits) -> bool:
    """Whether one request may serve these, told in another way than the planner does: address by address."""
    if len({span.table for span in group}) > 1:
        return False
    table, first, end = group[0].table, min(span.first for span in group), max(span.end for span in group)
    asked = set(range(first, end))
    wanted = {address for span in group for address in range(span.first, span.end)}
    barred = {address for where, low, high in limits.forbidden if where == table for address in range(low, high)}
    whole = any(where == table and set(range(low, high)) <= asked for where, low, high in limits.apart)
    most = limits.max_bits if table in {"coil", "discrete"} else limits.max_registers
    return len(group) == 1 or (
        len(asked) <= most and not barred & asked and not whole and (limits.gaps or asked == wanted)
    )


def cheapest(items: list[Span], limits: Limits, cost: Cost) -> int:
    return min(
        sum(cost.of(group[0].table, max(s.end for s in group) - min(s.first for s in group)) for group in shared)
        for shared in partitions(items)
        if all(fits(group, limits) for group in shared)
    )


def total(blocks: list[Block], cost: Cost) -> int:
    return sum(cost.of(block.table, block.count) for block in blocks)


SPANS = st.lists(
    st.builds(
        lambda table, first, count: Span(table, first, first + count, f"{table}{first}+{count}"),
        st.sampled_from(["input", "holding", "coil"]),
        st.integers(0, 60),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=6,
    unique=True,
)
EXTENTS = st.lists(
    st.builds(lambda first, count: ("input", first, first + count), st.integers(0, 60), st.integers(1, 12)), max_size=2
)
LIMITS = st.builds(
    Limits,
    max_registers=st.sampled_from([10, 16, 30, 125]),
    max_bits=st.sampled_from([10, 2000]),
    gaps=st.booleans(),
    forbidden=EXTENTS,
    apart=EXTENTS,
)
COSTS = st.sampled_from([FEWEST, Cost(100, 1), Cost(13, 1), Cost(3, 1), serial_cost(1146, 20_000)])


@given(items=SPANS, limits=LIMITS, cost=COSTS)
def test_no_other_way_costs_less(items, limits, cost):
    blocks = plan(items, limits, cost)
    assert total(blocks, cost) == cheapest(items, limits, cost)
    assert sorted(span for block in blocks for span in block.spans) == sorted(items)
    assert all(fits(list(block.spans), limits) for block in blocks)
    assert all(block.first <= span.first and span.end <= block.end for block in blocks for span in block.spans)


@given(items=SPANS, limits=LIMITS)
def test_where_only_requests_count_there_are_no_fewer(items, limits):
    fewest = min(len(shared) for shared in partitions(items) if all(fits(group, limits) for group in shared))
    assert len(plan(items, limits, FEWEST)) == fewest


def test_a_gap_is_read_along_while_that_is_cheaper_than_another_request():
    """At 9600 baud a request costs 13 bytes and two silences, and a register two bytes."""
    cost = serial_cost(timing(9600).character_us, 2 * timing(9600).silence_us)
    worth = cost.fixed_us // (2 * cost.byte_us)
    assert worth == 10
    assert extents(plan(spans((0, 2), (2 + worth, 4 + worth)), Limits(), cost)) == [(0, 4 + worth)]
    assert len(plan(spans((0, 2), (3 + worth, 5 + worth)), Limits(), cost)) == 2


def test_values_are_not_cut_and_a_request_is_as_long_as_the_device_takes():
    four = spans((0, 4), (4, 8), (8, 12))
    assert extents(plan(four, Limits(max_registers=10), FEWEST)) == [(0, 4), (4, 12)]
    assert extents(plan(spans((0, 20)), Limits(max_registers=10), FEWEST)) == [(0, 20)]


def test_forbidden_addresses_are_not_read_along_and_tables_not_mixed():
    limits = Limits(forbidden=[("input", 5, 6), ("holding", 2, 9)])
    assert extents(plan(spans((0, 2), (8, 9)), limits, FEWEST)) == [(0, 2), (8, 9)]
    assert extents(plan(spans((0, 2), (3, 5)), limits, FEWEST)) == [(0, 5)]
    mixed = spans((0, 2)) + spans((2, 4), table="holding") + spans((0, 9), table="coil")
    assert len(plan(mixed, Limits(), FEWEST)) == 3
    assert value_bytes("coil", 9) == 2


def test_the_meters_of_the_catalogue():
    """Requests for all points of a profile against one each; the figures that docs and benchmarks speak of."""
    catalogue = Catalogue((built_in(),))
    cost = serial_cost(timing(9600).character_us, 2 * timing(9600).silence_us + 20_000)
    found = {}
    for name in ("eastron-sdm120", "eastron-sdm630", "pzem-004t-v3", "schneider-iem3155", "chint-dtsu666"):
        device = Device(catalogue.load(name))
        wanted = [span for group in device.spans().values() for span in group]
        found[name] = (len(plan(wanted, device.limits(), cost)), len(wanted))
    assert found == {
        "eastron-sdm120": (3, 13),
        "eastron-sdm630": (4, 44),
        "pzem-004t-v3": (2, 8),
        "schneider-iem3155": (4, 22),
        "chint-dtsu666": (2, 30),
    }


# What a device refuses


class Fake:
    """A device with holes, asked until nothing changes any more."""

    def __init__(self, layout, holes=(), most=125, pairs=()):
        self.layout, self.holes, self.most, self.pairs = layout, set(holes), most, pairs
        self.requests = 0

    def round(self, now_us=0):
        """What is read in one round."""
        read = set()
        left = self.layout.blocks(["all"], now_us)
        while left:
            block = left.pop(0)
            self.requests += 1
            asked = set(range(block.first, block.end))
            if self.holes & asked or any(set(pair) <= asked for pair in self.pairs):
                left += self.layout.refused(block, 2, now_us)
            elif block.count > self.most:
                left += self.layout.refused(block, 3, now_us)
            else:
                self.layout.answered(block)
                read |= {span.key for span in block.spans}
        return read


def layout_of(items, **limits):
    return Layout({"all": items}, Limits(**limits), FEWEST)


FEW_SPANS = st.lists(
    st.builds(lambda first, count: (first, first + count), st.integers(0, 60), st.integers(1, 4)),
    min_size=1,
    max_size=12,
    unique=True,
)


@given(
    items=FEW_SPANS,
    holes=st.sets(st.integers(0, 64), max_size=4),
    most=st.sampled_from([8, 20, 125]),
    gaps=st.lists(st.builds(lambda first: (first, first + 1), st.integers(0, 60)), max_size=2),
)
def test_what_a_device_does_not_have_costs_no_other_its_value(items, holes, most, gaps):
    """Registers that it does not have, fewer in a request than is said, and pairs that it does not give together."""
    wanted = spans(*items)
    lost = [span for span in wanted if any(span.first <= low and high < span.end for low, high in gaps)]
    lost += [span for span in wanted if holes & set(range(span.first, span.end))]
    there = {span.key for span in wanted} - {span.key for span in lost}
    device = Fake(layout_of(wanted), holes, most, gaps)
    assert device.round() == there
    for _ in range(30):
        assert device.round() == there
    device.requests = 0
    device.round()
    assert device.requests == len(device.layout.blocks(["all"], 0)), "nothing is refused any more"


def test_one_bad_register_is_found_and_the_others_are_merged_again():
    wanted = spans(*((at, at + 2) for at in range(0, 40, 2)))
    device = Fake(layout_of(wanted), holes={17})
    assert len(device.round()) == 19
    assert extents(device.layout.blocks(["all"], 0)) == [(0, 16), (18, 40)]
    assert [span.first for span in device.layout.refused_spans] == [16]


def test_a_refused_gap_is_not_read_along_again():
    device = Fake(layout_of(spans((0, 10), (20, 30), (32, 40))), pairs=[(12, 13)])
    assert len(device.round()) == 3
    assert extents(device.layout.blocks(["all"], 0)) == [(0, 10), (20, 40)]


def test_a_device_that_takes_fewer_registers_than_its_profile_says():
    device = Fake(layout_of(spans(*((at, at + 2) for at in range(0, 100, 2)))), most=30)
    assert len(device.round()) == 50
    device.round()
    assert device.layout.limits.max_registers <= 30
    assert len(device.layout.blocks(["all"], 0)) <= 5


def test_what_was_refused_is_asked_for_again_after_a_while():
    wanted = spans((0, 2), (2, 4), (4, 6))
    device = Fake(layout_of(wanted), holes={3})
    device.round()
    assert len(device.round()) == 2
    device.holes.clear()
    assert len(device.round(RETRY_US - 1)) == 2
    assert len(device.round(RETRY_US)) == 3
    assert extents(device.layout.blocks(["all"], RETRY_US)) == [(0, 6)]
    assert device.layout.limits.forbidden == []


def test_what_a_device_did_not_like_together_is_forgotten_after_an_hour():
    """It may have been noise, or a setting that has been changed."""
    device = Fake(layout_of(spans((0, 10), (20, 30), (40, 50))), most=40, pairs=[(12, 13)])
    device.round()
    assert len(device.layout.blocks(["all"], FORGET_US - 1)) == 2
    device.most, device.pairs = 125, ()
    assert extents(device.layout.blocks(["all"], FORGET_US)) == [(0, 50)]
    assert device.layout.limits.max_registers == 125


def test_points_of_one_register_fall_together():
    wanted = [Span("holding", 7, 8, "bit_1"), Span("holding", 7, 8, "bit_2"), Span("holding", 9, 10, "other")]
    device = Fake(layout_of(wanted), holes={7})
    assert device.round() == {"other"}
    assert {span.key for span in device.layout.refused_spans} == {"bit_1", "bit_2"}


def test_a_function_that_the_device_does_not_have_is_not_searched_for_a_culprit():
    layout = layout_of(spans((0, 2), (2, 4)))
    [block] = layout.blocks(["all"], 0)
    assert layout.refused(block, 1, 0) == ()
    assert len(layout.refused_spans) == 2
    assert layout.blocks(["all"], 0) == []


def test_groups_that_are_due_together_are_asked_for_together():
    layout = Layout({"fast": spans((0, 2), (4, 6)), "slow": spans((2, 4))}, Limits(), FEWEST)
    assert extents(layout.blocks(["fast"], 0)) == [(0, 6)]
    assert extents(layout.blocks(["fast", "slow"], 0)) == [(0, 6)]
    assert extents(layout.blocks(["slow"], 0)) == [(2, 4)]


@pytest.mark.parametrize("baud", [1200, 9600, 19200, 38400, 115200])
def test_silence_is_three_and_a_half_characters_and_not_below_1750_us(baud):
    made = timing(baud)
    assert made.silence_us >= (1750 if baud > 19200 else 3.5 * 11 * 1e6 / baud)
    assert 0 <= made.character_us - 11e6 / baud < 1
