"""The command line as operators use it: processes, the real gateway among them."""

import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from far_side import FarNode, key_of, until
from persons import SITE, Persons
from signal_side import NODE, SignalNode

from paifang.cli import main
from paifang.control.async_client import AsyncControlClient
from paifang.keys import keyfile

PATIENCE_S = 30
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("PAIFANG") and name != "NOTIFY_SOCKET"
} | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry), "COLUMNS": "120", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class CommandLine:
    """`await paifang("nodes", "--json")`, in a home of its own; the data folder is the test's."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.environment = ENVIRONMENT | {
            "HOME": str(folder / "home"),
            "XDG_STATE_HOME": str(folder / "home" / "state"),
            "PAIFANG_DATA": str(self.data),
        }

    def command(self, *arguments):
        return [sys.executable, "-m", "paifang", *map(str, arguments)]

    async def start(self, *arguments, stdin=None, **environment):
        return await asyncio.create_subprocess_exec(
            *self.command(*arguments),
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment, **environment},
        )

    async def __call__(self, *arguments, stdin=None, **environment):
        process = await self.start(*arguments, stdin=stdin, **environment)
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await process.communicate(None if stdin is None else stdin.encode())
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        return Done(process.returncode, out.decode(), err.decode())


class Daemon:
    """`paifang run` with settings of the test."""

    def __init__(self, command_line):
        self.command_line = command_line
        self.file = command_line.data / "gateway.toml"
        self.process = None
        self.ready = {}
        self.log = ""
        self._nodes = []
        self._said = asyncio.Event()

    def configure(self, toml="", listen="127.0.0.1:0"):
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.file.write_text(f'nodes.tcp.listen = "{listen}"\n{toml}')

    async def start(self, **environment):
        if not self.file.exists():
            self.configure()
        self.process = await self.command_line.start("run", "--json", **environment)
        self._logging = asyncio.create_task(self._read_log())
        async with asyncio.timeout(PATIENCE_S):
            line = await self.process.stdout.readline()
            if not line:
                await self._logging
        assert line, self.log
        self.ready = json.loads(line)
        return self

    @property
    def address(self):
        host, _, port = self.ready["tcp"].rpartition(":")
        return host, int(port)

    @property
    def control(self):
        return Path(self.ready["control"])

    async def node(self, name="meter-1", boot=1):
        """An enrolled node with a live session."""
        async with AsyncControlClient(self.control) as client:
            await client.request("nodes.add", node=name, key=key_of(name).hex(), epoch=1)
        node = FarNode(self.address, name, boot)
        self._nodes.append(node)
        await node.connect()
        return node

    async def logged(self, text):
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.log:
                await self._said.wait()
                self._said.clear()

    async def signal(self, number):
        self.process.send_signal(number)

    async def ended(self):
        """Its exit code, once it has ended."""
        async with asyncio.timeout(PATIENCE_S):
            code = await self.process.wait()
            await self._logging
        return code

    async def close(self):
        for node in self._nodes:
            await node.hang_up()
        if self.process is not None and self.process.returncode is None:
            await self.signal(signal.SIGTERM)
            await self.ended()

    async def _read_log(self):
        while line := await self.process.stderr.readline():
            self.log += line.decode()
            self._said.set()


@pytest.fixture
def paifang(tmp_path):
    return CommandLine(tmp_path)


@pytest.fixture
def inside(paifang, monkeypatch, capsys):
    """`inside("nodes", "--json")`: the same command line in this process, for what needs no process of its own."""
    for name in ("HOME", "XDG_STATE_HOME", "PAIFANG_DATA"):
        monkeypatch.setenv(name, paifang.environment[name])
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return Done(ended.value.code, shown.out, shown.err)

    return call


@pytest.fixture
def ask(inside):
    """`await ask(...)`: as `inside`, while nodes of the test go on talking."""
    return functools.partial(asyncio.to_thread, inside)


@pytest.fixture
async def daemon(paifang):
    made = Daemon(paifang)
    yield made
    await made.close()


PASSPHRASE = "seven wet crows"


@pytest.fixture
def people(paifang, monkeypatch, tmp_path):
    """The persons of a ward: their roots lie in the data folder, alice's key and two root keys where keys are kept."""
    monkeypatch.setattr(keyfile, "_SCRYPT", (1 << 10, 8, 1))
    monkeypatch.setenv("PAIFANG_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("PAIFANG_PASSPHRASE", PASSPHRASE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys").mkdir()
    found = Persons()
    found.write(paifang.data)
    for number, key in enumerate(found.root_keys, 1):
        about = keyfile.PublicKey(f"root-{number}", f"root-{number}", key.public, "root", SITE)
        keyfile.seal(tmp_path / f"root-{number}.key", about, key, PASSPHRASE)
    about = keyfile.PublicKey("alice", "alice", found.keys["alice"].public, "person", SITE)
    keyfile.seal(tmp_path / "keys" / "alice.key", about, found.keys["alice"], PASSPHRASE)
    (tmp_path / "roots.json").write_text(found.roots.text())
    return found


class Junction:
    """A running gateway with a key set, and a signal node; `gateway` is a client of its control socket."""

    def __init__(self, daemon, people, gateway, node):
        self.daemon = daemon
        self.people = people
        self.gateway = gateway
        self.node = node
        self.far = node.far
        self._records = 0

    async def report(self, values):
        self._records += 1
        self.far.report(self._records, values)
        await self._stored()

    async def tell(self, detail, code=11):
        self._records += 1
        self.far.uptime_ms += 10
        self.far.say([4, self.far.boot, self._records, self.far.uptime_ms, None, code, None, detail])
        await self._stored()

    async def _stored(self):
        await until(lambda: self.far.acked.get(self.far.boot, (0, 0))[0] >= self._records)


@pytest.fixture
async def junction(daemon, people):
    await daemon.start()
    async with AsyncControlClient(daemon.control) as gateway:
        await gateway.request("keyset.load", keyset=people.keyset(1).hex())
        await gateway.request("nodes.add", node=NODE, key=key_of(NODE).hex(), epoch=1)
        node = SignalNode(FarNode(daemon.address, NODE))
        await node.connect()
        yield Junction(daemon, people, gateway, node)
        await node.stop()
        await node.far.hang_up()
