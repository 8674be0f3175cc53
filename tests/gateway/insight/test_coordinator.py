"""The coordination of a junction through a whole gateway: advice becomes signed orders, and trouble becomes silence."""

from __future__ import annotations

import logging

import pytest
from avenue import CAMERA, COMMANDS, FLOW, MODE, PRIORITY, SIGNAL, STATE, signal_settings, write_key
from far_side import until
from near_side import settings_in
from persons import good_for

from paifang.errors import PaifangError
from paifang.insight import station
from paifang.insight.pressure import MaxPressure, Order
from paifang_wire import messages

HOLD = ("hold", 0b10_0010)
"""Phases 2 and 6, which are green."""


@pytest.fixture(autouse=True)
def advice(monkeypatch):
    """What is advised stands in the list: the service is looked at here, not what it is told."""
    orders = [Order(0, HOLD[1])]
    monkeypatch.setattr(MaxPressure, "advise", lambda _self, _traffic: tuple(orders))
    return orders


def warnings(caplog, when="call"):
    found = caplog.get_records(when)
    return [each.message for each in found if each.name == station.__name__ and each.levelno > logging.INFO]


async def test_advice_is_signed_sent_and_logged_under_the_delegation(street):
    grant = await street.delegate()
    await street.second()
    assert street.moves() == [HOLD]
    assert street.state["state"] == station.ADVISING
    assert street.state["orders"] == {"hold": [2, 6]}
    (command,) = await street.log("command")
    assert (command["delegation"], command["point"], command["reason"]) == (
        grant["id"],
        COMMANDS["hold"],
        station.REASON,
    )
    (row,) = await street.ask("delegations.list")
    assert row["used"] == street.state["sent"] == 1


async def test_it_is_sent_again_when_it_changes_or_is_about_to_lapse(street, advice):
    await street.delegate()
    await street.seconds(5)
    assert street.moves() == [HOLD]
    await street.second()
    assert street.moves() == [HOLD]
    advice[:] = [Order(1, 0b10)]
    await street.second()
    assert street.moves() == [("hold", 0), ("force_off", 0b10)]
    advice.clear()
    await street.seconds(12)
    assert street.moves() == [("force_off", 0)]


async def test_not_more_than_once_a_second(street, advice):
    await street.delegate()
    await street.second()
    advice[:] = [Order(0, 1)]
    await street.house.gateway.coordination.coordinator.round()
    assert street.moves() == [HOLD]
    await street.second()
    assert street.moves() == [("hold", 1)]


@pytest.mark.parametrize(("quiet", "seconds"), [(SIGNAL, 2), (CAMERA, 5)])
async def test_old_readings_silence_it_until_there_are_new_ones(street, caplog, quiet, seconds):
    await street.delegate()
    await street.second()
    assert street.moves() == [HOLD]
    await street.seconds(seconds - 1, quiet)
    assert street.state["state"] == station.ADVISING
    street.moves()
    await street.seconds(20, quiet)
    assert street.moves() == []
    assert (street.state["state"], street.state["orders"]) == (station.SILENT, {})
    assert f"{quiet} " in street.state["why"]
    (warning,) = warnings(caplog)
    assert "was read too long ago" in warning
    (finding,) = [each for each in await street.ask("check") if each["subject"] == "signals"]
    assert finding["level"] == "warning"
    await street.second()
    assert street.moves() == [HOLD]
    assert street.state["state"] == station.ADVISING
    assert len(warnings(caplog)) == 1


async def test_a_camera_that_is_gone_silences_it(street):
    await street.delegate()
    await street.second()
    await street.camera.hang_up()
    await until(lambda: CAMERA not in street.house.gateway.nodes.desk.sessions)
    street.moves()
    await street.seconds(7, CAMERA)
    assert street.moves() == []
    assert street.state["why"] == "camera-1 standing_2 is not known"


async def test_a_node_that_is_gone_silences_it_and_comes_back(street):
    await street.delegate()
    await street.second()
    await street.node.stop()
    await street.signal.hang_up()
    await until(lambda: SIGNAL not in street.house.gateway.nodes.desk.sessions)
    street.moves()
    await street.seconds(2, SIGNAL)
    assert street.state["why"] == "signal-1 is not connected"
    await street.node.connect()
    await street.seconds(5)
    assert street.moves() == [HOLD]


async def test_without_a_delegation_nothing_is_signed(street, caplog):
    await street.seconds(3)
    assert street.node.commands == []
    assert "nothing is delegated to the key" in street.state["why"]
    assert await street.log("refused") == []
    assert len(warnings(caplog, "setup") + warnings(caplog)) == 1


async def test_a_delegation_that_is_revoked_ends_it_at_once(street, caplog):
    grant = await street.delegate()
    await street.second()
    street.moves()
    await street.ask("delegations.revoke", id=grant["id"])
    await street.seconds(20)
    assert street.moves() == []
    assert street.state["why"] == f"the delegation {grant['id']} for max-pressure is revoked"
    assert [each["change"] for each in await street.log("delegation")] == ["add", "revoke"]
    assert len(await street.log("command")) == 1
    assert len(warnings(caplog)) == 1
    await street.delegate(rate=599)
    await street.second()
    assert street.moves() == [HOLD]


async def test_a_delegation_that_has_expired_ends_it(street):
    await street.delegate(expires_ms=good_for(8_000))
    await street.seconds(6)
    assert street.moves() == [HOLD, HOLD]
    await street.seconds(10)
    assert street.moves() == []
    assert street.state["why"].endswith("is expired")


