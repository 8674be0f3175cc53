"""keyset.toml: the key set as people read and edit it, and what changes from one version to the next.

```toml
version = 3

[[key]]
person = "wang"
public = "…128 hex digits…"   # `paifang keys export wang` prints the whole block
class = 3
state = "active"              # or retiring (still good), or revoked; active if not there
ops = ["direct", "select", "operate", "cancel", "safe"]
scope = [["meter-*", "relay"], ["aq-1", "*"]]
```
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any, cast

from paifang.config.toml_lines import locate, nearest_line
from paifang.errors import EXIT_USAGE, PaifangError, bad_argument
from paifang.keys.keyfile import check_name
from paifang.keys.keyset import Entry, KeySet, op_bits
from paifang.keys.roots import check_public
from paifang_wire import messages, names, orders
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from paifang.config.toml_lines import KeyPath


def parse(text: str, file: Path) -> KeySet:
    """The unsigned key set of a keyset.toml. Raises PaifangError with one line for each mistake, by line number."""
    found = _load(text, file)
    problems = _Problems(file, text)
    for stray in found.keys() - {"version", "key"}:
        problems.add((stray,), f"no such setting: {stray}; there are version and [[key]]")
    version = found.get("version")
    if not _is_whole(version, 1):
        problems.add(("version",), "version is a whole number from 1 on, one more with each change")
    rows = found.get("key", [])
    entries = [_entry(row, problems, number) for number, row in enumerate(_tables(rows, problems))]
    _check_doubles([entry for entry in entries if entry], problems)
    problems.raise_any()
    try:
        return KeySet.build(cast("int", version), [entry for entry in entries if entry])
    except WireError as error:
        hint = "a node takes about 20 keys; shorten scopes, or take out keys that are revoked for long"
        message = f"{file}: the key set is longer than the {orders.KEYSET_LIMIT} bytes that a node takes"
        raise PaifangError(message, hint, exit_code=EXIT_USAGE) from error


def write(keyset: KeySet) -> str:
    """A keyset.toml that `parse` reads back to the same set."""
    return f"version = {keyset.version}\n" + "".join(f"\n{block(entry)}" for entry in keyset.entries)


def block(entry: Entry) -> str:
    """One [[key]] as it stands in a keyset.toml."""
    scope = [list(pair) for pair in entry.scope]
    lines = {
        "person": entry.person,
        "public": entry.public.hex(),
        "class": entry.key_class,
        "state": entry.state_name,
        "ops": entry.op_names,
        "scope": scope,
    }
    return "[[key]]\n" + "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in lines.items())


def with_state(text: str, file: Path, kid: bytes, state: int) -> str:
    """The text of the next version, in which one key has another state; comments and layout stay as they are.

    Raises PaifangError when the key is not in it, or has that state already.
    """
    keyset = parse(text, file)
    changed = next_version(keyset, kid, state)
    place = next(number for number, entry in enumerate(keyset.entries) if entry.kid == kid)
    lines = text.splitlines(keepends=True)
    where = locate(text)
    stated: KeyPath = ("key", place, "state")
    if stated in where:
        _set_line(lines, where[stated], "state", json.dumps(names.KEY_STATES[state]))
    else:
        lines.insert(where["key", place, "public"], f'state = "{names.KEY_STATES[state]}"\n')
    _set_line(lines, where["version",], "version", str(changed.version))
    result = "".join(lines)
    # A layout that lines do not fit is written anew, so that what is signed is never other than what was asked.
    try:
        same = parse(result, file).rooted.payload == changed.rooted.payload
    except PaifangError:
        same = False
    return result if same else write(changed)


def next_version(keyset: KeySet, kid: bytes, state: int) -> KeySet:
    """The next version of a set, unsigned, in which one key has another state. Raises PaifangError as `with_state`."""
    entry = keyset.find(kid)
    if entry is None:
        persons = ", ".join(f"{each.person} {each.kid.hex()}" for each in keyset.entries)
        raise PaifangError(f"no key {kid.hex()} in key set {keyset.version}", f"it has: {persons}", code="not-found")
    if entry.state == state:
        message = f"the key {kid.hex()} of {entry.person} is {entry.state_name} already in key set {keyset.version}"
        raise PaifangError(message, code="unchanged")
    if entry.state == orders.REVOKED:
        message = f"the key {kid.hex()} of {entry.person} is revoked, and stays so"
        raise PaifangError(message, "make a new key: paifang keys new", code="revoked")
    rows = [_in_state(each, state) if each.kid == kid else each for each in keyset.entries]
    return KeySet.build(keyset.version + 1, rows)


def differences(old: KeySet, new: KeySet) -> list[str]:
    """What the newer set changes, in words."""
    told = [f"version {old.version} -> {new.version}"]
    for entry in new.entries:
        before = old.find(entry.kid)
        if before is None:
            told.append(f"new: {in_words(entry)}")
        elif before != entry:
            told.append(f"changed: {in_words(before)}  ->  {in_words(entry)}")
    told += [f"gone: {in_words(entry)}" for entry in old.entries if new.find(entry.kid) is None]
    return told


def in_words(entry: Entry) -> str:
    """One key for people: "wang, key 3f…, class 3, active, direct select operate, on meter-*/relay"."""
    where = " ".join(f"{node}/{point}" for node, point in entry.scope) or "nothing"
    ops = " ".join(entry.op_names) or "no operation"
    return f"{entry.person}, key {entry.kid.hex()}, class {entry.key_class}, {entry.state_name}, {ops}, on {where}"


def _in_state(entry: Entry, state: int) -> Entry:
    return Entry(entry.public, entry.person, entry.key_class, state, entry.ops, entry.scope)


def _set_line(lines: list[str], number: int, key: str, value: str) -> None:
    """Give `key` another value on its line; what stands behind the value stays."""
    line = lines[number - 1]
    old = line.partition("=")[2].partition("#")[0].strip()
    lines[number - 1] = line.replace(old, value, 1) if line.lstrip().startswith(key) and old else line


class _Problems:
    """Mistakes of one file, each with its line."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._lines = locate(text)
        self._found: list[tuple[int, str]] = []

    def add(self, path: KeyPath, message: str) -> None:
        self._found.append((nearest_line(self._lines, path) or 1, message))

    def raise_any(self) -> None:
        if self._found:
            told = "\n".join(f"{self._file}, line {line}: {message}" for line, message in sorted(self._found))
            raise PaifangError(told, "correct it, and build again", code="config", exit_code=EXIT_USAGE)


