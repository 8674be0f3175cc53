"""keyset.toml: read with every mistake told by its line, and brought to the next version as its owner wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.errors import PaifangError
from paifang.keys import keyset_toml
from paifang.keys.keyset import Entry, KeySet
from paifang.keys.signing import SigningKey
from paifang_wire import orders

FILE = Path("keyset.toml")
KEYS = [SigningKey.new() for _ in range(4)]
NAMES = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="*/."), min_size=1, max_size=20)
PATTERNS = st.tuples(NAMES | st.just("*") | NAMES.map(lambda name: name[:19] + "*"), NAMES | st.just("*"))
ENTRIES = st.builds(
    lambda person, key_class, state, ops, scope: (person, key_class, state, ops, tuple(scope)),
    NAMES,
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 31),
    st.lists(PATTERNS, max_size=3),
)


@given(st.integers(1, 1 << 31), st.lists(ENTRIES, max_size=4))
def test_what_is_written_is_read_back(version, rows):
    keyset = KeySet.build(version, [Entry(key.public, *row) for key, row in zip(KEYS, rows, strict=False)])
    assert keyset_toml.parse(keyset_toml.write(keyset), FILE) == keyset


TEXT = f"""\
# Ward 1. Wang and Li approve one another.
version = 7  # one more with each change

[[key]]
person = "wang"   # the laptop
public = "{KEYS[0].public.hex()}"
class = 3
ops = ["select", "operate", "cancel", "safe"]
scope = [["*", "*"]]

