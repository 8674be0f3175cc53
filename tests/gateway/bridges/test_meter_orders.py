"""Orders for meters: relays and valves are set before all polls, and read back; what cannot be says so."""

from __future__ import annotations

from datetime import datetime

import pytest
from virtual_meters import CATALOGUE, Cjt188Meter, Dlt645Meter, MbusMeter, MeterLine, faster

from paifang.bridges.cjt188 import frame as cjt188_frame
from paifang.bridges.cjt188 import meter as cjt188
from paifang.bridges.dlt645 import meter as dlt645
from paifang.bridges.dlt645 import relay
from paifang.bridges.engines import engine_of
from paifang.bridges.errors import FrameError
from paifang.bridges.meter import Configured, Wish
from paifang.bridges.writes import Written
from paifang.profiles.model import Cjt188Ways
from paifang_rig.virtual_bus import MINUTE, NEVER, SECOND
from paifang_wire import messages

EXPIRES = datetime(2026, 11, 28, 12, 0)  # noqa: DTZ001 - a meter's own clock


def wish(point, value, expires_us=NEVER):
    return Wish(point, value, f"{point}={value}", expires_us, EXPIRES)


def written(line):
    return [event for event in line.events if isinstance(event, Written)]


def relay_line(*, password=b"\x11\x22\x33"):
    meter = Dlt645Meter(1)
    line = MeterLine("dlt645", [meter, Dlt645Meter(2)], profile=faster(CATALOGUE.load("dlt645-single-phase")))
    line.bus.meters[meter.address] = dlt645.Meter(
        Configured(CATALOGUE.load("dlt645-single-phase"), meter.address, password=password)
    )
    return line, meter


def test_a_relay_is_set_before_all_polls_and_its_status_word_read_back():
    line, meter = relay_line()
    device = line.bus.meters[meter.address]
    line.at(10_200_000, lambda: line.bus.engine.order(device.order(wish("relay", 0))))
    line.at(20_100_000, lambda: line.bus.engine.order(device.order(wish("relay", 1))))
    line.run(40 * SECOND)
    assert [(order.action, order.level) for order in meter.orders] == [(relay.Action.TRIP, 2), (relay.Action.CLOSE, 2)]
    assert {order.expires - EXPIRES for order in meter.orders} == {dlt645.CLOCK_SLACK}
    block = next(read.block for read in line.reads if read.block.key == "04000503")
    shown = [device.readings(block, event.read_back)["relay"] for event in written(line)]
    assert [event.verdict for event in written(line)] == ["done", "done"]
    assert shown == [(0, messages.GOOD), (1, messages.GOOD)]


def test_a_wrong_password_is_refused_in_the_meters_words():
    line, meter = relay_line(password=bytes(3))
    line.bus.engine.order(line.bus.meters[meter.address].order(wish("relay", 0)))
    line.run(5 * SECOND)
    [event] = written(line)
    assert (event.verdict, line.bus.refusal(event.exception)) == ("refused", "wrong password or not authorised")
    assert not meter.relay_open


@pytest.mark.parametrize("late_us", range(2_200_000, 4_200_000, 100_000))
def test_what_was_read_before_an_order_is_not_taken_for_what_came_of_it(late_us):
    """The answer to a poll of the status word comes late, perhaps when the read-back of the order waits for one."""
    line, meter = relay_line()
    device = line.bus.meters[meter.address]
    is_status = bytes.fromhex("36383337")  # 04000503, low byte first, each + 33h

    def late_once(data, _dice):
        if is_status in data and not late:
            late.append(line.now_us)
            line.bus.engine.order(device.order(wish("relay", 0)))
            return [(late_us, data)]
        return [(0, data)]

    late = []
    line.spoil = late_once
    line.run(20 * SECOND)
    [event] = written(line)
    block = next(read.block for read in line.reads if read.block.key == "04000503")
    assert late
    assert meter.relay_open
    assert device.readings(block, event.read_back)["relay"] == (0, messages.GOOD)


def test_the_level_of_a_password_stands_before_it():
    profile = CATALOGUE.load("dlt645-single-phase")
    order = dlt645.Meter(Configured(profile, "1", password=bytes.fromhex("04112233"))).order(wish("relay", 0))
    assert relay.decode(order.write.frame).level == 4
    with pytest.raises(FrameError, match="meter 1: a password is P0 P1 P2"):
        dlt645.Meter(Configured(profile, "1", password=b"\x11"))


def test_a_profile_says_what_kind_a_meter_is_and_where_its_unit_stands():
    profile = CATALOGUE.load("cjt188-water")
    odd = profile.model_copy(update={"cjt188": Cjt188Ways(kind=0x20, unit_first=True)})
    meter = cjt188.Meter(Configured(odd, "1"))
    [block] = meter.items()["counter"]
    assert meter.ask(block).frame.kind == 0x20
    data = b"\x2c" + bytes.fromhex("00230100") + b"\x2c" + bytes(4) + bytes(7) + bytes(2)
    frame = cjt188_frame.Frame(0x20, "00000000000001", 0x81, cjt188_frame.READ_METER, 1, data)
    assert meter.readings(block, frame)["volume"] == (123_000, messages.GOOD)


def test_a_valve_is_set_and_read_back_when_its_motor_has_stopped():
    meter = Cjt188Meter(1)
    line = MeterLine("cjt188", [meter], profile=CATALOGUE.load("cjt188-water"))
    device = line.bus.meters[meter.address]
    line.run(5 * SECOND)
    line.bus.engine.order(device.order(wish("valve", 0)))
    line.run(MINUTE)
    [event] = written(line)
    found = device.readings(line.reads[0].block, event.read_back)
    assert (event.verdict, found["valve"], meter.valve_closed) == ("done", (0, messages.GOOD), True)


def test_what_cannot_be_set_says_so():
    line = MeterLine("mbus", [MbusMeter(1)])
    with pytest.raises(ValueError, match="mbus-heat has no command that sets volume"):
        line.bus.meters["1"].order(wish("volume", 1))
    water = engine_of("cjt188", [Configured(CATALOGUE.load("cjt188-water"), "1")], 2400)
    with pytest.raises(ValueError, match="sets volume"):
        water.meters["00000000000001"].order(wish("volume", 1))
    single = engine_of("dlt645", [Configured(CATALOGUE.load("dlt645-single-phase"), "1")], 2400)
    with pytest.raises(ValueError, match="sets voltage"):
        single.meters["000000000001"].order(wish("voltage", 1))
