"""The control socket: a real socket, a real table of handlers, clients that behave and clients that do not."""

import asyncio
import grp
import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from paifang.control.async_client import AsyncControlClient
from paifang.control.authority import ANY, Authority
from paifang.control.client import ControlClient
from paifang.control.connection import REQUESTS_PER_CONNECTION
from paifang.control.lines import REQUEST_LIMIT_BYTES, RemoteError, UnreachableError
from paifang.control.server import CONNECTIONS_PER_USER, ControlServer
from paifang.errors import EXIT_RESOURCE, EXIT_UNREACHABLE, EXIT_USAGE, PaifangError, not_found
from paifang.settings import ControlSettings, UserSettings

STRANGER_UID = 4242
DEADLINE_S = 20

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")


class Table:
    """Handlers of every kind, and what became of their streams."""

    def __init__(self):
        self.release = asyncio.Event()
        self.entered = asyncio.Semaphore(0)
        self.stream_ended = asyncio.Event()

    def handlers(self):
        return {
            "who": self.who,
            "refuse": self.refuse,
            "fail": self.fail,
            "unjson": self.unjson,
            "hold": self.hold,
            "count": self.count,
            "ticks": self.ticks,
        }

    def authority(self, *uids):
        """Lets in the own user, root and `uids`, each to all of these."""
        return Authority(ControlSettings(uids=uids), permissions=self.permissions())

    def permissions(self):
        return dict.fromkeys(self.handlers(), ANY)

    async def who(self, args, caller):
        return {"uid": caller.uid, "gid": caller.gid, "pid": caller.pid, "args": args}

    async def refuse(self, args, caller):
        raise not_found("node aq-9 is not enrolled", "look at paifang nodes")

    async def fail(self, args, caller):
        raise ZeroDivisionError("by zero")

    async def unjson(self, args, caller):
        return {1, 2}

    async def hold(self, args, caller):
        self.entered.release()
        await self.release.wait()
        return "released"

    async def count(self, args, caller):
        """Returns an async iterator, as a handler may."""

        async def items():
            for number in range(args["to"]):
                yield number

        return items()

    async def ticks(self, args, caller):
        """Is an async iterator, as a handler may be."""
        try:
            while True:
                yield "tick"
                self.entered.release()
                await asyncio.sleep(0.001)
        finally:
            self.stream_ended.set()


@pytest.fixture
def table():
    return Table()


@pytest.fixture
async def server(tmp_path, table):
    served = ControlServer(tmp_path / "control" / "gateway.sock", table.handlers(), table.authority())
    await served.start()
    yield served
    await served.stop()


async def raw_exchange(server, sent, answers=1):
    """Bytes as they are, and the lines that come back."""
    reader, writer = await asyncio.open_unix_connection(os.fspath(server.path), limit=1 << 20)
    writer.write(sent)
    try:
        async with asyncio.timeout(DEADLINE_S):
            return [json.loads(await reader.readline()) for _ in range(answers)]
    finally:
        writer.close()
        await writer.wait_closed()


async def test_the_caller_is_known_by_the_kernel(server):
    async with AsyncControlClient(server.path) as client:
        found = await client.request("who", a=1)
    assert found == {"uid": os.getuid(), "gid": os.getgid(), "pid": os.getpid(), "args": {"a": 1}}


async def test_the_client_without_asyncio_says_the_same(server):
    def ask():
        with ControlClient(server.path) as client:
            return client.request("who"), list(client.stream("count", to=3)), client.request("who")["args"]

    found, items, args = await asyncio.to_thread(ask)
    assert (found["uid"], items, args) == (os.getuid(), [0, 1, 2], {})


async def test_the_socket_is_closed_to_other_users(server):
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o660
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700


async def test_a_folder_that_was_there_keeps_its_mode_unless_it_is_the_sockets_own(tmp_path, table):
    tmp_path.chmod(0o755)
    served = ControlServer(tmp_path / "gateway.sock", table.handlers(), table.authority(), own_folder=False)
    await served.start()
    await served.stop()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


async def test_requests_of_one_connection_do_not_wait_for_one_another(server, table):
    async with AsyncControlClient(server.path) as client:
        held = asyncio.create_task(client.request("hold"))
        await table.entered.acquire()
        assert (await client.request("who"))["args"] == {}
        table.release.set()
        assert await held == "released"