[[key]]
person = "li"
public = "{KEYS[1].public.hex()}"
class = 3
state = "active"  # until spring
ops = ["direct"]
scope = [
    ["meter-*", "relay"],  # no other
]
"""


def test_the_next_version_keeps_comments_and_layout():
    revoked = keyset_toml.with_state(TEXT, FILE, KEYS[1].kid, orders.REVOKED)
    assert revoked == TEXT.replace("version = 7", "version = 8").replace('"active"', '"revoked"')
    stated = keyset_toml.with_state(TEXT, FILE, KEYS[0].kid, orders.RETIRING)
    assert 'public = "' + KEYS[0].public.hex() + '"\nstate = "retiring"\nclass = 3' in stated
    assert "# the laptop" in stated
    keyset = keyset_toml.parse(stated, FILE)
    assert (keyset.version, keyset.find(KEYS[0].kid).state) == (8, orders.RETIRING)


def test_a_layout_of_another_kind_is_written_anew():
    inline = f'version=1\nkey = [{{person="li", public="{KEYS[1].public.hex()}", class=1, ops=[], scope=[]}}]\n'
    revoked = keyset_toml.parse(keyset_toml.with_state(inline, FILE, KEYS[1].kid, orders.REVOKED), FILE)
    assert (revoked.version, revoked.find(KEYS[1].kid).state) == (2, orders.REVOKED)


def test_what_cannot_be_revoked_says_why():
    revoked = keyset_toml.with_state(TEXT, FILE, KEYS[1].kid, orders.REVOKED)
    with pytest.raises(PaifangError, match="is revoked already in key set 8"):
        keyset_toml.with_state(revoked, FILE, KEYS[1].kid, orders.REVOKED)
    with pytest.raises(PaifangError, match="is revoked, and stays so"):
        keyset_toml.with_state(revoked, FILE, KEYS[1].kid, orders.RETIRING)
    with pytest.raises(PaifangError, match=r"no key .* in key set 7") as error:
        keyset_toml.with_state(TEXT, FILE, KEYS[3].kid, orders.REVOKED)
    assert f"wang {KEYS[0].kid.hex()}" in error.value.hint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 7", "version = 0", "line 2: version is a whole number from 1 on"),
        ("version = 7", "version = true", "line 2: version is a whole number"),
        ("version = 7", "", "line 1: version is a whole number"),
        ("version = 7", "version = 7\nvresion = 8", "line 3: no such setting: vresion"),
        ('person = "wang"', 'person = ""', "line 5: person: a name has 1 to 32 printable"),
        ('person = "wang"', "person = 7", "line 5: person: a name has"),
        ('person = "wang"', 'person = "wang"\nclas = 3', "line 6: a key has no clas; it has public, person, class"),
        (KEYS[0].public.hex(), KEYS[0].public.hex()[2:], "line 6: public: a public key is 128 hex digits"),
        (KEYS[0].public.hex(), "00" * 64, "line 6: public: this is no public key of P-256: look for a typing error"),
        (KEYS[0].public.hex(), "zz" * 64, "line 6: public: "),
        (KEYS[1].public.hex(), KEYS[0].public.hex(), "line 13: this is the key of wang above"),
        ("class = 3", "class = 4", "line 7: class: the greatest class of points it may command, 0 to 3, not 4"),
        ('state = "active"', 'state = "lost"', "line 15: state: one of active, retiring, revoked, not 'lost'"),
        ('ops = ["direct"]', 'ops = ["fly"]', "line 16: ops: no operation 'fly'; there are direct, select"),
        ('ops = ["direct"]', 'ops = "direct"', "line 16: ops: a list of operations"),
        ('ops = ["direct"]', "", "line 11: ops: a list of operations"),
        ('scope = [["*", "*"]]', "", "line 4: scope: a list of [node, point]"),
        ('[["*", "*"]]', '[["*"]]', "line 9: scope: a list of [node, point]"),
        ('[["*", "*"]]', '[["*-1", "*"]]', "line 9: scope: a list of [node, point]"),
        ('[["*", "*"]]', '["*", "*"]', "line 9: scope: a list of [node, point]"),
    ],
)
def test_every_mistake_has_its_line(old, new, said):
    assert old in TEXT
    with pytest.raises(PaifangError) as error:
        keyset_toml.parse(TEXT.replace(old, new, 1), FILE)
    assert f"keyset.toml, {said}" in error.value.message
    assert error.value.exit_code == 2


def test_all_mistakes_are_told_at_once():
    with pytest.raises(PaifangError) as error:
        keyset_toml.parse(TEXT.replace("class = 3", "class = 9").replace("version = 7", "version = -1"), FILE)
    assert [line.partition(":")[0] for line in error.value.message.splitlines()] == [
        "keyset.toml, line 2",
        "keyset.toml, line 7",
        "keyset.toml, line 14",
    ]


@pytest.mark.parametrize("text", ["version = ", "[[key]", "key = 7\nversion = 1", "key = [7]\nversion = 1"])
def test_what_is_no_key_set_at_all(text):
    with pytest.raises(PaifangError, match=r"keyset\.toml"):
        keyset_toml.parse(text, FILE)


def test_a_set_that_no_node_would_take_is_not_built():
    scope = tuple((f"node-{number}", "some-long-point-name") for number in range(100))
    entries = [Entry(key.public, "wang", 1, 0, 1, scope) for key in KEYS]
    text = f"version = 1\n{''.join(map(keyset_toml.block, entries))}"
    with pytest.raises(PaifangError, match="longer than the 3600 bytes that a node takes"):
        keyset_toml.parse(text, FILE)


def test_the_roots_are_told_what_changes():
    old = keyset_toml.parse(TEXT, FILE)
    new = KeySet.build(
        8,
        [
            old.entries[0],
            Entry(KEYS[2].public, "zhao", 1, 0, 1, (("aq-1", "fan"),)),
        ],
    )
    changes = keyset_toml.differences(old, new)
    assert changes[0] == "version 7 -> 8"
    assert changes[1] == f"new: zhao, key {KEYS[2].kid.hex()}, class 1, active, direct, on aq-1/fan"
    assert changes[2].startswith("gone: li, key ")
    assert len(changes) == 3


def test_what_is_unwise_is_told():
    alone = KeySet.build(1, [Entry(KEYS[0].public, "wang", 3, 0, 31, ()), Entry(KEYS[1].public, "wang", 3, 0, 0, ())])
    assert alone.warnings()[0] == "only wang has a key of class 3, and it takes two persons"
    assert "wang has a key that may do nothing" in alone.warnings()
