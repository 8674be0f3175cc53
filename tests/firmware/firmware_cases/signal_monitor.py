"""The conflict monitor: every row of its table, what it ignores and when it trips, at every phase of its sampling."""

from roles.traffic_signal import monitor
from roles.traffic_signal.monitor import (
    BEAT,
    CONFLICT,
    DUAL,
    LATCH_SUPPLY,
    LATE,
    MATRIX,
    MISMATCH,
    NO_AMBER,
    NO_LAMP,
    RED_AMBER,
    RELAY,
    RELAY_CLOSED,
    SELF_TEST,
    SHORT_AMBER,
    SHORT_CLEARANCE,
    STALLED,
    STEADY,
    SUPPLY,
    SUPPLY_OK,
    Monitor,
)

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # CPython

    def heap_lock():
        pass

    heap_unlock = heap_lock

SAMPLE_MS = 20
PHASES = range(SAMPLE_MS)
MATRIX_OF_3 = [0b010, 0b101, 0b010]
"""North-south (0) against east-west (1), which is against the crossing (2) too."""
VEHICLES = 0b011
RUNNING = SUPPLY_OK | STEADY | RELAY_CLOSED
NOTHING = (0, 0, 0)
ALL_RED = (0b111, 0, 0)
GREEN = (0b110, 0, 0b001)
AMBER = (0b110, 0b001, 0)
OTHER_GREEN = (0b101, 0, 0b010)
CONFLICTING = (0b100, 0, 0b011)
WALK_CONFLICTING = (0b001, 0, 0b110)


class Street:
    """Plays lamps to a monitor in virtual time, the samples falling `phase` ms after each step's beginning."""

    def __init__(self, phase=0, options=0, matrix=None, latched=0, start_ms=1000):
        self.monitor = Monitor(matrix or MATRIX_OF_3, VEHICLES, options, latched)
        self.now_ms = self.step_ms = start_ms
        self.next_ms = start_ms + phase
        self.beat = True
        self.tripped_ms = None
        self.late_ms = 0

    def show(self, lamps, ms, inputs=RUNNING):
        """`lamps` (red, amber, green) are lit for `ms`. Returns self."""
        end_ms = self.step_ms + ms
        while self.next_ms < end_ms:
            self.now_ms = self.next_ms
            beat = BEAT if self.beat and self.now_ms // 100 & 1 else 0
            self.monitor.sample(lamps[0], lamps[1], lamps[2], inputs | beat, self.now_ms)
            if self.monitor.tripped and self.tripped_ms is None:
                self.tripped_ms = self.now_ms
            self.next_ms += SAMPLE_MS + self.late_ms
        self.step_ms = end_ms
        return self

    def pulses(self, one, other, one_ms, other_ms, count):
        for _ in range(count):
            self.show(one, one_ms).show(other, other_ms)
        return self

    def trip_of(self, lamps, most_ms=3000, inputs=RUNNING):
        """(reason, ms from the beginning to the trip) of a lasting fault; reason 0 if there is none."""
        begun_ms = self.step_ms
        self.show(lamps, most_ms, inputs)
        return self.monitor.reason, (self.tripped_ms or 0) - begun_ms

    def is_well(self):
        return self.monitor.reason == 0


def at_red(phase=0, **changes):
    return Street(phase, **changes).show(ALL_RED, 1000)


def assert_window(reason, lamps, ignored_ms, least_ms, most_ms, before=ALL_RED, inputs=RUNNING, options=0):
    """At every phase: a fault of `ignored_ms` is ignored, a lasting one trips after `least_ms` to `most_ms`."""
    for phase in PHASES:
        street = Street(phase, options=options).show(before, 1000)
        street.show(lamps, ignored_ms, inputs).show(before, 2000)
        assert street.is_well(), (reason, phase, street.monitor.reason)
        found, took_ms = Street(phase, options=options).show(before, 1000).trip_of(lamps, 3000, inputs)
        assert found == reason, (reason, phase, found)
        assert least_ms <= took_ms <= most_ms, (reason, phase, took_ms)


def test_conflict():
    assert_window(CONFLICT, CONFLICTING, 279, 280, 320)
    assert_window(CONFLICT, WALK_CONFLICTING, 279, 280, 320)
    assert_window(CONFLICT, (0b101, 0b010, 0b001), 279, 280, 320, before=GREEN)
    street = at_red()
    street.trip_of(CONFLICTING)
    assert street.monitor.group == 0