async def test_a_stream_has_items_and_an_end(server):
    async with AsyncControlClient(server.path) as client:
        assert [item async for item in client.stream("count", to=4)] == [0, 1, 2, 3]


async def test_a_stream_ends_at_the_gateway_when_its_client_goes_away(server, table):
    async with AsyncControlClient(server.path) as client:
        async for _ in client.stream("ticks"):
            break
    async with asyncio.timeout(DEADLINE_S):
        await table.stream_ended.wait()


async def test_a_stream_ends_when_its_client_is_killed(server, table):
    source = (
        "import sys; from pathlib import Path; from paifang.control.client import ControlClient\n"
        "for _ in ControlClient(Path(sys.argv[1])).stream('ticks'): pass"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", source, os.fspath(server.path))
    async with asyncio.timeout(DEADLINE_S):
        await table.entered.acquire()
        process.kill()
        await table.stream_ended.wait()
    await process.wait()


REFUSED = [
    (b"nonsense\n", None, "malformed"),
    (b"\xff\xfe\n", None, "malformed"),
    (b"[]\n", None, "malformed"),
    (b"\n", None, "malformed"),
    (b'{"op": "who"}\n', None, "malformed"),
    (b'{"id": true, "op": "who"}\n', None, "malformed"),
    (b'{"id": 7, "op": 5}\n', 7, "malformed"),
    (b'{"id": 7, "op": "who", "args": []}\n', 7, "malformed"),
    (b'{"id": 7, "op": "who", "arg": {}}\n', 7, "malformed"),
    (b"[" * 60_000 + b"\n", None, "malformed"),
    (b'{"id": 7, "op": "who", "\\ud800": 1}\n', 7, "malformed"),
    (b'{"id": 7, "op": "\\ud800"}\n', 7, "malformed"),
    (b'{"id": 7, "op": "who", "args": {"a": ["\\uDFFF"]}}\n', 7, "malformed"),
    (b'{"id": 8, "op": "whom"}\n', 8, "unknown-op"),
    (b'{"id": 9, "op": "fail"}\n', 9, "internal"),
    (b'{"id": 9, "op": "unjson"}\n', 9, "internal"),
    (b'{"id": 1, "op": "' + b"x" * REQUEST_LIMIT_BYTES + b'"}\n', None, "too-long"),
]


@pytest.mark.parametrize(("sent", "number", "code"), REFUSED, ids=[sent[:20] for sent, _, _ in REFUSED])
async def test_what_is_no_request_is_refused_and_counted(server, sent, number, code):
    [answer] = await raw_exchange(server, sent)
    assert (answer["id"], answer["ok"], answer["error"]["code"]) == (number, False, code)
    assert answer["error"]["message"]
    assert server.counts == {code: 1}


async def test_a_malformed_line_does_not_end_the_connection(server):
    first, second = await raw_exchange(server, b'{}\n{"id": 2, "op": "who"}\n', answers=2)
    assert (first["ok"], second["ok"]) == (False, True)


async def test_a_request_that_never_ends_is_cut_off(server):
    reader, writer = await asyncio.open_unix_connection(os.fspath(server.path))
    writer.write(b"x" * (REQUEST_LIMIT_BYTES + 1))
    async with asyncio.timeout(DEADLINE_S):
        assert json.loads(await reader.readline())["error"]["code"] == "too-long"
        assert await reader.read() == b""
    writer.close()


async def test_an_error_keeps_its_hint_and_exit_code(server):
    async with AsyncControlClient(server.path) as client:
        with pytest.raises(RemoteError, match="aq-9 is not enrolled") as refused:
            await client.request("refuse")
        with pytest.raises(RemoteError) as unknown:
            await client.request("whom")
    assert (refused.value.code, refused.value.hint) == ("not-found", "look at paifang nodes")
    assert (unknown.value.exit_code, "count, fail, hold" in unknown.value.hint) == (EXIT_USAGE, True)


async def test_too_many_requests_at_once_are_told_to_wait(server, table):
    requests = [{"id": number, "op": "hold"} for number in range(REQUESTS_PER_CONNECTION + 1)]
    [answer] = await raw_exchange(server, b"".join(json.dumps(each).encode() + b"\n" for each in requests))
    assert (answer["id"], answer["error"]["code"]) == (REQUESTS_PER_CONNECTION, "busy")


async def test_too_many_connections_of_one_user_are_refused_until_one_closes(server):
    clients = [AsyncControlClient(server.path) for _ in range(CONNECTIONS_PER_USER)]
    for client in clients:
        await client.__aenter__()
        await client.request("who")
    async with AsyncControlClient(server.path) as one_more:
        with pytest.raises(RemoteError, match="64 connections open"):
            await one_more.request("who")
    await clients.pop().__aexit__(None, None, None)
    async with asyncio.timeout(DEADLINE_S):
        while not await _lets_in(server):  # noqa: ASYNC110 - nothing tells the client that the other one is gone
            await asyncio.sleep(0.01)
    for client in clients:
        await client.__aexit__(None, None, None)


async def _lets_in(server):
    async with AsyncControlClient(server.path) as client:
        try:
            await client.request("who")
        except RemoteError:
            return False
    return True


def ask_as(uid, path, groups=()):
    """What a process of another user gets: its answer, or the name and text of its error."""
    source = (
        "import json, os, sys; from pathlib import Path\n"
        "from paifang.control.client import ControlClient; from paifang.errors import PaifangError\n"
        f"os.setgroups({list(groups)}); os.setgid({uid}); os.setuid({uid})\n"
        "try: print(json.dumps([0, ControlClient(Path(sys.argv[1])).request('who')['uid']]))\n"
        "except PaifangError as error: print(json.dumps([error.exit_code, error.message]))"
    )
    path_of_python = [entry for entry in sys.path if entry]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path_of_python), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", source, os.fspath(path)],
        check=False,
        capture_output=True,
        timeout=DEADLINE_S,
        env=environment,
    )
    return json.loads(done.stdout)


