"""Every kind of frame that must be refused: counted by its reason, answered with silence, and nothing has changed."""

from __future__ import annotations

import asyncio
import random

import pytest
from far_side import CURRENT, RELAY, VOLTAGE, FarNode, key_of, until

from paifang_wire import errors, messages
from paifang_wire.framing import stream_frame


async def hello_only(house, far: FarNode) -> None:
    await far.open()
    far.send_raw(far.hello())


async def test_an_unknown_node_is_remembered_and_gets_no_answer(house):
    far = house.far("stranger")
    await hello_only(house, far)
    await until(lambda: house.refused == {errors.UNKNOWN_NODE: 1})

    (stranger,) = await house.ask("nodes.list", unknown=True)
    assert (stranger["node"], stranger["count"]) == ("stranger", 1)
    assert far.heard.empty()
    assert (await house.ask("nodes.list")) == []


async def test_a_boot_count_that_started_again_is_no_second_life_of_the_same_boot(house):
    """As after an NVS written anew: believed, its records would pass for those that are stored."""
    first = await house.enrolled(boot=1)
    first.report(1)
    await first.acked_up_to(1)
    again = house.far(boot=1)
    again.uptime_ms = first.uptime_ms - 1
    await hello_only(house, again)
    await until(lambda: house.refused == {errors.BOOT_BACK: 1})
    await house.ask("nodes.reset-boot", node=again.node)
    await again.hang_up()
    await again.connect()
    again.report(1)
    await again.acked_up_to(1)
    assert len(house.records()) == 2


async def test_no_more_than_so_many_strangers_are_remembered(house):
    strangers = house.gateway.nodes.desk.strangers
    for number in range(1000):
        strangers.note(f"made-up-{number}", "10.0.0.1:1", 5)
    known = await house.ask("nodes.list", unknown=True)
    assert len(known) == 256
    assert known[0]["node"] == "made-up-999"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"site": "ward-2"}, errors.WRONG_SITE),
        ({"boot": 2}, errors.BOOT_BACK),
        ({"key": key_of("somebody else")}, errors.BAD_MAC),
    ],
)
async def test_a_hello_that_is_not_believed(house, changes, reason):
    honest = await house.enrolled(boot=3)
    far = house.far(boot=3)
    for name, value in changes.items():
        setattr(far, name, value)
    await hello_only(house, far)
    await until(lambda: house.refused == {reason: 1})

    assert far.heard.empty()
    (row,) = await house.ask("nodes.list")
    assert (row["connected"], row["refused"]["reason"], row["refused"]["hellos"]) == (True, reason, 1)
    honest.report(1)
    await honest.acked_up_to(1)


@pytest.mark.parametrize(
    ("changes", "reason", "hint"),
    [
        ({"site": "ward-2"}, errors.WRONG_SITE, "config.json"),
        ({"boot": 2}, errors.BOOT_BACK, "paifang nodes reset-boot far"),
        ({"key": key_of("somebody else")}, errors.BAD_MAC, "paifang nodes remove far"),
    ],
)
async def test_an_operator_is_told_why_a_node_stays_away(house, changes, reason, hint):
    honest = await house.enrolled("far", boot=3)
    await honest.hang_up()
    await until(lambda: not house.gateway.nodes.desk.sessions)
    far = house.far("far", boot=3)
    for name, value in changes.items():
        setattr(far, name, value)
    await hello_only(house, far)
    await until(lambda: house.refused == {reason: 1})

    (finding,) = [found for found in await house.ask("check") if found["subject"] == "nodes"]
    assert finding["message"] == f"far is refused: {reason}"
    assert hint in finding["hint"]

    await honest.connect()
    await honest.hang_up()
    await until(lambda: not house.gateway.nodes.desk.sessions)
    assert [found for found in await house.ask("check") if found["subject"] == "nodes"] == []
    assert (await house.ask("nodes.list"))[0]["refused"] is None


async def test_no_more_than_so_many_refused_names_are_remembered(house):
    turned_away = house.gateway.nodes.desk.counters.turned_away
    for number in range(1000):
        turned_away.note(f"made-up-{number}", errors.WRONG_SITE, "10.0.0.1:1", 5)
    turned_away.note("flooding", errors.RATE, "10.0.0.1:1", 5)
    assert turned_away.of("made-up-743") is None
    assert turned_away.of("made-up-744") is not None
    assert turned_away.of("flooding") is None


