"""Key drills: what `paifang keys` and provisioning write, taken or refused by a real node. The bench is the gateway.

Keys are rotated and revoked, a root key is lost, a gateway is stolen; every file is made by the commands of the docs.
"""

from __future__ import annotations

import asyncio
import functools
import json
import secrets

import pytest
import pytest_asyncio

from paifang.cli import main
from paifang.keys import keyfile
from paifang.keys.keyset import KeySet
from paifang.keys.request_file import Request
from paifang.keys.requests import Target, make_order, pinned
from paifang.keys.roots import Rooted
from paifang.store.points import decode_table
from paifang_rig.authority import good_for, relay_of_class
from paifang_rig.desk import Desk
from paifang_rig.errors import RigError
from paifang_rig.wifi import Wifi
from paifang_tools import provision
from paifang_wire import cbor, messages

NAME = "meter-1"
RELAY = 16
PASSPHRASE = "seven wet crows"
DONE = (messages.EXECUTED, 0)
NO_AUTHORITY = (messages.REFUSED, messages.NO_AUTHORITY)
SPEED = 8
PAUSE_MS = 5_500
"""Of the node's clock: so long it takes no second signature of a key."""


@pytest.fixture
def paifang(tmp_path, monkeypatch, capsys):
    """`await paifang("keys", "list")`: what it printed; it must end well.

    It runs beside the bench's own loop: a node whose sensors or gateway say nothing for long goes its own ways.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAIFANG_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("PAIFANG_PASSPHRASE", PASSPHRASE)
    monkeypatch.setattr(keyfile, "_SCRYPT", (1 << 10, 8, 1))

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        said = capsys.readouterr()
        assert ended.value.code == 0, said.err
        return said.out

    return functools.partial(asyncio.to_thread, run)


@pytest.fixture
def provisioned(tmp_path, monkeypatch, capsys):
    """`provisioned("rekey", ...)`: the line that `paifang_tools.provision` printed, and what the NVS file holds."""
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    def run(*arguments: str) -> tuple[dict, provision.Identity]:
        assert provision.main(list(arguments)) == 0
        line = json.loads(capsys.readouterr().out)
        return line, provision.read_identity((tmp_path / f"{NAME}.nvs").read_bytes(), NAME, "ward-1")

    return run


@pytest_asyncio.fixture
async def ward(paifang, tmp_path):
    """Three roots, and the keys of wang and li in a keyset.toml of version 1."""
    await paifang("keys", "root", "new", "--out", "roots")
    blocks = [await new_key(paifang, name) for name in ("wang", "li")]
    (tmp_path / "keyset.toml").write_text("version = 1\n" + "".join(blocks))
    return tmp_path


async def new_key(paifang, name: str, person: str | None = None) -> str:
    """Its block for a keyset.toml."""
    await paifang("keys", "new", name, "--person", person or name)
    return await paifang("keys", "export", name, "--toml", "--class", "3")


async def add_key(paifang, folder, name: str, person: str | None = None) -> None:
    """A new key, and its block at the end of the keyset.toml."""
    block = await new_key(paifang, name, person)
    with (folder / "keyset.toml").open("a") as file:
        file.write(block)


async def signed_set(paifang, folder, roots=("root-1", "root-2")) -> KeySet:
    """The keyset.toml as it is now, signed by these roots."""
    await paifang("keys", "set", "build", "keyset.toml", "-o", "set.keyset", "--force")
    for root in roots:
        await paifang("keys", "root", "sign", "set.keyset", "--key", f"roots/{root}.key", "--yes")
    await paifang("keys", "set", "check", "set.keyset", "--roots", "roots/roots.json")
    return KeySet.read(folder / "set.keyset")


@pytest_asyncio.fixture
async def desk(ward, provisioned):
    _, identity = provisioned(NAME, "--nvs", f"{NAME}.nvs", "--roots", "roots/roots.json")
    async with Desk(identity) as made:
        yield made


@pytest_asyncio.fixture
async def meter(node, desk):
    """A meter whose relay is of class 3, provisioned with the root keys; it holds no key set yet."""
    config = {"config": relay_of_class(3), "wifi": Wifi(connect_ms=5), "period_ms": 1_000, "speed": SPEED}
    made = node(NAME, "smart_meter", desk.port, identity=desk.identities[NAME], **config)
    made.board.power_on()
    await desk.ready(NAME)
    return made


async def hand_on(desk, keyset: KeySet) -> tuple[int, int]:
    """(version now held, refusal); a node that is busy is asked again, as a gateway does."""
    rooted = keyset.rooted
    while True:
        held = await desk.rooted(NAME, messages.ROOTED_KEYSET, rooted.payload, rooted.detached)
        if held[3] != messages.BUSY:
            return held[2], held[3]


async def operate(desk, paifang, folder, by: str, second: str, value: int, keyset: int = 1) -> tuple[int, int]:
    """Select, sign and approve a request file away from the gateway, operate: (verdict, reason)."""
    line, now_ms = desk.lines[NAME], desk.lines[NAME].uptime_ms
    await desk.until(lambda: line.uptime_ms > now_ms + PAUSE_MS, "the node's pause between signatures of a key")
    selected = await desk.command(NAME, RELAY, messages.OP_SELECT, value)
    assert selected[3] == messages.EXECUTED, selected
    table = cbor.encode(desk.lines[NAME].find(messages.DESCRIBE)[2])
    target = Target("ward-1", NAME, RELAY, table, keyset)
    identifier = secrets.token_bytes(8)
    given = {"identifier": identifier, "expires_ms": good_for(), "token": selected[7]}
    order = make_order(target, messages.OP_OPERATE, value, **given)
    request = folder / f"{identifier.hex()}.json"
    request.write_text(Request.of_target(target, order).text(pinned(order, table, decode_table)[1]))
    await paifang("sign", request.name, "--key", by, "--yes")
    await paifang("approve", request.name, "--key", second, "--yes")
    envelope = {"order": request.with_suffix(".order").read_bytes()}
    envelope["approval"] = request.with_suffix(".approval").read_bytes()
    receipt = await desk.command(NAME, RELAY, messages.OP_OPERATE, value, identifier=identifier, **envelope)
    return receipt[3], receipt[4]


async def test_a_key_is_rotated_without_a_gap(desk, meter, paifang, ward) -> None:
    assert await hand_on(desk, await signed_set(paifang, ward)) == (1, 0)
    assert await operate(desk, paifang, ward, "wang", "li", 1) == DONE

    await paifang("keys", "revoke", "keys/wang.pub", "--retire", "-o", "not-yet-whole.keyset")
    await add_key(paifang, ward, "wang-2", "wang")
    retiring = await signed_set(paifang, ward)
    assert await hand_on(desk, retiring) == (2, 0)
    assert await operate(desk, paifang, ward, "wang", "li", 0, 2) == DONE
    assert await operate(desk, paifang, ward, "wang-2", "li", 1, 2) == DONE

    await paifang("keys", "revoke", "keys/wang.pub", "-o", "revoked.keyset")
    assert await hand_on(desk, await signed_set(paifang, ward)) == (3, 0)
    assert await operate(desk, paifang, ward, "wang", "li", 0, 3) == NO_AUTHORITY
    assert await operate(desk, paifang, ward, "wang-2", "li", 0, 3) == DONE
    assert await hand_on(desk, retiring) == (3, messages.OLD_KEYSET)


async def test_a_lost_key_is_revoked_and_its_orders_are_void(desk, meter, paifang, ward) -> None:
    """The gateway withholds nothing; and an order of somebody who knows of the revocation is refused where it has."""
    await add_key(paifang, ward, "zhao")
    assert await hand_on(desk, await signed_set(paifang, ward)) == (1, 0)
    await paifang("keys", "revoke", "keys/li.pub", "-o", "v2.keyset")
    for root in ("root-1", "root-3"):
        await paifang(
            "keys", "root", "sign", "v2.keyset", "--key", f"roots/{root}.key", "--since", "set.keyset", "--yes"
        )
    revoked = KeySet.read(ward / "v2.keyset")
    withheld = (messages.REFUSED, messages.OLD_KEYSET)
    assert await operate(desk, paifang, ward, "wang", "zhao", 1, revoked.version) == withheld
    assert await operate(desk, paifang, ward, "wang", "li", 1) == DONE  # nobody who signed knew better
    assert await hand_on(desk, revoked) == (2, 0)
    assert await operate(desk, paifang, ward, "wang", "li", 0) == NO_AUTHORITY
    assert await operate(desk, paifang, ward, "wang", "zhao", 0, 2) == DONE


async def test_a_lost_root_key_is_no_loss_yet(desk, meter, paifang, ward) -> None:
    assert await hand_on(desk, await signed_set(paifang, ward)) == (1, 0)
    (ward / "roots" / "root-1.key").unlink()
    await paifang("keys", "revoke", "keys/li.pub", "-o", "v2.keyset")
    assert await hand_on(desk, await signed_set(paifang, ward, ("root-2", "root-3"))) == (2, 0)
    one = KeySet.build(3, KeySet.read(ward / "set.keyset").entries)
    (ward / "one.keyset").write_bytes(one.encode())
    await paifang("keys", "root", "sign", "one.keyset", "--key", "roots/root-2.key", "--yes")
    alone = Rooted.read(ward / "one.keyset")
    held = await desk.rooted(NAME, messages.ROOTED_KEYSET, alone.payload, alone.detached * 2)
    assert held[2:] == [2, messages.NO_AUTHORITY]


async def test_a_stolen_gateway_is_left_behind_by_a_new_epoch(desk, meter, paifang, provisioned, ward) -> None:
    """The thief has the node key of epoch 1: worth nothing once the node has the record that two roots signed."""
    assert await hand_on(desk, await signed_set(paifang, ward)) == (1, 0)
    stolen = desk.identities[NAME]
    await paifang("keys", "epoch", NAME, "2")
    for root in ("root-2", "root-3"):
        await paifang("keys", "root", "sign", f"{NAME}.epoch", "--key", f"roots/{root}.key", "--yes")
    await paifang("keys", "root", "check", f"{NAME}.epoch", "--roots", "roots/roots.json")
    line, later = provisioned("rekey", f"{NAME}.nvs", "--epoch", "2")
    assert line["key"] == later.node_key.hex() != stolen.node_key.hex()

    boot = desk.lines[NAME].boot
    record = Rooted.read(ward / f"{NAME}.epoch")
    held = await desk.rooted(NAME, messages.ROOTED_EPOCH, record.payload, record.detached)
    assert held[1:] == [messages.ROOTED_EPOCH, 2, 0]
    await desk.until(lambda: meter.board.ended.get(boot) == "reset", "the node restarts")
    with pytest.raises(RigError, match="nothing of it"):
        await desk.until(lambda: NAME in desk.lines and desk.lines[NAME].boot > boot, "the thief", deadline_s=2)
    desk.identities[NAME] = later
    again = await desk.session(NAME, boot + 1)
    assert again.keyset == 1
    again_held = await desk.rooted(NAME, messages.ROOTED_EPOCH, record.payload, record.detached)
    assert again_held[2:] == [2, messages.EXPIRED]
    assert await operate(desk, paifang, ward, "wang", "li", 1) == DONE


async def test_new_roots_reach_a_node_by_usb_only(desk, meter, paifang, provisioned, ward) -> None:
    """All three root keys lost: new ones go into the NVS file, and with it onto the node."""
    await paifang("keys", "root", "new", "--out", "new-roots")
    line, later = provisioned("rekey", f"{NAME}.nvs", "--epoch", "1", "--roots", "new-roots/roots.json")
    assert (line["epoch"], line["key"]) == (1, desk.identities[NAME].node_key.hex())
    assert later.roots != desk.identities[NAME].roots
    await paifang("keys", "set", "build", "keyset.toml", "-o", "new.keyset")
    for root in ("root-1", "root-2"):
        await paifang("keys", "root", "sign", "new.keyset", "--key", f"new-roots/{root}.key", "--yes")
    by_new_roots = KeySet.read(ward / "new.keyset")
    assert await hand_on(desk, by_new_roots) == (0, messages.NO_AUTHORITY)
    meter.board.power_cut()
    (ward / f"{NAME}.nvs").replace(meter.board.nvs_path)
    desk.forget(NAME)
    meter.board.power_on()
    await desk.ready(NAME)
    assert await hand_on(desk, by_new_roots) == (1, 0)
