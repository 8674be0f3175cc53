"""An outage with a power cut in it: what the node had on its flash is with the gateway once, as it was, behind what is
live.
"""

from __future__ import annotations

import itertools
import random
from binascii import crc32

import pytest

from paifang_rig.authority import Authority
from paifang_rig.balance import balance
from paifang_rig.desk import Desk
from paifang_rig.wifi import Wifi
from paifang_tools import build, wear
from paifang_wire import messages

SPEED = 20
FLUSH_S = 20
CONFIG = {"journal_flush_s": FLUSH_S, "hardware": {"pzem004t": {"billing_s": 60}}}
PERIOD_MS = 1_000
ENERGY = 4
MARK, FRAME = 0xA6, 7


def on_flash(board) -> list[bytes]:
    """The payloads in the journal's files, oldest first."""
    image = board.flash_path.read_bytes()
    found = []
    for name in build.names_in(image, "journal"):
        data = build.read_file(image, f"journal/{name}") if name != "lost" else b""
        while data:
            length = int.from_bytes(data[1:3], "big")
            payload, data, head = data[FRAME : FRAME + length], data[FRAME + length :], data[:FRAME]
            assert head[0] == MARK
            assert crc32(payload, crc32(head[:3])) == int.from_bytes(head[3:], "big")
            found.append(payload)
    return found


def named(payload: bytes) -> tuple[int, int]:
    return tuple(messages.decode(payload)[1:3])


def bills(stored) -> list[int]:
    return [record["number"] for record in stored if list(record.get("values", {})) == [ENERGY]]


@pytest.mark.timeout(180)
async def test_an_outage_with_a_power_cut_in_it_costs_nothing_that_was_kept(bench, gateway, node, tier_size) -> None:
    outage = tier_size(120, 2_000)
    gate = await gateway()
    made = node("n-1", "smart_meter", gate.port, period_ms=PERIOD_MS, speed=SPEED, config=CONFIG)
    await gate.enrol(made.identity)
    made.board.power_on()
    await bench.until(lambda: len(gate.stored()) >= 10, 60)
    await gate.kill()

    async def readings(count: int) -> None:
        wanted = len(bench.emitted) + count
        await bench.until(lambda: len(bench.emitted) >= wanted, 120)

    await readings(outage)
    made.board.power_cut()
    kept = on_flash(made.board)
    assert len(kept) > outage - 3 * FLUSH_S
    made.board.power_on()
    await readings(outage)
    before = set(gate.payloads())
    await gate.start()
    last = named(kept[-1])
    await bench.until(lambda: ("n-1", *last) in gate.payloads(), 90)
    emitted = list(bench.emitted)
    await bench.until(lambda: weigh(emitted, gate, made).unexplained == 0, 60)

    stored = gate.payloads()
    assert not [payload for payload in kept if stored.get(("n-1", *named(payload))) != payload], "each as it was"
    result = weigh(emitted, gate, made)
    print(result)
    assert (result.duplicated, result.dropped, result.buffered) == (0, 0, 0), str(result)
    assert weigh(bench.emitted, gate, made).foreign == 0
    assert result.lost_in_cut <= 2 * FLUSH_S
    assert gate.lost() == {}
    came = [messages.decode(payload)[1:4] for identity, payload in stored.items() if identity not in before]
    live, backlog = split(came)
    assert live == sorted(live)
    assert backlog == sorted(backlog, key=lambda record: (record[0], record[2])), "by boot and time"
    assert came[0] == live[0], "what is live comes first"
    assert len(backlog) > outage
    assert bills(gate.stored()), "what bills was kept all the time"
    assert all(number > messages.BACKLOG for number in bills(gate.stored()))
    sizes = [len(payload) + FRAME for payload in kept if len(messages.decode(payload)[5]) == len(made_points())]
    assert max(sizes) <= wear.REPORT_BYTES["smart_meter"], "the model of wear counts with that"


def made_points() -> range:
    return range(7)


def split(came):
    """(live, backlog) of (boot, number, uptime_ms), in the order in which they came; older boots are all backlog."""
    newest = max(boot for boot, *_ in came)
    is_live = [boot == newest and number < messages.BACKLOG for boot, number, _ in came]
    return list(itertools.compress(came, is_live)), [each for each, live in zip(came, is_live, strict=True) if not live]


def weigh(emitted, gate, made):
    return balance(emitted, gate.stored(), dropped=gate.lost(), ended={made.name: made.board.ended})


OPERATIONS = 90
"""From the boot count's in the NVS to those of the second flush."""
CUTS_TEST = 4
TORN = ("flash-program", "flash-erase", "nvs-program", "nvs-erase")


@pytest.mark.timeout(900)
async def test_power_fails_at_every_storage_operation_of_a_boot_without_a_gateway(bench, node, tier_size) -> None:
    """The boot count's reservation, the journal's folder, its first flushes: kept is what the flash has then."""
    authority, wifi = Authority(), Wifi(connect_ms=5)
    identity = authority.identity("n-1")
    config = {"journal_flush_s": 5, "hardware": {"pzem004t": {"billing_s": 60}}}
    async with Desk(identity) as desk:
        options = {"identity": identity, "config": config, "wifi": wifi, "speed": SPEED}
        made = node("n-1", "smart_meter", desk.port, period_ms=PERIOD_MS, **options)
        board = made.board
        flash, partition = board.flash_path.read_bytes(), board.nvs_path.read_bytes()

        async def outage(after: int, *, torn: bool = False):
            """A boot without a gateway from the flash as it was, until power fails."""
            board.flash_path.write_bytes(flash)
            board.nvs_path.write_bytes(partition)
            desk.forget("n-1")
            wifi.up = False
            before = len(board.storage.kinds)
            board.power_on()
            fault = board.cut_after(after, torn=torn)
            await bench.until(lambda: fault.fired and not board.powered, 60, f"a cut at operation {after}")
            return board.storage.kinds[before:]

        kinds = await outage(OPERATIONS)
        assert kinds.count("flash-erase") >= 2
        assert kinds.count("nvs-commit") >= 1
        cuts = [(n, torn) for n, kind in enumerate(kinds, 1) for torn in (False, True) if not torn or kind in TORN]
        random.Random(5).shuffle(cuts)
        cuts = cuts[: tier_size(CUTS_TEST, len(cuts))]
        found = 0
        for after, torn in cuts:
            await outage(after, torn=torn)
            kept = [messages.decode(payload) for payload in on_flash(board)]
            found += len(kept)
            wifi.up = True
            board.power_on()
            line = await desk.ready("n-1")
            await desk.until(lambda k=kept, told=line: all(each in told.records for each in k), "what was kept")
            assert all(each[1] < line.boot for each in kept), "no boot has the number of another"
            assert all(line.records.count(each) == 1 for each in kept)
            board.power_cut()
        print(f"{len(kinds)} storage operations, {len(cuts)} cuts fired, {found} records on flash")
        assert found
