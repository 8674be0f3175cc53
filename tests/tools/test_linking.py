"""Linked modules do what they did, with fewer names."""

from __future__ import annotations

import ast
import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from paifang_tools import build, linking

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = """
from micropython import const
FIRST, SECOND = const(1), const(2)
LOW, HIGH = range(2)
MASK = FIRST << 4 | SECOND
BELOW = -MASK
NAMES = ("a", "b")
count = 0
COUNTER = 0
def more():
    global COUNTER
    COUNTER += 1
more()
"""


def linked(**sources: str) -> dict[str, str]:
    return linking.link(sources, lambda name: name == "f")


def names_of(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def run(sources: dict[str, str], name: str) -> dict[str, object]:
    """What module `name` has in it after it was run, with the others in reach, linked."""
    texts = linking.link(sources)
    modules = {module: types.ModuleType(module) for module in texts}
    modules["micropython"] = types.SimpleNamespace(const=int)  # type: ignore[assignment]
    before = {module: sys.modules.get(module) for module in modules}
    sys.modules.update(modules)
    try:
        for module, text in texts.items():
            if module != name:
                exec(text, vars(modules[module]))
        exec(texts[name], vars(modules[name]))
    finally:
        for module, was in before.items():
            if was is None:
                del sys.modules[module]
            else:
                sys.modules[module] = was
    return vars(modules[name])


def test_whole_numbers_stand_where_they_are_used() -> None:
    user = "from tables import BELOW, HIGH, MASK as M, NAMES\nimport tables\nfound = (M, BELOW, HIGH, NAMES)\n"
    texts = linked(tables=TABLES, user=user)
    assert "found = (18, (-18), 1, NAMES)" in texts["user"]
    assert names_of(texts["user"]) == {"found", "NAMES"}
    assert not {"FIRST", "SECOND", "LOW", "HIGH", "MASK", "BELOW"} & names_of(texts["tables"])
    assert run({"tables": TABLES, "user": user}, "user")["found"] == (18, -18, 1, ("a", "b"))
    only_in_another = "from tables import FIRST, SECOND\nBOTH = FIRST | SECOND\nx = BOTH\n"
    assert names_of(linked(tables=TABLES, user=only_in_another)["user"]) == {"x"}
    assert run({"tables": TABLES, "user": only_in_another}, "user")["x"] == 3


def test_what_changes_or_is_no_whole_number_keeps_its_name() -> None:
    text = linked(tables=TABLES)["tables"]
    assert {"count", "COUNTER"} <= names_of(text)
    kept = 'ON = True\nSHARE = 0.5\nWORD = "w"\nTWICE = 1\nTWICE = 2\nx = ON, SHARE, WORD, TWICE\n'
    assert linked(kept=kept)["kept"] == kept


def test_what_no_module_reads_goes() -> None:
    sources = {
        "tables": 'LETTERS = "abc"\nREASONS = ("none", "much")\nUSED = "u"\nMADE = print("x")\nlower = ("a", "b")\n',
        "user": "import tables\nx = tables.USED\n",
    }
    assert names_of(linking.link(sources)["tables"]) == {"USED", "MADE", "lower", "print"}
    assert "REASONS" in linking.link({**sources, "test": "import tables\nx = tables.REASONS\n"})["tables"]
    assert "LETTERS" in linking.link({**sources, "test": "x = 'LETTERS'\n"})["tables"]


def test_what_only_others_like_it_name_goes_too() -> None:
    text = """
def used():
    return helper()
def helper():
    return 1
def lonely():
    return its_helper()
def its_helper():
    return TABLE
class Lonely:
    def used_by_nobody_but_its_class_is(self):
        pass
TABLE = (1, 2)
x = used()
"""
    assert set(re.findall(r"def (\w+)|class (\w+)|^([A-Z]\w+)", linked(text=text)["text"], re.MULTILINE)) == {
        ("used", "", ""),
        ("helper", "", ""),
    }
    assert "def lonely" in linking.link({"text": text}, lambda name: name == "lonely")["text"]


def test_constants_by_way_of_modules_and_packages() -> None:
    sources = {
        "wire": "",
        "wire.messages": "BUSY = 6\ndef busy(): return BUSY\n",
        "wire.shorter": "from .messages import BUSY\n",
        "node": "",
        "node.link": (
            "from wire import messages, shorter\nfrom wire.shorter import BUSY\n"
            "a = messages.BUSY, BUSY, messages.BUSY.to_bytes(1, 'big'), shorter.BUSY\n"
            "b = messages.busy()\n"
        ),
    }
    text = linking.link(sources)["node.link"]
    assert "a = 6, 6, (6).to_bytes(1, 'big'), 6\n" in text
    assert "from wire import messages\n" in text


def test_what_is_there_for_type_checkers_goes() -> None:
    text = linked(
        typed=(
            "try:\n    from typing import TYPE_CHECKING\nexcept ImportError:\n    TYPE_CHECKING = False\n"
            "if TYPE_CHECKING:\n    from collections.abc import Callable\nx = 1\n"
        )
    )["typed"]
    assert text.split() == ["x", "=", "1"]


LONG = """
class Base:
    def __init__(self, number):
        self._number_of_base = number
    def _total(self):
        return self._number_of_base
"""
CHILD = """
from base import Base
_HIDDEN_TABLE = (1, 2)
class Child(Base):
    def __init__(self, number, other, *rest, named=0):
        super().__init__(number)
        self._another_one = other + named
        self._all_of_it = [self._another_one + one for one in rest]
    def _sum_of_all(self, weight=_HIDDEN_TABLE[1]):
        return weight * (self._total() + sum(self._all_of_it)), getattr(self, "_another_one")
found = Child(1, 2, 3, 4, named=5)._sum_of_all()
"""


def test_private_names_are_short_and_do_not_meet_in_a_family() -> None:
    texts = linked(base=LONG, child=CHILD)
    assert "_number_of_base" not in texts["base"]
    assert "_all_of_it" not in texts["child"]
    assert "_another_one" in texts["child"], "it stands in a text as well"
    assert run({"base": LONG, "child": CHILD}, "child")["found"] == (2 * (1 + 10 + 11), 7)


def test_names_of_others_stay() -> None:
    text = linked(user="import asyncio\ndef f(task):\n    return task._coroutine_of_another\n")["user"]
    assert "_coroutine_of_another" in text


SCOPES = """
def outer(first, second, third=lambda first: first + 1):
    def inner(first, *second):
        return first + sum(second)
    return inner(first, second), third(first), [third for third in range(second)]
def named(key, other):
    return key, other
found = outer(1, 2), named(key=3, other=4), named(**{"key": 5, "other": 6}), (lambda x, y=7: (x, y))(8)
"""


def test_arguments_are_numbered_unless_a_call_names_them() -> None:
    text = linked(scopes=SCOPES)["scopes"]
    assert "def outer(_0, _1, _2=lambda _0: _0 + 1):" in text
    assert "def inner(_0, *second):" in text
    assert "def named(key, other):" in text
    assert run({"scopes": SCOPES}, "scopes")["found"] == (((3, 2, [0, 1]), (3, 4), (5, 6), (8, 7)))


def test_nothing_else_changes_to_the_letter() -> None:
    plain = 'x = (1,\n     2)  # a comment\ndef f():\n    self.a, self.b = x[0], "ä"  # no tuple is made\n'
    assert linked(plain=plain)["plain"] == plain


@pytest.mark.parametrize("module", ["node.link", "paifang_wire.cbor", "roles.traffic_signal.interlock"])
def test_a_node_s_modules_keep_their_public_names(module: str) -> None:
    sources = {build.module_of(name): path for name, path in build.node_sources().items()}
    before = Path(sources[module]).read_text()
    after = linking.link({name: path.read_text() for name, path in sources.items()})[module]
    public = [set(_public(text)) for text in (before, after)]
    assert public[1] <= public[0]
    assert len(public[1]) > len(public[0]) / 2


def _public(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        is_named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if is_named and not node.name.startswith("_"):
            yield node.name
