"""A signal node with its own cabinet driver: what goes over its wires is what the street shows, in its own time."""

from __future__ import annotations

import pytest

from paifang_rig.errors import RigError
from paifang_rig.signals.node import example, make_signal
from paifang_rig.signals.street import GREEN_SHIFT
from paifang_rig.simulated.models.cabinet import DOOR_OPEN, FLASH_SWITCH, RESET_BUTTON, Cabinet

SPEED = 1
FIRST_GREEN_S = 60


@pytest.fixture
def signal(bench):
    """`signal(country)`: (board, cabinet) of a junction that has power; the start calls everybody once."""

    def make(country="US", **options):
        site, plan = example(country)
        cabinet = Cabinet()
        hardware = {"cabinet": {"groups": 16, "detectors": 32}}
        made = make_signal(bench, "j1", site, [plan], hardware=hardware, sensors=[cabinet], speed=SPEED, **options)
        made.board.power_on()
        return made.board, cabinet

    return make


def greens(cabinet):
    return cabinet.street.lit() >> GREEN_SHIFT


async def test_it_starts_runs_and_obeys_the_hands_in_the_cabinet(bench, signal) -> None:
    _, cabinet = signal()
    await bench.until(lambda: cabinet.street.relay_closed and greens(cabinet), FIRST_GREEN_S)
    cabinet.hands = FLASH_SWITCH
    await bench.until(lambda: not cabinet.street.relay_closed, 30)
    cabinet.hands = 0
    await bench.until(lambda: cabinet.street.relay_closed and greens(cabinet), FIRST_GREEN_S)


async def test_a_lamp_that_stays_dark_lets_go_and_stays_let_go_until_the_button(bench, signal) -> None:
    board, cabinet = signal()
    await bench.until(lambda: cabinet.street.relay_closed and greens(cabinet), FIRST_GREEN_S)
    cabinet.street.stuck_off = cabinet.street.lit()
    await bench.until(lambda: not cabinet.street.relay_closed, 30)
    cabinet.street.stuck_off = 0
    board.power_cut()
    board.power_on()
    await bench.until(lambda: cabinet.edges and cabinet.edges[-1][0] > 0, 30)
    fed = len(cabinet.enables)
    cabinet.hands = RESET_BUTTON  # with the door shut it is nobody's hand
    with pytest.raises(RigError, match="relay"):
        await bench.until(lambda: cabinet.street.relay_closed, 2, "relay")
    assert len(cabinet.enables) == fed
    cabinet.hands = RESET_BUTTON | DOOR_OPEN
    await bench.until(lambda: cabinet.street.relay_closed and greens(cabinet), FIRST_GREEN_S)
