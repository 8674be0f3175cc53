"""What a person's machine takes from a running gateway: key sets that its trusted roots have signed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from near_side import settings_in
from small_site import SITE, rooted_by

from paifang.cli import main, sign
from paifang.control.client import ControlClient
from paifang.errors import PaifangError
from paifang.keys.keyring import Keyring
from paifang.keys.keyset import KeySet
from paifang.keys.roots import Root, Roots
from paifang.keys.signing import SigningKey
from paifang_wire import sign1


@pytest.fixture
async def gateway(start, tmp_path, roots, root_keys, keyset, monkeypatch):
    """A gateway with key set 3; `learn()` as a person who signs over its socket does, `version` what is known then."""
    monkeypatch.setenv("PAIFANG_KEYS", str(tmp_path / "keys"))
    settings = settings_in(tmp_path / "data")
    settings.data.mkdir(mode=0o700)
    settings.roots_file.write_text(roots.text())
    house = await start(settings)
    signed = rooted_by(keyset.rooted, root_keys[:2], sign1.KEYSET)
    await house.ask("keyset.load", keyset=signed.encode().hex())
    knowledge = Keyring.own().knowledge

    def ask():
        with ControlClient(settings.socket_path) as client:
            sign.learn(client, SITE)
        return knowledge.newest(SITE)

    async def learn():
        return await asyncio.to_thread(ask)

    return SimpleNamespace(learn=learn, knowledge=knowledge, data=settings.data, house=house)


async def test_a_newer_key_set_is_taken_along(gateway, roots, root_keys, keyset):
    assert await gateway.learn() == 0  # no roots are trusted here
    gateway.knowledge.trust(roots)
    assert await gateway.learn() == 3
    later = KeySet.build(4, keyset.entries)
    signed = rooted_by(later.rooted, root_keys[1:], sign1.KEYSET)
    await gateway.house.ask("keyset.load", keyset=signed.encode().hex())
    assert await gateway.learn() == 4
    assert gateway.knowledge.keyset(SITE) == KeySet.of(signed)


async def test_a_gateway_with_an_older_one_changes_nothing(gateway, roots, root_keys, keyset):
    gateway.knowledge.trust(roots)
    later = KeySet.build(9, keyset.entries)
    gateway.knowledge.learn(KeySet.of(rooted_by(later.rooted, root_keys[:2], sign1.KEYSET)), roots)
    assert await gateway.learn() == 9


async def test_a_key_set_of_other_roots_stops_the_signature(gateway):
    keys = [SigningKey.new() for _ in range(3)]
    others = Roots(SITE, tuple(Root(f"root-{number}", key.public) for number, key in enumerate(keys, 1)))
    gateway.knowledge.trust(others)
    with pytest.raises(PaifangError, match="is not one that the root keys trusted here have signed") as error:
        await gateway.learn()
    assert "paifang keys root trust FILE --replace" in error.value.hint
    assert gateway.knowledge.newest(SITE) == 0


async def test_the_key_set_in_force_is_fetched_and_the_next_loaded(gateway, capsys, tmp_path, roots, root_keys, keyset):
    def paifang(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        return ended.value.code, capsys.readouterr().err

    async def run(*arguments):
        return await asyncio.to_thread(paifang, *arguments, "--data", gateway.data)

    file = tmp_path / "in-force.keyset"
    assert (await run("keys", "set", "fetch", "-o", file))[0] == 0
    assert KeySet.read(file).verify(roots) == ["root-1", "root-2"]
    code, said = await run("keys", "set", "load", file)
    assert (code, "key set 3 is not newer than 3, which is in force" in said) == (1, True)
    unsigned = tmp_path / "unsigned.keyset"
    unsigned.write_bytes(KeySet.build(4, keyset.entries).encode())
    code, said = await run("keys", "set", "load", unsigned)
    assert (code, "signed by nobody" in said) == (1, True)
    signed = rooted_by(KeySet.build(4, keyset.entries).rooted, root_keys[:2], sign1.KEYSET)
    unsigned.write_bytes(signed.encode())
    assert (await run("keys", "set", "load", unsigned))[0] == 0
