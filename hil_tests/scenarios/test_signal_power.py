"""Power fails a signal at any tick, at any storage operation: it comes back through flash and all-red, or latched.

A run whose cut did not fire is no run.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from functools import partial

import pytest

from paifang_rig.desk import Desk, LineLost
from paifang_rig.signals import oracle, ports, street_oracle
from paifang_rig.signals.drill import LATCHED, RESET, Drill
from paifang_rig.signals.node import example
from paifang_rig.signals.seen import SAMPLE_MS
from paifang_rig.wifi import Wifi
from paifang_tools.provision import new_identity
from paifang_wire import cbor, messages

WHERE = {"process": ports.InProcess, "board": ports.OnBoard}
SITE, PLAN = example("US")
CYCLE_TICKS = PLAN[4][0] // 100
START_MS = SITE[5][0]
OFF_MS = (20, 500, 5_000)
TORN = ("flash-program", "flash-erase", "nvs-program", "nvs-erase")
"""What power can fail in the middle of."""


@pytest.fixture
def drill():
    """`drill(where)`: a node that runs, everybody calling all the time."""
    made = []

    def start(where, **options):
        port = WHERE[where](SITE, PLAN, **options)
        made.append(port)
        running = Drill(port, SITE)
        running.start()
        return running

    yield start
    for port in made:
        port.close()


def assert_safe(running):
    """Of all boots: no rule of the street or the lamps is broken, whatever was cut off. Some begin latched."""
    assert street_oracle.judge(running.street, SITE) == []
    breaches = [breach for log in running.logs if log for breach in oracle.judge(log, SITE)]
    assert [breach for breach in breaches if f"begins in mode {LATCHED}" not in breach.text] == []


def comes_back(running):
    """Until it runs again; how long the flasher was to be seen since the power came."""
    power_ms = running.t_ms
    running.start()
    back = [picture.t_ms for picture in running.street.since(power_ms) if not picture.by_flasher]
    return back[0] - power_ms


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.timeout(300)
def test_power_fails_at_every_tick_of_a_cycle(drill, where, tier_size):
    running = drill(where)
    count = CYCLE_TICKS if tier_size(0, 1) else {"process": 10, "board": 5}[where]
    for n in range(count):
        running.coarse(n * CYCLE_TICKS // count)
        running.sample(n % 5)
        running.brown_out(OFF_MS[n % len(OFF_MS)])
        assert comes_back(running) >= START_MS
    assert_safe(running)
    print(f"{count} brown-outs {where}, longest: {street_oracle.longest(running.street, SITE)}")


def test_the_judges_see_a_start_without_all_red(drill):
    running = drill("process")
    running.port.power_cut()
    running.dark(500)
    running.port.power_on()
    running.port.unit.site.red_ticks = 10
    running.port.unit.site.close()
    running.start()
    running.coarse(200)
    assert {breach.rule for breach in street_oracle.judge(running.street, SITE)} == {"S5"}
    assert "I11" in {breach.rule for breach in oracle.judge(running.logs[-1], SITE)}


@pytest.mark.parametrize("where", WHERE)
def test_power_fails_while_it_starts(drill, where, tier_size):
    """In the flash, in the all-red, and again at once: no start is shorter for it."""
    running = drill(where)
    ticks = (SITE[5][0] + SITE[5][1]) // 100 + 10
    count = tier_size({"process": 6, "board": 3}[where], ticks)
    for n in range(count):
        running.brown_out(OFF_MS[n % len(OFF_MS)])
        running.tick(n * ticks // count)
    running.brown_out(100)
    assert comes_back(running) >= START_MS
    assert_safe(running)


@pytest.mark.parametrize("where", WHERE)
def test_a_latch_outlives_the_power_from_its_second_sample_on(drill, where, tier_size):
    """Power fails at every sample after a lamp has failed: no green comes of it, and what is latched stays so."""
    running = drill(where)
    kept_from = None
    for samples in range(0, 36, tier_size({"process": 3, "board": 11}[where], 1)):
        running.coarse(30)
        began_ms = running.t_ms
        running.port.street.stuck_off = running.port.street.lit() & 0xFFFF
        latched_for = run_samples(running, samples)
        running.port.street.mend()
        running.brown_out(500)
        running.tick(3)
        if running.mode == LATCHED:
            kept_from = running.t_ms - began_ms if kept_from is None else kept_from
            running.coarse(200)
            assert running.mode == LATCHED
            running.reset()
        else:
            assert latched_for <= 1, "told as latched, and forgotten"
            comes_back(running)
    assert kept_from is not None
    assert_safe(running)


def run_samples(running, samples):
    """So many samples, each fifth a tick; for how many of them the node said that it is latched."""
    latched_for = 0
    for n in range(1, samples + 1):
        if n % 5:
            running.sample()
        else:
            running.tick_after(SAMPLE_MS)
        latched_for += running.mode == LATCHED
    return latched_for


# Every storage operation


def start_and_run(running):
    running.start()
    running.tick(3)


def see_the_latch(running):
    running.tick(3)
    assert running.mode == LATCHED


def fail_a_lamp(running):
    running.port.street.stuck_off = running.port.street.lit() & 0xFFFF
    running.tick(12)


def press_reset(running):
    running.press(RESET)
    start_and_run(running)


ACTS = {"start": (None, start_and_run), "latch": (start_and_run, fail_a_lamp), "reset": (see_the_latch, press_reset)}
"""What is done after the power has come, and then what writes."""


def kept(running, name):
    """Power goes; flash and NVS that each run starts from."""
    if name == "reset":
        fail_a_lamp(running)
    running.port.power_cut()
    running.dark(100)
    board = running.port.node.board
    return board.flash_path.read_bytes(), board.nvs_path.read_bytes()


def play(running, files, name, cut=None):
    """From the power on, on these files, to the end of the act; the storage operations of the act, in their order."""
    begin, act = ACTS[name]
    port, board = running.port, running.port.node.board
    board.flash_path.write_bytes(files[0])
    board.nvs_path.write_bytes(files[1])
    port.street.mend()
    before = len(board.storage.kinds)
    port.power_on(None if begin else cut)
    if begin:
        begin(running)
        before = len(board.storage.kinds)
        if cut:
            port.do(lambda: board.cut_after(cut[0], torn=cut[1]))
    act(running)
    return board.storage.kinds[before:]


def cuts_of(kinds, count, seed):
    """(number of the operation, half-way through it), as many as asked for."""
    cuts = [(n, torn) for n, kind in enumerate(kinds, 1) for torn in (False, True) if not torn or kind in TORN]
    return sorted(random.Random(seed).sample(cuts, min(count, len(cuts))))


@pytest.mark.parametrize("eager", [False, pytest.param(True, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", ACTS)
@pytest.mark.timeout(300)
def test_power_fails_at_every_storage_operation(drill, name, eager, tier_size):
    """`eager`: the NVS writes a value at once, not at the commit; ESP-IDF promises neither."""
    running = drill("board", nvs_eager=eager)
    port, board = running.port, running.port.node.board
    files = kept(running, name)
    kinds = play(running, files, name)
    port.power_cut()
    running.dark(100)
    cuts, modes = cuts_of(kinds, tier_size(2, 1_000), name), set()
    for cut in cuts:
        with pytest.raises(ports.NodeLostError):
            play(running, files, name, cut)
        assert board.storage.fault.fired
        assert name != "latch" or port.trip, "first the relay is let go, then the latch is written"
        port.lost()
        port.street.mend()
        running.dark(500)
        port.power_on()
        running.tick(10)
        modes.add(running.mode)
        if running.mode == LATCHED:
            running.coarse(150)
            assert running.mode == LATCHED
            running.reset()
        running.start()
        port.power_cut()
        running.dark(100)
    assert name != "start" or LATCHED not in modes
    assert_safe(running)
    print(f"{name}: {len(kinds)} operations, {len(cuts)} cuts, back in modes {sorted(modes)}")


# A plan is changed


PLAN_LOAD = 11
TOLD_TICKS = 2_000
OTHER_PLAN = [*PLAN[:2], [[*row[:5], row[5] - 5_000, *row[6:]] for row in PLAN[2]], *PLAN[3:]]
"""The same with shorter greens."""


def id_of(plan):
    return int.from_bytes(hashlib.sha256(cbor.encode(plan)).digest()[:6], "big")


class Remote:
    """A board with a desk as its gateway; whatever keeps the board's thread waiting is done beside the desk's loop."""

    def __init__(self, desk, running):
        self.desk, self.running, self.name = desk, running, running.port.node.name
        desk.identities[self.name] = running.port.node.identity

    async def do(self, function, *arguments):
        return await asyncio.to_thread(function, *arguments)

    async def change_plan(self):
        """The other plan is staged, selected and taken: LineLost when power goes on the way."""
        desk, name = self.desk, self.name
        line = await desk.session(name)
        start = len(line.heard)
        line.say([messages.STAGE, messages.STAGED_PLAN, cbor.encode(OTHER_PLAN)])
        await desk.until(lambda: line.find(messages.HELD, None, start) or not line.is_open, "a plan held")
        if not line.is_open:
            raise LineLost(name)
        held = line.find(messages.HELD, None, start)
        assert held[1:] == [messages.STAGED_PLAN, id_of(OTHER_PLAN), 0]
        for op in (messages.OP_SELECT, messages.OP_OPERATE):
            receipt = await desk.command(name, PLAN_LOAD, op, id_of(OTHER_PLAN))
            assert receipt[3] == messages.EXECUTED, receipt

    async def plan(self, wanted=None, after=None):
        """The id of the plan in force that a session, another one than `after`, tells first, or once it is wanted."""
        line = await self.desk.session(self.name, after=after)

        def told():
            self.running.tick(1)
            return line.value(PLAN_LOAD)

        for _ in range(TOLD_TICKS):
            found = await self.do(told)
            if found is not None and wanted in (None, found):
                return found
        raise AssertionError(f"plan {wanted} is not told, but {found}")


async def test_power_fails_at_every_storage_operation_of_a_change_of_plan(drill, tier_size):
    async with Desk(new_identity("signal", "ward-1")) as desk:
        prepared = {"link": desk.port, "period_ms": 1_000, "wifi": Wifi(connect_ms=5)}
        running = await asyncio.to_thread(lambda: drill("board", prepare=partial(known_to, desk), **prepared))
        remote, board = Remote(desk, running), running.port.node.board
        await remote.do(running.port.power_cut)
        running.dark(100)
        files = board.flash_path.read_bytes(), board.nvs_path.read_bytes()

        async def begin():
            board.flash_path.write_bytes(files[0])
            board.nvs_path.write_bytes(files[1])
            desk.forget(remote.name)
            await remote.do(running.port.power_on)
            await remote.do(start_and_run, running)
            await desk.session(remote.name)

        await begin()
        before = len(board.storage.kinds)
        await remote.change_plan()
        await remote.plan(id_of(OTHER_PLAN))
        kinds = board.storage.kinds[before:]
        await remote.do(running.port.power_cut)
        running.dark(100)
        cuts, found = cuts_of(kinds, tier_size(2, 1_000), "plan"), set()
        for cut in cuts:
            await begin()
            await remote.do(running.port.do, lambda cut=cut: board.cut_after(cut[0], torn=cut[1]))
            with pytest.raises(LineLost):
                await remote.change_plan()
            assert board.storage.fault.fired
            line = desk.lines[remote.name]
            running.port.lost()
            running.dark(500)
            await remote.do(running.port.power_on)
            await remote.do(start_and_run, running)
            found.add(await remote.plan(after=line))
            await remote.do(running.port.power_cut)
            running.dark(100)
        assert found <= {id_of(PLAN), id_of(OTHER_PLAN)}
        assert_safe(running)
        print(f"plan: {len(kinds)} operations, {len(cuts)} cuts, {len(found)} plans found in force")


def known_to(desk, node):
    desk.identities[node.name] = node.identity
