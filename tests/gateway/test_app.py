"""The gateway as a whole: starts with clear errors, reloads without dropping anybody, stops clean."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import suppress
from pathlib import Path

import apsw
import pytest
from far_side import FarNode, key_of, until
from near_side import CALLER, settings_in

from paifang.app import Gateway
from paifang.control.async_client import AsyncControlClient
from paifang.errors import EXIT_RESOURCE, PaifangError
from paifang.settings import NodesSettings, StoreSettings, TcpSettings
from paifang_wire import messages


async def test_what_was_taken_in_is_acknowledged_before_the_goodbye(tmp_path):
    gateway = Gateway(settings_in(tmp_path, store=StoreSettings(commit_ms=1000)))
    await gateway.start()
    await gateway.operations.handlers()["nodes.add"]({"node": "meter-1", "key": key_of("meter-1").hex()}, CALLER)
    far = FarNode(gateway.tcp_address)
    await far.connect()
    for number in range(1, 21):
        far.report(number)
    await until(lambda: gateway.store.buffered + gateway.store.stored == 20)
    await gateway.stop()

    await far.hear(messages.BYE)
    assert far.acked[1] == (20, 0)
    await far.closed.wait()
    await far.hang_up()

    again = Gateway(settings_in(tmp_path))
    await again.start()
    (row,) = await again.operations.handlers()["nodes.list"]({}, None)
    await again.stop()
    assert (row["stored"], row["highest"], row["boot"]) == (20, 20, 1)


async def test_a_port_in_use(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        nodes = NodesSettings(tcp=TcpSettings(listen=f"127.0.0.1:{port}"))
        with pytest.raises(PaifangError, match=f"127.0.0.1:{port}: the port is in use") as raised:
            await Gateway(settings_in(tmp_path / "data", nodes=nodes)).start()
    assert raised.value.exit_code == EXIT_RESOURCE
    gateway = Gateway(settings_in(tmp_path / "data"))
    await gateway.start()
    await gateway.stop()


async def test_two_gateways_do_not_share_a_folder(house, tmp_path):
    with pytest.raises(PaifangError, match="another gateway uses the data folder") as raised:
        await Gateway(settings_in(tmp_path / "data")).start()
    assert raised.value.exit_code == EXIT_RESOURCE
    assert (await house.ask("status"))["state"] == "ok"


@pytest.fixture
def nobody():
    """Not root, for whom nothing is read-only."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    yield
    os.seteuid(was)


async def test_a_folder_that_is_read_only(tmp_path, nobody):
    with pytest.raises(PaifangError, match="cannot be used: Permission denied") as raised:
        await Gateway(settings_in(Path("/etc/paifang-test"))).start()
    assert raised.value.exit_code == EXIT_RESOURCE
    assert "--data" in raised.value.hint


async def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("here already")
    with pytest.raises(PaifangError, match="cannot be used") as raised:
        await Gateway(settings_in(tmp_path / "file" / "data")).start()
    assert raised.value.exit_code == EXIT_RESOURCE


async def test_reload_moves_the_port_and_keeps_the_nodes(house, tmp_path):
    far = await house.enrolled()
    before = house.gateway.tcp_address
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nodes = NodesSettings(tcp=TcpSettings(listen=f"127.0.0.1:{port}"))
    await house.gateway.reload(settings_in(tmp_path / "data", nodes=nodes))

    assert house.gateway.tcp_address == ("127.0.0.1", port)
    with pytest.raises(OSError):
        await asyncio.open_connection(*before)
    far.report(1)
    await far.acked_up_to(1)
    other = await house.enrolled("meter-2")
    other.report(1)
    await other.acked_up_to(1)


@pytest.mark.parametrize(("host", "backlog"), [("0.0.0.0", 4096), ("127.0.0.1", 64)])
async def test_reload_changes_how_the_same_port_is_listened_at(house, tmp_path, host, backlog):
    """The gateway's own listener is not another program that has the port."""
    far = await house.enrolled()
    port = house.gateway.tcp_address[1]
    nodes = NodesSettings(tcp=TcpSettings(listen=f"{host}:{port}", backlog=backlog))
    await house.gateway.reload(settings_in(tmp_path / "data", nodes=nodes))
    far.report(1)
    await far.acked_up_to(1)
    await (await house.enrolled("meter-2")).hang_up()


async def test_a_reload_that_fails_at_the_same_port_goes_on_where_it_was(house, tmp_path):
    before = house.gateway.tcp_address
    nodes = NodesSettings(tcp=TcpSettings(listen=f"192.0.2.1:{before[1]}"))
    with pytest.raises(PaifangError, match="nodes cannot connect"):
        await house.gateway.reload(settings_in(tmp_path / "data", nodes=nodes))
    assert house.gateway.tcp_address == before
    await house.enrolled()