async def test_a_replayed_hello_does_not_displace_the_live_session(house):
    honest = await house.enrolled()
    await honest.hang_up()
    await honest.open()
    hello = honest.hello()
    honest.send_raw(hello)
    await honest.hear(messages.WELCOME)
    honest.say([messages.CLOCK, 2_000])
    await honest.hear(messages.TIME)

    attacker = house.far()
    await attacker.open()
    attacker.send_raw(hello)
    attacker.send_raw(honest.session.send([messages.CLOCK, 3_000]))
    await until(lambda: house.refused.get(errors.BAD_MAC) == 1)
    honest.report(1)
    await honest.acked_up_to(1)

    assert (await house.ask("metrics"))["displaced"] == 0
    assert not honest.closed.is_set()


async def test_a_replayed_hello_on_the_same_connection_changes_nothing(house):
    far = await house.enrolled()
    await far.hang_up()
    await far.open()
    hello = far.hello()
    far.send_raw(hello)
    await far.hear(messages.WELCOME)
    for number in (1, 2, 3):
        far.report(number)
        if number == 2:
            far.send_raw(hello)
    await far.acked_up_to(3)


async def test_a_replayed_record_is_refused(house):
    far = await house.enrolled()
    frame = far.report(1)
    await far.acked_up_to(1)
    far.send_raw(frame)
    await until(lambda: house.refused == {errors.REPLAY: 1})
    assert len(house.records()) == 1


async def test_every_flipped_bit_is_refused_and_the_session_lives_on(house, tier_size):
    far = await house.enrolled()
    frame = far.session.send([messages.REPORT, 1, 1, 5_000, None, {VOLTAGE: 2300}, {}])
    bits = range(len(frame) * 8)
    chosen = random.Random(7).sample(bits, tier_size(80, len(bits)))
    for bit in chosen:
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        far.send_raw(bytes(damaged))
    await until(lambda: sum(house.refused.values()) == len(chosen))

    assert set(house.refused) <= {errors.BAD_MAC, errors.SHAPE, errors.REPLAY, errors.NO_SESSION}
    assert house.refused[errors.BAD_MAC] > 0
    assert house.records() == []
    far.send_raw(frame)
    await far.acked_up_to(1)


@pytest.mark.parametrize(
    ("values", "quality", "reason"),
    [
        ({99: 1}, {}, errors.UNKNOWN_POINT),
        ({VOLTAGE: 2300}, {CURRENT: messages.MUTE}, errors.UNKNOWN_POINT),
        ({RELAY: 2}, {}, errors.BAD_TYPE),
        ({VOLTAGE: 3001}, {}, errors.OVER_LIMIT),
        ({VOLTAGE: -1}, {VOLTAGE: messages.STALE}, errors.OVER_LIMIT),
    ],
)
async def test_a_value_that_the_description_does_not_allow(house, values, quality, reason):
    far = await house.enrolled()
    far.report(1, values, quality)
    await until(lambda: house.refused == {reason: 1})
    assert house.records() == []
    assert far.acked.get(1, (0, 0))[0] == 0


async def test_a_value_beyond_its_limit_that_says_so_is_stored(house):
    far = await house.enrolled()
    far.report(1, {VOLTAGE: 3500}, {VOLTAGE: messages.OUT_OF_RANGE})
    await far.acked_up_to(1)
    (reading,) = await house.ask("read")
    assert (reading["value"], reading["quality"]) == (350.0, "out-of-range")


async def test_a_report_before_the_description_is_refused(house):
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    far = house.far()
    await hello_only(house, far)
    await far.hear(messages.WELCOME)
    far.say([messages.CLOCK, 1])
    far.report(1)
    await until(lambda: house.refused == {errors.UNKNOWN_POINT: 1})


async def test_a_description_that_is_not_the_hellos_is_refused(house):
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    far = house.far()
    await hello_only(house, far)
    await far.hear(messages.WELCOME)
    far.say([messages.DESCRIBE, far.description_hash, far.points[:1]])
    far.say([messages.DESCRIBE, bytes(8), far.points])
    await until(lambda: house.refused == {errors.SHAPE: 2})


