"""A key file opens with its passphrase, unchanged and closed to others; in every other case it says what is wrong."""

from __future__ import annotations

import json
import stat

import pytest
from small_site import PASSPHRASE

from paifang.errors import PaifangError
from paifang.keys import keyfile
from paifang.keys.keyfile import KeyFile, PublicKey
from paifang.keys.keyring import Keyring, check_kind
from paifang.keys.signing import SigningKey


def about(signer, name="wang-laptop", person="wang", kind="person"):
    return PublicKey(name, person, signer.public, kind)


@pytest.fixture
def signer():
    return SigningKey.new()


@pytest.fixture
def sealed(tmp_path, signer, cheap):
    return keyfile.seal(tmp_path / "wang.key", about(signer), signer, PASSPHRASE).file


def changed(file, **fields):
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_it_opens_with_its_passphrase_only(sealed, signer):
    read = KeyFile.read(sealed)
    assert read.about == about(signer)
    assert read.open(PASSPHRASE).secret == signer.secret
    assert signer.secret.hex() not in sealed.read_text()
    with pytest.raises(PaifangError, match="does not open"):
        read.open(PASSPHRASE + " ")


def test_what_is_shipped_costs_as_much_as_it_says(tmp_path, signer):
    made = keyfile.seal(tmp_path / "wang.key", about(signer), signer, PASSPHRASE)
    n, r, p = made.scrypt
    assert n >= 1 << 15
    assert (r, p) >= (8, 1)
    assert KeyFile.read(made.file).open(PASSPHRASE).public == signer.public


def test_no_two_files_of_one_key_are_alike(tmp_path, signer, cheap):
    one, two = (keyfile.seal(tmp_path / name, about(signer), signer, PASSPHRASE) for name in ("1.key", "2.key"))
    assert len({one.salt, two.salt}) == len({one.nonce, two.nonce}) == len({one.sealed, two.sealed}) == 2


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o601, 0o777])
def test_it_is_refused_where_others_can_reach_it(sealed, mode):
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    sealed.chmod(mode)
    with pytest.raises(PaifangError, match=f"is open to others .mode {mode:04o}.") as error:
        KeyFile.read(sealed)
    assert "chmod 600" in error.value.hint
    assert error.value.exit_code == 2


def test_every_changed_field_is_found(sealed):
    """What is readable is bound by the seal: nobody gives a key another name, person, kind or site."""
    whole = json.loads(sealed.read_text())
    other = SigningKey.new()
    swaps = [
        {"name": "li"},
        {"person": "li"},
        {"kind": "root"},
        {"site": "ward-2"},
        {"public": other.public.hex(), "kid": other.kid.hex()},
        {"kid": other.kid.hex()},
        {"scrypt": whole["scrypt"] | {"n": 1 << 11}},
        {"scrypt": whole["scrypt"] | {"n": 1 << 40}},
        {"scrypt": whole["scrypt"] | {"n": 1000}},
        {"scrypt": whole["scrypt"] | {"p": 0}},
        {"scrypt": {}},
        {"scrypt": None},
        {"salt": "00" * 16},
        {"salt": "00"},
        {"nonce": "00" * 12},
        {"nonce": "zz"},
        {"sealed": "00" * 48},
        {"sealed": whole["sealed"][:-2]},
        {"sealed": 7},
        {"format": "paifang-key/2"},
        {"name": "../li"},
        {"public": "00" * 64},
        {"public": None},
    ]
    for swap in swaps:
        sealed.write_text(json.dumps(whole | swap))
        with pytest.raises(PaifangError):
            KeyFile.read(sealed).open(PASSPHRASE)
    sealed.write_text(json.dumps(whole))
    for bit in range(0, 48 * 8, 7):
        turned = bytearray.fromhex(whole["sealed"])
        turned[bit // 8] ^= 1 << bit % 8
        changed(sealed, sealed=turned.hex())
        with pytest.raises(PaifangError, match="does not open"):
            KeyFile.read(sealed).open(PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"not json", b'{"a":' * 9000, b" " * 70_000])
def test_rubbish_is_named_as_such(tmp_path, content):
    file = tmp_path / "rubbish.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(PaifangError, match=r"rubbish\.key"):
        KeyFile.read(file)


def test_a_seal_over_another_key_is_found(tmp_path, signer, cheap):
    other = keyfile.seal(tmp_path / "wang.key", about(SigningKey.new()), signer, PASSPHRASE)
    with pytest.raises(PaifangError, match="is damaged"):
        KeyFile.read(other.file).open(PASSPHRASE)


def test_a_key_is_never_written_over(sealed, signer, cheap):
    before = sealed.read_bytes()
    with pytest.raises(PaifangError, match="is there already"):
        keyfile.seal(sealed, about(signer), signer, PASSPHRASE)
    assert sealed.read_bytes() == before
    assert [file.name for file in sealed.parent.iterdir()] == ["wang.key"]


def test_a_stick_without_hard_links_will_do(tmp_path, signer, cheap, monkeypatch):
    def refuse(_self, _target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    made = keyfile.seal(tmp_path / "wang.key", about(signer), signer, PASSPHRASE)
    with pytest.raises(PaifangError, match="is there already"):
        keyfile.seal(made.file, about(signer), signer, PASSPHRASE)
    assert KeyFile.read(made.file).open(PASSPHRASE).public == signer.public
    assert [file.name for file in tmp_path.iterdir()] == ["wang.key"]


def test_a_short_passphrase_writes_nothing(tmp_path, signer):
    with pytest.raises(PaifangError, match="at least 8 characters"):
        keyfile.seal(tmp_path / "wang.key", about(signer), signer, "1234567")
    assert list(tmp_path.iterdir()) == []


def test_a_public_key_is_read_back(tmp_path, signer):
    file = tmp_path / "wang.pub"
    file.write_text(about(signer).text())
    assert PublicKey.read(file) == about(signer)
    changed(file, public=SigningKey.new().public.hex())
    with pytest.raises(PaifangError, match="its kid is not the one"):
        PublicKey.read(file)


def test_a_keyring_finds_by_name_kid_and_file(tmp_path, cheap):
    ring = Keyring(tmp_path / "deep" / "keys")
    with pytest.raises(PaifangError, match="no default key") as error:
        ring.find()
    assert "paifang keys new" in error.value.hint
    first, second = SigningKey.new(), SigningKey.new()
    ring.new(about(first, "wang", "wang"), first, PASSPHRASE)
    assert stat.S_IMODE(ring.folder.stat().st_mode) == 0o700
    assert ring.find().about.name == "wang"  # the only one
    ring.new(about(second, "li", "li"), second, PASSPHRASE)
    with pytest.raises(PaifangError, match="no default key"):
        ring.find()
    ring.choose("li")
    assert ring.find().about.public == second.public
    for wanted in ("wang", first.kid.hex(), str(ring.file_of("wang"))):
        assert ring.find(wanted).about.public == first.public
    with pytest.raises(PaifangError, match="no key 'zhao'") as error:
        ring.find("zhao")
    assert error.value.hint == "there are: li, wang"
    with pytest.raises(PaifangError, match="already"):
        ring.check_free("li")


def test_a_key_signs_what_it_is_for(tmp_path, signer, cheap):
    root = keyfile.seal(tmp_path / "root-1.key", about(signer, kind="root"), signer, PASSPHRASE)
    check_kind(root, ("root",), "a key set")
    with pytest.raises(PaifangError, match="is a root key, and an order is signed with a person key"):
        check_kind(root, ("person",), "an order")
