"""What a person's machine knows of key sets comes from the roots it trusts, never from a gateway."""

from __future__ import annotations

import pytest
from small_site import SITE, rooted_by

from paifang.errors import PaifangError
from paifang.keys.keyset import KeySet
from paifang.keys.knowledge import Knowledge
from paifang.keys.roots import Root, Roots
from paifang.keys.signing import SigningKey
from paifang_wire import sign1


@pytest.fixture
def knowledge(tmp_path):
    return Knowledge(tmp_path / "keys")


def signed(keyset, keys, version):
    built = KeySet.build(version, keyset.entries)
    return KeySet.of(rooted_by(built.rooted, keys[:2], sign1.KEYSET))


def others():
    keys = [SigningKey.new() for _ in range(3)]
    return keys, Roots(SITE, tuple(Root(f"root-{number}", key.public) for number, key in enumerate(keys, 1)))


def test_versions_only_rise(knowledge, keyset, roots, root_keys):
    knowledge.trust(roots)
    assert knowledge.newest(SITE) == 0
    assert knowledge.learn(signed(keyset, root_keys, 4), roots)
    assert not knowledge.learn(signed(keyset, root_keys, 4), roots)
    assert not knowledge.learn(signed(keyset, root_keys, 3), roots)
    assert knowledge.newest(SITE) == 4
    assert knowledge.newest("ward-2") == 0


def test_a_file_that_somebody_changed_is_nothing_known(knowledge, keyset, roots, root_keys):
    knowledge.trust(roots)
    assert knowledge.keyset(SITE) is None
    knowledge.learn(signed(keyset, root_keys, 4), roots)
    assert knowledge.keyset(SITE).version == 4
    (file,) = knowledge.folder.glob("*.keyset")
    file.write_bytes(KeySet.build(9, keyset.entries).encode())
    assert knowledge.newest(SITE) == 0
    file.write_bytes(b"rubbish")
    assert knowledge.newest(SITE) == 0


def test_nothing_is_learned_of_roots_that_are_not_trusted(knowledge, keyset, roots, root_keys):
    assert not knowledge.learn(signed(keyset, root_keys, 4), roots)
    knowledge.trust(roots)
    keys, strange = others()
    assert not knowledge.learn(signed(keyset, keys, 1 << 31), strange)
    with pytest.raises(PaifangError, match="which is no root"):
        knowledge.learn(signed(keyset, keys, 1 << 31), roots)
    with pytest.raises(PaifangError, match="signed by nobody"):
        knowledge.learn(keyset, roots)
    assert knowledge.newest(SITE) == 0


def test_other_roots_take_the_place_only_when_it_is_said(knowledge, roots, keyset, root_keys):
    knowledge.trust(roots)
    knowledge.trust(roots)
    _, strange = others()
    with pytest.raises(PaifangError, match="other root keys are trusted for ward-1"):
        knowledge.trust(strange)
    assert knowledge.roots(SITE) == roots == knowledge.roots_of(signed(keyset, root_keys, 4).rooted)
    knowledge.trust(strange, replace=True)
    assert knowledge.roots(SITE) == strange
    assert knowledge.roots_of(signed(keyset, root_keys, 4).rooted) is None
    assert knowledge.roots("ward-2") is None
