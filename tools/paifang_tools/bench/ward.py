"""A gateway under measurement: a process of its own, reached like any other over its control socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paifang_tools.bench import fleet

SITE = "ward-1"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Ward:
    """A running gateway: where its nodes connect, its control socket, its data folder and its process."""

    host: str
    port: int
    control: Path
    data: Path
    pid: int

    def request(self, op: str, **args: Any) -> Any:
        """Return the result of one operation. Raises RuntimeError with the gateway's own words."""
        return self.requests([(op, args)])[0]

    def requests(self, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        """Return the results of many operations over one connection, one after the other."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(self.control))
            lines = client.makefile("rwb")
            return [_ask(lines, number, op, args) for number, (op, args) in enumerate(calls, 1)]

    def enrol(self, count: int) -> None:
        """Make generated nodes 0..count-1 known."""
        keys = ((fleet.node_name(index), fleet.node_secret(SITE, index).hex()) for index in range(count))
        self.requests([("nodes.add", {"node": node, "key": key, "epoch": 1}) for node, key in keys])

    def resident_bytes(self) -> int:
        """Return the resident memory of the gateway's process."""
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


@contextmanager
def ward() -> Generator[Ward]:
    """Run a gateway with its defaults, on a free port, in a fresh folder on disk; it is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="paifang-bench-", dir=_disk()) as folder:
        data = Path(folder)
        (data / "gateway.toml").write_text(
            f'site = "{SITE}"\n[nodes.tcp]\nlisten = "127.0.0.1:0"\n[log]\nlevel = "warning"\n', encoding="utf-8"
        )
        command = [sys.executable, "-m", "paifang", "run", "--data", folder, "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            yield _ready(process, data)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _ready(process: subprocess.Popen[str], data: Path) -> Ward:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError("the gateway did not start: its words stand above")
    ready = json.loads(line)
    host, _, port = ready["tcp"].rpartition(":")
    return Ward(host, int(port), Path(ready["control"]), data, process.pid)


def _ask(lines: Any, number: int, op: str, args: dict[str, Any]) -> Any:
    lines.write(json.dumps({"id": number, "op": op, "args": args}).encode() + b"\n")
    lines.flush()
    answer = json.loads(lines.readline())
    if not answer["ok"]:
        raise RuntimeError(f"{op}: {answer['error']['message']}")
    return answer["result"]


def _disk() -> str:
    """A folder on a disk: /tmp is memory on many machines, where syncing costs nothing."""
    folder = Path("build").resolve()
    folder.mkdir(exist_ok=True)
    return str(folder)