def test_red_amber_is_moving():
    assert_window(CONFLICT, (0b110, 0b010, 0b001), 279, 280, 320, before=GREEN, options=RED_AMBER)


def test_what_may_move_together_is_no_conflict():
    street = at_red().show((0b010, 0, 0b101), 20_000)
    assert street.is_well()


def test_a_matrix_that_is_given_one_way_holds_both_ways():
    found, took_ms = at_red(matrix=[0b010, 0, 0]).trip_of((0b100, 0, 0b011))
    assert found == CONFLICT
    assert took_ms <= 320
    assert at_red(matrix=[0b010, 0, 0]).monitor.compare([0b010, 0b001, 0])


def test_no_lamp():
    assert_window(NO_LAMP, (0b110, 0, 0), 779, 780, 820)
    assert_window(NO_LAMP, (0b011, 0, 0), 779, 780, 820)


def test_flashing_is_no_missing_lamp():
    street = Street().show((0b010, 0, 0b101), 2000)
    assert street.pulses((0b010, 0, 0), (0b010, 0, 0b101), 500, 500, 20).is_well()


def test_two_indications():
    for lamps in ((0b111, 0, 0b001), (0b110, 0b001, 0b001), (0b111, 0, 0b100)):
        assert_window(DUAL, lamps, 339, 340, 380)
    assert_window(DUAL, (0b111, 0b001, 0), 339, 340, 380)


def test_red_with_amber_is_an_indication_where_it_is_said_to_be():
    street = at_red(options=RED_AMBER).show((0b111, 0b001, 0), 2000).show(GREEN, 5000)
    assert street.is_well()
    assert at_red(options=RED_AMBER).trip_of((0b111, 0b001, 0b001))[0] == DUAL


def test_shown_is_not_what_was_asked():
    for expected in ((0b110, 0, 0b001), (0b111, 0b001, 0), (0b110, 0, 0)):
        for phase in PHASES:
            street = at_red(phase)
            street.monitor.expect(*expected)
            street.show(ALL_RED, 339)
            street.monitor.expect(*ALL_RED)
            street.show(ALL_RED, 2000)
            assert street.is_well(), phase
            street.monitor.expect(*expected)
            found, took_ms = street.trip_of(ALL_RED)
            assert found == MISMATCH
            assert 340 <= took_ms <= 380
    street = at_red()
    street.monitor.expect(0, 0, 0b111)
    street.monitor.expect(-1, -1, -1)
    assert street.show(ALL_RED, 5000).is_well()


def test_amber_is_measured():
    for phase in PHASES:
        for amber_ms, reason in ((2640, SHORT_AMBER), (2679, SHORT_AMBER), (2721, 0), (3000, 0)):
            street = at_red(phase).show(GREEN, 5000).show(AMBER, amber_ms)
            assert street.is_well()
            begun_ms = street.step_ms
            street.show(ALL_RED, 1000)
            assert street.monitor.reason == reason, (phase, amber_ms)
            assert not reason or street.tripped_ms - begun_ms <= 80
            assert not reason or street.monitor.group == 0


def test_amber_is_missed():
    for phase in PHASES:
        street = at_red(phase).show(GREEN, 5000)
        found, took_ms = street.trip_of(ALL_RED)
        assert (found, street.monitor.group) == (NO_AMBER, 0)
        assert 40 <= took_ms <= 80
        street = at_red(phase).show(GREEN, 5000).show((0b110, 0, 0), 500).show(ALL_RED, 100)
        assert street.monitor.reason == NO_AMBER, "a dark moment is no amber"
        street = at_red(phase, options=RED_AMBER).show(GREEN, 5000).show((0b111, 0b001, 0), 100)
        assert street.monitor.reason == NO_AMBER


def test_a_pulse_is_no_transition():
    for phase in PHASES:
        street = at_red(phase).show(GREEN, 5000)
        street.show(ALL_RED, 40).show(GREEN, 5000).show(AMBER, 3000).show(GREEN, 40).show(ALL_RED, 5000)
        assert street.is_well(), (phase, street.monitor.reason)


def test_a_pedestrian_has_no_amber():
    street = at_red().show((0b011, 0, 0b100), 7000)
    assert street.show(ALL_RED, 100).show((0b011, 0, 0b100), 5000).show(ALL_RED, 8000).is_well()


