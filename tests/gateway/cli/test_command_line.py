"""The command line itself: help, errors, settings, completion, and commands of other packages."""

import os
import socket
import sys

import pytest

from paifang.cli.lazy import BUILT_IN
from paifang.errors import EXIT_REFUSED, EXIT_UNREACHABLE, EXIT_USAGE


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command_and_exit_code(inside, arguments):
    done = inside(*arguments)
    assert done.code == 0
    for name in BUILT_IN:
        assert f" {name} " in done.out
    assert "5  no answer in time" in done.out


@pytest.mark.parametrize("command", [[name] for name in BUILT_IN] + [["nodes", "add"], ["nodes", "reset-boot"]])
def test_each_command_has_help_that_keeps_its_examples_lines(inside, command):
    done = inside(*command, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Usage: paifang " + command[0] in done.out


def test_help_is_as_wide_as_the_terminal_and_keeps_its_brackets(inside):
    said = " ".join(inside("policy", "explain", "--help").out.split())
    assert "PERSON ACTION NODE [POINT] [VALUE] [for PERSON] [at [DAY] TIME]. Actions are read, direct" in said
    assert "As a [[key]] table" in inside("keys", "export", "--help").out
    assert "\\b" not in inside("keys", "export", "--help").out
    narrow = [line.strip() for line in inside("safe", "--help").out.splitlines()]
    assert "is" not in narrow


def test_wrong_usage_names_the_help_of_its_command(inside):
    assert inside("nodes", "show").err.endswith("; see `paifang nodes show --help`\n")
    assert inside("--no-such-option").err.endswith("; see `paifang --help`\n")


@pytest.mark.parametrize(
    "command",
    [
        ["nodes"],
        ["nodes", "list", "--json"],
        ["nodes", "show", "aq-1"],
        ["status"],
        ["read"],
        ["events"],
        ["air"],
        ["watch"],
        ["send", "aq-1", "fan", "on"],
        ["reload"],
        ["stop"],
    ],
)
def test_without_a_gateway_every_command_says_so(paifang, inside, command):
    done = inside(*command)
    assert (done.code, done.out) == (EXIT_UNREACHABLE, "")
    [line] = done.err.splitlines()
    assert line.startswith(f"paifang: no gateway is running at {paifang.data}/control/gateway.sock; start one with")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["nods"], "Did you mean 'nodes'"),
        (["nodes", "shw"], "Did you mean 'show'"),
        (["send", "aq-1"], "Missing argument"),
        (["read", "--limit", "0"], "--limit"),
        (["read", "--limit", "many"], "--limit"),
        (["status", "--jsn"], "--json"),
        (["nodes", "show"], "Missing argument"),
    ],
)
def test_wrong_usage_is_one_line(inside, command, message):
    done = inside(*command)
    assert (done.code, done.out) == (EXIT_USAGE, "")
    [line] = done.err.splitlines()
    assert line.startswith("paifang: ")
    assert message in line
    assert "--help" in line


def test_the_version_is_printed(inside):
    done = inside("--version")
    assert (done.code, done.out.startswith("paifang ")) == (0, True)


async def test_the_data_folder_is_taken_from_either_side_of_the_command_or_the_environment(paifang, tmp_path):
    for arguments in (["--data", tmp_path / "x", "nodes"], ["nodes", "--data", tmp_path / "x"]):
        assert f"{tmp_path}/x/control" in (await paifang(*arguments)).err
    assert f"{tmp_path}/y/control" in (await paifang("nodes", PAIFANG_DATA=str(tmp_path / "y"))).err
    nested = await paifang("nodes", "--data", tmp_path / "z", "list")
    assert f"{tmp_path}/z/control" in nested.err


def test_init_writes_settings_that_check_finds_right(paifang, inside):
    made = inside("init")
    file = paifang.data / "gateway.toml"
    assert (made.code, str(file) in made.err) == (0, True)
    file.write_text(file.read_text().replace(":7600", ":0"))
    again = inside("init")
    assert (again.code, "is there already; replace it with --force" in again.err) == (EXIT_USAGE, True)
    assert ":0" in file.read_text()
    checked = inside("check", "--json")
    assert (checked.code, {each["level"] for each in checked.json}) == (0, {"ok"})
    assert (inside("init", "--force")).code == 0
    assert ":7600" in file.read_text()


