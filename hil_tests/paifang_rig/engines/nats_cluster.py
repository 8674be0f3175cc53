"""NATS servers with JetStream on the loopback: one, or a cluster whose leaders can be found and killed."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

import nats

from paifang_rig.engines.server import Server, find, free_ports, until
from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from pathlib import Path

    from nats.aio.client import Client

_CONFIG = """\
server_name: "{name}"
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor}"
jetstream {{ store_dir: "{store}", max_file_store: {disk_bytes} }}
{cluster}
{more}
"""
_CLUSTER = 'cluster {{ name: "ward", listen: "127.0.0.1:{route}", routes: [{routes}] }}'
DISK_BYTES = 1 << 32
_HTTP_TIMEOUT_S = 2.0


class NatsServer:
    """One server: `url` for clients."""

    def __init__(self, name: str, port: int, monitor: int, config: Path) -> None:
        self.name = name
        self.url = f"nats://127.0.0.1:{port}"
        self._monitor = monitor
        self.process = Server([str(find("nats-server", "nats-server")), "-c", str(config)], config.with_suffix(".log"))

    def is_healthy(self) -> bool:
        """Its part of JetStream has caught up with the others. Raises RigError when it does not run."""
        if not self.process.is_running:
            raise RigError(f"{self.name} does not run; it said:\n{self.process.log_tail()}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._monitor}/healthz", timeout=_HTTP_TIMEOUT_S) as answer:
                return json.load(answer).get("status") == "ok"
        except (OSError, urllib.error.URLError, ValueError):
            return False


class NatsCluster:
    """`count` servers in `folder`; `more` is further configuration of each, in NATS's own syntax."""

    def __init__(self, folder: Path, count: int = 3, *, more: str = "", disk_bytes: int = DISK_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ports = free_ports(3 * count)
        routes = ", ".join(f'"nats://127.0.0.1:{ports[3 * place + 2]}"' for place in range(count))
        self.servers: list[NatsServer] = []
        for place in range(count):
            port, monitor, route = ports[3 * place : 3 * place + 3]
            name = f"nats-{place + 1}"
            cluster = _CLUSTER.format(route=route, routes=routes) if count > 1 else ""
            config = folder / f"{name}.conf"
            config.write_text(
                _CONFIG.format(
                    name=name,
                    port=port,
                    monitor=monitor,
                    store=folder / name,
                    disk_bytes=disk_bytes,
                    cluster=cluster,
                    more=more,
                )
            )
            self.servers.append(NatsServer(name, port, monitor, config))

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    async def start(self) -> None:
        """Start all, and wait until JetStream is there."""
        for server in self.servers:
            server.process.start()
        await self.healthy()

    async def healthy(self) -> None:
        """Wait until all servers that run are whole again."""
        for server in self.servers:
            if server.process.is_running:
                await until(server.is_healthy, f"{server.name} healthy")

    async def client(self, **options: str) -> Client:
        """A connection to any of them that runs."""
        running = [server.url for server in self.servers if server.process.is_running]
        return await nats.connect(running, **options)  # pyright: ignore[reportArgumentType]

    async def leader(self, stream: str) -> NatsServer:
        """Who leads the stream now. Raises RigError when nobody does."""
        async with await self.client() as client:
            info = await client.jetstream().stream_info(stream)
        name = info.cluster.leader if info.cluster else None
        found = next((server for server in self.servers if server.name == name or len(self.servers) == 1), None)
        if found is None:
            raise RigError(f"stream {stream} has no leader")
        return found

    def end(self) -> None:
        """SIGKILL to all."""
        for server in self.servers:
            server.process.end(signal.SIGKILL)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.end()
