"""The relay: minimum times, read-back, fail-safe position; and the switch of a role around it."""

from drivers.relay import ALLOWED, CONTACT_MS, OFF, ON, Relay
from paifang_wire.messages import EV_OUTPUT_FAULT, INCONSISTENT, INTERLOCK, TOO_SOON
from roles.shared.outputs import Switch

from .fakes import Clock, Pin, Random, Records, complete


class Contact:
    """Follows the coil, unless welded to a level."""

    def __init__(self, coil):
        self.coil = coil
        self.welded = None

    def value(self):
        return self.coil.level if self.welded is None else self.welded


def relay(on_ms=10_000, off_ms=4_000, fail_safe=OFF):
    clock, out = Clock(), Pin()
    contact = Contact(out)
    return Relay(out, contact, clock.now_ms, on_ms, off_ms, fail_safe), clock, out, contact


def test_starts_in_the_fail_safe_position_and_waits():
    for fail_safe in (OFF, ON):
        device, clock, out, _ = relay(fail_safe=fail_safe)
        assert out.writes == [fail_safe]
        assert device.request(1 - fail_safe) == TOO_SOON
        assert device.request(fail_safe) == ALLOWED
        clock.ms = 10_000
        assert device.request(1 - fail_safe) == ALLOWED


def test_minimum_times():
    device, clock, out, _ = relay()
    clock.ms = 3_999
    assert device.request(ON) == TOO_SOON
    clock.ms = 4_000
    assert device.request(ON) == ALLOWED
    clock.ms = 13_999
    assert device.request(OFF) == TOO_SOON
    assert out.writes == [OFF, ON]
    clock.ms = 14_000
    assert device.request(OFF) == ALLOWED
    assert out.writes == [OFF, ON, OFF]


def test_fail_safe_is_always_free_and_may_lock():
    device, clock, out, _ = relay()
    clock.ms = 4_000
    device.request(ON)
    device.to_fail_safe(lock=True)
    assert out.level == OFF
    clock.ms = 1_000_000
    assert device.request(ON) == INTERLOCK
    assert device.request(OFF) == ALLOWED


def test_random_requests_never_break_the_times():
    random = Random(11)
    device, clock, out, _ = relay()
    since_ms, level = 0, OFF
    for _ in range(3000):
        clock.ms += random.below(3_000)
        wanted = random.below(2)
        refusal = device.request(wanted)
        minimum_ms = 10_000 if level == ON else 4_000
        if wanted != level:
            assert (refusal == ALLOWED) == (clock.ms - since_ms >= minimum_ms)
        if out.level != level:
            since_ms, level = clock.ms, out.level
    assert len(out.writes) > 100


def switch():
    device, clock, out, contact = relay()
    records = Records()
    point = Switch(16, device, clock)
    point.attach(records)
    clock.ms = 4_000
    return point, records, clock, out, contact


def test_a_command_reads_back():
    point, records, _, _, _ = switch()
    assert complete(point.write(ON)) == (0, OFF, ON)
    assert [values for values, _ in records.reports] == [{16: OFF}, {16: ON}]
    assert complete(point.write(OFF)) == (TOO_SOON, ON, ON)
    assert records.events == []


def test_a_contact_that_does_not_follow():
    point, records, clock, out, contact = switch()
    contact.welded = OFF
    assert complete(point.write(ON)) == (INCONSISTENT, OFF, OFF)
    assert out.level == OFF
    assert [event[:2] for event in records.events] == [(EV_OUTPUT_FAULT, 16)]


def test_a_welded_contact_is_told_once():
    point, records, clock, _, contact = switch()
    complete(point.write(ON))
    contact.welded = ON
    clock.ms += 20_000
    assert complete(point.write(OFF)) == (INCONSISTENT, ON, ON)
    for _ in range(5):
        clock.ms += CONTACT_MS
        point.check()
    assert len(records.events) == 1
    contact.welded = None
    point.check()
    assert records.reports[-1][0] == {16: OFF}


def test_position_is_repeated_every_minute():
    point, records, clock, _, _ = switch()
    for _ in range(10):
        clock.ms += 30_000
        point.check()
    assert 5 <= len(records.reports) <= 6