def test_init_makes_settings_for_a_service(paifang, inside, tmp_path):
    file = tmp_path / "etc" / "paifang.toml"
    done = inside("init", "--config", file, "--data", "/var/lib/paifang")
    assert (done.code, 'data = "/var/lib/paifang"\n' in file.read_text()) == (0, True)
    assert file.parent.stat().st_mode & 0o005 == 0o005


def test_check_tells_errors_from_warnings(paifang, inside, tmp_path):
    paifang.data.mkdir(mode=0o755)
    (paifang.data / "gateway.toml").write_text(
        'nodes.tcp.listen = "127.0.0.1:0"\n[[nodes.serial]]\ndevice = "/dev/null"\n'
    )
    done = inside("check", "--json")
    levels = {each["subject"]: each["level"] for each in done.json if each["level"] != "ok"}
    assert (done.code, levels) == (0, {"data": "warning"})
    (paifang.data / "gateway.toml").write_text(
        'nodes.tcp.listen = "192.0.2.1:7600"\n'
        '[[nodes.serial]]\ndevice = "/dev/ttyNONE"\n[[nodes.serial]]\ndevice = "gateway.toml"\n'
    )
    done = inside("check")
    assert done.code == EXIT_REFUSED
    for text in ("this machine has no such address", "/dev/ttyNONE is not there", "gateway.toml is no serial port"):
        assert text in done.out


def test_check_tells_of_a_port_for_metrics_that_is_taken(paifang, inside):
    paifang.data.mkdir(mode=0o700)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        (paifang.data / "gateway.toml").write_text(f'nodes.tcp.listen = "127.0.0.1:0"\nmetrics.listen = "{taken}"\n')
        done = inside("check", "--json")
    found = [each["message"] for each in done.json if each["subject"] == "metrics"]
    assert (done.code, found) == (EXIT_REFUSED, [f"cannot listen on {taken}: Address already in use"])


def test_check_tells_of_two_points_at_one_address_of_the_modbus_server(paifang, inside):
    paifang.data.mkdir(mode=0o700)
    settings = (
        'nodes.tcp.listen = "127.0.0.1:0"\nmodbus_server.listen = "127.0.0.1:0"\n'
        '[[modbus_server.registers]]\npoint = "meter-1/power"\naddress = 0\n'
        '[[modbus_server.registers]]\npoint = "meter-1/voltage"\naddress = {}\n'
    )
    (paifang.data / "gateway.toml").write_text(settings.format(2))
    done = inside("check", "--json")
    found = [each["message"] for each in done.json if each["subject"] == "modbus_server"]
    assert (done.code, found) == (0, ["127.0.0.1:0 is free", "2 points are shown, 0 may be written"])
    (paifang.data / "gateway.toml").write_text(settings.format(1))
    done = inside("check")
    assert done.code == EXIT_REFUSED
    assert "meter-1/voltage at unit 1, address 1: meter-1/power has it" in done.out


def test_check_warns_of_a_socket_path_that_others_cannot_use(inside, tmp_path):
    done = inside("check", "--json", "--data", tmp_path / ("x" * 100))
    [warning] = [each for each in done.json if each["level"] == "warning"]
    assert (warning["subject"], "107" in warning["message"]) == ("control", True)


def test_check_names_each_mistake_in_the_settings(inside, tmp_path):
    file = tmp_path / "new.toml"
    file.write_text('sight = "ward-1"')
    done = inside("check", "--config", file)
    assert (done.code, done.out) == (EXIT_USAGE, "")
    assert f'paifang: {file}:1: sight: unknown name; did you mean "site"?' in done.err


async def test_a_gateway_is_found_though_its_settings_are_broken(paifang, daemon):
    """The operator who broke the file wants to look at the gateway that still runs."""
    await daemon.start()
    daemon.configure("[store]\ncomit = 3")
    assert (await paifang("status")).code == 0
    daemon.file.write_text("not toml")
    done = await paifang("status")
    assert (done.code, "gateway.toml:1: not TOML" in done.err) == (EXIT_USAGE, True)


