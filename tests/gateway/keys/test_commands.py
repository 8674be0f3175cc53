"""`paifang keys`, `sign` and `approve` as people use them, from the first key to a signed order."""

from __future__ import annotations

import io
import json
import stat
import time

import pytest
from small_site import POINTS, SITE

from paifang.cli import passphrase
from paifang.keys import host, requests
from paifang.keys.keyset import KeySet
from paifang.keys.request_file import Request
from paifang.keys.requests import Order
from paifang.keys.roots import Rooted, Roots
from paifang.store.points import decode_table
from paifang_wire import cbor, messages, orders, sign1

RELAY = 16


@pytest.fixture
def ward(done, tmp_path):
    """Roots, the keys of wang and li, and key set 1 signed by root-1 and root-3, in files."""
    done("keys", "root", "new", "--out", "roots", "--site", SITE)
    done("keys", "new", "wang-laptop", "--person", "wang")
    done("keys", "new", "li")
    blocks = [done("keys", "export", name, "--toml", "--class", "3").out for name in ("wang-laptop", "li")]
    (tmp_path / "keyset.toml").write_text("# Ward 1\nversion = 1\n" + "".join(blocks))
    done("keys", "set", "build", "keyset.toml", "-o", "ward-1.keyset")
    for root in ("root-1", "root-3"):
        done("keys", "root", "sign", "ward-1.keyset", "--key", f"roots/{root}.key", "--yes")
    return tmp_path


def test_keys_of_a_person(done, paifang, tmp_path):
    made = json.loads(done("keys", "new", "wang-laptop", "--person", "wang", "--json").out)
    assert (made["person"], made["kind"]) == ("wang", "person")
    assert stat.S_IMODE((tmp_path / "keys" / "wang-laptop.key").stat().st_mode) == 0o600
    again = paifang("keys", "new", "wang-laptop")
    assert (again.code, again.err) == (
        2,
        f"paifang: there is a key wang-laptop in {tmp_path}/keys already; choose another name\n",
    )
    assert json.loads(done("keys", "show", "--json").out)["kid"] == made["kid"]
    done("keys", "new", "scada", "--service")
    rows = json.loads(done("keys", "list", "--json").out)
    assert [(row["name"], row["kind"], row["default"]) for row in rows] == [
        ("scada", "service", False),
        ("wang-laptop", "person", False),
    ]
    assert "scada" in paifang("keys", "show").err  # two keys, and none is the default
    done("keys", "use", "scada")
    assert done("keys", "show").out.startswith("name    scada\n")
    done("keys", "export", made["kid"], "-o", "wang.pub")
    assert json.loads(done("keys", "show", "wang.pub", "--json").out)["public"] == made["public"]


def test_no_passphrase_is_no_key(paifang, monkeypatch, tmp_path):
    monkeypatch.delenv("PAIFANG_PASSPHRASE")
    said = paifang("keys", "new", "wang")
    assert said.code == 2
    assert "a passphrase is needed, and there is no terminal" in said.err
    (tmp_path / "empty").write_text("\n")
    assert "there is no passphrase in empty" in paifang("keys", "new", "wang", "--passphrase-file", "empty").err
    (tmp_path / "short").write_text("1234567\n")
    assert "at least 8 characters" in paifang("keys", "new", "wang", "--passphrase-file", "short").err
    assert not list(tmp_path.glob("keys/*"))
    (tmp_path / "good").write_text("a good many words\nand a note\n")
    assert paifang("keys", "new", "wang", "--passphrase-file", "good").code == 0


