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


ROOTS = [bytes([number]) * 64 for number in (1, 2, 3)]


def roots_file(folder, site="ward-1", roots=ROOTS):
    file = folder / "roots.json"
    rows = [{"name": f"root-{number}", "public": root.hex()} for number, root in enumerate(roots, 1)]
    file.write_text(json.dumps({"site": site, "roots": rows}))
    return file


@pytest.fixture
def aq_1(tmp_path, capsys):
    """The NVS file of aq-1, made with the root keys, and what the gateway was given."""
    file = tmp_path / "aq-1.nvs"
    assert provision.main(["aq-1", "--nvs", str(file), "--roots", str(roots_file(tmp_path))]) == 0
    return file, json.loads(capsys.readouterr().out)


def in_nvs(file, key):
    return nvs.Nvs(nvs.Medium(file.read_bytes())).get("paifang", key)


def test_the_root_keys_reach_the_node_with_its_master_key(aq_1):
    file, _ = aq_1
    assert in_nvs(file, "roots") == b"".join(ROOTS)


def test_a_later_epoch_is_in_the_file_and_in_the_line(aq_1, capsys):
    file, first = aq_1
    master = in_nvs(file, "master")
    assert provision.main(["rekey", str(file), "--epoch", "2"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line == {**first, "epoch": 2, "key": keys.node_key(master, "ward-1", 2).hex()}
    assert line["key"] != first["key"]
    assert (in_nvs(file, "epoch"), in_nvs(file, "master"), in_nvs(file, "roots")) == (2, master, b"".join(ROOTS))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert provision.main(["rekey", str(file), "--epoch", "2"]) == 0  # once more tells the same
    assert json.loads(capsys.readouterr().out) == line
    assert provision.main(["rekey", str(file), "--epoch", "1"]) == 2
    assert "aq-1.nvs is at epoch 2 already" in capsys.readouterr().err
    assert sorted(each.name for each in file.parent.iterdir()) == ["aq-1.nvs", "roots.json"]


def test_other_root_keys_go_into_the_file(aq_1, tmp_path, capsys):
    file, first = aq_1
    others = [bytes([number]) * 64 for number in (4, 5, 6)]
    given = ["rekey", str(file), "--epoch", "1", "--roots", str(roots_file(tmp_path, roots=others))]
    assert provision.main(given) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert in_nvs(file, "roots") == b"".join(others)


def test_the_receipt_key_is_for_the_auditor_and_no_gateway_has_it(aq_1, capsys):
    file, first = aq_1
    before = file.read_bytes()
    assert provision.main(["receipt-key", str(file)]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line == {"node": "aq-1", "receipt_key": keys.receipt_key(in_nvs(file, "master")).hex()}
    assert line["receipt_key"] != first["key"]
    assert provision.main(["receipt-key", str(file), "--node", "aq-7"]) == 0
    assert json.loads(capsys.readouterr().out)["node"] == "aq-7"
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", "is no list of root keys"),
        ("[]", "is no list of root keys"),
        ('{"site": "ward-1"}', "is no list of root keys"),
        ('{"site": "ward-1", "roots": [{"public": "zz"}]}', "is no list of root keys"),
        ('{"site": "ward-1", "roots": []}', "does not hold 3 different keys of 64 bytes"),
        (json.dumps({"site": "ward-1", "roots": [{"public": "00" * 64}] * 3}), "does not hold 3 different keys"),
        (json.dumps({"site": "ward-1", "roots": [{"public": root.hex()[2:]} for root in ROOTS]}), "of 64 bytes"),
        (json.dumps({"site": "w-2", "roots": [{"public": root.hex()} for root in ROOTS]}), "are those of site w-2"),
    ],
)
def test_a_wrong_list_of_roots_writes_nothing(tmp_path, capsys, content, said):
    (tmp_path / "roots.json").write_text(content)
    given = ["aq-1", "--nvs", str(tmp_path / "aq-1.nvs"), "--roots", str(tmp_path / "roots.json")]
    assert provision.main(given) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "aq-1.nvs").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an NVS partition is two or more pages"),
        (nvs.blank(), "there is no master key of a node in it: is it the NVS partition of aq-1?"),
        (None, "No such file or directory"),
    ],
)
@pytest.mark.parametrize("action", [["receipt-key"], ["rekey", "--epoch", "2"]])
def test_a_file_that_is_no_nodes_is_told(tmp_path, capsys, content, said, action):
    file = tmp_path / "aq-1.nvs"
    if content is not None:
        file.write_bytes(content)
    assert provision.main([*action, str(file)]) == 2
    output = capsys.readouterr()
    assert (said in output.err, output.out) == (True, "")
    assert content is None or file.read_bytes() == content
