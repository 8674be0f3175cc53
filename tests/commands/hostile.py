"""What a stolen gateway tries: it has its process, its store, the node's key, and every order it has ever carried.

It has no private key of an operator or a root, and no receipt key. Each function plays one attack on a fresh world;
the oracle of the node raises Violation when the node has done what it must not.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

import cbor2
from cast import IMPOSTORS, KEYSET, REVOKED, ROOTS, rooted, row, twin
from oracle import DIRECT, EXECUTED, OPERATE, TOKEN_MS, want
from points import BREAKER, DIMMER, LAMP, TABLE, VALVE

from paifang_wire import keys, messages
from paifang_wire.errors import WireError
from paifang_wire.framing import StreamDecoder, stream_frame
from paifang_wire.serial import SerialDecoder, serial_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World

KEY_PAUSE_MS = 6_000
"""Longer than a node makes a key wait between two signatures."""
ID_MEMORY = 8
REPL = (
    b"\x03",
    b"\x03\x03",
    b"\x01",
    b"\x02",
    b"\x04",
    b"\x05",
    b"\r\x03\x03\r\x01",
    b"\x05A\x01",
    b"import os\r\n\x04",
)
"""Interrupt, raw REPL, friendly REPL, soft reset, paste mode, mpremote's opening and its raw-paste request."""


def late_release(world: World) -> None:
    """Hold an approved order back until it suits, with the clock turned back so that it looks fresh."""
    held = world.signed(VALVE, 1, world.select(VALVE, 1))
    world.pass_time(TOKEN_MS + 1_000)
    world.utc_error_ms = -TOKEN_MS - 1_000
    held[6] = world.station.board.uptime_ms() + 20_000
    world.station.ask(held)


def reuse_in_another_boot(world: World) -> None:
    """Keep an order that was never sent until the node has restarted, and send it when the point is selected again."""
    held = world.signed(VALVE, 1, world.select(VALVE, 1))
    world.station.power_on()
    world.station.settle()
    world.select(VALVE, 1)
    held[6] = world.station.board.uptime_ms() + 20_000
    world.station.ask(held)


def overflow_of_the_id_memory(world: World) -> None:
    """Make the node forget an order that it has executed, and send it again."""
    done = world.signed(VALVE, 1, world.select(VALVE, 1))
    want(world.station.ask(done)[0] == EXECUTED, "an honest order is executed")
    for _ in range(2 * ID_MEMORY):
        world.select(BREAKER, 0)
        world.station.ask(world.command(BREAKER, OPERATE, 0))
    world.pass_time(KEY_PAUSE_MS)
    done[6] = world.station.board.uptime_ms() + 20_000
    world.station.ask(done)


def approval_transplanted(world: World) -> None:
    """Put the approval of one order to another one of the same token."""
    token = world.select(VALVE, 1)
    approved = world.signed(VALVE, 1, token, expect=0)
    other = world.signed(VALVE, 1, token)
    world.station.ask([*other[:8], approved[8]])


def one_person_with_two_keys(world: World) -> None:
    """Have one person sign twice."""
    token = world.select(VALVE, 1)
    first, second = world.requester.keys
    world.station.ask(world.signed(VALVE, 1, token, key=first, second=second))
    world.pass_time(KEY_PAUSE_MS)
    token = world.select(VALVE, 1)
    world.station.ask(world.signed(VALVE, 1, token, key=first, second=first))


def _push_own_keyset(world: World, *signers: tuple[object, object]) -> None:
    rows = [row(IMPOSTORS[0], "eve"), row(IMPOSTORS[1], "mal")]
    payload = cbor2.dumps([world.version + 1, rows])
    for pair in signers:
        world.station.tell([messages.ROOTED, messages.ROOTED_KEYSET, *rooted(KEYSET, payload, pair)])
        world.pass_time(KEY_PAUSE_MS)
    token = world.select(VALVE, 1)
    signed = world.signed(VALVE, 1, token, key=IMPOSTORS[0], second=IMPOSTORS[1])
    world.station.ask(signed)


def key_set_swapped(world: World) -> None:
    """Push a key set of one's own, signed by oneself, and with the signatures of a real one."""
    payload = cbor2.dumps([world.version + 1, [row(IMPOSTORS[0], "eve"), row(IMPOSTORS[1], "mal")]])
    world.station.tell([messages.ROOTED, messages.ROOTED_KEYSET, payload, *world.keysets[-1][1:]])
    world.pass_time(KEY_PAUSE_MS)
    _push_own_keyset(world, IMPOSTORS)


def key_set_by_one_root(world: World) -> None:
    """Push a key set that one root has signed (its key was stolen, too): that twice, or beside one's own."""
    _push_own_keyset(world, (ROOTS[0], ROOTS[0]), (ROOTS[0], IMPOSTORS[0]), (IMPOSTORS[0], ROOTS[0]))