def test_flashing_green_before_amber():
    street = at_red().show(GREEN, 5000).pulses(GREEN, (0b110, 0, 0), 500, 500, 3)
    assert street.show(AMBER, 3000).show(ALL_RED, 3000).is_well()


def test_green_to_conflicting_green():
    for phase in PHASES:
        for one, other in ((0b001, 0b010), (0b010, 0b001)):
            for clearance_ms, reason in ((2600, SHORT_CLEARANCE), (2659, SHORT_CLEARANCE), (2741, 0)):
                street = at_red(phase).show((0b111 & ~one, 0, one), 5000).show((0b111 & ~one, one, 0), clearance_ms)
                street.show((0b111 & ~other & ~one, one, other), 280)
                assert street.is_well()
                street.show((0b111 & ~other & ~one, 0, other), 100)
                assert street.monitor.reason == reason, (phase, clearance_ms)
                assert street.monitor.group == (other >> 1 if reason else -1)


def test_a_crossing_after_a_green():
    street = at_red().show(OTHER_GREEN, 5000).show((0b101, 0b010, 0), 2000).show((0b001, 0b010, 0b100), 280)
    street.show((0b001, 0, 0b100), 100)
    assert (street.monitor.reason, street.monitor.group) == (SHORT_CLEARANCE, 2)
    street = at_red().show((0b011, 0, 0b100), 7000).show(ALL_RED, 100).show(OTHER_GREEN, 1000)
    assert street.is_well(), "how long a crossing takes is not the monitor's to know"


def test_supply():
    assert_window(SUPPLY, ALL_RED, 139, 140, 160, inputs=STEADY | RELAY_CLOSED)
    street = at_red()
    for _ in range(2):
        street.show(ALL_RED, 60, STEADY | RELAY_CLOSED).show(ALL_RED, 660)
    street.show(ALL_RED, 40, STEADY | RELAY_CLOSED)
    assert street.monitor.reason == SUPPLY
    assert street.show(ALL_RED, 660, RUNNING - RELAY_CLOSED).monitor.reason == SUPPLY
    assert street.show(ALL_RED, 100, RUNNING - RELAY_CLOSED).is_well(), "it passes by itself"
    street = at_red(options=LATCH_SUPPLY)
    street.show(ALL_RED, 200, STEADY | RELAY_CLOSED).show(ALL_RED, 5000, RUNNING - RELAY_CLOSED)
    assert street.monitor.reason == SUPPLY


def test_recurrent_pulses():
    for phase in PHASES:
        for lamps, reason, trip_ms in ((CONFLICTING, CONFLICT, 700), ((0b111, 0, 0b001), DUAL, 900)):
            street = at_red(phase)
            begun_ms = street.step_ms
            street.pulses(lamps, ALL_RED, 100, 100, 8)
            assert street.monitor.reason == reason, phase
            assert street.tripped_ms - begun_ms <= trip_ms
        street = at_red(phase).pulses(CONFLICTING, ALL_RED, 100, 640, 8)
        assert street.monitor.reason == CONFLICT, phase
        street = at_red(phase).pulses(CONFLICTING, ALL_RED, 200, 700, 20)
        assert street.is_well(), phase
        street = at_red(phase).pulses((0b110, 0, 0), ALL_RED, 500, 260, 3)
        assert street.monitor.reason == NO_LAMP
        street = at_red(phase).pulses((0b110, 0, 0), ALL_RED, 500, 340, 9)
        assert street.is_well(), phase


def test_the_first_trip_is_the_reason():
    street = at_red().show(CONFLICTING, 2000).show(NOTHING, 2000)
    assert (street.monitor.reason, street.monitor.group) == (CONFLICT, 0)


def test_the_enable_toggles_while_it_holds():
    street = at_red()
    levels = []
    for _ in range(10):
        street.show(ALL_RED, SAMPLE_MS)
        levels.append(street.monitor.enable)
    assert sorted(levels[:2]) == [0, 1]
    assert levels == levels[:2] * 5
    street.show(CONFLICTING, 400)
    assert street.tripped_ms
    for _ in range(10):
        street.show(ALL_RED, SAMPLE_MS, SUPPLY_OK | STEADY)
        assert street.monitor.enable == 0


