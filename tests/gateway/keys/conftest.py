"""Keys of a small site: three roots, three persons, a service, and the key set that two of the roots have signed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from small_site import ALL_OPS, EVERYWHERE, PASSPHRASE, SITE

from paifang.cli import main
from paifang.keys import keyfile
from paifang.keys.keyset import Entry, KeySet
from paifang.keys.roots import Root, Roots
from paifang.keys.signing import SigningKey
from paifang_wire import orders


@pytest.fixture
def root_keys():
    return [SigningKey.new() for _ in range(3)]


@pytest.fixture
def roots(root_keys):
    return Roots(SITE, tuple(Root(f"root-{number}", key.public) for number, key in enumerate(root_keys, 1)))


@pytest.fixture
def persons():
    return SimpleNamespace(wang=SigningKey.new(), li=SigningKey.new(), zhao=SigningKey.new(), scada=SigningKey.new())


@pytest.fixture
def keyset(persons):
    """Version 3, which nobody has signed; zhao's key is revoked."""
    return KeySet.build(
        3,
        [
            Entry(persons.wang.public, "wang", 3, orders.ACTIVE, ALL_OPS, EVERYWHERE),
            Entry(persons.li.public, "li", 3, orders.RETIRING, ALL_OPS, (("meter-*", "relay"), ("aq-1", "*"))),
            Entry(persons.zhao.public, "zhao", 3, orders.REVOKED, ALL_OPS, EVERYWHERE),
        ],
    )


@pytest.fixture
def cheap(monkeypatch):
    """Key files that are sealed in no time."""
    monkeypatch.setattr(keyfile, "_SCRYPT", (1 << 10, 8, 1))


@pytest.fixture
def paifang(capsys, monkeypatch, tmp_path, cheap):
    """`paifang("keys", "list")` in this process and in a folder of its own: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAIFANG_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("PAIFANG_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(each) for each in arguments])
        said = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code, out=said.out, err=said.err)

    return run


@pytest.fixture
def done(paifang):
    """As `paifang`, for what must go well."""

    def run(*arguments):
        said = paifang(*arguments)
        assert said.code == 0, said
        return said

    return run
