"""The real gateway as a process of its own, so that it can be killed like one."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import signal
import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from paifang.config.places import Place
from paifang.control.async_client import AsyncControlClient
from paifang_rig.errors import RigError
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from paifang_tools.provision import Identity

READY_DEADLINE_S = 30.0
LOG_TAIL = 20
_GLANCE_S = 0.05


class GatewayProcess:
    """`python -m paifang run --data folder`. The port is a free one, and stays the same over restarts.

    `serial` lists devices; `toml` is added to the settings file; `files` (name → text) lie in its folder beside it.
    `module`: what runs instead of `paifang`.
    """

    def __init__(
        self,
        folder: Path,
        serial: Iterable[str] = (),
        toml: str = "",
        files: Mapping[str, str] | None = None,
        module: str = "paifang",
    ) -> None:
        self._module = module
        self.folder = folder
        self.port = 0
        self._serial = tuple(serial)
        self._files = {"gateway.toml": toml} | dict(files or {})
        self._process: asyncio.subprocess.Process | None = None
        self._log = folder / "gateway.log"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Until it says that it is ready. RigError with its own last words if it does not."""
        await self.kill()
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in {**self._files, "gateway.toml": self._settings()}.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text)
        command = (sys.executable, "-m", self._module, "run", "--data", str(self.folder), "--json")
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                preexec_fn=_die_with_parent,
                start_new_session=True,  # Ctrl-C in a terminal is for whoever runs the gateway, and stops it then
            )
        assert self._process.stdout
        with contextlib.suppress(TimeoutError):
            line = await asyncio.wait_for(self._process.stdout.readline(), READY_DEADLINE_S)
            if line:
                self.port = int(json.loads(line)["tcp"].rpartition(":")[2])
                return
        await self.kill()
        raise RigError(f"the gateway did not start; it said:\n{self.log_tail()}")

    def kill_now(self) -> None:
        """SIGKILL at this very moment; `kill` or `start` picks up what is left."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def kill(self) -> None:
        """SIGKILL: what it has not synced may be gone."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        return await self._end(signal.SIGTERM)

    async def request(self, op: str, **args: Any) -> Any:
        """One operation over the control socket."""
        async with AsyncControlClient(self.control) as client:
            return await client.request(op, **args)

    async def until(self, condition: Callable[[Any], object], op: str, *, deadline_s: float = 30.0, **args: Any) -> Any:
        """Ask until `condition` of the answer is true, and return that; RigError after the deadline."""
        end = time.monotonic() + deadline_s
        while not condition(answer := await self.request(op, **args)):
            if time.monotonic() > end:
                raise RigError(f"{op} {args}: not as expected within {deadline_s:.0f} s, but {answer}")
            await asyncio.sleep(_GLANCE_S)
        return answer

    @property
    def control(self) -> Path:
        """Its control socket."""
        return Place(data=self.folder).socket()

    async def enrol(self, *identities: Identity) -> None:
        """Make these nodes known."""
        async with AsyncControlClient(self.control) as client:
            for identity in identities:
                await client.request("nodes.add", node=identity.node, key=identity.node_key.hex(), epoch=identity.epoch)

    def stored(self) -> list[dict[str, Any]]:
        """Every stored record, straight from the file: node, boot, number, kind, and a report's values and quality."""
        rows = self._query("SELECT node, boot, number, kind, body FROM records ORDER BY seq")
        return [_record(*row) for row in rows]

    def payloads(self) -> dict[tuple[str, int, int], bytes]:
        """(node, boot, number) → the record as it came, in the order in which they were stored."""
        rows = self._query("SELECT node, boot, number, body FROM records ORDER BY seq")
        return {(node, boot, number): bytes(body) for node, boot, number, body in rows}

    def lost(self) -> dict[str, int]:
        """Node → how many of its records it declared lost."""
        rows = self._query("SELECT node, sum(lost) FROM gaps GROUP BY node")
        return {str(node): int(lost) for node, lost in rows}

    def gaps(self) -> list[tuple[str, int, int, int]]:
        """(node, boot, first, last) of each span of records that a node declared settled without them."""
        return [
            (str(n), int(b), int(f), int(t)) for n, b, f, t in self._query("SELECT node, boot, first, last FROM gaps")
        ]

    def log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_TAIL:])

    def _query(self, statement: str) -> list[Any]:
        """Rows of the store, read beside the gateway or after its end; none before there is a store."""
        files = sorted(self.folder.glob("*.db"))
        if not files:
            return []
        with contextlib.closing(sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True)) as store:
            return store.execute(statement).fetchall()

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        return await process.wait()

    def _settings(self) -> str:
        lines = [f'[nodes.tcp]\nlisten = "127.0.0.1:{self.port}"']
        lines += [f'[[nodes.serial]]\ndevice = "{device}"' for device in self._serial]
        return "\n".join([*lines, self._files["gateway.toml"], ""])

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()


_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _die_with_parent() -> None:
    """In the child: an orphan would go on and reopen a PTY whose number is another bench's by then (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _record(node: str, boot: int, number: int, kind: int, body: bytes) -> dict[str, Any]:
    record: dict[str, Any] = {"node": node, "boot": boot, "number": number, "kind": kind}
    if kind == messages.REPORT:
        *_, values, quality = messages.decode(body)
        record |= {"values": values, "quality": quality}
    return record
