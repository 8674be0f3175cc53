"""The interlock of a traffic signal by itself: order, refusals, flashing, latches, broken states, no allocation."""

import hashlib

from paifang_wire import cbor
from roles.traffic_signal import aspects, interlock, site
from roles.traffic_signal.interlock import FLASH, LATCHED, RUN, START_FLASH, START_RED, Interlock

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # CPython

    def heap_lock():
        pass

    heap_unlock = heap_lock

VEHICLE_TIMES = {"CN": [0, 3000, 3000], "US": [0, 0, 3000], "UK": [2000, 0, 3000], "DE": [1000, 0, 3000]}
LEAST_MS = {"CN": (5000, 5000), "US": (5000, 7000), "UK": (6000, 7000), "DE": (5000, 5000)}
INTERGREENS_MS = {"CN": 0, "US": 3000, "UK": 0, "DE": 8000}
FLASH_TICKS = 40
RED_TICKS = 80
START_TICKS = FLASH_TICKS + RED_TICKS
EVERY_COUNTRY = ("CN", "DE", "UK", "US")


def record(country="US"):
    """North-south, east-west, and a crossing that may move with the first."""
    green, walk = LEAST_MS[country]
    times = VEHICLE_TIMES[country]
    crossing = [] if country == "DE" else [8000]
    groups = [["ns", 0, green, times, 2000, 0, 90000], ["ew", 0, green, times, 2000, 0, 90000]]
    groups.append(["walk", 1, walk, crossing or [0], 2000, 8000, 90000])
    ped = INTERGREENS_MS[country]
    between = [[0, 1, 5000], [1, 0, 5500], [1, 2, 6000], [2, 1, ped]]
    return [1, country, groups, [0b010, 0b101, 0b010], between, [4000, 8000], []]


def tables(country="US", tick_ms=100):
    return site.decode(cbor.encode(record(country)), tick_ms)


def running(country="US"):
    lock = Interlock(tables(country))
    ticks(lock, START_TICKS)
    assert lock.mode == RUN
    assert not lock.reason
    return lock


def ticks(lock, count, request=0):
    for _ in range(count):
        lock.tick(request)
    return shown(lock)


def latch(lock):
    lock.to_flash(True)


def shown(lock):
    return "".join([aspects.LETTERS[aspect] for aspect in lock.aspects])


def changes(lock, count, request):
    """[(tick, letters), ...] of what changes while `request` is asked for."""
    found = []
    before = shown(lock)
    for tick in range(1, count + 1):
        lock.tick(request)
        if shown(lock) != before:
            before = shown(lock)
            found.append((tick, before))
    return found


def with_seal(lock, place, value, word=-1):
    """Put `value` into the state, at a group's aspect or at word `word` behind the aspects, and seal it again."""
    count = len(lock.aspects)
    state = list(lock.save())
    if word < 0:
        state[place] = value
    else:
        state[count + 2 * word], state[count + 2 * word + 1] = value & 0xFF, value >> 8
    total = sum(state[:count])
    for i in range(count, len(state) - 2, 2):
        total += state[i] | state[i + 1] << 8
    state[-2], state[-1] = total & 0xFF, total >> 8 & 0xFF
    lock.load(bytes(state))


def test_numbers_that_others_read():
    """Modes and reasons are points of the node."""
    assert (START_FLASH, START_RED, RUN, FLASH, LATCHED) == (0, 1, 2, 3, 4)
    reasons = (interlock.REASON_NONE, interlock.REASON_START, interlock.REASON_ASKED, interlock.REASON_REQUEST)
    assert reasons == (0, 1, 2, 3)
    assert (interlock.REASON_STATE, interlock.REASON_CALLER) == (4, 16)


def test_start():
    lock = Interlock(tables())
    assert (lock.mode, lock.reason, shown(lock)) == (START_FLASH, interlock.REASON_START, "ff-")
    assert ticks(lock, FLASH_TICKS - 1, 7) == "ff-"
    assert (ticks(lock, 1, 7), lock.mode) == ("RRD", START_RED)
    assert (ticks(lock, RED_TICKS - 1, 7), lock.mode) == ("RRD", START_RED)
    assert (ticks(lock, 1, 7), lock.mode, lock.reason) == ("RRD", RUN, interlock.REASON_NONE)
    assert ticks(lock, 1, 7) == "GRW"