@pytest.mark.parametrize(
    "message",
    [
        [messages.REPORT, 1, 1, 1 << 63, None, {VOLTAGE: 1}, {}],
        [messages.REPORT, 1, 1, 5, 1 << 63, {VOLTAGE: 1}, {}],
        [messages.REPORT, 2, 1, 5, None, {VOLTAGE: 1}, {}],
        [messages.GAP, 1, 1, 1 << 63, 1],
        [messages.CLOCK, 1 << 63],
    ],
)
async def test_numbers_that_no_node_can_mean_are_refused(house, message):
    far = await house.enrolled()
    far.say(message)
    await until(lambda: house.refused == {errors.SHAPE: 1})
    far.report(1)
    await far.acked_up_to(1)


async def test_a_record_far_ahead_is_not_acknowledged_nor_what_lies_before_it(house):
    far = await house.enrolled()
    far.report(5_000)
    await until(lambda: house.refused == {errors.OVER_LIMIT: 1})
    far.report(1)
    await far.acked_up_to(1)
    assert far.acked[1] == (1, 0)


async def test_a_session_frame_without_a_session(house):
    honest = await house.enrolled()
    far = house.far("nobody")
    await far.open()
    far.send_raw(honest.session.send([messages.CLOCK, 1]))
    await until(lambda: house.refused == {errors.NO_SESSION: 1})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x59\x10\x01" + bytes(4097), errors.TOO_LONG),
        (b"\x5a\x00\x10\x00\x00", errors.TOO_LONG),
        (b"\x5f\x41\x00\xff", errors.NOT_CBOR),
        (b"\x16\x03\x01\x02\x00\x01", errors.NOT_CBOR),
        (b"\x58\x01\x00", errors.NOT_CBOR),
    ],
)
async def test_a_broken_stream_is_counted_and_closed(house, data, reason):
    far = house.far()
    await far.open()
    far.send_bytes(data)
    async with asyncio.timeout(10):
        await far.closed.wait()
    assert house.refused == {reason: 1}


async def test_a_flood_of_hellos_is_cut_off_and_an_honest_node_gets_in(house):
    far = house.far("stranger")
    await far.open()
    hello = far.hello()
    far.send_bytes(stream_frame(hello) * 500)
    await until(lambda: sum(house.refused.values()) == 500)
    assert house.refused[errors.RATE] >= 450

    honest = await house.enrolled()
    honest.report(1)
    await honest.acked_up_to(1)


async def test_replays_of_a_nodes_hellos_do_not_use_up_its_own(house):
    honest = await house.enrolled()
    await honest.hang_up()
    await honest.open()
    hello = honest.hello()
    await honest.hang_up()
    for _ in range(20):
        attacker = house.far()
        await attacker.open()
        attacker.send_raw(hello)
        attacker.send_raw(hello)
        await attacker.hang_up()
    await until(lambda: house.refused.get(errors.RATE, 0) >= 30)

    await honest.connect()
    honest.report(1)
    await honest.acked_up_to(1)


async def waiting_at_the_door(house, boot: int) -> FarNode:
    """A node with a welcome in its hand that has not spoken yet."""
    far = house.far(boot=boot)
    await hello_only(house, far)
    await far.hear(messages.WELCOME)
    return far


async def test_a_node_removed_between_hello_and_first_word_does_not_get_in(house):
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    far = await waiting_at_the_door(house, 1)
    await house.ask("nodes.remove", node="meter-1")
    await house.ask("nodes.add", node="meter-1", key=key_of("another").hex(), epoch=2)
    far.say([messages.CLOCK, 1])
    far.report(1)
    await far.closed.wait()
    assert house.refused[errors.UNKNOWN_NODE] == 1
    assert house.records() == []
    assert not house.gateway.nodes.desk.sessions


async def test_an_old_boot_does_not_come_alive_after_a_newer_one(house):
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    old = await waiting_at_the_door(house, 1)
    new = house.far(boot=2)
    await new.connect()
    old.say([messages.CLOCK, 1])
    await old.closed.wait()
    assert house.refused == {errors.BOOT_BACK: 1}
    new.report(1)
    await new.acked_up_to(1)


async def test_noise_of_any_kind_stops_nothing(house, tier_size):
    honest = await house.enrolled()
    noise = random.Random(11)
    far = house.far()
    await far.open()
    for _ in range(tier_size(300, 20_000)):
        far.send_raw(noise.randbytes(noise.randrange(1, 200)))
    honest.report(1)
    await honest.acked_up_to(1)
    await until(lambda: sum(house.refused.values()) == tier_size(300, 20_000))
