"""What only the roots may change: key sets and epochs, as they must not come, and as they must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cbor2
from cast import EPOCH, IMPOSTORS, KEYSET, ROOTS, SITE, Key, rooted, row
from hostile import KEY_PAUSE_MS
from oracle import DIRECT, EXECUTED, REFUSED, want
from points import LAMP, VALVE

from paifang_wire import keys, messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World


def older_key_set(world: World) -> None:
    """Roots have signed all of them; the node keeps the newest."""
    world.rows.append(row(Key(37), "dan"))
    world.publish()
    world.pass_time(KEY_PAUSE_MS)
    for keyset in world.keysets:
        world.station.tell([messages.ROOTED, messages.ROOTED_KEYSET, *keyset])
        world.pass_time(KEY_PAUSE_MS)
    other = rooted(KEYSET, cbor2.dumps([world.version - 1, [row(Key(38), "eve")]]))
    world.station.tell([messages.ROOTED, messages.ROOTED_KEYSET, *other])


def epoch_of_its_own(world: World) -> None:
    """Another epoch would lock the owner's next gateway out."""
    payload = cbor2.dumps([world.station.name, 2])
    for pair in (IMPOSTORS, (ROOTS[0], ROOTS[0]), (ROOTS[1], IMPOSTORS[0])):
        world.station.tell([messages.ROOTED, messages.ROOTED_EPOCH, *rooted(EPOCH, payload, pair)])
        world.pass_time(KEY_PAUSE_MS)
    elsewhere = cbor2.dumps(["aq-2", 2])
    world.station.tell([messages.ROOTED, messages.ROOTED_EPOCH, *rooted(EPOCH, elsewhere)])
    world.pass_time(KEY_PAUSE_MS)
    for_keys = rooted(KEYSET, payload)
    world.station.tell([messages.ROOTED, messages.ROOTED_EPOCH, *for_keys])


def epoch_after_a_theft(world: World) -> None:
    """Two roots change the epoch: the stolen gateway, which holds the key of the one before, is not heard any more."""
    station = world.station
    payload = cbor2.dumps([station.name, 2])
    station.tell([messages.ROOTED, messages.ROOTED_EPOCH, *rooted(EPOCH, payload)])
    want(station.board.is_off, "the node restarts in another epoch")
    station.power_on()
    station.settle()
    heard = len(station.board.heard)
    station.tell(world.command(LAMP, DIRECT, 1))
    want(len(station.board.heard) == heard, "what was stolen is worth nothing in another epoch")
    station.desk.key = keys.node_key(station.board.master, SITE, 2)
    station.connect()
    station.settle()
    want(station.ask(world.command(LAMP, DIRECT, 1))[0] == EXECUTED, "the owner's next gateway is heard")


def key_set_lost_by_the_flash(world: World) -> None:
    """The file is damaged: no key is good before the same set, and no older one, has come again."""
    station = world.station
    world.rows.append(row(Key(43), "hal"))
    world.publish()
    world.pass_time(KEY_PAUSE_MS)
    for name, content in station.board.flash.files.items():
        station.board.flash.files[name] = bytes(len(content))
    station.power_on()
    station.settle()
    refused = station.ask(world.signed(VALVE, 1, world.select(VALVE, 1)))
    want(refused[0] == REFUSED, "a damaged key set is none")
    for keyset in world.keysets:
        station.tell([messages.ROOTED, messages.ROOTED_KEYSET, *keyset])
        world.pass_time(KEY_PAUSE_MS)
    want(station.ask(world.signed(VALVE, 1, world.select(VALVE, 1)))[0] == EXECUTED, "an honest order is executed")


CEREMONIES: dict[str, Callable[[World], None]] = {
    ceremony.__name__.replace("_", "-"): ceremony
    for ceremony in (older_key_set, epoch_of_its_own, epoch_after_a_theft, key_set_lost_by_the_flash)
}
