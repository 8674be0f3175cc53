"""The rig's fixtures. Each test has a bench of its own; what it powered or started is gone when the test ends."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from paifang_rig.bench import Bench
from paifang_rig.gateway import GatewayProcess
from paifang_rig.nodes import make_node
from paifang_rig.usb_board import UsbBoard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    from paifang_rig.board import SimBoard
    from paifang_rig.nodes import Node


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """An empty bench."""
    gc.collect()
    gc.freeze()  # to look through all that earlier tests have left would hold up its boards for 0.2 s at a time
    try:
        async with Bench(tmp_path / "bench") as made:
            yield made
    finally:
        gc.unfreeze()


@pytest.fixture
def board(bench: Bench, request: pytest.FixtureRequest) -> Callable[..., SimBoard | UsbBoard]:
    """`board(name, image, ...)`: a board without power, as `Bench.board`; with `--board usb:MAC` the one on USB."""
    choice = str(request.config.getoption("--board"))
    if choice == "sim":
        return bench.board

    def on_usb(name: str, image: bytes, *_: object, **__: object) -> UsbBoard:
        return UsbBoard(name, choice.removeprefix("usb:"), image, str(request.config.getoption("--board-power")))

    return on_usb


@pytest.fixture
def node(bench: Bench, request: pytest.FixtureRequest) -> Callable[..., Node]:
    """`node(name, role, link, ...)`: a board with the shipped firmware, an identity and its role's sensors."""
    if request.config.getoption("--board") != "sim":
        pytest.skip("its sensors are models on the bench, which a board on USB is not wired to")

    def make(name: str, *arguments: Any, **options: Any) -> Node:
        return make_node(bench, name, *arguments, **options)

    return make


@pytest_asyncio.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """`await gateway(serial=[...], toml="", files={})`: a running gateway in a folder of its own."""
    started: list[GatewayProcess] = []

    async def start(
        serial: Iterable[str] = (), toml: str = "", files: Mapping[str, str] | None = None
    ) -> GatewayProcess:
        process = GatewayProcess(tmp_path / f"gateway-{len(started)}", serial, toml, files)
        started.append(process)
        await process.start()
        return process

    yield start
    for process in started:
        await process.kill()
