"""From hello to the acknowledged record, over a real socket."""

from __future__ import annotations

from far_side import CURRENT, VOLTAGE, key_of, until

from paifang.nodes.clocks import Clocks
from paifang_wire import messages


async def test_a_record_is_stored_acknowledged_and_read_back(house):
    far = await house.enrolled()
    far.report(1, {VOLTAGE: 2312, CURRENT: None}, {CURRENT: messages.MUTE})
    await far.acked_up_to(1)

    assert house.records() == [("meter-1", 1, 1)]
    voltage, current = await house.ask("read", node="meter-1")
    assert (voltage["point"], voltage["value"], voltage["unit"], voltage["quality"]) == ("voltage", 231.2, "V", "good")
    assert (current["value"], current["quality"]) == (None, "mute")


async def test_the_description_is_asked_for_once(house):
    first = await house.enrolled("meter-1")
    second = await house.enrolled("meter-2")

    assert first.welcome[6] is True
    assert second.welcome[6] is False


async def test_the_welcome_names_what_is_synced_of_the_newest_boots(start):
    house = await start()
    for boot in range(1, 11):
        far = house.far(boot=boot)
        await house.ask("nodes.add", node=far.node, key=far.key.hex(), epoch=1)
        await far.connect()
        for number in range(1, boot + 1):
            far.report(number)
        await far.acked_up_to(boot)
        await far.hang_up()

    far = house.far(boot=11)
    assert (await far.connect())[5] == [[boot, boot] for boot in range(10, 2, -1)]


async def test_the_welcome_names_the_backlog_of_a_boot_that_has_one(start):
    house = await start()
    for boot, numbers in ((1, (1, messages.BACKLOG + 1)), (2, (1,)), (3, (messages.BACKLOG + 1, messages.BACKLOG + 2))):
        far = house.far(boot=boot)
        await house.ask("nodes.add", node=far.node, key=far.key.hex(), epoch=1)
        await far.connect()
        for number in numbers:
            far.report(number)
        await far.acked_up_to(numbers[-1])
        await far.hang_up()

    far = house.far(boot=4)
    backlog = messages.BACKLOG
    expected = [[3, 0], [3, backlog + 2], [2, 1], [1, 1], [1, backlog + 1]]
    assert (await far.connect())[5] == expected
    far.say([messages.REPORT, 3, backlog + 3, 70, None, {1: 2300}, {}])
    await far.acked_up_to(backlog + 3, boot=3)


async def test_a_resend_after_a_lost_ack_is_stored_once_and_acknowledged_again(house):
    far = await house.enrolled()
    far.report(1)
    await far.acked_up_to(1)
    await far.hang_up()

    await far.connect()
    far.acked.clear()
    far.report(1)
    far.report(2)
    await far.acked_up_to(2)

    assert house.records() == [("meter-1", 1, 1), ("meter-1", 1, 2)]
    assert (await house.ask("metrics"))["duplicates"] == 1


async def test_records_out_of_order_are_acknowledged_by_bitmap(house):
    far = await house.enrolled()
    far.report(1)
    far.report(3)
    await until(lambda: far.acked.get(1) == (1, 0b10))
    far.report(2)
    await far.acked_up_to(3)

    assert far.acked[1] == (3, 0)


async def test_records_of_a_boot_that_never_connected_are_of_points_that_are_known(house):
    far = await house.enrolled(boot=5)

    far.say([messages.REPORT, 4, 1, 10, None, {1: 2300}, {}])
    await far.acked_up_to(1, boot=4)

    described = "SELECT DISTINCT description FROM boots"
    assert await house.gateway.store.read(lambda found: found.execute(described).get) == far.description_hash


async def test_backlog_of_an_earlier_boot_keeps_its_boot(house):
    before = await house.enrolled(boot=4)
    before.report(1)
    await before.acked_up_to(1)
    await before.hang_up()

    far = house.far(boot=5)
    await far.connect()
    far.say([messages.REPORT, 4, 2, 77, None, {VOLTAGE: 2301}, {}])
    far.report(1)
    await far.acked_up_to(2, boot=4)
    await far.acked_up_to(1, boot=5)

    assert house.records() == [("meter-1", 4, 1), ("meter-1", 4, 2), ("meter-1", 5, 1)]


