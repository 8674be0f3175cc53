"""A signal whose site record cannot be believed lights nothing, holds no relay, and says why."""

from __future__ import annotations

import asyncio
import hashlib
import random
from functools import partial

import pytest

from paifang_rig.authority import Authority
from paifang_rig.desk import Desk
from paifang_rig.signals import ports
from paifang_rig.signals.drill import LATCHED, RESET, Drill
from paifang_rig.signals.node import example, signed_site
from paifang_rig.signals.seen import NO_UNIT
from paifang_tools import build, nvs
from paifang_tools.provision import NAMESPACE
from paifang_tools.signals import flash, site_file
from paifang_wire import messages, orders, sign1

SITE_FILE = "site.0"
STATE, REASON = 1, 2
RECORD_REASON, MATRIX_REASON = 33, 29
SITE, PLAN = example("US")
NAME = "signal"


def pointer(file, edition=1):
    """The entry of the NVS that makes this very file the one that counts."""
    return edition.to_bytes(8, "big") + b"\0" + hashlib.sha256(file).digest()


def payload_of(node=NAME, edition=1, record=SITE):
    return orders.encode_site([node, edition, list(record)])


def signatures(authority, payload, by=(0, 1), purpose=sign1.SITE_RECORD):
    return authority.rooted(purpose, payload, by).detached


def of_another_node(authority):
    return signed_site(authority, "another", SITE)


def with_one_signature(authority):
    return flash.site_file(payload_of(), signatures(authority, payload_of())[:1])


def with_three_signatures(authority):
    return flash.site_file(payload_of(), [*signatures(authority, payload_of()), *signatures(authority, payload_of())])


def signed_by_one_root_twice(authority):
    payload = payload_of()
    return flash.site_file(payload, [*signatures(authority, payload, (1,)), *signatures(authority, payload, (1,))])


def signed_by_strangers(authority):
    del authority
    return signed_site(Authority(), NAME, SITE)


def signed_as_something_else(authority):
    return flash.site_file(payload_of(), signatures(authority, payload_of(), purpose=sign1.KEYSET))


def signed_for_another_site(authority):
    other = Authority("ward-2")
    other.root_keys = authority.root_keys
    return flash.site_file(payload_of(), signatures(other, payload_of()))


def below_the_floors(authority):
    groups = [[*group[:2], 4_000, *group[3:]] if not group[1] else group for group in SITE[2]]
    payload = payload_of(record=[*SITE[:2], groups, *SITE[3:]])
    return flash.site_file(payload, signatures(authority, payload))