def test_it_lets_go_while_the_controller_flashes_and_judges_nothing_then():
    street = at_red().show(NOTHING, 5000, SUPPLY_OK)
    assert street.monitor.enable == 0
    assert street.show((0b111, 0b111, 0b111), 5000, SUPPLY_OK).is_well()
    street.show(ALL_RED, 1000)
    assert street.show(GREEN, 3000).is_well()


def test_flashing_makes_it_forget():
    street = at_red().show(CONFLICTING, 240).show(NOTHING, 100, SUPPLY_OK).show(CONFLICTING, 240)
    assert street.is_well()
    street = at_red().show(GREEN, 5000).show(NOTHING, 100, SUPPLY_OK).show(ALL_RED, 1000)
    assert street.is_well()
    street = at_red().show(GREEN, 5000).show(NOTHING, 100, SUPPLY_OK).show(OTHER_GREEN, 1000)
    assert street.is_well(), "the all-red of a start is the interlock's to keep"


def test_a_controller_that_stalls():
    for phase in PHASES:
        street = at_red(phase)
        street.beat = False
        found, took_ms = street.trip_of(ALL_RED)
        assert found == STALLED
        assert 800 <= took_ms <= 1020, "at most 100 ms of it lie before the beginning"
    street = at_red()
    street.beat = False
    street.show(ALL_RED, 800)
    street.beat = True
    assert street.show(ALL_RED, 5000).is_well()
    street.beat = False
    assert street.show(NOTHING, 5000, SUPPLY_OK).is_well(), "flashing needs no controller"


def test_late_samples():
    for late_ms, reason in ((120, 0), (121, LATE)):
        street = at_red()
        street.late_ms = late_ms
        street.show(ALL_RED, 1000)
        assert street.monitor.reason == reason, late_ms
    street = at_red()
    street.late_ms = 80
    found, took_ms = street.trip_of(CONFLICTING)
    assert found == CONFLICT
    assert 200 <= took_ms <= 450
    street = at_red()
    street.late_ms = 120
    found, took_ms = street.trip_of(CONFLICTING)
    assert found == CONFLICT
    assert 200 <= took_ms <= 450
    watch = Monitor(MATRIX_OF_3, VEHICLES)
    watch.sample(7, 0, 0, RUNNING, 5000)
    watch.sample(7, 0, 0, RUNNING, 4999)
    assert watch.reason == LATE, "a clock that goes back"


def test_the_clock_may_wrap():
    street = at_red(start_ms=(1 << 30) - 1100)
    assert street.show(ALL_RED, 5000).is_well()
    found, took_ms = street.trip_of(CONFLICTING)
    assert found == CONFLICT
    assert 280 <= took_ms <= 320
    street = Street(start_ms=(1 << 62) + 7).show(ALL_RED, 1000)
    assert street.is_well()


def test_a_relay_that_does_not_let_go():
    for phase in PHASES:
        street = Street(phase)
        found, took_ms = street.trip_of(NOTHING, 1000, SUPPLY_OK | RELAY_CLOSED)
        assert found == RELAY
        assert street.monitor.relay_stuck
        assert 180 <= took_ms <= 220
        street = at_red(phase).show(NOTHING, 160, SUPPLY_OK | RELAY_CLOSED).show(NOTHING, 2000, SUPPLY_OK)
        assert street.is_well()
        assert not street.monitor.relay_stuck
    street = at_red().show(CONFLICTING, 400).show(ALL_RED, 60)
    assert not street.monitor.relay_stuck
    street.show(ALL_RED, 300)
    assert street.monitor.reason == CONFLICT
    assert street.monitor.relay_stuck, "told beside the reason of the trip"
    assert at_red().show(ALL_RED, 5000, RUNNING - RELAY_CLOSED).is_well(), "open while held: flashing, not unsafe"


def test_latched_through_a_loss_of_power():
    street = Street(latched=CONFLICT).show(ALL_RED, 5000, SUPPLY_OK | STEADY)
    assert (street.monitor.tripped, street.monitor.reason, street.monitor.enable) == (True, CONFLICT, 0)
    street.monitor.reset()
    assert street.show(ALL_RED, 1010).is_well()


def test_reset_forgets():
    street = at_red().show(CONFLICTING, 2000)
    street.monitor.reset()
    assert (street.monitor.reason, street.monitor.group, street.monitor.tripped) == (0, -1, False)
    assert not street.monitor.relay_stuck
    assert street.show(CONFLICTING, 240).show(ALL_RED, 1000).is_well()
    street = at_red().show(ALL_RED, 2000, STEADY)
    street.monitor.reset()
    assert street.show(ALL_RED, 120, STEADY).is_well()
    assert street.show(ALL_RED, 40, STEADY).monitor.reason == SUPPLY


