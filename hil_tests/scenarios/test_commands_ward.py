"""Commands of class 2 and 3 through the real gateway to a real node: persons with keys at the control socket."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
import tty

import pytest

from paifang.errors import PaifangError
from paifang_rig.authority import Authority, relay_of_class
from paifang_rig.nodes import SERIAL_LINK
from paifang_rig.operators import Operators
from paifang_rig.tap import DOWN, UP, Tap, message_of
from paifang_rig.wifi import Wifi
from paifang_tools import nvs, provision
from paifang_wire import messages

RELAY = "relay"
NAME = "sm-1"
OVERVOLTAGE_DV = 2_531
# What a terminal, a modem probe or mpremote sends first: interrupt, raw REPL, soft reset, paste mode.
MPREMOTE = b"\r\x03\x03\r\x01\r\x04\x05\x02import machine; machine.Pin(25).on()\r\n\x04"


class WardOfOne:
    """A gateway, a meter and the people with their keys."""

    def __init__(self, bench, gate, made, authority) -> None:
        self.bench, self.gate, self.made = bench, gate, made
        self.people = Operators(gate.request, authority)

    @property
    def moves(self) -> list[bool]:
        return self.made.sensors["relay"].moves

    async def when(self, condition, deadline_s: float = 30) -> None:
        """Wait until what `nodes.show` answers is as `condition` asks."""
        await self.gate.until(condition, "nodes.show", node=NAME, deadline_s=deadline_s)

    async def voltage(self, condition) -> None:
        """Wait until the newest voltage, if there is one, is as `condition` asks."""
        rows = {"node": NAME, "point": "voltage", "limit": 1}
        await self.gate.until(lambda found: found and condition(found[0]["value"]), "read", **rows)

    async def ready(self, keyset: int = 1) -> None:
        """The node holds that key set (0: it has no point of class 3, and takes none), and its mains are known."""
        await self.when(lambda shown: shown["connected"] and shown["keyset"] == keyset)
        await self.voltage(lambda _: True)


@pytest.fixture
def authority():
    return Authority()


@pytest.fixture
def ward(bench, gateway, node, authority):
    """`await ward(point_class=3, through=tap)`: all of it, with power, key set 1 on the node."""

    async def make(point_class: int = 3, link=None, serial: bool = False, **options) -> WardOfOne:
        identity = authority.identity(NAME)
        options = {"period_ms": 200, "identity": identity, "config": relay_of_class(point_class)} | options
        if serial:
            made = node(NAME, "smart_meter", SERIAL_LINK, **options)
            gate = await gateway(serial=[made.board.serial_path], files=authority.files)
        else:
            gate = await gateway(files=authority.files)
            port = gate.port if link is None else await link(gate)
            made = node(NAME, "smart_meter", port, wifi=Wifi(connect_ms=5), **options)
        await gate.enrol(identity)
        ward = WardOfOne(bench, gate, made, authority)
        await ward.people.load(1)
        made.board.power_on()
        await ward.ready(1 if point_class == 3 else 0)
        return ward

    return make


async def test_class_2_takes_one_person_and_two_steps(ward) -> None:
    house = await ward(2)
    receipt = await house.people.set("alice", NAME, RELAY, 1)
    assert (receipt["verdict"], receipt["before"], receipt["after"]) == ("executed", False, True)
    assert house.moves == [True]


async def test_class_3_takes_two_persons_and_its_receipts_hold_before_an_auditor(ward, tmp_path) -> None:
    house = await ward()
    pending = await house.people.set("alice", NAME, RELAY, 1)
    assert pending["verdict"] == "pending"
    assert house.moves == []
    receipt = await house.people.approve("bob", pending["id"])
    assert (receipt["verdict"], receipt["after"]) == ("executed", True)
    assert house.moves == [True]
    kinds = [entry["kind"] for entry in await house.gate.request("audit.list", limit=100)]
    for kind in ("keyset", "command", "pending", "approval", "receipt", "verdict"):
        assert kind in kinds
    keys = tmp_path / "receipts.json"
    keys.write_text(house.made.identity.auditor_line() + "\n")
    assert await house.gate.stop() == 0
    said = await paifang("audit", "verify", "--data", str(house.gate.folder), "--receipts", str(keys))
    assert said["receipts"] >= 2, said


async def test_the_same_person_does_not_approve_with_another_key(ward) -> None:
    house = await ward()
    pending = await house.people.set("bob", NAME, RELAY, 1)
    with pytest.raises(PaifangError) as refusal:
        await house.people.approve("bob-2", pending["id"])
    assert refusal.value.code in ("same-person", "denied")
    assert house.moves == []
    assert (await house.people.approve("alice", pending["id"]))["verdict"] == "executed"


async def test_the_gateway_sees_the_interlock_before_the_node(ward) -> None:
    house = await ward(2)
    house.made.sensors["pzem004t"].voltage_dv = OVERVOLTAGE_DV
    await house.voltage(lambda volts: volts > 253)
    with pytest.raises(PaifangError) as refusal:
        await house.people.set("alice", NAME, RELAY, 1)
    assert refusal.value.code == "interlock"
    assert house.moves == []


async def test_a_revoked_key_moves_nothing_any_more(ward) -> None:
    house = await ward()
    pending = await house.people.set("alice", NAME, RELAY, 1)
    await house.people.load(2, revoked=["bob", "bob-2"])
    await house.ready(2)
    with pytest.raises(PaifangError) as refusal:
        await house.people.approve("bob", pending["id"])
    assert refusal.value.code == "no-authority"
    with pytest.raises(PaifangError) as refusal:
        await house.people.set("bob", NAME, RELAY, 1)
    assert refusal.value.code == "no-authority"
    pending = await house.people.set("alice", NAME, RELAY, 1)
    assert (await house.people.approve("carol", pending["id"]))["verdict"] == "executed"
    assert house.moves == [True]


async def test_what_others_type_on_the_line_changes_nothing_while_a_command_waits(ward) -> None:
    house = await ward(serial=True)
    pending = await house.people.set("alice", NAME, RELAY, 1)
    line = os.open(house.made.board.serial_path, os.O_RDWR | os.O_NOCTTY)
    for noise in (b"\x03\x03", b"\x04", MPREMOTE, bytes(range(256)), MPREMOTE * 8):
        emitted = len(house.bench.emitted)
        os.write(line, noise)
        await house.bench.until(lambda before=emitted: len(house.bench.emitted) >= before + 2)
    os.close(line)
    assert house.made.board.ended == {}
    assert house.moves == []
    assert (await house.people.approve("carol", pending["id"]))["verdict"] == "executed"
    assert house.moves == [True]


async def test_mpremote_on_the_line_finds_nobody_while_a_command_waits(ward) -> None:
    house = await ward(serial=True)
    pending = await house.people.set("alice", NAME, RELAY, 1)
    line = os.open(house.made.board.serial_path, os.O_RDWR | os.O_NOCTTY)
    said, master, peer = bytearray(), *os.openpty()  # a line of its own: the gateway has locked the node's
    tty.setraw(peer)

    def overhear() -> None:
        data = os.read(master, 4096)
        said.extend(data)
        os.write(line, data)

    asyncio.get_running_loop().add_reader(master, overhear)
    script = "import machine; machine.Pin(25, machine.Pin.OUT).on()"
    command = (sys.executable, "-m", "mpremote", "connect", os.ttyname(peer), "exec", script)
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=silent, stderr=silent)
    await house.bench.until(lambda: b"\x03" in said and b"\x01" in said, 60, "interrupt and raw REPL")
    emitted = len(house.bench.emitted)
    await house.bench.until(lambda: len(house.bench.emitted) >= emitted + 2)
    process.kill()
    await process.wait()
    asyncio.get_running_loop().remove_reader(master)
    for descriptor in (line, master, peer):
        os.close(descriptor)
    assert house.made.board.ended == {}
    assert house.moves == []
    assert (await house.people.approve("carol", pending["id"]))["verdict"] == "executed"
    assert house.moves == [True]


LEDGER_OPERATIONS = 14
"""What it takes to write down that a command begins, and how it ended."""


async def test_a_command_that_power_fails_in_gets_its_one_verdict(bench, ward, tier_size) -> None:
    house = await ward()
    board, verdicts = house.made.board, []
    step = tier_size(3, 1)
    for cut in range(1, LEDGER_OPERATIONS + 1, step):
        pending = await house.people.set("alice", NAME, RELAY, 1)
        before = len([moved for moved in house.moves if moved])
        fault = board.cut_after(cut)
        asked = await house.people.approve("bob", pending["id"], within_ms=1_000)
        assert fault.fired, f"cut {cut}: power did not fail"
        assert asked["verdict"] == "unknown"
        board.power_on()
        await house.when(lambda shown, boot=board.boot: shown["connected"] and shown["boot"] == boot)
        shown = await house.gate.until(lambda shown: shown["state"] == "ended", "commands.show", id=pending["id"])
        closed = len([moved for moved in house.moves if moved]) - before
        assert closed <= 1
        assert closed == 1 or shown["verdict"] == "unknown"
        assert closed == 0 or shown["reason"] != "not-kept"
        verdicts.append((cut, closed, shown["verdict"], shown["reason"]))
        await house.ready()
    print(verdicts)
    entries = await house.gate.request("audit.list", kind="verdict", limit=1_000)
    subjects = [entry["detail"].get("id") for entry in entries]
    assert len(subjects) == len(set(subjects)), "one final verdict each"


CUTS = {
    "record-lost": (DOWN, messages.ROOTED, "drop"),
    "record-lost-with-the-line": (DOWN, messages.ROOTED, "cut"),
    "answer-lost": (UP, messages.HELD, "drop"),
    "answer-lost-with-the-line": (UP, messages.HELD, "cut"),
    "power-lost-with-the-record": (DOWN, messages.ROOTED, "power"),
    "power-lost-with-the-answer": (UP, messages.HELD, "power"),
    "gateway-lost-with-the-record": (DOWN, messages.ROOTED, "gateway"),
    "gateway-lost-with-the-answer": (UP, messages.HELD, "gateway"),
}


@pytest.mark.parametrize("cut", [None, *CUTS])
async def test_a_new_epoch_over_the_link_is_agreed_on_whatever_is_cut(bench, ward, authority, cut) -> None:
    gates = []

    async def through(gate) -> int:
        gates.append(gate)
        return tap.port

    async with Tap(lambda: gates[0].port) as tap:
        house = await ward(link=through, speed=4)  # a node waits for seconds before it restarts
        fired = Fault(house, tap, *CUTS[cut]) if cut else None
        later = dataclasses.replace(house.made.identity, epoch=2)
        record = authority.epoch(NAME, 2).encode().hex()
        rekey = asyncio.create_task(
            house.gate.request("nodes.rekey", node=NAME, key=later.node_key.hex(), epoch=2, record=record)
        )
        if fired:
            await bench.until(lambda: fired.fired, what=f"the cut: {cut}")
        await asyncio.wait([rekey], timeout=30)
        rekey.cancel()
        await asyncio.gather(rekey, return_exceptions=True)
        if fired:
            await fired.mend()
        await house.when(lambda shown: shown["connected"] and shown["epoch"] == 2, 60)
        assert epoch_of(house.made.board) == 2
        await house.ready()
        pending = await house.people.set("alice", NAME, RELAY, 0)  # off: no interlock waits for a reading
        assert (await house.people.approve("bob", pending["id"]))["verdict"] == "executed"


class Fault:
    """Acts on the next message of a kind on the line, in place of letting it pass."""

    def __init__(self, house: WardOfOne, tap: Tap, direction: str, kind: int, how: str) -> None:
        self.fired = False
        self._house, self._tap, self._how = house, tap, how

        def watch(frame: bytes) -> bytes:
            message = message_of(frame)
            if message and message[0] == kind:
                self._act()
                return b""
            tap.change(direction, watch)
            return frame

        tap.change(direction, watch)

    def _act(self) -> None:
        self.fired = True
        if self._how == "power":
            self._house.made.board.power_cut()
        elif self._how == "gateway":
            self._house.gate.kill_now()
        elif self._how == "cut":
            self._tap.cut()

    async def mend(self) -> None:
        """Power and gateway are back."""
        if self._how == "power":
            self._house.made.board.power_on()
        elif self._how == "gateway":
            await self._house.gate.start()


def epoch_of(board) -> int:
    partition = nvs.Nvs(nvs.Medium(board.nvs_path.read_bytes()))
    return partition.get(provision.NAMESPACE, "epoch")


async def paifang(*arguments: str) -> dict:
    """What a command of the CLI says, as JSON."""
    command = (sys.executable, "-m", "paifang", *arguments, "--json")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode == 0, said
    return json.loads(said)