def of_two_thirds(authority):
    whole = signed_site(authority, NAME, SITE)
    return whole[: len(whole) * 2 // 3]


UNBELIEVABLE = {
    of_another_node: "site record of another",
    with_one_signature: "not signed by two roots",
    with_three_signatures: "not signed by two roots",
    signed_by_one_root_twice: "not signed by two roots",
    signed_by_strangers: "not signed by two roots",
    signed_as_something_else: "not signed by two roots",
    signed_for_another_site: "not signed by two roots",
    below_the_floors: "minimum green",
    of_two_thirds: "site record",
}
"""Files that lie on the flash as the ones that count, and what the node says of each."""


def started(authority, file, entry):
    """A node in process with this file and this entry."""
    return ports.InProcess(SITE, PLAN, authority=authority, files={SITE_FILE: file}, entries={"site": entry})


def assert_dark(port, words):
    """It lights nothing, whatever happens; the flasher is what people see."""
    street = Drill(port, SITE)
    street.tick(3)
    street.press(RESET)
    street.tick(100)
    assert (street.mode, port.street.driven) == (NO_UNIT, 0)
    assert {picture.by_flasher for picture in street.street.pictures} == {True}
    if isinstance(port, ports.InProcess):
        assert port.reason == RECORD_REASON
        assert any(words in event for event in port.events), port.events
    port.close()


@pytest.mark.parametrize("make", UNBELIEVABLE)
def test_a_record_that_cannot_be_believed(make):
    authority = Authority()
    file = make(authority)
    assert_dark(started(authority, file, pointer(file)), UNBELIEVABLE[make])


def bytes_of(file, count):
    return sorted(random.Random(11).sample(range(len(file)), min(count, len(file))))


def changed(file, place):
    return file[:place] + bytes((file[place] ^ 1 << place % 8,)) + file[place + 1 :]


@pytest.mark.parametrize("known", [False, True], ids=["and the NVS does not know it", "and the NVS points at it"])
def test_a_record_with_a_byte_that_has_changed(known, tier_size):
    authority = Authority()
    file = signed_site(authority, NAME, SITE)
    places = bytes_of(file, tier_size(20, len(file)))
    for place in places:
        other = changed(file, place)
        assert_dark(started(authority, other, pointer(other if known else file)), "site record")
    print(f"{len(places)} of {len(file)} bytes, one bit each")


def test_an_older_record_does_not_come_back():
    authority = Authority()
    older, newer = signed_site(authority, NAME, SITE), signed_site(authority, NAME, SITE, edition=2)
    assert_dark(started(authority, older, pointer(newer, 2)), "site record damaged")
    assert_dark(started(authority, older, pointer(older, 2)), "site record of edition 1, expected 2")
    running = Drill(started(authority, newer, pointer(newer, 2)), SITE)
    running.start()


def other_matrix(known):
    """The monitor's section with one pair of conflicts too few, or one too many."""
    masks = [int(mask, 16) for mask in known["matrix"].split(",")]
    for i, j in ((0, 1), (1, 0)):
        masks[i] ^= 1 << j
    return known | {"matrix": ",".join(f"{mask:x}" for mask in masks)}


OTHER_MONITORS = {
    "a matrix": other_matrix,
    "an option": lambda known: known | {"options": known["options"] ^ 1},
    "fewer groups": lambda known: known | {"matrix": known["matrix"].rpartition(",")[0]},
}


@pytest.mark.parametrize("name", OTHER_MONITORS)
def test_a_monitor_that_knows_another_junction_lets_nothing_run(name):
    monitor = OTHER_MONITORS[name](site_file.monitor_config(SITE))
    street = Drill(ports.InProcess(SITE, PLAN, monitor=monitor), SITE)
    for _ in range(2):
        street.tick(200)
        assert (street.mode, street.port.reason) == (LATCHED, MATRIX_REASON)
        street.press(RESET)
    street.brown_out(500)
    street.tick(200)
    assert (street.mode, street.port.reason) == (LATCHED, MATRIX_REASON)
    assert {picture.by_flasher for picture in street.street.pictures} == {True}


# The same on a board, and what its gateway hears of it


def laid(file, entry):
    """What puts this file and this entry on a board before its power comes."""

    def prepare(node):
        board = node.board
        board.flash_path.write_bytes(build.add_files(board.flash_path.read_bytes(), {SITE_FILE: file}))
        medium = nvs.Medium(board.nvs_path.read_bytes())
        nvs.Nvs(medium).set(NAMESPACE, "site", entry)
        board.nvs_path.write_bytes(bytes(medium.data))

    return prepare


def played(port):
    """The mode of a node, and whether the flasher was all that people saw, over three seconds."""
    street = Drill(port, SITE)
    street.tick(30)
    return street.mode, {picture.by_flasher for picture in street.street.pictures} == {True}


async def told(authority, file, entry):
    """What a board tells its gateway with that record: state, reason, and the texts of its events."""
    async with Desk(authority.identity(NAME)) as desk:
        prepare = laid(file, entry)

        def known(node):
            desk.identities[NAME] = node.identity
            prepare(node)

        make = partial(ports.OnBoard, SITE, PLAN, link=desk.port, authority=authority, prepare=known)
        port = await asyncio.to_thread(make)
        try:
            assert await asyncio.to_thread(played, port) == (NO_UNIT, True)
            line = await desk.ready(NAME, point=STATE)
            texts = [record[-1] for record in line.records if record[0] == messages.EVENT]
            return line.value(STATE), line.value(REASON), texts
        finally:
            await asyncio.to_thread(port.close)


async def test_a_board_says_why_it_does_not_believe_its_record(tier_size):
    authority = Authority()
    file = signed_site(authority, NAME, SITE)
    cases = [(make(authority), UNBELIEVABLE[make]) for make in UNBELIEVABLE]
    cases += [(changed(file, place), "site record") for place in bytes_of(file, tier_size(20, 60))]
    for other, words in random.Random(4).sample(cases, tier_size(4, len(cases))):
        state, reason, texts = await told(authority, other, pointer(other))
        assert (state, reason) == (LATCHED, RECORD_REASON)
        assert any(words in text for text in texts), texts
    state, reason, texts = await told(authority, changed(file, 100), pointer(file))
    assert (state, reason) == (LATCHED, RECORD_REASON)
    assert "site record damaged" in texts