def test_order_of_each_country():
    expected = {
        "CN": [(50, "gRD"), (80, "ARD"), (110, "RRD"), (130, "RGD"), (180, "RgD"), (210, "RAD"), (240, "RRD")],
        "US": [(50, "ARD"), (80, "RRD"), (100, "RGD"), (150, "RAD"), (180, "RRD")],
        "UK": [(60, "ARD"), (90, "RRD"), (110, "RrD"), (130, "RGD"), (190, "RAD"), (220, "RRD")],
        "DE": [(50, "ARD"), (80, "RRD"), (100, "RrD"), (110, "RGD"), (160, "RAD"), (190, "RRD")],
    }
    for country in EVERY_COUNTRY:
        lock = running(country)
        while shown(lock) != "GRD":
            lock.tick(1)
        first = len(expected[country]) // 2  # where the second group gets its green
        found = changes(lock, expected[country][first][0], 2)
        found += [(tick + expected[country][first][0], text) for tick, text in changes(lock, 130, 0)]
        assert found == expected[country], (country, found)


def test_walk_and_clearance_are_not_cut():
    for country, found in (("US", [(70, "RRw"), (150, "RRD"), (180, "RGD")]), ("DE", [(50, "RRD"), (130, "RrD")])):
        lock = running(country)
        assert ticks(lock, 1, 4) == "RRW"
        assert changes(lock, found[-1][0], 2) == found, country


def test_red_revert():
    lock = running()
    ticks(lock, 1, 1)
    assert changes(lock, 100, 0) == [(50, "ARD"), (80, "RRD")]
    lock = running()
    ticks(lock, 1, 1)
    ticks(lock, 80, 0)
    assert changes(lock, 30, 1) == [(20, "GRD")]


def test_the_lower_number_starts_first():
    assert ticks(running(), 1, 3) == "GRD"
    assert ticks(running(), 1, 6) == "RGD"


def test_what_is_no_request_latches():
    for request in (-1, 8, 1 << 20, None, "1", 1.0, b"\x01", [1]):
        for lock in (running(), Interlock(tables())):
            lock.tick(request)
            assert (lock.mode, lock.reason, shown(lock)) == (LATCHED, interlock.REASON_REQUEST, "ff-"), request


def test_a_fault_latches_with_its_reason():
    broken = interlock.REASON_STATE
    for fault, reason in ((16, 16), (65535, 65535), (65536, broken), (15, broken), (-1, broken), ("x", broken)):
        lock = running()
        lock.tick(1, fault)
        assert (lock.mode, lock.reason, shown(lock)) == (LATCHED, reason, "ff-"), fault
        lock.tick(1, 17)
        lock.to_flash()
        assert (lock.mode, lock.reason) == (LATCHED, reason), "the first reason stays"


def test_flash_and_back_through_all_red():
    lock = running()
    ticks(lock, 20, 1)
    lock.to_flash()
    assert (lock.mode, lock.reason, shown(lock)) == (FLASH, interlock.REASON_ASKED, "ff-")
    lock.clear_latch()
    assert (ticks(lock, 1000, 1), lock.mode) == ("ff-", FLASH)
    lock.to_run()
    lock.to_run()
    assert shown(lock) == "ff-"
    assert changes(lock, 82, 1) == [(1, "RRD"), (82, "GRD")]


def test_asking_for_flash_again_takes_the_leave_back():
    lock = running()
    lock.to_flash()
    lock.to_run()
    lock.to_flash()
    assert (ticks(lock, 10), lock.mode) == ("ff-", FLASH)


def test_a_latch_is_left_only_when_it_is_cleared():
    lock = running()
    lock.to_flash(True)
    lock.to_run()
    lock.to_flash()
    assert (ticks(lock, 1000, 1), lock.mode, lock.reason) == ("ff-", LATCHED, interlock.REASON_ASKED)
    lock.clear_latch()
    assert changes(lock, 82, 1) == [(1, "RRD"), (82, "GRD")]
    lock.clear_latch()
    lock.to_run()
    assert (ticks(lock, 1, 1), lock.mode) == ("GRD", RUN)


def test_every_changed_bit_of_the_state_flashes():
    lock = running()
    ticks(lock, 20, 1)
    good = lock.save()
    for place in range(len(good)):
        for bit in range(8):
            state = bytearray(good)
            state[place] ^= 1 << bit
            lock.load(bytes(state))
            lock.tick(1)
            assert (lock.mode, lock.reason, shown(lock)) == (LATCHED, interlock.REASON_STATE, "ff-"), (place, bit)
    for act in (Interlock.to_run, Interlock.clear_latch):
        lock = running()
        lock.to_flash(act is Interlock.clear_latch)
        state = bytearray(lock.save())
        state[0] ^= 1
        lock.load(bytes(state))
        act(lock)
        lock.tick(0)
        assert lock.mode == LATCHED, "what leaves a flash hides no broken state"


