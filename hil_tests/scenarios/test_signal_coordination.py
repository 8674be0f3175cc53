"""A real signal node that the gateway watches and advises: what it reports is understood, and orders reach it."""

from __future__ import annotations

import pytest

from paifang.keys import keyfile
from paifang.keys.delegations import Delegation
from paifang.keys.keyfile import PublicKey
from paifang.keys.signing import SigningKey
from paifang_rig.authority import ALL_OPS, Authority, good_for
from paifang_rig.nodes import make_node
from paifang_rig.operators import Operators
from paifang_rig.signals.node import example, make_signal
from paifang_rig.simulated.models.bme280 import Bme280, raw_for
from paifang_rig.simulated.models.cabinet import FLASH_SWITCH, Cabinet
from paifang_rig.simulated.models.pms5003 import Pms5003
from paifang_rig.simulated.models.relay import Relay

NAME, COUNTER = "signal-1", "aq-1"
PASSPHRASE = "seven wet crows"
MAINS, SIDE_STREETS, LEFTS = (2, 6), (4, 8), (1, 3, 5, 7)
# Any point of the ward counts vehicles for the coordination. Here it is 25 degrees, and so many wait in the side
# streets: more than the single lanes of the mains weigh, and less than so many lanes are crowded by.
WAITING = 25
STANDING = dict.fromkeys(SIDE_STREETS, f"{COUNTER}/temperature")
PHASES = "".join(
    f'[[signals.phases]]\nphase = {phase}\nlanes = {1 if phase in MAINS else 8}\nservice = "15s"\n'
    f'standing = "{STANDING.get(phase, f"{NAME}/mode")}"\n'
    for phase in (*MAINS, *SIDE_STREETS, *LEFTS)
)
ON_MAINS = 0b10_0010
EVERYBODY = 0b11110
"""Detectors 2 to 5 of the example's plan: phases 2, 4, 6, 8."""
SPEED = 2
TOML = f"""\
[[signals]]
node = "{NAME}"
key = "service.key"
passphrase_file = "service.txt"
{PHASES}"""


class Still(Bme280):
    """The weather does not change."""

    def _next_raw(self):
        return raw_for(100 * WAITING, 5_000, 101_325)


@pytest.fixture
def authority():
    return Authority()


@pytest.fixture
def service(tmp_path):
    """The service's key, and the files of a gateway that it works for."""
    key = SigningKey.new()
    file = tmp_path / "service.key"
    keyfile.seal(file, PublicKey("max-pressure", "max-pressure", key.public, "service"), key, PASSPHRASE)
    return key, {"service.key": file.read_text(), "service.txt": PASSPHRASE + "\n"}


def delegation(authority, key):
    terms = Delegation(key.public, "max-pressure", ALL_OPS, ((NAME, "force_off"),), 1, 60, good_for(), 1)
    return terms.sign(authority.keys["alice"], authority.site)


async def test_a_real_junction_is_advised(bench, gateway, authority, service) -> None:
    key, files = service
    site, plan = example("US", free=True)  # in a cycle the side streets would begin at its times, whatever is ordered
    cabinet = Cabinet(covered=EVERYBODY)
    wired = {"cabinet": {"groups": 16, "detectors": 32}}
    signal = make_signal(bench, NAME, site, [plan], authority=authority, hardware=wired, sensors=[cabinet], speed=SPEED)
    gate = await gateway([signal.board.serial_path], toml=TOML, files={**authority.files, **files})
    counter = make_node(bench, COUNTER, "air_quality", gate.port, sensors=[Pms5003(), Still(), Relay()])
    await gate.enrol(signal.identity, counter.identity)
    await Operators(gate.request, authority).load(1)
    await gate.request("delegations.add", delegation=delegation(authority, key).hex())
    (gate.folder / "service.key").chmod(0o600)
    await gate.request("reload")
    counter.board.power_on()
    signal.board.power_on()

    def is_advised(answer):
        state = answer["signals"][NAME]
        return state["state"] == "advising" and state["orders"] == {"force_off": list(MAINS)}

    status = await gate.until(is_advised, "status", deadline_s=90)
    assert status["signals"][NAME]["refused"] == 0
    # The node has heard it: the mains end, and then nothing is ordered any more.
    commands = await gate.until(
        lambda found: (0, "executed") in [(each["value"], each["verdict"]) for each in found],
        "commands.list",
        limit=100,
        node=NAME,
    )
    assert {(each["point"], each["via"]) for each in commands} == {("force_off", "delegation")}
    assert commands[0]["value"] == ON_MAINS
    figures = {each["phase"]: each["why"] for each in await gate.request("signals.congestion", node=NAME)}
    assert figures[3] == "its flow is not reported"
    assert figures[2] in {"too short a time", ""}
    cabinet.hands = FLASH_SWITCH
    await gate.until(lambda answer: answer["signals"][NAME]["state"] == "silent", "status")
    assert (await gate.request("status"))["signals"][NAME]["why"] == f"{NAME} does not run its phases"