@pytest.fixture
def open_folder(tmp_path):
    """A folder that every user can reach, with the ones above it."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    return tmp_path


@as_root
async def test_another_user_does_not_get_to_the_socket(open_folder, table):
    served = ControlServer(open_folder / "control" / "gateway.sock", table.handlers(), table.authority())
    await served.start()
    code, message = await asyncio.to_thread(ask_as, STRANGER_UID, served.path)
    await served.stop()
    assert (code, f"closed to user id {STRANGER_UID}" in message) == (EXIT_UNREACHABLE, True)


@as_root
async def test_another_user_at_an_open_socket_is_refused_and_counted(open_folder, table, caplog):
    served = ControlServer(
        open_folder / "control" / "gateway.sock", table.handlers(), table.authority(STRANGER_UID + 1)
    )
    await served.start()
    code, message = await asyncio.to_thread(ask_as, STRANGER_UID, served.path)
    await served.stop()
    assert (code, message) == (EXIT_UNREACHABLE, f"user id {STRANGER_UID} may not control this gateway")
    assert served.counts == {"denied": 1}
    assert f"of uid {STRANGER_UID}" in caplog.text


@as_root
async def test_a_listed_user_is_let_in_and_out_again(open_folder, table):
    served = ControlServer(open_folder / "control" / "gateway.sock", table.handlers(), table.authority())
    await served.start()
    served.allow(table.authority(STRANGER_UID))
    assert await asyncio.to_thread(ask_as, STRANGER_UID, served.path) == [0, STRANGER_UID]
    served.allow(table.authority())
    assert (await asyncio.to_thread(ask_as, STRANGER_UID, served.path))[0] == EXIT_UNREACHABLE
    await served.stop()


@as_root
async def test_a_user_is_let_in_by_a_group_that_the_kernel_tells(open_folder, table):
    daemons = grp.getgrnam("daemon").gr_gid
    users = (UserSettings(group="daemon", roles=("viewer",)),)
    authority = Authority(ControlSettings(users=users), permissions=table.permissions())
    served = ControlServer(open_folder / "control" / "gateway.sock", table.handlers(), authority)
    await served.start()
    assert await asyncio.to_thread(ask_as, STRANGER_UID, served.path, [daemons, 7]) == [0, STRANGER_UID]
    assert (await asyncio.to_thread(ask_as, STRANGER_UID, served.path, [7]))[0] == EXIT_UNREACHABLE
    await served.stop()


async def test_stopping_answers_what_is_in_flight_and_ends_streams(server, table):
    async with AsyncControlClient(server.path) as client:
        held = asyncio.create_task(client.request("hold"))
        stream = asyncio.create_task(_drain(client.stream("ticks")))
        for _ in range(2):
            await table.entered.acquire()
        stopping = asyncio.create_task(server.stop())
        await table.stream_ended.wait()
        table.release.set()
        assert await held == "released"
        with pytest.raises(PaifangError, match="stopping"):
            await stream
        await stopping
    assert not server.path.exists()


async def _drain(stream):
    async for _ in stream:
        pass


async def test_a_client_that_reads_nothing_does_not_keep_the_gateway_from_stopping(server, table):
    with socket.socket(socket.AF_UNIX) as idle:
        idle.connect(os.fspath(server.path))
        idle.sendall(b'{"id": 1, "op": "count", "args": {"to": 10000000}}\n')
        async with AsyncControlClient(server.path) as client:
            await client.request("who")
        async with asyncio.timeout(DEADLINE_S):
            await server.stop()


async def test_a_socket_left_behind_is_replaced(tmp_path, table):
    path = tmp_path / "gateway.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(os.fspath(path))
    served = ControlServer(path, table.handlers(), table.authority(), own_folder=False)
    await served.start()
    async with AsyncControlClient(path) as client:
        await client.request("who")
    await served.stop()


async def test_a_second_gateway_on_the_same_socket_is_refused(server, table):
    second = ControlServer(server.path, table.handlers(), table.authority())
    with pytest.raises(PaifangError, match="another gateway is running") as refused:
        await second.start()
    await second.stop()
    assert refused.value.exit_code == EXIT_RESOURCE
    async with AsyncControlClient(server.path) as client:
        await client.request("who")


async def test_a_folder_that_cannot_be_made_is_a_resource_error(tmp_path, table):
    (tmp_path / "file").touch()
    with pytest.raises(PaifangError, match="file: File exists") as refused:
        await ControlServer(tmp_path / "file" / "gateway.sock", table.handlers(), table.authority()).start()
    assert refused.value.exit_code == EXIT_RESOURCE


async def test_a_path_longer_than_the_kernel_takes_works(tmp_path, table):
    served = ControlServer(tmp_path / ("a" * 120) / ("b" * 60 + ".sock"), table.handlers(), table.authority())
    await served.start()
    async with AsyncControlClient(served.path) as client:
        assert (await client.request("who"))["uid"] == os.getuid()
    await served.stop()
    assert list(served.path.parent.iterdir()) == []


async def test_nobody_there_is_said_with_what_to_do(tmp_path):
    with pytest.raises(UnreachableError, match="no gateway is running at") as refused:
        ControlClient(tmp_path / "gateway.sock")
    assert (refused.value.exit_code, "paifang run" in refused.value.hint) == (EXIT_UNREACHABLE, True)
    with pytest.raises(UnreachableError):
        await AsyncControlClient(tmp_path / "gateway.sock").__aenter__()


async def answer_once(tmp_path, answer):
    """Something that listens at a path, reads a line and answers with these bytes."""

    async def accept(reader, writer):
        await reader.readline()
        writer.write(answer)
        writer.close()

    return await asyncio.start_unix_server(accept, tmp_path / "s")


def ask(path, op, **arguments):
    with ControlClient(path, **arguments) as client:
        return client.request(op)


@pytest.mark.parametrize(
    ("answer", "message"),
    [(b"", "went away"), (b'{"id": 1, "ok"', "went away"), (b"HTTP/1.1 400\n", "no gateway"), (b"[]\n", "no gateway")],
)
async def test_what_is_no_gateway_is_said_to_be_none(tmp_path, answer, message):
    async with await answer_once(tmp_path, answer):
        with pytest.raises(UnreachableError, match=message):
            await asyncio.to_thread(ask, tmp_path / "s", "who")


async def test_a_gateway_that_does_not_answer_is_given_up(server):
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await asyncio.to_thread(ask, server.path, "hold", timeout_s=0.05)
