"""An identity: what stays on the node, what the gateway gets, and that one cannot be lost by accident."""

from __future__ import annotations

import json
import stat

import pytest

from paifang_tools import nvs, provision
from paifang_tools.errors import ToolError
from paifang_wire import keys


def test_the_nvs_holds_the_master_key_and_the_registry_does_not():
    identity = provision.new_identity("aq-1", "ward-1", epoch=3)
    partition = nvs.Nvs(nvs.Medium(identity.nvs()))
    assert partition.get("paifang", "master") == identity.master
    assert partition.get("paifang", "epoch") == 3
    assert partition.get("paifang", "boot") == 0
    line = json.loads(identity.registry_line())
    assert line == {
        "node": "aq-1",
        "site": "ward-1",
        "epoch": 3,
        "key": keys.node_key(identity.master, "ward-1", 3).hex(),
    }
    assert identity.master.hex() not in identity.registry_line()


def test_no_two_are_alike():
    assert len({provision.new_identity("aq-1", "ward-1").master for _ in range(50)}) == 50


def test_a_master_key_of_another_length_is_refused():
    with pytest.raises(ToolError, match="aq-1: a master key is 32 bytes, this one is 16"):
        provision.new_identity("aq-1", "ward-1", bytes(16))


def test_the_command_writes_a_private_file_once(tmp_path, capsys):
    file = tmp_path / "aq-1.nvs"
    assert provision.main(["aq-1", "--nvs", str(file)]) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    line = json.loads(capsys.readouterr().out)
    master = nvs.Nvs(nvs.Medium(content)).get("paifang", "master")
    assert line["key"] == keys.node_key(master, "ward-1", 1).hex()
    assert provision.main(["aq-1", "--nvs", str(file)]) == 2
    assert file.read_bytes() == content
    assert "may be a node's only key; name another file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "--nvs", "x.nvs"], "name of a node"),
        (["a" * 33, "--nvs", "x.nvs"], "name of a node has 1 to 32 printable characters"),
        (["aq-1", "--site", "ward\n1", "--nvs", "x.nvs"], "name of a site"),
        (["aq-1", "--epoch", "-1", "--nvs", "x.nvs"], "aq-1: an epoch counts re-keyings, from 0 on, not -1"),
        (["aq-1", "--epoch", "99999999999", "--nvs", "x.nvs"], "99999999999"),
        (["aq-1", "--nvs", "nowhere/x.nvs"], "No such file or directory"),
    ],
)
def test_what_no_node_could_be_is_refused_before_a_file_is_written(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert provision.main(arguments) == 2
    output = capsys.readouterr()
    assert said in output.err
    assert output.out == ""
    assert list(tmp_path.iterdir()) == []
