"""Every state of the shipped interlock: I1-I7 and I10-I13 as the judge in `observer` tells them, in each of them."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sites
from explorations import COUNTRIES, pair_of, uneven
from explorer import explore, subsets
from observer import MOVING, TICK, Observer, Unsafe

from roles.traffic_signal.interlock import RUN, Interlock

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
STATES = {
    "8 vehicle groups, US, 100 ms": 82_865,
    "8 vehicle and 4 pedestrian groups, US, 1 s": 126_053,
    "66 pairs, CN, 100 ms (6 that differ)": 64_159,
    "66 pairs, US, 100 ms (6 that differ)": 61_069,
    "66 pairs, UK, 100 ms (6 that differ)": 73_339,
    "66 pairs, DE, 100 ms (6 that differ)": 29_209,
}
"""A change of these is a change of what the interlock keeps in mind."""
SIDE_BY_SIDE = (["junction"], ["dual-ring", "pairs"])
LONGER = (
    ["junction-half"],
    [f"{kind}-{country}" for kind in ("junction", "dual-ring") for country in ("CN", "UK", "DE")],
    ["dual-ring-uneven"],
    ["pairs-uneven"],
)


@pytest.fixture(scope="module")
def summaries(tier: str, capsys_disabled: Any) -> list[dict[str, Any]]:
    """What `explorations.py` has printed, two programs at a time."""
    batches = SIDE_BY_SIDE + (LONGER if tier == "soak" else ())
    told: list[dict[str, Any]] = []
    for batch in (batches[at : at + 2] for at in range(0, len(batches), 2)):
        command = [sys.executable, str(HERE / "explorations.py")]
        running = [subprocess.Popen([*command, *names], stdout=subprocess.PIPE, text=True) for names in batch]
        for process in running:
            output, _ = process.communicate()
            assert process.returncode == 0
            told += map(json.loads, output.splitlines())
    with capsys_disabled():
        for one in told:
            print("\n{name}: {states} states, {transitions} transitions, {seconds} s".format(**one), end="")
    return told


@pytest.fixture(scope="module")
def capsys_disabled(request: pytest.FixtureRequest) -> Any:
    return request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled


@pytest.mark.timeout(1200)
def test_every_state_is_safe(summaries: list[dict[str, Any]]) -> None:
    """The judge has found nothing (it would have ended the program), and all that is legal has been seen."""
    states = {one["name"]: one["states"] for one in summaries}
    assert STATES.items() <= states.items()
    assert {name: one for one in summaries if (name := one["name"]) and one["missing"]} == {}


@pytest.mark.timeout(1200)
def test_the_clocks_of_the_judge_follow_from_the_state(summaries: list[dict[str, Any]]) -> None:
    """One reading of the judge for each state: what the interlock has forgotten, no rule asks for."""
    assert {one["name"] for one in summaries if one["twins"]} == set()


@pytest.mark.parametrize("country", COUNTRIES)
def test_lemma_only_free_bits_matter(country: str) -> None:
    """All 256 requests in every state of a dual ring at 1 s: those that agree in the free bits lead to one state."""
    record = sites.dual_ring(country)
    found = explore(country, record, 1000)
    _assert_lemma(Interlock(sites.tables(record, 1000)), found.judge, found.known.items())


def test_lemma_with_pedestrians(tier_size) -> None:
    """All 4,096 requests in states of a junction met by chance."""
    record = uneven(sites.junction("CN"))
    lock, judge = Interlock(sites.tables(record)), Observer(record, 100)
    states = [(saved, state) for saved, state, *_ in _walk(lock, judge, tier_size(40_000, 400_000))]
    _assert_lemma(lock, judge, random.Random(4).sample(states, tier_size(60, 600)))


def _assert_lemma(lock: Interlock, judge: Observer, states: Any) -> None:
    for saved, state in states:
        free = judge.free(state)
        lead: dict[int, bytes] = {}
        for request in range(1 << judge.count):
            lock.load(saved)
            lock.tick(request)
            assert lead.setdefault(request & free, lock.save()) == lock.save(), (judge.free(state), request)
        assert set(lead) == set(subsets(free))


def _walk(lock: Interlock, judge: Observer, ticks: int) -> Iterator[tuple[bytes, Any, int, bytes]]:
    """Ticks with requests that change now and then: (state, the judge's state, request, state after)."""
    state = judge.start(bytes(lock.aspects))
    chance = random.Random(12)
    request = 0
    for _ in range(ticks):
        if chance.random() < 0.1:
            request ^= 1 << chance.randrange(judge.count)
        saved = lock.save()
        lock.tick(request)
        yield saved, state, request, lock.save()
        state = judge.step(state, TICK, bytes(lock.aspects), request)


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_junction_seen_from_two_of_its_groups_is_a_pair(country: str, tier_size) -> None:
    """Whatever twelve groups do, each two of them do what an interlock of these two alone can be asked to do.

    A group at rest that another one keeps from starting is, for the pair, a group that is not asked for. So what holds
    for every pair under any requests holds for all groups together.
    """
    record = uneven(sites.junction(country))
    whole = sites.tables(record)
    count = whole.count
    pairs = {(i, j): Interlock(sites.tables(pair_of(record, i, j))) for i in range(count) for j in range(i + 1, count)}
    compared = 0
    walk = _walk(Interlock(whole), Observer(record, 100), tier_size(3_000, 60_000))
    for before, _, request, after in walk:
        if before[count + 2 * (count + 1)] != RUN:
            continue
        asked = request & ~_held_back(whole, before, after, request)
        for (i, j), lock in pairs.items():
            lock.load(_seen_from(whole, lock, before, i, j))
            lock.tick(asked >> i & 1 | (asked >> j & 1) << 1)
            assert lock.save() == _seen_from(whole, lock, after, i, j), (i, j)
            compared += 1
    assert compared > 66 * 1_000


def _held_back(site: Any, before: bytes, after: bytes, request: int) -> int:
    """Groups at rest that are asked for and do not start."""
    rest = [i for i in range(site.count) if before[i] == after[i] == site.rest_aspects[i]]
    return request & sum(1 << i for i in rest)


def _seen_from(site: Any, lock: Interlock, saved: bytes, i: int, j: int) -> bytes:
    """The part of a state that is about groups i and j, as the interlock of the two would have it.

    Of what is left of settling, the part in which these two have nothing to wait for any more is cut off.
    """
    left = []
    for place, group in enumerate((i, j)):
        at = site.count + 2 * group
        ticks = saved[at] | saved[at + 1] << 8
        if saved[group] == site.rest_aspects[group]:
            rest = site.rest_aspects[group]
            ticks = max(0, ticks - site.ticks[16 * group + rest] + lock._site.ticks[16 * place + rest])
        left.append(ticks)
    words = [*left, 0, RUN, 0]
    seal = (saved[i] + saved[j] + sum(words)) & 0xFFFF
    return bytes((saved[i], saved[j])) + b"".join(word.to_bytes(2, "little") for word in [*words, seal])


class Careless(Interlock):
    """Starts whatever is asked for."""

    def _is_clear(self, i: int, settling: int) -> bool:
        return True


def test_the_judge_finds_an_unsafe_interlock() -> None:
    with pytest.raises(Unsafe, match="I4"):
        explore("careless", sites.dual_ring("US"), 1000, Careless)


class Lazy(Interlock):
    """Never lets anybody start."""

    def _is_clear(self, i: int, settling: int) -> bool:
        return False


def test_the_judge_finds_an_interlock_that_does_nothing() -> None:
    with pytest.raises(Unsafe, match="I8"):
        explore("lazy", sites.dual_ring("US"), 1000, Lazy)


def test_it_looks_at_nothing_but_its_tables_and_its_state() -> None:
    """No clock can change a time that has no clock (I13); no pin, file or plan is in reach."""
    source = (HERE.parents[1] / "firmware/roles/traffic_signal/interlock.py").read_text()
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in nodes}
    assert modules == {"array", "micropython", "aspects", "tables"}


def test_moving_is_what_the_firmware_calls_moving() -> None:
    from roles.traffic_signal import aspects

    assert {aspects.LETTERS[a] for a in range(aspects.ASPECTS) if aspects.is_moving(a)} == set(MOVING)
