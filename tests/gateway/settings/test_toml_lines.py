"""The locator against documents whose lines are known, because they were written down while being made."""

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paifang.config.toml_lines import locate, nearest_line

DOCUMENT = """\
# a comment with [brackets] and "quotes"
site = "ward # 1"   # line 2

"quoted key".'dotted' = [1, 2]
nodes.tcp.listen = '''
[not.a.table]
key = 1'''
[[nodes.serial]]
device = "a"
[[nodes.serial]] # the second
device = "b"
options = { speed = 9600, deep = { er = [
  # nothing
  "x",
  { y = "]" },
] } }

[nodes.serial.extra]
text = \"\"\"a \\\"\"\"
[x]\"\"\"
[ control . "so cket" ]
uids = [
  1,

  2,
]
when = 1979-05-27 07:32:00Z
"""

LINES = {
    ("site",): 2,
    ("quoted key",): 4,
    ("quoted key", "dotted"): 4,
    ("quoted key", "dotted", 0): 4,
    ("quoted key", "dotted", 1): 4,
    ("nodes",): 5,
    ("nodes", "tcp"): 5,
    ("nodes", "tcp", "listen"): 5,
    ("nodes", "serial"): 8,
    ("nodes", "serial", 0): 8,
    ("nodes", "serial", 0, "device"): 9,
    ("nodes", "serial", 1): 10,
    ("nodes", "serial", 1, "device"): 11,
    ("nodes", "serial", 1, "options"): 12,
    ("nodes", "serial", 1, "options", "speed"): 12,
    ("nodes", "serial", 1, "options", "deep"): 12,
    ("nodes", "serial", 1, "options", "deep", "er"): 12,
    ("nodes", "serial", 1, "options", "deep", "er", 0): 14,
    ("nodes", "serial", 1, "options", "deep", "er", 1): 15,
    ("nodes", "serial", 1, "options", "deep", "er", 1, "y"): 15,
    ("nodes", "serial", 1, "extra"): 18,
    ("nodes", "serial", 1, "extra", "text"): 19,
    ("control",): 21,
    ("control", "so cket"): 21,
    ("control", "so cket", "uids"): 22,
    ("control", "so cket", "uids", 0): 23,
    ("control", "so cket", "uids", 1): 25,
    ("control", "so cket", "when"): 27,
}


def all_paths(value, above=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*above, key)
        yield from all_paths(inner, (*above, key))


def test_every_key_is_found_on_its_line():
    assert locate(DOCUMENT) == LINES
    assert set(LINES) == set(all_paths(tomllib.loads(DOCUMENT)))


def test_windows_line_ends_change_nothing():
    assert locate(DOCUMENT.replace("\n", "\r\n")) == LINES


@pytest.mark.parametrize(
    ("path", "line"), [(("nodes", "serial", 1, "baud"), 10), (("nodes", "tcp", "x", "y"), 5), (("missing",), None)]
)
def test_what_is_not_there_has_the_line_of_its_table(path, line):
    assert nearest_line(LINES, path) == line


KEYS = st.text("abc-_ .#[]{}=\"'\\é", min_size=1, max_size=6)
SCALARS = st.one_of(st.integers(), st.booleans(), st.text("ab#[]{},='\"\\\né", max_size=8))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)
FILES = st.dictionaries(KEYS, st.tuples(st.sampled_from(["pairs", "table", "array"]), st.lists(TABLES, max_size=3)))


class Writer:
    """Writes TOML with a blank, a comment or a line break wherever one may stand, and notes each key's line."""

    def __init__(self, draw):
        self.draw = draw
        self.text = ""
        self.lines = {}

    def note(self, path):
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def gap(self, *choices):
        self.text += self.draw(st.sampled_from(choices))

    def key(self, key):
        self.text += json.dumps(key, ensure_ascii=False)
        self.gap("", " ")

    def value(self, value, path):
        if isinstance(value, dict):
            self.items("{", "}", value.items(), path, (" ", ""))
        elif isinstance(value, list):
            self.items("[", "]", enumerate(value), path, ("", "\n", " # ], }\n"))
        elif isinstance(value, str) and self.draw(st.booleans()):
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            self.text += f'"""\n{escaped}"""'
        else:
            self.text += json.dumps(value, ensure_ascii=False)

    def items(self, opening, closing, items, path, gaps):
        self.text += opening
        for place, (key, value) in enumerate(items):
            self.text += "," if place else ""
            self.gap(*gaps)
            self.note((*path, key))
            if opening == "{":
                self.key(key)
                self.text += "= "
            self.value(value, (*path, key))
            self.gap(*gaps)
        self.text += closing

    def pairs(self, table, path):
        for key, value in table.items():
            self.gap("", "\n", "# [x]\n", "  ")
            self.note((*path, key))
            self.key(key)
            self.gap("=", " = ")
            self.value(value, (*path, key))
            self.gap("\n", " # a = 1\n")

    def header(self, kind, name, index):
        self.gap("", "\n", " ")
        self.note((name,))
        path = (name, index) if kind == "array" else (name,)
        self.note(path)
        self.text += "[[" if kind == "array" else "["
        self.key(name)
        self.text += "]]\n" if kind == "array" else "] # [[y]]\n"
        return path


@settings(max_examples=60)
@given(FILES, st.data())
def test_it_agrees_with_the_one_who_wrote_the_file(file, data):
    writer = Writer(data.draw)
    in_order = sorted(file.items(), key=lambda item: item[1][0] != "pairs")
    for name, (kind, tables) in in_order:
        if kind == "pairs":
            writer.pairs({name: tables}, ())
            continue
        for index, table in enumerate(tables if kind == "array" else tables[:1]):
            writer.pairs(table, writer.header(kind, name, index))
    assert locate(writer.text) == writer.lines
    assert set(writer.lines) == set(all_paths(tomllib.loads(writer.text)))
