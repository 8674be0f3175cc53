"""Hello to acknowledged record, over a real socket."""

from __future__ import annotations

import asyncio

import pytest
from far_side import CURRENT, VOLTAGE, until

from paifang_wire import messages


async def test_a_record_is_stored_acknowledged_and_read_back(house):
    far = await house.enrolled()
    far.report(1, {VOLTAGE: 2312, CURRENT: None}, {CURRENT: messages.MUTE})
    await far.acked_up_to(1)

    assert house.records() == [("meter-1", 1, 1)]
    voltage, current = await house.ask("read", node="meter-1")
    assert (voltage["point"], voltage["value"], voltage["unit"], voltage["quality"]) == ("voltage", 231.2, "V", "good")
    assert (current["value"], current["quality"]) == (None, "mute")