async def test_a_delegation_s_rate_is_kept_and_not_run_into(street, advice, caplog):
    await street.delegate(rate=2)
    for phases in (1, 2, 4, 8):
        advice[:] = [Order(0, phases)]
        await street.second()
    assert street.moves() == [("hold", 1), ("hold", 2)]
    assert "used up" in street.state["why"]
    assert await street.log("refused") == []
    assert len(warnings(caplog)) == 1
    await street.seconds(30)
    assert street.moves()[0] == ("hold", 8)


async def test_the_gateway_s_own_rate_is_a_refusal_and_not_tried_each_second(street, advice):
    await street.delegate()
    for step in range(80):
        advice[:] = [Order(0, 1 + step % 2)]
        await street.second()
    assert 60 <= len(street.moves()) < 80
    refusals = await street.log("refused")
    assert {each["code"] for each in refusals} == {"rate"}
    assert len(refusals) <= 3


async def test_what_is_not_delegated_is_refused_logged_and_left_alone_for_a_while(street, caplog):
    await street.delegate(scope=((SIGNAL, "omit"),))
    await street.seconds(9)
    assert street.node.commands == []
    assert [each["code"] for each in await street.log("refused")] == ["no-authority"]
    assert "is not delegated" in street.state["why"]
    assert len(warnings(caplog)) == 1


async def test_a_node_that_refuses_is_left_alone_for_a_while(street):
    await street.delegate()
    street.node.refuse[messages.OP_DIRECT] = messages.INTERLOCK
    await street.seconds(9)
    assert len(street.node.commands) == 1
    assert street.state["why"] == "signal-1 did not take hold: interlock"
    street.node.refuse.clear()
    await street.seconds(4)
    assert street.moves() == [HOLD]
    assert (street.state["state"], street.state["refused"]) == (station.ADVISING, 1)


@pytest.mark.parametrize(
    ("point", "value", "why"),
    [
        (STATE, 3, "signal-1 does not run its phases"),
        (MODE, 1, "signal-1 is set to flash"),
        (PRIORITY, 2, "signal-1 is preempted"),
    ],
)
async def test_a_node_with_other_things_to_do_is_not_disturbed(street, caplog, point, value, why):
    await street.delegate()
    usual, street.values[point] = street.values[point], value
    await street.seconds(3)
    assert street.node.commands == []
    assert street.state["why"] == why
    assert warnings(caplog) == []
    street.values[point] = usual
    await street.second()
    assert street.moves() == [HOLD]


async def test_what_fails_in_it_fails_alone(street, advice):
    await street.delegate()
    advice[:] = [Order(99, 1)]
    await street.seconds(3)
    assert street.state["why"] == "IndexError: list index out of range"
    assert (await street.ask("status"))["state"] == "ok"


@pytest.mark.parametrize(
    ("passphrase", "kind", "why"),
    [("another passphrase", "service", "does not open"), (None, "person", "is a person key")],
)
async def test_a_key_that_does_not_do_is_told_and_corrected_by_a_reload(street, tmp_path, passphrase, kind, why):
    await street.delegate()
    gateway = street.house.gateway
    (tmp_path / "max-pressure.key").unlink()
    write_key(tmp_path, street.people, **{"passphrase": passphrase} if passphrase else {}, kind=kind)
    await gateway.reload(gateway.settings)
    await street.second()
    assert street.node.commands == []
    assert why in street.state["why"]
    (tmp_path / "max-pressure.key").unlink()
    write_key(tmp_path, street.people)
    await gateway.reload(gateway.settings)
    await street.second()
    assert street.moves() == [HOLD]


async def test_settings_come_and_go_with_a_reload(street, tmp_path):
    await street.delegate()
    gateway = street.house.gateway
    await gateway.reload(settings_in(gateway.settings.data, signals=()))
    await street.house.gateway.coordination.coordinator.round()
    assert gateway.coordination.status() == {}
    with pytest.raises(PaifangError, match="not among the"):
        await street.ask("signals.congestion", node=SIGNAL)
    only_watched = signal_settings(tmp_path, key=None, passphrase_file=None)
    await gateway.reload(settings_in(gateway.settings.data, signals=(only_watched,)))
    await street.seconds(2)
    assert street.node.commands == []
    assert street.state["state"] == station.WATCHING


async def test_status_and_congestion_over_the_control_socket(street):
    await street.delegate()
    for second in range(120):
        street.values[FLOW + 1] = int(second % 5 == 0)
        street.values[FLOW + 5] = None
        await street.second()
    found = {row["phase"]: row for row in await street.ask("signals.congestion", node=SIGNAL)}
    assert found[2]["flow_veh_h"] == pytest.approx(720)
    assert (found[2]["occupancy"], found[2]["green_share"], found[2]["level"]) == (5, 1.0, "A")
    assert (found[4]["level"], found[4]["why"]) == (None, "no green lately")
    assert (found[6]["flow_veh_h"], found[6]["why"]) == (None, "its flow is not reported")
    assert (await street.ask("status"))["signals"][SIGNAL]["state"] == station.ADVISING


async def test_a_wave_over_the_control_socket(house):
    junctions = [{"node": f"s-{n}", "position_m": 350 * n, "green_out": "49s", "green_back": "49s"} for n in range(3)]
    arterial = {"cycle": "110s", "speed_kmh": 50, "weight_back": 0, "junctions": junctions}
    found = await house.ask("signals.wave", arterial=arterial)
    assert [each["offset_ms"] for each in found["junctions"]] == [0, 25_200, 50_400]
    with pytest.raises(PaifangError, match="missing: the cycle of all"):
        await house.ask("signals.wave", arterial={})