def _load(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise bad_argument(
            f"{file} is not TOML: {error}", "`paifang keys set show FILE` shows how one looks"
        ) from error


def _tables(rows: object, problems: _Problems) -> Iterator[dict[str, Any]]:
    if not isinstance(rows, list):
        problems.add(("key",), "each key is a table of its own: [[key]]")
        return
    for number, row in enumerate(cast("list[object]", rows)):
        if isinstance(row, dict):
            yield cast("dict[str, Any]", row)
        else:
            problems.add(("key", number), "each key is a table of its own: [[key]]")


def _entry(row: dict[str, Any], problems: _Problems, number: int) -> Entry | None:
    """None when something is wrong with it, which is in `problems` then."""
    fields: dict[str, Any] = {}
    for stray in row.keys() - _FIELDS.keys():
        problems.add(("key", number, stray), f"a key has no {stray}; it has {', '.join(_FIELDS)}")
    for name, (read, default) in _FIELDS.items():
        try:
            fields[name] = read(row.get(name, default))
        except ValueError as error:
            problems.add(("key", number, name), f"{name}: {error}")
    if len(fields) < len(_FIELDS):
        return None
    public, person, key_class, state, ops, scope = fields.values()
    return Entry(public, person, key_class, state, ops, scope)


def _check_doubles(entries: list[Entry], problems: _Problems) -> None:
    seen: dict[bytes, str] = {}
    for number, entry in enumerate(entries):
        if entry.public in seen:
            problems.add(("key", number, "public"), f"this is the key of {seen[entry.public]} above")
        seen.setdefault(entry.public, entry.person)


def _class(value: Any) -> int:
    if not _is_whole(value, 0) or value > orders.GREATEST_CLASS:
        raise ValueError(f"the greatest class of points it may command, 0 to {orders.GREATEST_CLASS}, not {value!r}")
    return value


def _state(value: Any) -> int:
    if value not in names.KEY_STATES:
        raise ValueError(f"one of {', '.join(names.KEY_STATES)}, not {value!r}")
    return names.KEY_STATES.index(value)


def _ops(value: Any) -> int:
    if not isinstance(value, list):
        raise ValueError(f'a list of operations, such as ["direct", "safe"], not {value!r}')  # noqa: TRY004 - one kind of mistake
    return op_bits(cast("list[str]", value))


def check_scope(value: Any) -> tuple[tuple[str, str], ...]:
    """The scope in a list of [node pattern, point pattern]. Raises ValueError saying what one is."""
    expected = 'a list of [node, point], such as [["meter-*", "relay"]]; a name, or a beginning and *'
    if not isinstance(value, list):
        raise ValueError(expected)  # noqa: TRY004 - as above
    for pair in cast("list[Any]", value):
        if not messages.fits_row("nn", pair) or any("*" in pattern[:-1] for pattern in pair):
            raise ValueError(f"{expected}, not {pair!r}")
    return tuple((node, point) for node, point in cast("list[list[str]]", value))


def _is_whole(value: object, least: int) -> bool:
    return type(value) is int and least <= value < 1 << 32


_FIELDS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "public": (check_public, None),
    "person": (check_name, None),
    "class": (_class, None),
    "state": (_state, "active"),
    "ops": (_ops, None),
    "scope": (check_scope, None),
}
"""Key -> what reads it, and what it is when it is not there (None: it must be); in the order of a signed row."""
