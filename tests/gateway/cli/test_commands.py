"""`paifang send` with a key, `safe`, `pending`, `approve`, `commands`, `delegations`: what is typed and read."""

from __future__ import annotations

import json

import pytest
from far_side import FarNode, until
from persons import WARD_POINTS, Obedient, Persons

from paifang.control.async_client import AsyncControlClient
from paifang.keys.keyfile import PublicKey, seal

PASSPHRASE = "four words are enough"


class Street:
    """A gateway with a key set, the node gate-1, and a folder of keys for each person."""

    def __init__(self, folder, daemon, ask, monkeypatch):
        self.folder, self.daemon, self.run, self._monkeypatch = folder, daemon, ask, monkeypatch
        self.people = Persons()

    async def open(self):
        self.people.write(self.daemon.command_line.data)
        await self.daemon.start()
        async with AsyncControlClient(self.daemon.control) as client:
            self.people.ask = client.request
            far = FarNode(self.daemon.address, "gate-1")
            far.points = WARD_POINTS
            await client.request("nodes.add", node="gate-1", key=far.key.hex(), epoch=1)
            await self.people.load(1)
        self.node = Obedient(far)
        await self.node.connect()
        self._monkeypatch.setenv("PAIFANG_PASSPHRASE", PASSPHRASE)

    def at_the_machine_of(self, person):
        """From now on commands are typed where this person's key is."""
        keys = self.folder / f"keys-{person}"
        if not keys.exists():
            keys.mkdir(mode=0o700)
            signer = self.people.keys[person]
            seal(keys / f"{person}.key", PublicKey(person, person, signer.public, site="ward-1"), signer, PASSPHRASE)
        self._monkeypatch.setenv("PAIFANG_KEYS", str(keys))

    async def close(self):
        await self.node.stop()
        await self.node.far.hang_up()


@pytest.fixture
async def street(tmp_path, daemon, ask, monkeypatch):
    made = Street(tmp_path, daemon, ask, monkeypatch)
    await made.open()
    yield made
    await made.close()


async def test_class_2_is_signed_where_it_is_typed(street):
    street.at_the_machine_of("alice")
    done = await street.run("send", "gate-1", "lamp", "on", "--reason", "dusk")
    assert (done.code, done.out) == (0, "executed: gate-1 lamp was off, reads back on\n"), done.err
    assert "gate-1: set lamp to on (class 2)" in done.err
    assert "reason: dusk" in done.err


async def test_class_1_with_a_key_is_signed_too(street):
    street.at_the_machine_of("alice")
    done = await street.run("send", "gate-1", "relay", "on", "--key", "alice", "--json")
    assert (done.code, done.json["via"], done.json["person"]) == (0, "signed", "alice"), done.err
    done = await street.run("send", "gate-1", "relay", "off", "--json")
    assert (done.code, done.json["via"]) == (0, "local")


async def test_class_3_takes_another_person(street):
    street.at_the_machine_of("alice")
    refused = await street.run("send", "gate-1", "barrier", "on")
    assert (refused.code, "--on-gateway" in refused.err) == (1, True)
    waits = await street.run("send", "gate-1", "barrier", "on", "--on-gateway")
    assert waits.code == 0, waits.err
    assert waits.out.startswith("pending: gate-1 barrier on waits for another person until ")
    identifier = waits.err.split("paifang approve ")[1].split()[0]

    listed = await street.run("pending")
    assert identifier in listed.out
    street.at_the_machine_of("bob")
    done = await street.run("approve", identifier, "--on-gateway", "--yes")
    assert (done.code, done.out) == (0, "executed: gate-1 barrier was off, reads back on\n"), done.err
    assert "gate-1: set barrier to on (class 3)" in done.err
    again = await street.run("approve", identifier, "--on-gateway", "--yes")
    assert (again.code, "waits no more: executed" in again.err) == (1, True)

    shown = await street.run("commands", "show", identifier)
    assert ("approver" in shown.out, "bob" in shown.out) == (True, True)
    rows = (await street.run("commands", "--json")).json
    assert [row["op"] for row in rows] == ["select", "operate"]
    assert (await street.run("pending")).err == "nothing waits for an approval\n"


async def test_a_request_file_is_signed_on_a_machine_without_a_gateway(street, tmp_path):
    street.at_the_machine_of("alice")
    file = tmp_path / "lamp.json"
    written = await street.run("send", "gate-1", "lamp", "on", "--request", file)
    assert (written.code, written.out) == (0, ""), written.err
    assert street.node.commands == []
    assert (await street.run("sign", file, "--yes")).code == 0
    done = await street.run("commands", "submit", tmp_path / "lamp.order")
    assert (done.code, done.out) == (0, "executed: gate-1 lamp was off, reads back on\n"), done.err


async def test_the_safe_state_takes_no_key(street):
    done = await street.run("safe", "gate-1", "barrier")
    assert (done.code, done.out) == (0, "executed: gate-1 barrier was off, reads back off\n"), done.err
    done = await street.run("safe", "gate-1", "--json")
    assert (done.code, len(done.json)) == (0, 5)


async def test_a_socket_that_is_forwarded(street):
    street.at_the_machine_of("alice")
    elsewhere = {"PAIFANG_DATA": str(street.folder / "nothing-here")}
    for name, value in elsewhere.items():
        street._monkeypatch.setenv(name, value)
    done = await street.run("send", "gate-1", "lamp", "on", "--socket", street.daemon.control)
    assert done.code == 0, done.err
    assert (await street.run("pending")).code == 3


async def test_delegations_are_listed_and_revoked(street, tmp_path):
    file = tmp_path / "scada.delegation"
    file.write_bytes(street.people.delegation())
    assert (await street.run("delegations", "add", file)).code == 0
    (row,) = (await street.run("delegations", "--json")).json
    assert (row["service"], row["state"]) == ("scada", "active")
    assert (await street.run("delegations", "revoke", row["id"])).code == 0
    listed = await street.run("delegations")
    assert "revoked" in listed.out


async def test_what_is_expected_and_is_not(street):
    street.node.far.report(1, {16: 1})
    await until(lambda: street.node.far.acked.get(1, (0, 0))[0] == 1)
    done = await street.run("send", "gate-1", "relay", "on", "--expect", "off")
    assert (done.code, "not at the expected value" in done.err) == (1, True)


async def test_every_answer_is_json(street):
    for arguments in (("commands", "list"), ("pending",), ("delegations", "list"), ("status",), ("check",)):
        json.loads((await street.run(*arguments, "--json")).out)