async def test_a_declared_gap_settles_its_numbers_once(house):
    far = await house.enrolled()
    far.report(1)
    for _ in range(2):
        far.say([messages.GAP, 1, 2, 40, messages.GAP_QUEUE_FULL])
    far.report(41)
    await far.acked_up_to(41)

    assert house.records() == [("meter-1", 1, 1), ("meter-1", 1, 41)]
    assert (await house.ask("metrics"))["gaps"] == {"queue-full": 39}
    (row,) = await house.ask("nodes.list")
    assert (row["stored"], row["lost"], row["highest"]) == (2, 39, 41)


async def test_an_event_is_stored_and_named(house):
    far = await house.enrolled()
    far.say([messages.EVENT, 1, 1, 500, None, messages.EV_SENSOR_MUTE, VOLTAGE, "no answer"])
    await far.acked_up_to(1)

    (event,) = await house.ask("events", node="meter-1")
    assert (event["event"], event["point"], event["detail"]) == ("sensor-mute", "voltage", "no answer")


async def test_a_second_session_displaces_the_first_when_it_speaks(house):
    first = await house.enrolled()
    second = house.far()
    second.handshakes = 7
    await second.connect()

    await first.hear(messages.BYE)
    await first.closed.wait()
    second.report(1)
    await second.acked_up_to(1)
    assert (await house.ask("metrics"))["displaced"] == 1


async def test_a_goodbye_ends_the_session(house):
    far = await house.enrolled()
    far.say([messages.BYE, 0])
    await far.closed.wait()

    await until(lambda: not house.gateway.nodes.desk.sessions)
    (row,) = await house.ask("nodes.list")
    assert row["link"] == "offline"


async def test_a_node_that_starts_to_count_anew_is_believed_after_reset_boot(house):
    far = await house.enrolled(boot=5)
    far.report(1)
    await far.acked_up_to(1)
    await far.hang_up()

    again = house.far(boot=1)
    await again.open()
    again.send_raw(again.hello())
    await until(lambda: house.refused == {"boot-went-back": 1})
    await again.hang_up()

    await house.ask("nodes.reset-boot", node="meter-1")
    await again.connect()
    for number in (1, 2):
        again.report(number)
    await again.acked_up_to(2)
    assert len(house.records()) == 3, "boot 1 of the new life is not boot 5, and not the old boot 1 either"
    assert (await house.ask("nodes.list"))[0]["stored"] == 3


async def test_a_removed_node_is_unknown_and_its_records_stay(house):
    far = await house.enrolled()
    far.report(1)
    await far.acked_up_to(1)
    await house.ask("nodes.remove", node="meter-1")
    await far.closed.wait()

    again = house.far()
    await again.open()
    again.send_raw(again.hello())
    await until(lambda: house.refused == {"unknown-node": 1})
    assert len(house.records()) == 1
    assert len(await house.ask("read", node="meter-1")) == 1

    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=2)
    await again.hang_up()
    await again.connect()
    again.report(1)
    await again.acked_up_to(1)
    assert len(house.records()) == 2


async def test_readings_before_the_time_is_known_are_dated_when_it_is(start):
    house = await start()
    far = await house.enrolled()
    far.report(1)
    await far.acked_up_to(1)

    (reading,) = await house.ask("read")
    link = house.gateway.nodes.desk.sessions["meter-1"]
    assert reading["utc_ms"] == reading["uptime_ms"] + link.boot.offset_ms
    assert reading["time_uncertain"] is False


async def test_readings_of_a_boot_that_never_had_the_time_say_so(start):
    house = await start(clocks=Clocks(utc_ms=lambda: 86_400_000))
    far = await house.enrolled()
    assert far.welcome[3:5] == [None, messages.TIME_NONE]
    far.report(1)
    await far.acked_up_to(1)

    (reading,) = await house.ask("read")
    assert (reading["utc_ms"], reading["time_uncertain"]) == (None, True)
    assert reading["uptime_ms"] == far.uptime_ms
    assert any(finding["subject"] == "clock" for finding in await house.ask("check"))


async def test_the_time_that_the_node_gives_is_kept(house):
    far = await house.enrolled()
    far.say([messages.REPORT, 1, 1, 50, 1_800_000_000_000, {VOLTAGE: 1}, {}])
    await far.acked_up_to(1)
    (reading,) = await house.ask("read")
    assert reading["utc_ms"] == 1_800_000_000_000