async def test_a_reload_that_cannot_be_changes_nothing(house, tmp_path):
    far = await house.enrolled()
    with pytest.raises(PaifangError, match="site cannot change from ward-1 to ward-2"):
        await house.gateway.reload(settings_in(tmp_path / "data", site="ward-2"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        nodes = NodesSettings(tcp=TcpSettings(listen=f"127.0.0.1:{other.getsockname()[1]}"))
        with pytest.raises(PaifangError, match="in use"):
            await house.gateway.reload(settings_in(tmp_path / "data", nodes=nodes))
    far.report(1)
    await far.acked_up_to(1)
    await (await house.enrolled("meter-2")).hang_up()


async def test_every_answer_can_go_over_the_control_socket(house):
    far = await house.enrolled()
    far.report(1)
    far.say([messages.EVENT, 1, 2, 500, None, messages.EV_STARTED, None, "power-on"])
    await far.acked_up_to(2)
    async with AsyncControlClient(house.gateway.settings.socket_path) as client:
        for op, args in (
            ("status", {}),
            ("metrics", {}),
            ("check", {}),
            ("nodes.list", {}),
            ("nodes.show", {"node": "meter-1"}),
            ("read", {"node": None, "point": "voltage", "limit": 5}),
            ("events", {}),
        ):
            assert json.dumps(await client.request(op, **args))
        shown = await client.request("nodes.show", node="meter-1")
    assert [point["name"] for point in shown["points"]] == ["voltage", "current", "power_limit", "relay", "signal"]
    assert shown["points"][0]["shown"] == "230.1"
    assert shown["boots"][0]["stored"] == 2


async def test_watching_shows_what_is_stored(house):
    far = await house.enrolled()
    async with AsyncControlClient(house.gateway.settings.socket_path) as client:
        watching = client.stream("watch", node="meter-1")
        first = asyncio.ensure_future(anext(watching))
        await until(lambda: house.gateway.feed.watchers == 1)
        far.report(1)
        item = await first
        assert (item["kind"], item["node"], item["point"], item["value"]) == ("reading", "meter-1", "voltage", 230.1)
        await watching.aclose()
    await until(lambda: house.gateway.feed.watchers == 0)


async def test_a_watcher_that_does_not_read_is_told_what_it_missed(house):
    far = await house.enrolled()
    watching = house.gateway.operations.handlers()["watch"]({}, None)
    first = asyncio.ensure_future(anext(watching))
    await until(lambda: house.gateway.feed.watchers == 1)
    far.report(1)
    await first
    total = 2_100
    for start in range(2, total, 30):
        for number in range(start, start + 30):
            far.report(number)
        await far.acked_up_to(start + 29)
    missed = 0
    while not missed:
        item = await anext(watching)
        missed = item.get("count", 0)
    assert missed > 0
    await watching.aclose()
    assert house.gateway.feed.watchers == 0


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("read", {"limit": 0}, "limit of read is a whole number"),
        ("read", {"colour": "red"}, "knows no argument 'colour'"),
        ("nodes.show", {}, "needs node"),
        ("nodes.show", {"node": "nobody"}, "not enrolled"),
        ("nodes.remove", {"node": "nobody"}, "not enrolled"),
        ("nodes.add", {"node": "x", "key": "00"}, "64 hexadecimal digits"),
        ("nodes.add", {"node": "\n", "key": "00" * 32}, "printable"),
        ("nodes.list", {"unknown": "yes"}, "true or false"),
        ("stop", {}, "stopped by the program"),
        ("reload", {}, "no settings file"),
    ],
)
async def test_a_bad_argument_is_told(house, op, args, said):
    with pytest.raises(PaifangError, match=said):
        await house.ask(op, **args)


async def test_another_key_needs_the_old_one_removed(house):
    await house.ask("nodes.add", node="meter-1", key=key_of("a").hex(), epoch=1)
    assert (await house.ask("nodes.add", node="meter-1", key=key_of("a").hex(), epoch=1))["added"] is False
    with pytest.raises(PaifangError, match="enrolled with another key"):
        await house.ask("nodes.add", node="meter-1", key=key_of("b").hex(), epoch=1)