def test_without_a_trip_there_is_nothing_to_forget():
    """Whoever presses the button again and again would blind it otherwise, and cut an amber short that he sees."""
    for phase in PHASES:
        street = Street(phase).show(ALL_RED, 3000)
        for _ in range(3):
            street.show(CONFLICTING, 80).monitor.reset()
        assert street.show(CONFLICTING, 80).monitor.reason == CONFLICT, phase
        street = Street(phase).show(ALL_RED, 3000).show(GREEN, 5000).show(AMBER, 1500)
        street.monitor.reset()
        assert not street.show(AMBER, 1500).show(ALL_RED, 2000).monitor.tripped, phase


def test_self_test():
    for lamps in (ALL_RED, GREEN, NOTHING):
        watch = Monitor(MATRIX_OF_3, VEHICLES)
        assert watch.self_test(*lamps)
        assert (watch.reason, watch.group) == (0, -1)
        watch.sample(7, 0, 0, RUNNING, 0)
        assert watch.enable == 1
    watch = Monitor(MATRIX_OF_3, VEHICLES)
    assert not watch.self_test(0, 0b111, 0b111), "turned round, these are red everywhere"
    assert watch.reason == SELF_TEST
    watch = Monitor(MATRIX_OF_3, VEHICLES, 0, CONFLICT)
    assert not watch.self_test(*ALL_RED)
    assert watch.reason == CONFLICT
    street = at_red()
    assert street.monitor.self_test(*ALL_RED)
    assert street.show(CONFLICTING, 240).show(ALL_RED, 700).is_well()


def test_the_matrix_is_held_against_the_site_record():
    for other, same in (
        ([2, 5, 2], True),
        ([2, 5, 0], False),
        ([2, 5], False),
        ([2, 5, 2, 0], False),
        ([0, 5, 2], False),
    ):
        watch = Monitor(MATRIX_OF_3, VEHICLES)
        assert watch.compare(other) == same
        assert watch.reason == (0 if same else MATRIX)


def test_sixteen_groups():
    watch = Monitor([0xFFFF & ~(1 << i) for i in range(16)], 0xFFFF)
    now_ms = 0
    for _ in range(16):
        watch.sample(0x7FFE, 0, 0x8001, RUNNING, now_ms)
        now_ms += 20
    assert (watch.reason, watch.group) == (CONFLICT, 0)
    watch = Monitor([0] * 16, 0xFFFF)
    for _ in range(50):
        watch.sample(0x7FFF, 0, 0, RUNNING, now_ms)
        now_ms += 20
    assert (watch.reason, watch.group) == (NO_LAMP, 15)


def test_everything_lasts_without_end():
    """Counters stop at their ends: nothing overflows in hours of one state."""
    street = at_red()
    for lamps in (ALL_RED, GREEN, AMBER, ALL_RED):
        assert street.show(lamps, 90_000).is_well()
    street.show(CONFLICTING, 90_000).show(NOTHING, 90_000, RELAY_CLOSED)
    assert street.monitor.reason == CONFLICT


def test_numbers_and_names_that_others_read():
    """They are kept over a loss of power, and told."""
    reasons = (CONFLICT, NO_LAMP, DUAL, MISMATCH, NO_AMBER, SHORT_AMBER, SHORT_CLEARANCE, SUPPLY, STALLED, LATE, RELAY)
    assert reasons + (SELF_TEST, MATRIX) == tuple(range(1, 14))
    assert (SUPPLY_OK, STEADY, BEAT, RELAY_CLOSED, RED_AMBER, LATCH_SUPPLY) == (1, 2, 4, 8, 1, 2)
    assert ", ".join(monitor.REASONS) == (
        "none, conflict, no lamp, two indications, not as asked, no amber, short amber, short clearance, supply, "
        "controller stalled, samples late, relay stuck closed, self-test, matrix"
    )


