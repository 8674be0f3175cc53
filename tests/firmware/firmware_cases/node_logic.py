"""Uptime, wall clock, records, identity, sensors and the load guard of a meter."""

from drivers.faults import SensorFault
from node.identity import IdentityError, open_identity
from node.outbox import Outbox
from node.records import Records as NodeRecords
from node.uptime import Uptime
from node.wall import WallClock
from paifang_wire import keys, messages, rules
from roles import air_quality, smart_meter
from roles.shared.sensing import Sensor

from .fakes import Clock, Nvs, Random, Records, complete, raises

PERIOD = 1 << 30


class Ticks:
    def __init__(self, start):
        self.now = start

    def ticks_ms(self):
        return self.now % PERIOD

    @staticmethod
    def ticks_diff(end, start):
        return ((end - start + PERIOD // 2) % PERIOD) - PERIOD // 2


def test_uptime_goes_on_over_the_wrap():
    random = Random(3)
    for start in (0, PERIOD - 1, PERIOD - 5000):
        ticks = Ticks(start)
        uptime = Uptime(ticks.ticks_ms, ticks.ticks_diff, None)
        total = 0
        for _ in range(300):
            step = random.below(512) << 20 | random.below(1 << 20)
            ticks.now += step
            total += step
            assert uptime.now_ms() == total
        assert total > 50 * PERIOD


def test_uptime_stands_still_when_ticks_do():
    ticks = Ticks(PERIOD - 1)
    uptime = Uptime(ticks.ticks_ms, ticks.ticks_diff, None)
    assert [uptime.now_ms(), uptime.now_ms()] == [0, 0]
    ticks.now += 1
    assert uptime.now_ms() == 1


def test_no_utc_before_an_answer():
    wall = WallClock()
    assert wall.utc_ms(5) is None
    assert not wall.learn(0, None, 10)
    assert wall.utc_ms(5) is None


def test_utc_is_taken_at_half_the_round_trip():
    wall = WallClock()
    assert wall.learn(1000, 1_700_000_000_000, 1200)
    assert wall.utc_ms(1100) == 1_700_000_000_000
    assert wall.utc_ms(0) == 1_699_999_998_900
    assert wall.synced_at_ms == 1200


def test_utc_of_a_slow_or_impossible_answer_is_not_taken():
    wall = WallClock()
    assert not wall.learn(0, 5, 5001)
    assert not wall.learn(20, 5, 10)
    assert wall.utc_ms(0) is None


def test_boot_count_is_persisted_and_keys_are_derived():
    master = bytes(range(32))
    nvs = Nvs(master=master, epoch=3)
    assert open_identity(nvs, "ward-1") == (1, keys.node_key(master, "ward-1", 3), keys.receipt_key(master))
    assert nvs.stored["boot"] == 1
    assert not nvs.staged
    assert open_identity(nvs, "ward-1")[0] == 2


def test_identity_that_cannot_be_used():
    for nvs, word in (
        (Nvs(), "missing"),
        (Nvs(master=bytes(32)), "missing"),
        (Nvs(master=bytes(16), epoch=1), "32 bytes"),
    ):
        assert word in str(raises(IdentityError, open_identity, nvs, "w"))
    worn = Nvs(master=bytes(32), epoch=1, boot=7)
    worn.is_worn_out = True
    assert "worn" in str(raises(IdentityError, open_identity, worn, "w"))


def node_records(capacity=1500):
    clock, outbox, calls = Clock(), Outbox(capacity), []
    return NodeRecords(4, outbox, clock, WallClock(), lambda: calls.append(1)), outbox, clock, calls


def taken(outbox):
    found = []
    outbox.window = 1 << 20
    outbox.rewind()
    while True:
        data = outbox.take(0)
        if data is None:
            return found
        found.append(messages.decode(data))


def test_records_are_numbered_at_creation():
    records, outbox, clock, calls = node_records()
    clock.ms = 77
    records.report({1: 5, 2: None}, {2: messages.MUTE})
    records.event(messages.EV_STARTED, None, "x" * 100)
    assert taken(outbox) == [
        [messages.REPORT, 4, 1, 77, None, {1: 5, 2: None}, {2: messages.MUTE}],
        [messages.EVENT, 4, 2, 77, None, messages.EV_STARTED, None, "x" * 64],
    ]
    assert len(calls) == 2


def test_dropping_is_told_once_until_there_is_room_again():
    records, outbox, _, _ = node_records(300)

    def told():
        return sum(1 for message in taken(outbox) if message[0] == messages.EVENT)

    for number in range(60):
        records.report({1: number}, {})
    assert outbox.dropped > 30
    before = outbox.dropped
    assert told() <= 1
    outbox.acknowledge(outbox.next_number - 1, 0, 0)
    records.report({1: 0}, {})
    while outbox.dropped == before:
        records.report({1: 1}, {})
    assert told() == 1


class Driver:
    def __init__(self):
        self.answer = None

    async def read(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


ROWS = air_quality.POINTS[3:6]


def poll(answer, sensor, driver):
    driver.answer = answer
    return complete(sensor.poll())


def test_a_fault_is_flagged_each_time_and_told_once():
    driver, records = Driver(), Records()
    sensor = Sensor("BME280", driver, ROWS, records)
    assert poll(((2500, 5000, 101325), messages.GOOD), sensor, driver) == (2500, 5000, 101325)
    for _ in range(3):
        assert poll(SensorFault(messages.ABSENT, "no answer"), sensor, driver) is None
    poll(SensorFault(messages.GARBLED, "noise"), sensor, driver)
    poll(((2500, 5000, 101325), messages.GOOD), sensor, driver)
    assert records.reports[0] == ({4: 2500, 5: 5000, 6: 101325}, {})
    assert records.reports[1] == ({4: None, 5: None, 6: None}, {4: 4, 5: 4, 6: 4})
    assert records.events == [
        (messages.EV_SENSOR_ABSENT, 4, "BME280: no answer"),
        (messages.EV_SENSOR_GARBLED, 4, "BME280: noise"),
        (messages.EV_RECOVERED, 4, "BME280"),
    ]


def test_what_a_chip_cannot_measure_is_no_value():
    driver, records = Driver(), Records()
    sensor = Sensor("BME280", driver, ROWS, records)
    for _ in range(2):
        assert poll(((2500, 5000, 5), messages.GOOD), sensor, driver) is None
    assert records.reports[1] == ({4: None, 5: None, 6: None}, {4: 3, 5: 3, 6: 3})
    assert records.events == [(messages.EV_IMPLAUSIBLE, 4, "BME280: pressure 5 is outside 30000 to 110000")]


def test_settling_is_flagged_and_is_no_event():
    driver, records = Driver(), Records()
    sensor = Sensor("BME280", driver, ROWS, records)
    poll(((2500, 5000, 101325), messages.SETTLING), sensor, driver)
    assert records.reports == [({4: 2500, 5: 5000, 6: 101325}, {4: 1, 5: 1, 6: 1})]
    assert records.events == []


class FakeRelay:
    def __init__(self):
        self.level = 1
        self.refusal = 0

    def request(self, wanted):
        if not self.refusal:
            self.level = wanted
        return self.refusal

    def position(self):
        return self.level

    def is_faulty(self):
        return False

    def to_fail_safe(self, lock=False):
        self.level = 0


def meter(relay_class=1):
    driver, relay, records = Driver(), FakeRelay(), Records()
    points = smart_meter.points({"class": relay_class})
    role = smart_meter.SmartMeter(points, driver, relay, Clock(), 1000)
    role.attach(records)
    return role, driver, relay, records


def watts(role, driver, power):
    driver.answer = ((2300, 1000, power, 5, 500, 100, 0), messages.GOOD)
    complete(role._work())


def test_the_load_is_shed_above_the_limit():
    role, driver, relay, records = meter()
    assert complete(role.write(8, 2000)) == (0, 23000, 2000)
    watts(role, driver, 20_001)
    watts(role, driver, 20_000)
    watts(role, driver, 20_001)
    assert relay.level == 1
    relay.refusal = messages.TOO_SOON
    watts(role, driver, 20_001)
    assert (relay.level, records.events) == (1, [])
    relay.refusal = 0
    watts(role, driver, 20_001)
    assert relay.level == 0
    watts(role, driver, 20_001)
    assert records.events == [(messages.EV_SAFE_STATE, 16, "load shed: 2000 W above the limit of 2000 W")]
    assert {8: 2000} in [values for values, _ in records.reports]


def billed_at_s(role, driver, records, seconds):
    """When it billed, looked at every 10 s."""
    clock, found = role._uptime, []
    records.clock = clock
    for _ in range(seconds // 10):
        before = len(records.bills)
        watts(role, driver, 100)
        records.reports.clear()
        found += [clock.ms // 1_000] * (len(records.bills) - before)
        clock.ms += 10_000
    return found


def test_a_meter_bills_at_full_quarters_of_an_hour():
    role, driver, _, records = meter()
    assert billed_at_s(role, driver, records, 2_000) == [900, 1_800]
    assert records.bills == [{4: 5}] * 2
    records.offset_ms = 1_790_000_200_000  # from now on it knows: such a quarter was 100 s before each of its own
    assert billed_at_s(role, driver, records, 2_000) == [2_700, 3_500]


def test_a_mute_meter_bills_once_it_answers():
    role, driver, _, records = meter()
    watts(role, driver, 100)
    role._uptime.ms = 1_000_000
    driver.answer = SensorFault(messages.MUTE, "no answer")
    complete(role._work())
    assert records.bills == []
    watts(role, driver, 100)
    assert records.bills == [{4: 5}]


def test_no_load_is_connected_to_a_voltage_that_is_too_high_or_not_known():
    for relay_class, op in ((1, messages.OP_DIRECT), (2, messages.OP_SELECT), (3, messages.OP_SELECT)):
        role, driver, _, _ = meter(relay_class)

        def refusal(value, op=op, role=role):
            return rules.refusal(role.POINTS, 16, op, value, None, role.read)

        assert (refusal(1), refusal(0)) == (messages.INTERLOCK, 0)
        for voltage, expected in ((2530, 0), (2531, messages.INTERLOCK), (2300, 0)):
            driver.answer = ((voltage, 1000, 0, 5, 500, 100, 0), messages.GOOD)
            complete(role._work())
            assert (refusal(1), refusal(0)) == (expected, 0)
        driver.answer = SensorFault(messages.MUTE, "no answer")
        complete(role._work())
        assert (refusal(1), refusal(0)) == (messages.INTERLOCK, 0)


def test_the_safe_state_of_a_meter_is_no_load():
    role, _, relay, _ = meter(3)
    relay.level = 1
    assert complete(role.to_safe(16)) == (0, 1, 0)
    assert complete(role.to_safe(8)) == (0, 23000, 0)
    assert (role.read(16), role.read(8)) == (0, 0)


def test_descriptions_have_the_shape_of_the_wire():
    from node.description import Description
    from node.runtime import HEALTH
    from roles.traffic_signal.describing import table

    all_roles = (air_quality.POINTS, smart_meter.points({"class": 1}), smart_meter.points({"class": 3}), table())
    for described in all_roles:
        points = described + HEALTH
        description = Description(points)
        assert [tuple(row) for row in description] == list(points)
        assert messages.decode(description.message()) == [messages.DESCRIBE, description.hash, list(description)]
        numbers = [row[0] for row in points]
        assert len(set(numbers)) == len(numbers)
        assert min(row[0] for row in HEALTH) == 32
