"""A node that is enrolled and means harm: what it says is authentic, and still hinders nobody else."""

from __future__ import annotations

from far_side import POINTS, key_of, until

from paifang_wire import errors, messages

GREATEST = (1 << 63) - 1
"""What a column of the store holds."""


async def test_a_node_that_has_counted_to_the_end_hinders_nobody(house):
    """What the file's integers hold no more is refused: a commit with it in would fail for ever."""
    far = await house.enrolled(boot=2)
    for boot in (1, 2):
        far.say([messages.GAP, boot, 1, GREATEST, 1])
    await far.acked_up_to(GREATEST)
    far.report(GREATEST + 1)
    await until(lambda: house.refused == {errors.SHAPE: 1})

    other = await house.enrolled("meter-2")
    other.report(1)
    await other.acked_up_to(1)
    assert [row["node"] for row in await house.ask("nodes.list")] == ["meter-1", "meter-2"]


async def test_a_boot_count_that_no_node_can_have_is_refused(house):
    """Setting such boots aside again and again, the store would run out of numbers: the node could not be removed."""
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)
    far = house.far(boot=1 << 31)
    await far.open()
    far.send_raw(far.hello())
    await until(lambda: house.refused == {errors.SHAPE: 1})
    assert far.heard.empty()

    for _ in range(3):
        far = house.far(boot=(1 << 31) - 1)
        await far.connect()
        far.report(1)
        await far.acked_up_to(1)
        await house.ask("nodes.reset-boot", node="meter-1")
    assert len(house.records()) == 3


async def test_a_node_that_changes_its_description_all_the_time_takes_no_more_room(house):
    """Descriptions are kept for ever, because records of long ago are read by them."""
    await house.enrolled()
    known = house.gateway.store.registry.descriptions
    far = house.far()
    for number in range(25):
        await far.hang_up()
        far.points = (*POINTS, (99, f"point {number}", "", messages.INT, 0, None, None, 0, None))
        await far.connect()
    await until(lambda: errors.RATE in house.refused)
    assert len(known) <= 20
    assert len(house.gateway.nodes.desk._tables) <= 20