class Fine:
    """A monitor as it is made, sampled every millisecond: its times to the millisecond. The first sample counts 20."""

    def __init__(self, options=0):
        self.monitor = Monitor(MATRIX_OF_3, VEHICLES, options) if options else Monitor(MATRIX_OF_3, VEHICLES)
        self.now_ms = 0

    def show(self, lamps, samples, inputs=RUNNING, beat=None, every_ms=1):
        for _ in range(samples):
            moving = self.now_ms // 100 & 1 if beat is None else beat
            self.monitor.sample(lamps[0], lamps[1], lamps[2], inputs | moving * BEAT, self.now_ms)
            self.now_ms += every_ms
        return self.monitor.reason


def test_times_to_the_millisecond():
    for lamps, reason, trip_ms in ((CONFLICTING, CONFLICT, 300), (NOTHING, NO_LAMP, 800), ((7, 1, 0), DUAL, 360)):
        fine = Fine()
        assert fine.show(lamps, trip_ms - 20) == 0
        assert fine.show(lamps, 1) == reason
    fine = Fine()
    fine.monitor.expect(*GREEN)
    assert fine.show(ALL_RED, 340) == 0
    assert fine.show(ALL_RED, 1) == MISMATCH
    assert Fine().show(ALL_RED, 130, STEADY) == 0
    assert Fine().show(ALL_RED, 131, STEADY) == SUPPLY
    assert Fine().show(NOTHING, 180, SUPPLY_OK | RELAY_CLOSED) == 0
    assert Fine().show(NOTHING, 181, SUPPLY_OK | RELAY_CLOSED) == RELAY
    assert Fine().show(ALL_RED, 980, beat=0) == 0
    assert Fine().show(ALL_RED, 981, beat=0) == STALLED


def test_what_is_forgotten_to_the_millisecond():
    for lamps, bad_ms, forget_ms in ((CONFLICTING, 299, 666), ((0b110, 0, 0), 799, 300), ((0b111, 0, 1), 359, 666)):
        for clean_ms, is_well in ((forget_ms - 1, False), (forget_ms, True)):
            fine = Fine()
            fine.show(ALL_RED, 400)
            fine.show(lamps, bad_ms)
            fine.show(ALL_RED, clean_ms)
            assert (fine.show(lamps, 1) == 0) == is_well, (lamps, clean_ms)
            assert fine.monitor.reason == 0 or fine.monitor.group == 0
    for clean_ms, reason in ((665, MISMATCH), (666, 0)):
        fine = Fine()
        fine.show(ALL_RED, 400)
        for expected, ms in ((GREEN, 359), (ALL_RED, clean_ms), (GREEN, 1)):
            fine.monitor.expect(*expected)
            fine.show(ALL_RED, ms)
        assert fine.monitor.reason == reason
    for clean_ms, reason in ((665, SUPPLY), (666, 0)):
        fine = Fine()
        fine.show(ALL_RED, 400)
        fine.show(ALL_RED, 149, STEADY)
        fine.show(ALL_RED, clean_ms)
        assert fine.show(ALL_RED, 1, STEADY) == reason


def test_ambers_to_the_millisecond():
    for amber_ms, reason in ((2699, SHORT_AMBER), (2700, 0)):
        fine = Fine()
        fine.show(GREEN, 300)
        fine.show(AMBER, amber_ms)
        assert fine.show(ALL_RED, 59) == 0
        assert fine.show(ALL_RED, 1) == reason
    for clearance_ms, reason in ((2699, SHORT_CLEARANCE), (2700, 0)):
        fine = Fine()
        fine.show(OTHER_GREEN, 300)
        fine.show((0b101, 0b010, 0), clearance_ms)
        fine.show((0b001, 0b010, 0b100), 290)
        assert fine.show((0b001, 0, 0b100), 9) == 0
        assert fine.show((0b001, 0, 0b100), 1) == reason
    for green_ms, reason in ((299, 0), (300, NO_AMBER)):
        fine = Fine()
        fine.show(ALL_RED, 400)
        fine.show(GREEN, green_ms)
        assert fine.show(ALL_RED, 60) == reason


def test_a_late_sample_counts_100_ms_at_most():
    for every_ms in (101, 140):
        fine = Fine()
        fine.show(ALL_RED, 20)
        fine.now_ms += every_ms - 1
        fine.show(CONFLICTING, 1)
        fine.now_ms += every_ms - 1
        fine.show(CONFLICTING, 1)
        assert fine.show(CONFLICTING, 99) == 0
        assert fine.show(CONFLICTING, 1) == CONFLICT
    fine = Fine()
    fine.show(ALL_RED, 20)
    fine.now_ms += 140
    assert fine.show(ALL_RED, 1) == LATE