def test_asking_for_flash_hides_no_broken_state():
    for before in (Interlock.to_flash, Interlock.to_run, latch):
        lock = running()
        before(lock)
        good = lock.save()
        for place in range(len(good)):
            state = bytearray(good)
            state[place] ^= 4
            lock.load(bytes(state))
            lock.to_flash()
            lock.to_run()
            assert (ticks(lock, 1), lock.mode) == ("ff-", LATCHED), place


def test_a_mode_that_cannot_be_flashes_even_under_a_good_seal():
    for mode in (5, 6, 255, 65535):
        lock = running()
        ticks(lock, 1, 1)
        with_seal(lock, 0, mode, 4)
        lock.tick(0)
        assert (lock.mode, lock.reason, shown(lock)) == (LATCHED, interlock.REASON_STATE, "ff-"), mode


def test_what_cannot_be_flashes_even_under_a_good_seal():
    red_amber, beyond = aspects.RED_AMBER, aspects.ASPECTS
    for place, value, word in (
        (0, red_amber, -1),
        (0, beyond, -1),
        (0, 16, -1),
        (1, 16, -1),
        (0, 255, -1),
        (2, aspects.AMBER, -1),
    ):
        lock = running()
        with_seal(lock, place, value, word)
        lock.tick(0)
        assert (lock.mode, lock.reason, shown(lock)) == (LATCHED, interlock.REASON_STATE, "ff-"), value
    lock = running()
    ticks(lock, 1, 1)
    with_seal(lock, 0, 50, 0)  # as long as a green can last to its minimum: nothing is wrong
    lock.tick(1)
    assert lock.mode == RUN
    with_seal(lock, 0, 51, 0)
    lock.tick(1)
    assert lock.mode == LATCHED


def test_conflicting_groups_that_move_flash_even_under_a_good_seal():
    for first in (0, 2):
        lock = running()
        ticks(lock, 1, 1 << first)
        with_seal(lock, 1, aspects.GREEN)
        lock.tick(7)
        assert (lock.mode, lock.reason, shown(lock)) == (LATCHED, interlock.REASON_STATE, "ff-")


def test_all_sixteen_groups():
    groups = [["g%d" % i, 0, 5000, [0, 0, 3000], 2000, 0, 600000] for i in range(16)]
    others = [0xFFFF & ~(1 << i) for i in range(16)]
    pairs = [[i, j, 5000] for i in range(16) for j in range(16) if i != j]
    payload = cbor.encode([1, "US", groups, others, pairs, [4000, 5000], []])
    del groups, others, pairs
    lock = Interlock(site.decode(payload))
    ticks(lock, 90)
    for i in range(16):
        ticks(lock, 101, 1 << i)
        assert lock.aspects[i] == aspects.GREEN, i
        lock.tick(0xFFFF)
        assert bytes(lock.aspects) == bytes([aspects.GREEN if j == i else 0 for j in range(16)])
    lock.tick(0x10000)
    assert lock.mode == LATCHED


def test_it_allocates_nothing():
    lock = running("CN")
    spare = Interlock(tables("CN"))
    heap_lock()
    try:
        for step in range(2000):
            lock.tick(step >> 6 & 7)
            spare.tick(step >> 5 & 7, 16 if step == 1500 else 0)
        lock.to_flash(True)
        lock.clear_latch()
        lock.tick(0)
        lock.tick(9)
    finally:
        heap_unlock()
    assert lock.mode == LATCHED
    assert spare.mode == LATCHED


def test_the_same_on_every_interpreter():
    digest = hashlib.sha256()
    for country in EVERY_COUNTRY:
        lock = Interlock(tables(country))
        chance = 1
        for _ in range(3000):
            chance = (chance * 1103 + 12345) & 0x3FFFFFF
            lock.tick(chance >> 20 & (chance >> 17 | 1) & 7)
            digest.update(lock.save())
        for act in (Interlock.to_flash, Interlock.to_run, Interlock.clear_latch, latch, Interlock.clear_latch):
            act(lock)
            digest.update(lock.save())
    assert digest.digest().hex()[:16] == "6486495ce6aa816b", digest.digest().hex()


def test_the_tables_notice_when_they_change():
    made = tables()
    assert made.is_intact()
    for block in (made.conflicts, made.successors, made.ticks, made.limits, made.rest_aspects, made.flash_aspects):
        for place in range(len(block)):
            block[place] ^= 1
            assert not made.is_intact()
            block[place] ^= 1
    made.red_ticks -= 1
    assert not made.is_intact()


def test_coarser_ticks_shorten_nothing():
    made = tables("US", 1000)
    assert made.red_ticks == 8
    assert made.limits[3 * 1] == 0
    assert made.ticks[16 + aspects.RED] == 3, "5.5 s of intergreen and 3 s of amber leave 3 s"