@pytest.mark.parametrize("op", ["nodes.reset-boot", "nodes.remove"])
async def test_a_change_goes_on_when_its_caller_hangs_up(house, op):
    """Half a change would leave the registry in memory and the one in the file at odds until the next start."""
    far = await house.enrolled()
    far.report(1)
    await far.acked_up_to(1)
    asking = asyncio.create_task(house.ask(op, node="meter-1"))
    while "meter-1" in house.gateway.store.registry.nodes:  # noqa: ASYNC110 - at every turn of the loop: it is short
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    await house.ask("nodes.add", node="meter-1", key=key_of("meter-1").hex(), epoch=1)

    assert asking.cancelled()
    again = house.far()
    assert (await again.connect())[5] == []
    again.report(1)
    await again.acked_up_to(1)
    assert house.records() == [("meter-1", 0, 1), ("meter-1", 1, 1)]


async def test_an_addition_goes_on_when_its_caller_hangs_up(house):
    arguments = {"node": "meter-1", "key": key_of("meter-1").hex(), "epoch": 1}
    asking = asyncio.create_task(house.ask("nodes.add", **arguments))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    await house.ask("nodes.add", **arguments)
    await house.far().connect()


async def test_the_processs_part_in_stop_and_reload(start):
    done = []

    async def reload() -> None:
        done.append("reload")

    house = await start(on_stop=lambda: done.append("stop"), on_reload=reload)
    await house.ask("reload")
    await house.ask("stop")
    assert done == ["reload", "stop"]


async def test_the_balance_holds_after_hang_ups(house):
    far = await house.enrolled()
    for number in range(1, 200):
        far.report(number)
        if number % 40 == 0:
            await far.hang_up()
            await far.connect()
            for again in range(far.welcome[5][0][1] + 1, number + 1):
                far.report(again)
        if number % 20 == 0:
            with suppress(TimeoutError):
                await far.acked_up_to(number)
    await far.acked_up_to(199)
    (row,) = await house.ask("nodes.list")
    assert (row["stored"], row["lost"], row["highest"]) == (199, 0, 199)
    assert len(set(house.records())) == len(house.records()) == 199


class FullDisk(apsw.VFS):
    """The system's files, until `full`."""

    def __init__(self) -> None:
        super().__init__("full-disk", "")
        self.full = False

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's name
        disk = self

        class File(apsw.VFSFile):
            def xWrite(self, data, offset):  # noqa: N802
                if disk.full:
                    raise apsw.FullError("no space left on device")
                super().xWrite(data, offset)

        return File("", name, flags)


async def test_a_full_disk_is_shown_and_nothing_is_acknowledged_until_it_is_over(start):
    disk = FullDisk()
    house = await start(vfs="full-disk")
    far = await house.enrolled()
    disk.full = True
    far.report(1)
    await until(lambda: house.gateway.store.problem)
    status = await house.ask("status")
    assert (status["state"], status["records"]["buffered"]) == ("degraded", 1)
    assert "no space is left" in status["problem"]
    (finding,) = [each for each in await house.ask("check") if each["subject"] == "store"]
    assert finding["level"] == "error"
    assert far.acked.get(1, (0, 0)) == (0, 0)
    assert (await far_reconnected(far))[5] == [[1, 0]], "a welcome names only what is synced"

    disk.full = False
    await far.acked_up_to(1)
    assert (await house.ask("status"))["state"] == "ok"


async def test_while_the_disk_is_full_memory_does_not_fill_up(start):
    """Neither with records nor with declared losses; both are taken again when there is room."""
    disk = FullDisk()
    house = await start(vfs="full-disk")
    store = house.gateway.store
    store._records_limit = 20
    far = await house.enrolled(boot=1000)
    disk.full = True
    far.report(1)
    await until(lambda: store.problem)
    frames = house.gateway.nodes.desk.counters.frames
    for boot in range(1, 101):
        far.say([messages.GAP, boot, 1, 5, 1])
    far.report(2)
    await until(lambda: house.gateway.nodes.desk.counters.frames == frames + 101)
    assert house.refused == {"store-full": 81}
    assert len(store._touched) <= 21

    disk.full = False
    await far.acked_up_to(1)
    far.report(2)
    await far.acked_up_to(2)


async def far_reconnected(far: FarNode) -> list:
    await far.hang_up()
    return await far.connect()


async def test_a_stop_that_could_not_store_says_so(tmp_path):
    disk = FullDisk()
    gateway = Gateway(settings_in(tmp_path), vfs="full-disk")
    await gateway.start()
    await gateway.operations.handlers()["nodes.add"]({"node": "meter-1", "key": key_of("meter-1").hex()}, CALLER)
    far = FarNode(gateway.tcp_address)
    await far.connect()
    disk.full = True
    far.report(1)
    await until(lambda: gateway.store.problem)
    with pytest.raises(PaifangError, match="no space is left") as raised:
        await gateway.stop()
    assert raised.value.exit_code == EXIT_RESOURCE
    await far.closed.wait()
    assert far.acked.get(1, (0, 0)) == (0, 0)
    await far.hang_up()