def test_after_something_else_to_the_millisecond():
    """A counter that starts again starts at nothing."""
    fine = Fine()
    for _ in range(2):
        fine.show(ALL_RED, 700)
        assert fine.show(ALL_RED, 149, STEADY) == 0
    fine = Fine()
    for _ in range(2):
        fine.show(ALL_RED, 700)
        assert fine.show(CONFLICTING, 299) == 0
    fine = Fine()
    fine.show(ALL_RED, 50)
    assert fine.show(NOTHING, 200, SUPPLY_OK | RELAY_CLOSED) == 0
    assert fine.show(NOTHING, 1, SUPPLY_OK | RELAY_CLOSED) == RELAY
    fine = Fine()
    fine.show(ALL_RED, 50, beat=0)
    assert fine.show(ALL_RED, 1000, beat=1) == 0
    assert fine.show(ALL_RED, 1, beat=1) == STALLED


def test_what_is_about_no_group_names_none():
    makers = (
        lambda fine: fine.show(ALL_RED, 2, every_ms=141),
        lambda fine: fine.monitor.self_test(0, 7, 7),
        lambda fine: fine.monitor.compare([0, 0, 0]),
        lambda fine: fine.show(ALL_RED, 200, STEADY),
        lambda fine: fine.show(NOTHING, 300, SUPPLY_OK | RELAY_CLOSED),
        lambda fine: fine.show(ALL_RED, 1000, beat=0),
    )
    for make, reason in zip(makers, (LATE, SELF_TEST, MATRIX, SUPPLY, RELAY, STALLED)):
        fine = Fine()
        make(fine)
        assert (fine.monitor.reason, fine.monitor.group) == (reason, -1)


def test_what_was_asked_for_is_well():
    street = at_red()
    for lamps, ms in ((GREEN, 5000), (AMBER, 3000), (ALL_RED, 3000), (OTHER_GREEN, 5000)):
        street.monitor.expect(*lamps)
        assert street.show(lamps, ms).is_well()
    street.monitor.expect(0, 0, 0)
    assert street.trip_of(OTHER_GREEN)[0] == MISMATCH


def test_the_second_group_has_an_amber_too():
    street = at_red().show(OTHER_GREEN, 5000).show(ALL_RED, 100)
    assert (street.monitor.reason, street.monitor.group) == (NO_AMBER, 1)
    street = at_red().show(OTHER_GREEN, 5000).show((0b101, 0b010, 0), 2000).show(ALL_RED, 100)
    assert (street.monitor.reason, street.monitor.group) == (SHORT_AMBER, 1)


def test_a_green_that_goes_dark_has_not_cleared():
    for one, other in ((0b001, 0b010), (0b010, 0b001)):
        street = at_red().show((0b111 & ~one, 0, one), 5000).show((0b100, 0, other), 400)
        assert (street.monitor.reason, street.monitor.group) == (SHORT_CLEARANCE, other >> 1)
    street = at_red().show((0b011, 0, 0b100), 7000).show((0b001, 0, 0b010), 400)
    assert street.is_well()


def test_who_may_move_together_waits_for_nobody():
    street = at_red().show(GREEN, 5000).show((0b010, 0b001, 0b100), 3000).show((0b011, 0, 0b100), 5000)
    assert street.is_well()


def test_as_it_is_made():
    watch = Monitor(MATRIX_OF_3, VEHICLES)
    assert watch.relay_stuck is False
    assert watch.holds is False
    assert watch.tripped is False
    assert (watch.reason, watch.group, watch.enable) == (0, -1, 0)
    assert Monitor([0, 0b100, 0], 0b111).compare([0, 0b100, 0b010])


def test_it_allocates_nothing():
    watch = Monitor(MATRIX_OF_3, VEHICLES)
    heap_lock()
    try:
        for step in range(3000):
            green = step >> 9 & 1
            watch.expect(7 & ~green, 0, green)
            watch.sample(7 & ~green, 0, green, RUNNING | (step >> 2 & 1) * BEAT, 20 * step)
        watch.reset()
        watch.self_test(7, 0, 0)
        for step in range(3000, 3100):
            watch.sample(4, 0, 3, RUNNING, 20 * step)
    finally:
        heap_unlock()
    assert watch.reason == CONFLICT