async def test_check_looks_at_a_running_gateway_too(paifang, daemon):
    await daemon.start()
    done = await paifang("check", "--json")
    assert (done.code, {each["subject"] for each in done.json} >= {"gateway", "store"}) == (0, True)
    assert "nodes.tcp" not in {each["subject"] for each in done.json}


async def complete(paifang, words, incomplete=""):
    """What bash is offered."""
    line = " ".join(["paifang", *words, incomplete])
    position = str(len(words) + 1)
    done = await paifang(_PAIFANG_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=position)
    return set(done.out.split())


async def test_shells_complete_commands_and_options(paifang):
    assert await complete(paifang, []) >= set(BUILT_IN)
    assert await complete(paifang, [], "st") == {"status", "stop"}
    assert await complete(paifang, ["nodes"], "re") == {"remove", "reset-boot"}
    assert "--unknown" in await complete(paifang, ["nodes"], "--")


async def test_shells_complete_nodes_and_points_of_a_running_gateway(paifang, daemon):
    assert await complete(paifang, ["send"]) == set()
    await daemon.start()
    await daemon.node()
    assert await complete(paifang, ["send"], "met") == {"meter-1"}
    assert await complete(paifang, ["send", "meter-1"], "r") == {"relay"}
    assert await complete(paifang, ["nodes", "show"]) == {"meter-1"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_the_completion_script_is_printed_for_each_shell(paifang, shell):
    done = await paifang("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert (done.code, "_PAIFANG_COMPLETE" in done.out) == (0, True)


@pytest.fixture
def plugins(tmp_path):
    """Installs entry points beside what is there; returns the PYTHONPATH that has them."""
    site = tmp_path / "site"

    def install(entry_points, source=""):
        metadata = site / "city_tools-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: city-tools\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text("[paifang.commands]\n" + entry_points)
        (site / "city_tools.py").write_text(source)
        return f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}{os.pathsep}" + os.pathsep.join(
            entry for entry in sys.path if entry
        )

    return install


PLUGIN = '''
import typer

def greet(name: str, loud: bool = False):
    """Greet somebody."""
    typer.echo(f"hello {name}".upper() if loud else f"hello {name}")

tree = typer.Typer(help="Trees of the ward.")

@tree.command()
def plant(kind: str):
    typer.echo(f"planted {kind}")

@tree.command()
def fell():
    raise typer.Exit(4)
'''


async def test_other_packages_contribute_functions_and_apps(paifang, plugins):
    path = plugins("greet = city_tools:greet\ntrees = city_tools:tree\n", PLUGIN)
    assert (await paifang("greet", "ward", "--loud", PYTHONPATH=path)).out == "HELLO WARD\n"
    assert (await paifang("trees", "plant", "ginkgo", PYTHONPATH=path)).out == "planted ginkgo\n"
    assert (await paifang("trees", "fell", PYTHONPATH=path)).code == 4
    shown = (await paifang("--help", PYTHONPATH=path)).out
    assert "Greet somebody." in shown
    assert "Trees of the ward." in shown


async def test_a_broken_command_disturbs_no_other(paifang, plugins):
    path = plugins("bad = city_tools:greet\nlost = nowhere:x\nnodes = city_tools:greet\n", "import no_such_module")
    done = await paifang("bad", "--any", "thing", PYTHONPATH=path)
    [line] = done.err.splitlines()
    assert done.code == EXIT_REFUSED
    assert line.startswith('paifang: the command "bad" of city-tools cannot be loaded: ModuleNotFoundError: No module')
    shown = await paifang("--help", PYTHONPATH=path)
    assert (shown.code, shown.out.count("Cannot be loaded")) == (0, 2)
    assert (await paifang("nodes", PYTHONPATH=path)).code == EXIT_UNREACHABLE


def test_a_program_that_is_no_gateway_is_told_apart(paifang, inside):
    folder = paifang.data / "control"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "gateway.sock"))
    done = inside("status")
    assert (done.code, "no gateway is running" in done.err) == (EXIT_UNREACHABLE, True)