def key_set_rolled_back(world: World) -> None:
    """Bring back the key set in which a key was still good that is revoked now."""
    world.rows[0][3] = REVOKED
    world.publish()
    world.pass_time(KEY_PAUSE_MS)
    world.station.tell([messages.ROOTED, messages.ROOTED_KEYSET, *world.keysets[0]])
    world.station.ask(world.signed(VALVE, 1, world.select(VALVE, 1)))


def key_set_withheld(world: World) -> None:
    """Keep a revocation back. It ends where one honest signer has heard of it: they sign the version that they know.

    Until then the revoked key commands, with the approval of somebody who has not heard of it either.
    """
    old, new = world.version - 1, world.version
    world.rows[0][3] = REVOKED
    world.sign_keyset()
    revoked, honest = world.requester.keys[0], world.approver.keys[0]
    for first, second in ((old, old), (old, new), (new, old)):
        token = world.select(VALVE, 1)
        identifier = world.identifier()
        order = world.order(revoked, identifier, VALVE, 1, token, least=first)
        approval = world.approval(honest, order, token, least=second)
        command = world.command(VALVE, OPERATE, 1, identifier=identifier, signed=(order, approval))
        was_done = world.station.ask(command)[0] == EXECUTED
        want(was_done or first != second, "a withheld revocation is worth as much as the guide says")
        world.pass_time(KEY_PAUSE_MS)


def class_downgraded(world: World) -> None:
    """Command a point of class 3 as if it were of class 1, then as if it were of class 2, then half signed."""
    station = world.station
    station.ask(world.command(VALVE, DIRECT, 1))
    station.ask(world.command(VALVE, OPERATE, 1))
    world.select(VALVE, 1)
    station.ask(world.command(VALVE, OPERATE, 1))
    token = world.select(VALVE, 1)
    signed = world.signed(VALVE, 1, token)
    station.ask([*signed[:7], None, signed[8]])
    world.pass_time(KEY_PAUSE_MS)
    token = world.select(VALVE, 1)
    signed = world.signed(VALVE, 1, token)
    station.ask([*signed[:8], None])


def point_relabelled(world: World) -> None:
    """Show the operators a table in which the point has the name of a harmless one."""
    shown = [[*line[:1], "lamp", *line[2:]] if line[0] == VALVE else list(line) for line in TABLE]
    forged = hashlib.sha256(cbor2.dumps(shown)).digest()[:8]
    token = world.select(VALVE, 1)
    world.station.ask(world.signed(VALVE, 1, token, description=forged, shown="lamp"))


def twin_signature(world: World) -> None:
    """Make a second signature, (r, n - s), out of a first one: of the order, then of the approval."""
    for place in (7, 8):
        signed = world.signed(VALVE, 1, world.select(VALVE, 1))
        signed[place] = twin(signed[place])
        world.station.ask(signed)
        world.pass_time(KEY_PAUSE_MS)


def repl_bytes_on_the_link(world: World) -> None:
    """Talk to the node's link as to a console, then slip a command in that no session has sealed."""
    station = world.station
    command = world.command(LAMP, DIRECT, 1)
    bare = cbor2.dumps([cbor2.dumps({1: 4, 6: b"\x7f"}), {}, messages.encode(command), bytes(8)])
    wanted = stream_frame(bare), serial_frame(bare)
    for noise in (*REPL, *(bytes((byte,)) for byte in range(256))):
        stream, serial = StreamDecoder(), SerialDecoder()
        frames = serial.feed(noise + b"\x00" + wanted[1])
        try:
            frames += stream.feed(noise + wanted[0])
        except WireError:
            frames += StreamDecoder().feed(wanted[0])
        for frame in (noise, *frames):
            station.board.receive(frame)
            station.settle()
    world.audit(station)


def forged_receipt(world: World) -> None:
    """Tell the auditor that a refused command was executed, with every key that a gateway has."""
    station = world.station
    command = world.command(DIMMER, DIRECT, 101)
    station.ask(command)
    real = cbor2.loads(station.desk.evidence[-1])
    body = [*real[:3], EXECUTED, 0, 0, 101, *real[7:11]]
    held = station.desk.key
    for key in (held, keys.receipt_key(held), keys.receipt_key(b""), b""):
        tag = hmac.digest(key, cbor2.dumps(body), "sha256")
        station.desk.evidence.append(cbor2.dumps([*body, tag]))
    station.desk.evidence.append(cbor2.dumps([*body, real[11]]))
    world.audit(station)


ATTACKS: dict[str, Callable[[World], None]] = {
    attack.__name__.replace("_", "-"): attack
    for attack in (
        late_release,
        reuse_in_another_boot,
        overflow_of_the_id_memory,
        approval_transplanted,
        one_person_with_two_keys,
        key_set_swapped,
        key_set_by_one_root,
        key_set_rolled_back,
        key_set_withheld,
        class_downgraded,
        point_relabelled,
        twin_signature,
        repl_bytes_on_the_link,
        forged_receipt,
    )
}
