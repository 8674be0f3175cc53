"""Nodes on a serial line, played by a pseudo-terminal: noise, a line that goes away and comes back, a second node."""

from __future__ import annotations

import asyncio
import os
import tty
from typing import TYPE_CHECKING

import pytest
from far_side import FarNode, until
from near_side import settings_in

from paifang.settings import SerialSettings
from paifang_wire import messages
from paifang_wire.serial import SerialDecoder, serial_frame
from paifang_wire.session import NodeSession

if TYPE_CHECKING:
    from pathlib import Path


class Cable:
    """A pseudo-terminal whose near end is found at `device`, for as long as it is plugged in."""

    def __init__(self, device: Path) -> None:
        self.device = device
        self.far = -1

    def plug_in(self) -> None:
        self.far, near = os.openpty()
        tty.setraw(near)
        os.set_blocking(self.far, False)
        self.device.unlink(missing_ok=True)
        self.device.symlink_to(os.ttyname(near))
        os.close(near)

    def pull_out(self) -> None:
        self.device.unlink()
        os.close(self.far)


class SerialNode(FarNode):
    """The far node at the other end of a cable instead of a connection."""

    def __init__(self, cable: Cable, node: str = "meter-1") -> None:
        super().__init__(("", 0), node)
        self.cable = cable

    async def open(self) -> None:
        self.decoder = SerialDecoder()
        self.heard = asyncio.Queue()
        self.session = NodeSession(self.site, self.node, self.boot, self.key, os.urandom, self.handshakes)
        self.handshakes += 1
        asyncio.get_running_loop().add_reader(self.cable.far, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self.cable.far, 4096)
        except OSError:
            return
        for frame in self.decoder.feed(data):
            self._take(frame)

    def send_raw(self, frame: bytes) -> None:
        self.send_bytes(serial_frame(frame))

    def send_bytes(self, data: bytes) -> None:
        os.write(self.cable.far, data)

    async def hang_up(self) -> None:
        asyncio.get_running_loop().remove_reader(self.cable.far)


@pytest.fixture
async def cable(tmp_path):
    cable = Cable(tmp_path / "ttyTest")
    cable.plug_in()
    yield cable
    asyncio.get_running_loop().remove_reader(cable.far)
    os.close(cable.far)


@pytest.fixture
async def wired(start, cable, tmp_path):
    """A gateway whose only line is the cable."""
    settings = settings_in(tmp_path / "data")
    nodes = settings.nodes.model_copy(update={"serial": (SerialSettings(device=cable.device),)})
    return await start(settings.model_copy(update={"nodes": nodes}))


async def enrolled(house, cable, node: str = "meter-1") -> SerialNode:
    far = SerialNode(cable, node)
    await house.ask("nodes.add", node=node, key=far.key.hex(), epoch=1)
    await far.connect()
    return far


async def test_a_node_on_a_line(wired, cable):
    far = await enrolled(wired, cable)
    far.report(1)
    await far.acked_up_to(1)
    (row,) = await wired.ask("nodes.list")
    assert row["link"] == str(cable.device)


async def test_noise_on_the_line_is_counted_and_over_with_the_next_frame(wired, cable):
    far = await enrolled(wired, cable)
    far.send_bytes(b"noise\x00\x05ab\x00")
    damaged = bytearray(serial_frame(far.session.send([messages.CLOCK, 5])))
    damaged[5] ^= 0x40
    far.send_bytes(bytes(damaged))
    far.report(1)
    await far.acked_up_to(1)
    assert sum(wired.refused.values()) == 3
    assert set(wired.refused) <= {"crc", "shape"}


async def test_a_line_that_goes_and_comes_back(wired, cable):
    far = await enrolled(wired, cable)
    far.report(1)
    await far.acked_up_to(1)
    await far.hang_up()
    cable.pull_out()
    (line,) = wired.gateway.nodes.lines.values()
    await until(lambda: line.problem)
    assert not wired.gateway.nodes.desk.sessions
    status = await wired.ask("status")
    assert status["serial"][0]["problem"]
    assert any(finding["subject"] == "serial" for finding in await wired.ask("check"))

    cable.plug_in()
    await until(lambda: not line.problem)
    await far.connect()
    far.report(2)
    await far.acked_up_to(2)


async def test_a_line_that_is_not_there_yet_stops_nothing(start, tmp_path):
    settings = settings_in(tmp_path / "data")
    nodes = settings.nodes.model_copy(update={"serial": (SerialSettings(device=tmp_path / "ttyLater"),)})
    house = await start(settings.model_copy(update={"nodes": nodes}))
    (line,) = house.gateway.nodes.lines.values()
    assert line.problem
    later = Cable(tmp_path / "ttyLater")
    later.plug_in()
    await until(lambda: not line.problem)
    os.close(later.far)


async def test_another_node_on_the_same_line(wired, cable):
    first = await enrolled(wired, cable)
    first.report(1)
    await first.acked_up_to(1)
    await first.hang_up()
    second = await enrolled(wired, cable, "meter-2")
    second.report(1)
    await second.acked_up_to(1)
    assert set(wired.gateway.nodes.desk.sessions) == {"meter-2"}


async def test_reload_takes_a_line_away_and_leaves_the_others(wired, cable, tmp_path):
    on_network = await wired.enrolled("meter-2")
    await enrolled(wired, cable)
    await wired.gateway.reload(settings_in(tmp_path / "data"))
    assert set(wired.gateway.nodes.desk.sessions) == {"meter-2"}
    on_network.report(1)
    await on_network.acked_up_to(1)
