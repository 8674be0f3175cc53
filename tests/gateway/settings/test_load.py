import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from paifang.config import places
from paifang.config.load import load, parse
from paifang.config.names import split_listen
from paifang.config.places import Place
from paifang.config.template import template
from paifang.settings import Settings, StoreSettings


@pytest.fixture(autouse=True)
def state_home(tmp_path, monkeypatch):
    """A home of its own, and no system file."""
    home = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    monkeypatch.setattr(places, "SYSTEM_FILE", tmp_path / "etc" / "gateway.toml")
    return home


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_are_a_whole_gateway(state_home):
    loaded = load(Place())
    assert loaded.file is None
    assert loaded.settings == Settings()
    assert loaded.settings.data == state_home / "paifang"
    assert loaded.settings.socket_path == state_home / "paifang" / "control" / "gateway.sock"


def test_an_unset_or_relative_state_home_means_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert places.default_data() == Path("/home/somebody/.local/state/paifang")


def test_the_named_file_goes_before_the_folders_and_that_before_the_systems(state_home, tmp_path):
    system = write(tmp_path / "etc" / "gateway.toml", 'site = "system"')
    assert load(Place()).file == system
    own = write(state_home / "paifang" / "gateway.toml", 'site = "own"')
    assert load(Place()).settings.site == "own"
    assert load(Place()).file == own
    named = write(tmp_path / "named.toml", 'site = "named"')
    assert load(Place(config=named)).settings.site == "named"


def test_a_named_folder_stands_for_itself(tmp_path):
    """Or a demo in a fresh folder would meet the socket of the system's gateway."""
    write(tmp_path / "etc" / "gateway.toml", '[control]\nsocket = "/run/paifang/gateway.sock"')
    loaded = load(Place(data=tmp_path / "fresh"))
    assert loaded.file is None
    assert loaded.settings.socket_path == tmp_path / "fresh" / "control" / "gateway.sock"


def test_the_folder_of_the_command_line_goes_before_the_files(tmp_path):
    file = write(tmp_path / "gateway.toml", 'data = "/elsewhere"')
    assert load(Place(config=file)).settings.data == Path("/elsewhere")
    assert load(Place(config=file, data=tmp_path)).settings.data == tmp_path


def test_paths_of_a_file_start_at_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    file = write(tmp_path / "g.toml", 'data = "here"\n[control]\nsocket = "~/s"\n[[nodes.serial]]\ndevice = "/dev/a"')
    settings = load(Place(config=file)).settings
    assert settings.data == tmp_path / "here"
    assert settings.socket_path == Path("/home/somebody/s")
    assert settings.nodes.serial[0].device == Path("/dev/a")


@pytest.mark.parametrize(
    "text",
    ["", 'data = "here"', 'data = "/there"', '[control]\nsocket = "s"', 'data = "x"\n[control]\nsocket = "/y"'],
)
@pytest.mark.parametrize("data", [None, Path("/named")])
def test_the_short_way_to_the_socket_leads_where_the_daemon_listens(tmp_path, text, data):
    place = Place(config=write(tmp_path / "g.toml", text), data=data)
    assert place.socket() == load(place).settings.socket_path


def test_the_short_way_is_right_in_every_place(state_home, tmp_path):
    for place in (Place(), Place(data=tmp_path / "fresh")):
        assert place.socket() == load(place).settings.socket_path
        write(place.home / "gateway.toml", 'data = "moved"')
        assert place.socket() == load(place).settings.socket_path


def test_what_init_writes_says_the_same_as_no_file(tmp_path):
    assert parse(template(), tmp_path / "gateway.toml") == Settings()


def test_what_init_writes_is_right_with_every_example_switched_on(tmp_path):
    lines = template().splitlines()
    switched_on = [line[2:] if (" = " in line and line[0] == "#") or line[:3] == "# [" else line for line in lines]
    settings = parse("\n".join(switched_on), tmp_path / "gateway.toml")
    assert settings.data == Path("/var/lib/paifang")
    assert settings.control.uids == (1000,)
    assert settings.nodes.serial[0].device == Path("/dev/ttyUSB0")
    assert (settings.control.users[0].user, settings.control.users[0].person) == ("alice", "alice")
    assert settings.policy_folder == Path("/etc/paifang/policy")
    assert [(each.phase, each.standing) for each in settings.signals[0].phases] == [
        (2, "camera-1/standing_2"),
        (4, "camera-1/standing_4"),
    ]


def test_what_init_writes_has_every_setting():
    text = template()
    for path in ("site", "data", "listen", "backlog", "device", "baud", "commit", "socket", "uids", "level"):
        assert f"{path} = " in text
    for path in ("user", "roles", "person", "local_class", "policy", "roots", "per_point", "per_person"):
        assert f"{path} = " in text
    for path in ("node", "key", "passphrase_file", "report", "window", "fresh", "rings", "phase", "standing", "coming"):
        assert f"{path} = " in text
    assert tomllib.loads(text)["store"] == {"commit": "10ms", "keep": "400d", "pack": "7d", "budget_mb": 8_000}


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().site = "other"


def test_code_gives_milliseconds_as_the_name_says():
    assert StoreSettings(commit_ms=7).commit_ms == 7


@pytest.mark.parametrize(
    ("listen", "address"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:7600", ("::1", 7600)), ("gate.local:1", ("gate.local", 1))],
)
def test_an_address_has_a_host_and_a_port(listen, address):
    assert split_listen(listen) == address
