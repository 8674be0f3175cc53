"""Node keys as an operator hands them over: an option, a file, or what provisioning printed."""

import json
import sys
from pathlib import Path
from typing import Any, cast

from paifang.errors import bad_argument

KEY_BYTES = 32


def given(node: str | None, key: str | None, key_file: Path | None, epoch: int) -> list[dict[str, Any]]:
    if node is None:
        raise bad_argument("a key needs the node's id", "paifang nodes add NODE --key-file FILE")
    if key is not None and key_file is not None:
        raise bad_argument("--key and --key-file say the same thing", "give one of them")
    text = key if key_file is None else _key_of_file(key_file)
    return [{"node": node, "key": _checked_key(node, cast("str", text)), "epoch": epoch}]


def from_input(node: str | None) -> list[dict[str, Any]]:
    """The nodes that provisioning printed: a JSON object a line, with node, key, epoch and site."""
    if sys.stdin.isatty():
        raise bad_argument("no key was given", "use --key-file FILE, or pipe in what provisioning printed")
    lines = [line for line in sys.stdin.read().splitlines() if line.strip()]
    if not lines:
        raise bad_argument("no key was given, and the input is empty", "use --key-file FILE, or pipe one in")
    return [_enrolment(line, number, node) for number, line in enumerate(lines, 1)]


def _key_of_file(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise bad_argument(f"cannot read {file}: {error.strerror}") from error
    return content.hex() if len(content) == KEY_BYTES else content.decode("ascii", "replace").strip()


def _enrolment(line: str, number: int, node: str | None) -> dict[str, Any]:
    try:
        found = cast("dict[str, Any]", json.loads(line))
        name, epoch = str(found["node"]), int(found.get("epoch", 1))
        key = _checked_key(name, str(found["key"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        expected = '{"node": "aq-1", "site": "ward-1", "epoch": 1, "key": "…64 hex digits…"}'
        raise bad_argument(
            f"line {number} of the input is not what provisioning prints", f"it is {expected}"
        ) from error
    if node not in {None, name}:
        raise bad_argument(f"line {number} of the input is for {name}, not for {node}")
    return {"node": name, "key": key, "epoch": epoch, "site": found.get("site")}


def _checked_key(node: str, text: str) -> str:
    try:
        length = len(bytes.fromhex(text))
    except ValueError:
        length = -1
    if length != KEY_BYTES:
        raise bad_argument(f"the key of {node} is not {KEY_BYTES} bytes in hex", "it has 64 digits of 0-9 and a-f")
    return text.lower()