def test_a_typed_passphrase_is_typed_twice(done, paifang, monkeypatch):
    monkeypatch.delenv("PAIFANG_PASSPHRASE")
    monkeypatch.setattr(passphrase.sys.stdin, "isatty", lambda: True, raising=False)
    typed = iter(["seven wet crows", "seven wet cows", "seven wet crows", "seven wet crows"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert "the two passphrases are not the same" in paifang("keys", "new", "wang").err
    done("keys", "new", "wang")


def test_another_passphrase(done, paifang, tmp_path):
    done("keys", "new", "wang")
    before = json.loads(done("keys", "show", "--json").out)
    (tmp_path / "old").write_text("seven wet crows\n")
    (tmp_path / "new").write_text("eight dry crows\n")
    assert "no terminal to ask on" in paifang("keys", "passphrase").err
    done("keys", "passphrase", "--new-passphrase-file", "new")
    assert json.loads(done("keys", "show", "--json").out) == before
    assert stat.S_IMODE((tmp_path / "keys" / "wang.key").stat().st_mode) == 0o600
    assert "does not open" in paifang("keys", "passphrase", "--new-passphrase-file", "old").err
    done("keys", "passphrase", "--passphrase-file", "new", "--new-passphrase-file", "old")


def test_the_root_ceremony(ward, done, paifang):
    roots = Roots.read(ward / "roots" / "roots.json")
    assert KeySet.read(ward / "ward-1.keyset").verify(roots) == ["root-1", "root-3"]
    assert stat.S_IMODE((ward / "roots").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in ward.glob("roots/*.key")} == {0o600}
    checked = json.loads(done("keys", "set", "check", "ward-1.keyset", "--roots", "roots/roots.json", "--json").out)
    assert checked == {"version": 1, "site": SITE, "signed_by": ["root-1", "root-3"], "warnings": []}
    shown = json.loads(done("keys", "set", "show", "ward-1.keyset", "--json").out)
    assert [(row["person"], row["class"], row["state"]) for row in shown["keys"]] == [
        ("wang", 3, "active"),
        ("li", 3, "active"),
    ]
    text = json.loads(done("keys", "set", "check", "keyset.toml", "--json").out)
    assert (text["version"], text["signed_by"]) == (1, [])
    nowhere = paifang("keys", "set", "check", "ward-1.keyset", "--roots", "no.json")
    assert (nowhere.code, "there are no root keys at no.json" in nowhere.err) == (2, True)
    again = paifang("keys", "root", "new", "--out", "roots")
    assert "may hold the only root keys" in again.err
    assert done("keys", "set", "show", "ward-1.keyset", "--toml").out.count("[[key]]") == 2


def test_a_ceremony_that_breaks_off_leaves_nothing(paifang, tmp_path, monkeypatch):
    monkeypatch.delenv("PAIFANG_PASSPHRASE")
    monkeypatch.setattr(passphrase.sys.stdin, "isatty", lambda: True, raising=False)
    typed = iter(["seven wet crows"] * 2 + ["eight wet crows", "eight wet cows"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert "the two passphrases are not the same" in paifang("keys", "root", "new", "--out", "roots").err
    assert not (tmp_path / "roots").exists()


def test_one_root_is_not_two(ward, done, paifang):
    done("keys", "set", "build", "keyset.toml", "-o", "again.keyset")
    first = done("keys", "root", "sign", "again.keyset", "--key", "roots/root-2.key", "--yes")
    assert "wang, key " in first.err
    assert "one more root has to sign it" in first.err
    done("keys", "root", "sign", "again.keyset", "--key", "roots/root-2.key", "--yes")
    check = paifang("keys", "set", "check", "again.keyset", "--roots", "roots/roots.json")
    assert check.code == 1
    assert "signed by root-2, and it takes two of the three roots" in check.err


def test_a_root_is_asked_and_signs_for_its_site_only(ward, done, paifang):
    asked = paifang("keys", "root", "sign", "ward-1.keyset", "--key", "roots/root-2.key")
    assert (asked.code, "nobody is here to say yes" in asked.err) == (2, True)
    done("keys", "root", "new", "--out", "others", "--site", "ward-2")
    (ward / "roots.json").write_bytes((ward / "roots" / "roots.json").read_bytes())
    stranger = paifang("keys", "root", "sign", "ward-1.keyset", "--key", "others/root-1.key", "--roots", "roots.json")
    assert "root-1 is not one of the three roots of ward-1" in stranger.err
    person = paifang("keys", "root", "sign", "ward-1.keyset", "--key", "keys/li.key", "--yes")
    assert "li is a person key, and this file is signed with a root key" in person.err
    assert "no root key 'root-9'" in paifang("keys", "root", "sign", "ward-1.keyset", "--key", "root-9").err
    unknown = paifang("keys", "root", "sign", "keyset.toml", "--key", "roots/root-1.key")
    assert "keyset.toml is not a payload with its signatures" in unknown.err
    nowhere = paifang("keys", "root", "sign", "nowhere.keyset", "--key", "roots/root-1.key")
    assert nowhere.err.startswith("paifang: cannot read nowhere.keyset: No such file")


def test_a_wrong_passphrase_signs_nothing(ward, paifang, monkeypatch):
    before = (ward / "ward-1.keyset").read_bytes()
    monkeypatch.setenv("PAIFANG_PASSPHRASE", "six wet crows")
    said = paifang("keys", "root", "sign", "ward-1.keyset", "--key", "roots/root-2.key", "--yes")
    assert (said.code, "does not open roots/root-2.key" in said.err) == (1, True)
    assert (ward / "ward-1.keyset").read_bytes() == before


def test_a_signed_set_is_not_written_over(ward, paifang):
    before = (ward / "ward-1.keyset").read_bytes()
    again = paifang("keys", "set", "build", "keyset.toml", "-o", "ward-1.keyset")
    assert (again.code, "ward-1.keyset is there already" in again.err) == (2, True)
    assert (ward / "ward-1.keyset").read_bytes() == before


def test_an_epoch_record(ward, done, paifang):
    done("keys", "epoch", "aq-1", 2)
    for root in ("root-2", "root-3"):
        signed = done("keys", "root", "sign", "aq-1.epoch", "--key", f"roots/{root}.key", "--yes")
        assert "aq-1 goes to epoch 2" in signed.err
    checked = json.loads(done("keys", "root", "check", "aq-1.epoch", "--roots", "roots/roots.json", "--json").out)
    assert checked == {"what": "epoch", "site": SITE, "signed_by": ["root-2", "root-3"]}
    Roots.read(ward / "roots" / "roots.json").check(sign1.EPOCH, Rooted.read(ward / "aq-1.epoch"))
    assert paifang("keys", "set", "check", "aq-1.epoch", "--roots", "roots/roots.json").code == 1
    assert "is there already" in paifang("keys", "epoch", "aq-1", 3).err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"node": "aq-1", "epoch": 3, "key": "KEY"}', "the key on the input is of epoch 3, the record of 2"),
        ('{"node": "aq-2", "epoch": 2, "key": "KEY"}', "line 1 of the input is for aq-2, not for aq-1"),
        ("rubbish", "line 1 of the input is not what provisioning prints"),
        ("", "no key was given, and the input is empty"),
        ('{"node": "aq-1", "epoch": 2, "key": "KEY"}', "no gateway is running at"),
    ],
)
def test_what_does_not_go_with_an_epoch_record_is_told(ward, done, paifang, monkeypatch, line, said):
    done("keys", "epoch", "aq-1", 2)
    done("keys", "root", "sign", "aq-1.epoch", "--key", "roots/root-1.key", "--yes")
    one = paifang("keys", "rekey", "aq-1.epoch")
    assert (one.code, "aq-1.epoch has 1 of two signatures" in one.err) == (2, True)
    done("keys", "root", "sign", "aq-1.epoch", "--key", "roots/root-2.key", "--yes")
    monkeypatch.setattr("sys.stdin", io.StringIO(line.replace("KEY", "00" * 32)))
    wrong = paifang("keys", "rekey", "aq-1.epoch")
    assert wrong.code in {2, 3}
    assert said in wrong.err
    assert "is not an epoch record" in paifang("keys", "rekey", "ward-1.keyset").err


def test_a_delegation(ward, done, paifang):
    done("keys", "new", "scada", "--service")
    given = ("keys", "delegate", "--service", "keys/scada.pub", "--key", "li", "--until", "30d", "--keyset", 1)
    person = paifang(*given, "--service", "keys/wang-laptop.pub", "--scope", "meter-*/relay", "--yes")
    assert (person.code, "is the person key of wang" in person.err) == (2, True)
    said = done(*given, "--scope", "meter-*/relay", "--scope", "aq-1/fan", "--rate", 6, "--yes")
    assert "li lets scada" in said.err
    assert "direct on meter-*/relay aq-1/fan, class 1, 6/min, on ward-1" in said.err
    kid, payload, _ = sign1.split((ward / "scada.delegation").read_bytes())
    assert kid.hex() == json.loads(done("keys", "show", "li", "--json").out)["kid"]
    found = orders.decode_delegation(payload)
    assert found[1:6] == ["scada", 1, [["meter-*", "relay"], ["aq-1", "fan"]], 1, 6]
    assert abs(found[6] - time.time() * 1000 - 30 * 86_400_000) < 60_000
    scope = ("--scope", "x/y", "--yes", "-o", "x")
    assert "--until yesterday: expected a time with its unit" in paifang(*given, *scope, "--until", "yesterday").err
    assert "--until 2001-01-01 is past" in paifang(*given, *scope, "--until", "2001-01-01").err
    assert "no operation 'fly'" in paifang(*given, *scope, "--ops", "fly").err
    assert "it is NODE/POINT, such as" in paifang(*given, "--scope", "relay", "--yes").err
    assert paifang(*given, *scope, "--class", 2).code == 2
    assert "scada is a service key" in paifang(*given, *scope, "--key", "scada").err
    assert not (ward / "x").exists()


@pytest.fixture
def request_of(ward):
    """`request_of(token=…)`: a request file to operate the relay of meter-1, as a gateway far away made it."""

    def write(point_class=3, host_mark="00" * 8, **fields):
        rows = [[*row[:7], point_class if row[0] == RELAY else row[7], row[8]] for row in POINTS]
        table = cbor.encode(rows)
        target = requests.Target(SITE, "meter-1", RELAY, table, 1, host_mark)
        expires_ms = round(time.time() * 1000) + 300_000
        given = {"identifier": b"\x07" * 8, "expires_ms": expires_ms, "token": bytes(16), "reason": "flood"} | fields
        order = requests.make_order(target, messages.OP_OPERATE, 1, **given)
        file = ward / "relay.json"
        file.write_text(Request.of_target(target, order).text(requests.pinned(order, table, decode_table)[1]))
        return order

    return write


def test_two_persons_sign_away_from_the_gateway(ward, request_of, done, paifang):
    order = request_of()
    said = done("sign", "relay.json", "--key", "wang-laptop", "--yes")
    assert "meter-1: set relay to on (class 3)" in said.err
    assert "reason: flood" in said.err
    kid, signed = requests.open_order((ward / "relay.order").read_bytes())
    assert signed == order
    own = paifang("approve", "relay.json", "--key", "wang-laptop", "--yes")
    assert (own.code, "this is your own order" in own.err) == (1, True)
    said = done("approve", "relay.json", "--key", "li", "--keyset", "ward-1.keyset", "--yes")
    assert "asked by wang, whose signature is good" in said.err
    keyset = KeySet.read(ward / "ward-1.keyset")
    approver, payload, signature = sign1.split((ward / "relay.approval").read_bytes())
    assert [keyset.find(each).person for each in (kid, approver)] == ["wang", "li"]
    approved = orders.decode_approval(payload)
    assert orders.approval_refusal(approved, order.payload, bytes(16), 1, None) == 0
    assert len(signature) == 64


def test_a_signature_asks_for_the_newest_key_set_that_its_machine_has_seen(ward, request_of, done, paifang):
    """A gateway that withholds key set 2 names 1: wang's machine has seen 2, and says so to the node."""
    request_of()
    done("keys", "root", "trust", "roots/roots.json", "--yes")
    done("keys", "revoke", "keys/li.pub", "--retire", "-o", "v2.keyset")
    for root in ("root-1", "root-2"):
        done("keys", "root", "sign", "v2.keyset", "--key", f"roots/{root}.key", "--yes")
    done("keys", "set", "check", "v2.keyset")
    assert "key set 2 or newer" in done("sign", "relay.json", "--key", "wang-laptop", "--yes").err
    order = requests.open_order((ward / "relay.order").read_bytes())[1]
    assert order.keyset == 2
    approved = done("approve", "relay.json", "--key", "li", "--yes").err
    assert "key set 2 or newer" in approved
    assert "asked by wang, whose signature is good by key set 2" in approved
    assert "your key li is retiring; use your new one" in approved
    _, payload, _ = sign1.split((ward / "relay.approval").read_bytes())
    assert orders.decode_approval(payload)[3] == 2
    refusal = orders.approval_refusal(orders.decode_approval(payload), order.payload, bytes(16), 1, None)
    assert refusal == messages.OLD_KEYSET


def test_a_key_that_is_known_to_be_revoked_signs_no_order(ward, request_of, done, paifang):
    request_of()
    done("keys", "root", "trust", "roots/roots.json", "--yes")
    done("keys", "revoke", "keys/li.pub", "-o", "v2.keyset")
    for root in ("root-1", "root-2"):
        done("keys", "root", "sign", "v2.keyset", "--key", f"roots/{root}.key", "--yes")
    done("keys", "set", "check", "v2.keyset")
    said = paifang("sign", "relay.json", "--key", "li", "--yes")
    assert (said.code, "your key li is revoked in key set 2" in said.err) == (1, True)


def test_roots_that_came_along_are_not_believed_over_trusted_ones(ward, done, paifang):
    done("keys", "root", "trust", "roots/roots.json", "--yes")
    done("keys", "root", "new", "--out", "others")
    done("keys", "set", "build", "keyset.toml", "-o", "others/forged.keyset")
    for root in ("root-1", "root-2"):
        said = paifang("keys", "root", "sign", "others/forged.keyset", "--key", f"others/{root}.key", "--yes")
        assert "other root keys for ward-1 than are trusted here" in said.err
    assert paifang("keys", "set", "check", "others/forged.keyset").code == 2
    assert "other root keys are trusted" in paifang("keys", "root", "trust", "others/roots.json", "--yes").err
    done("keys", "root", "trust", "others/roots.json", "--yes", "--replace")
    done("keys", "root", "sign", "others/forged.keyset", "--key", "others/root-1.key", "--yes")


def test_an_order_is_not_signed_twice_or_by_a_stranger(ward, request_of, done, paifang):
    request_of()
    done("sign", "relay.json", "--key", "wang-laptop", "--yes")
    again = paifang("sign", "relay.json", "--key", "wang-laptop", "--yes")
    assert "relay.order is there already" in again.err
    done("keys", "new", "zhao")
    done("sign", "relay.json", "--key", "zhao", "--yes", "-o", "other.order")
    shown = paifang("approve", "relay.json", "--order", "other.order", "--key", "li", "--keyset", "ward-1.keyset")
    assert "which is not in key set 1" in shown.err


def test_an_approval_is_of_the_order_that_was_shown(ward, request_of, done, paifang):
    request_of(reason="flood")
    done("sign", "relay.json", "--key", "wang-laptop", "--yes")
    request_of(reason="fire")
    said = paifang("approve", "relay.json", "--key", "li", "--yes")
    assert "the signed order is not the one in the request" in said.err
    assert not (ward / "relay.approval").exists()


def test_what_is_past_is_not_signed(ward, request_of, paifang):
    request_of(expires_ms=1_000)
    said = paifang("sign", "relay.json", "--key", "li", "--yes")
    assert (said.code, "this was good until 1970-01-01" in said.err) == (1, True)


def test_class_3_is_not_signed_on_the_gateway(ward, request_of, done, paifang):
    request_of(host_mark=host.host_mark())
    said = paifang("sign", "relay.json", "--key", "li", "--yes")
    assert (said.code, "this is the gateway's own machine" in said.err) == (1, True)
    done("sign", "relay.json", "--key", "li", "--yes", "--on-gateway")
    request_of(point_class=2, host_mark=host.host_mark(), token=None)
    done("sign", "relay.json", "--key", "li", "--yes", "-o", "second.order")


def test_a_request_about_another_point_than_it_says(ward, request_of, paifang):
    request_of()
    file = ward / "relay.json"
    whole = json.loads(file.read_text())
    rows = cbor.decode(bytes.fromhex(whole["table"]))
    rows[2][1], rows[3][1] = rows[3][1], rows[2][1]
    file.write_text(json.dumps(whole | {"table": cbor.encode(rows).hex()}))
    said = paifang("sign", "relay.json", "--key", "li", "--yes")
    assert (said.code, "the point table is not the one that meter-1 describes" in said.err) == (1, True)
    lie = whole | {"words": "meter-1: set door to off (class 3)"}
    file.write_text(json.dumps(lie))
    assert "set relay to on" in paifang("sign", "relay.json", "--key", "li", "--yes").err
    assert Order.decode(requests.Signed.split((ward / "relay.order").read_bytes(), "order").payload).point == RELAY


def test_help_tells_every_command(done):
    for words in ((), ("root",), ("set",)):
        assert "Usage: paifang keys" in done("keys", *words, "--help").out
    for command in ("sign", "approve"):
        assert "REQUEST" in done(command, "--help").out
