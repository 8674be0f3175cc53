"""The gateway as a process: starting, signals, and everything it may not get."""

import asyncio
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from far_side import VOLTAGE, FarNode, until

from paifang.errors import EXIT_RESOURCE, EXIT_USAGE


def one_line(text):
    """An error is one line that names the program, and no traceback."""
    lines = [line for line in text.splitlines() if " INFO " not in line]
    assert len(lines) == 1, text
    assert lines[0].startswith("paifang: ")
    return lines[0]


async def test_the_ready_line_tells_a_program_where_everything_is(daemon, paifang):
    await daemon.start()
    assert daemon.ready["site"] == "ward-1"
    assert daemon.ready["data"] == str(paifang.data)
    assert daemon.ready["pid"] == daemon.process.pid
    assert daemon.address[1] != 0
    with socket.create_connection(daemon.address, timeout=10):
        pass
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(daemon.ready["control"])


async def test_the_ready_line_tells_a_person_too(paifang, daemon):
    daemon.configure()
    process = await paifang.start("run")
    line = (await process.stdout.readline()).decode()
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert line.startswith("paifang: ward-1 ready, nodes on 127.0.0.1:")
    assert str(paifang.data) in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_clean_and_keeps_what_it_took(daemon, paifang, number):
    await daemon.start()
    node = await daemon.node()
    node.report(1, {VOLTAGE: 2301})
    await node.acked_up_to(1)
    node.report(2, {VOLTAGE: 2302})
    await daemon.signal(number)
    assert await daemon.ended() == 0
    assert "Traceback" not in daemon.log
    assert "ERROR" not in daemon.log
    assert not daemon.control.exists()
    await daemon.start()
    values = [row["value"] for row in (await paifang("read", "--json")).json]
    assert values[0] == 230.1
    assert len(values) >= node.acked[1][0]


async def test_stop_says_the_same_as_the_signal(daemon, paifang):
    await daemon.start()
    assert (await paifang("stop")).code == 0
    assert await daemon.ended() == 0


async def test_a_reload_keeps_connected_nodes_even_when_the_port_moves(daemon, paifang):
    await daemon.start()
    node = await daemon.node()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    daemon.configure('control.uids = [4242]\nstore.commit = "3ms"', listen=f"127.0.0.1:{port}")
    await daemon.signal(signal.SIGHUP)
    await daemon.logged("settings were read again")
    node.report(1)
    await node.acked_up_to(1)
    assert not node.closed.is_set()
    assert (await paifang("status", "--json")).json["tcp"] == f"127.0.0.1:{port}"
    assert stat.S_IMODE(daemon.control.stat().st_mode) == 0o666
    second = FarNode(("127.0.0.1", port), "meter-1", boot=2)
    await second.connect()
    await second.hang_up()


async def test_wrong_settings_are_explained_on_reload_and_change_nothing(daemon, paifang):
    await daemon.start()
    node = await daemon.node()
    daemon.configure("\n[store]\ncomit = '1ms'")
    await daemon.signal(signal.SIGHUP)
    await daemon.logged('gateway.toml:4: store.comit: unknown name; did you mean "commit"?')
    done = await paifang("reload")
    assert (done.code, 'did you mean "commit"?' in done.err) == (EXIT_USAGE, True)
    daemon.configure('site = "ward-2"')
    done = await paifang("reload")
    assert (done.code, "site cannot change from ward-1 to ward-2" in done.err) == (EXIT_USAGE, True)
    node.report(1)
    await node.acked_up_to(1)
    assert "Traceback" not in daemon.log


async def test_wrong_settings_are_explained_at_the_start(paifang, daemon):
    daemon.configure('sit = "a"\nlog.level = 1')
    done = await paifang("run")
    assert (done.code, done.out) == (EXIT_USAGE, "")
    first, second, hint = done.err.splitlines()
    assert first == f'paifang: {daemon.file}:2: sit: unknown name; did you mean "site"?'
    assert second.startswith(f"paifang: {daemon.file}:3: log.level: expected one of")
    assert "paifang check" in hint


async def test_a_port_in_use_is_a_resource_error(paifang, daemon):
    with socket.create_server(("127.0.0.1", 0)) as other:
        daemon.configure(listen=f"127.0.0.1:{other.getsockname()[1]}")
        done = await paifang("run")
        checked = await paifang("check", "--json")
    assert done.code == EXIT_RESOURCE
    assert "in use" in one_line(done.err)
    assert [each["subject"] for each in checked.json if each["level"] == "error"] == ["nodes.tcp"]


async def test_a_second_gateway_in_the_same_folder_is_a_resource_error(paifang, daemon):
    await daemon.start()
    done = await paifang("run")
    assert done.code == EXIT_RESOURCE
    assert "another gateway" in one_line(done.err)
    assert (await paifang("status")).code == 0


async def test_a_file_where_the_folder_should_be_is_a_resource_error(paifang):
    paifang.data.parent.joinpath("data").write_text("")
    done = await paifang("run", "--data", paifang.data / "inside")
    assert done.code == EXIT_RESOURCE
    assert "Not a directory" in one_line(done.err)


@pytest.fixture
def small_disk(tmp_path):
    """`small_disk(options)` mounts a file system of its own; skipped where that is not permitted."""
    mounted = []

    def mount(options):
        folder = tmp_path / "disk"
        folder.mkdir()
        command = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("mounting a file system is not permitted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_read_only_folder_is_a_resource_error(paifang, small_disk):
    folder = small_disk("ro,size=1m")
    done = await paifang("run", "--data", folder)
    assert done.code == EXIT_RESOURCE
    assert "Read-only file system" in one_line(done.err)
    made = await paifang("init", "--data", folder)
    assert (made.code, "Read-only file system" in one_line(made.err)) == (EXIT_RESOURCE, True)
    checked = await paifang("check", "--data", folder)
    assert (checked.code, "Read-only file system" in checked.out) == (1, True)


async def test_a_full_disk_is_a_resource_error(paifang, small_disk):
    folder = small_disk("size=1m")
    with pytest.raises(OSError, match="No space left"):
        (folder / "ballast").write_bytes(bytes(2 * 1024**2))
    done = await paifang("run", "--data", folder)
    assert done.code == EXIT_RESOURCE
    assert "full" in one_line(done.err).lower()


async def test_a_disk_that_runs_full_and_is_freed(paifang, daemon, small_disk):
    """Nothing is acknowledged that is not stored, it is said what is wrong, and it goes on by itself."""
    folder = small_disk("size=2m")
    daemon.command_line.data = folder
    daemon.command_line.environment["PAIFANG_DATA"] = str(folder)
    daemon.file = folder / "gateway.toml"
    daemon.configure()
    folder.chmod(0o700)
    await daemon.start()
    node = await daemon.node()
    node.report(1, {VOLTAGE: 2300})
    await until(lambda: node.acked.get(1, (0, 0))[0] == 1)
    with pytest.raises(OSError, match="No space left"):
        (folder / "ballast").write_bytes(bytes(3 * 1024**2))
    for number in range(2, 2_002):
        node.report(number, {VOLTAGE: 2300})
    await daemon.logged("no space is left")
    assert node.acked[1][0] < 2_001
    assert "no space is left" in (await paifang("check")).out
    (folder / "ballast").unlink()
    await until(lambda: node.acked[1][0] == 2_001)
    assert (await paifang("balance")).code == 0


async def test_the_service_manager_is_told_how_it_is(daemon, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        loop = asyncio.get_running_loop()

        async def told():
            async with asyncio.timeout(30):
                return (await loop.sock_recv(manager, 1000)).decode().splitlines()

        await daemon.start(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert await told() == ["READY=1"]
        await daemon.signal(signal.SIGHUP)
        reloading, clock = await told()
        assert (reloading, clock.partition("=")[0]) == ("RELOADING=1", "MONOTONIC_USEC")
        assert await told() == ["READY=1"]
        await daemon.signal(signal.SIGTERM)
        assert await told() == ["STOPPING=1"]


def test_the_unit_file_is_one_that_systemd_reads(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze here")
    text = (
        (Path(__file__).parents[3] / "gateway" / "paifang.service")
        .read_text()
        .replace("/opt/paifang/bin/paifang", "/bin/true")
    )
    (tmp_path / "paifang.service").write_text(text)
    command = [analyze, "verify", "--man=no", str(tmp_path / "paifang.service")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
