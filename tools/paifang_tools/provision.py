"""The identity of a node: a master key that stays on it, a node key for the gateway, the NVS that carries the first.

The station that provisions is the only place that ever sees the master key, apart from the node itself:
`python -m paifang_tools.provision aq-1 --nvs aq-1.nvs --roots roots.json | paifang nodes add`.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paifang_tools import nvs
from paifang_tools.errors import ToolError
from paifang_wire import keys

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACE = "paifang"
MASTER_LENGTH = 32
NAME_LIMIT = 32
"""Characters of a node's or a site's name: what a node takes in its config.json."""
EPOCH_LIMIT = 1 << 31
ROOT_COUNT = 3
ROOT_LENGTH = 64
"""Bytes of a root's public key: x and y."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What one node is on one site; `epoch` counts its re-keyings."""

    node: str
    site: str
    master: bytes
    epoch: int = 1
    roots: bytes = b""
    """The site's public root keys, one after the other; without them a node takes no key set and no new epoch."""

    @property
    def node_key(self) -> bytes:
        """32 bytes: what the gateway's registry holds, and what a stolen gateway gives away until the next epoch."""
        return keys.node_key(self.master, self.site, self.epoch)

    def nvs(self) -> bytes:
        """The node's NVS partition: master key, epoch and root keys, boot count 0."""
        medium = nvs.Medium(nvs.blank())
        partition = nvs.Nvs(medium)
        for key, value in (("master", self.master), ("epoch", self.epoch), ("boot", 0)):
            partition.set(NAMESPACE, key, value)
        if self.roots:
            partition.set(NAMESPACE, "roots", self.roots)
        return bytes(medium.data)

    def registry_line(self) -> str:
        """One line of JSON that makes the node known to a gateway: `paifang nodes add` reads it."""
        return json.dumps({"node": self.node, "site": self.site, "epoch": self.epoch, "key": self.node_key.hex()})

    def auditor_line(self) -> str:
        """One line of JSON for the auditor alone: with it, receipts are checked that no gateway can forge."""
        return json.dumps({"node": self.node, "receipt_key": keys.receipt_key(self.master).hex()})


def new_identity(node: str, site: str, master: bytes | None = None, epoch: int = 1, roots: bytes = b"") -> Identity:
    """A fresh identity from the system's randomness, or the one that belongs to `master`."""
    master = secrets.token_bytes(MASTER_LENGTH) if master is None else master
    if len(master) != MASTER_LENGTH:
        raise ToolError(f"{node}: a master key is {MASTER_LENGTH} bytes, this one is {len(master)}")
    for what, name in (("node", node), ("site", site)):
        if not 0 < len(name) <= NAME_LIMIT or not name.isprintable():
            raise ToolError(f"the name of a {what} has 1 to {NAME_LIMIT} printable characters, not {name!r}")
    if not 0 <= epoch < EPOCH_LIMIT:
        raise ToolError(f"{node}: an epoch counts re-keyings, from 0 on, not {epoch}")
    if len(roots) not in {0, ROOT_COUNT * ROOT_LENGTH}:
        raise ToolError(f"{node}: the root keys are {ROOT_COUNT} of {ROOT_LENGTH} bytes, these are {len(roots)}")
    return Identity(node, site, master, epoch, roots)


def read_identity(content: bytes, node: str, site: str) -> Identity:
    """The identity that an NVS partition holds; the names are not in it. Raises ToolError for a partition of none."""
    partition = nvs.Nvs(nvs.Medium(content))
    master, epoch, roots = (partition.get(NAMESPACE, key) for key in ("master", "epoch", "roots"))
    if not isinstance(master, bytes) or not isinstance(epoch, int):
        raise ToolError(f"there is no master key of a node in it: is it the NVS partition of {node}?")
    return new_identity(node, site, master, epoch, roots if isinstance(roots, bytes) else b"")


def read_roots(file: Path, site: str) -> bytes:
    """The public root keys in the roots.json of `paifang keys root new`. Raises ToolError."""
    try:
        found: Any = json.loads(file.read_text("utf-8"))
        roots = [bytes.fromhex(root["public"]) for root in found["roots"]]
        of_site = found["site"]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"{file} is no list of root keys: `paifang keys root new` writes one") from error
    if [len(root) for root in roots] != [ROOT_LENGTH] * ROOT_COUNT or len(set(roots)) != ROOT_COUNT:
        raise ToolError(f"{file} does not hold {ROOT_COUNT} different keys of {ROOT_LENGTH} bytes")
    if of_site != site:
        raise ToolError(f"the root keys in {file} are those of site {of_site}, the node is for {site}: use --site")
    return b"".join(roots)


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    action, rest = (_ACTIONS[given[0]], given[1:]) if given and given[0] in _ACTIONS else (_new, given)
    try:
        print(action(rest))
    except (ToolError, OSError) as error:
        print(f"provision: {error}", file=sys.stderr)
        return 2
    return 0


def _new(arguments: list[str]) -> str:
    epilog = "Of a node that has its NVS file: provision rekey FILE --epoch N; provision receipt-key FILE."
    parser = argparse.ArgumentParser(prog=_PROGRAM, description=__doc__, epilog=epilog)
    parser.add_argument("node", help="its name on this site")
    _add_site(parser)
    parser.add_argument("--epoch", type=int, default=1, help="one more each time the node is re-keyed (%(default)s)")
    parser.add_argument("--nvs", type=Path, required=True, help="write the NVS partition to this new file, mode 0600")
    parser.add_argument("--roots", type=Path, help="the site's root keys, a roots.json: without it, no key sets")
    options = parser.parse_args(arguments)
    roots = read_roots(options.roots, options.site) if options.roots else b""
    identity = new_identity(options.node, options.site, epoch=options.epoch, roots=roots)
    try:
        options.nvs.touch(mode=0o600, exist_ok=False)
    except FileExistsError as error:
        message = f"{options.nvs} is there already, and may be a node's only key; name another file, or move it away"
        raise ToolError(message) from error
    options.nvs.write_bytes(identity.nvs())
    return identity.registry_line()


def _rekey(arguments: list[str]) -> str:
    """Bring a node's NVS file to a later epoch or to other root keys; the line has the node key that goes with it."""
    parser = _parser_of_file("rekey", "A later epoch for a node: its NVS file is brought to it, its new key printed.")
    parser.add_argument("--epoch", type=int, required=True, help="as in the epoch record that two roots sign")
    parser.add_argument("--roots", type=Path, help="other root keys, a roots.json; they reach the node by USB only")
    options = parser.parse_args(arguments)
    identity = _identity_of(options)
    if options.epoch < identity.epoch:
        raise ToolError(f"{options.nvs} is at epoch {identity.epoch} already: no node goes back to {options.epoch}")
    roots = read_roots(options.roots, options.site) if options.roots else identity.roots
    later = new_identity(identity.node, identity.site, identity.master, options.epoch, roots)
    if later != identity:
        _replace(options.nvs, later)
    return later.registry_line()


def _receipt_key(arguments: list[str]) -> str:
    parser = _parser_of_file("receipt-key", "The key of a node's receipts, for the auditor: never for the gateway.")
    return _identity_of(parser.parse_args(arguments)).auditor_line()


_PROGRAM = "python -m paifang_tools.provision"
_ACTIONS: dict[str, Callable[[list[str]], str]] = {"rekey": _rekey, "receipt-key": _receipt_key}
"""By first word; any other first word is the name of a new node."""


def _parser_of_file(action: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"{_PROGRAM} {action}", description=description)
    parser.add_argument("nvs", type=Path, help="the node's NVS file")
    parser.add_argument("--node", help="its name on this site (the file's name)")
    _add_site(parser)
    return parser


def _add_site(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--site", default="ward-1", help='as "site" in the gateway\'s settings (%(default)s)')


def _identity_of(options: argparse.Namespace) -> Identity:
    try:
        return read_identity(options.nvs.read_bytes(), options.node or options.nvs.stem, options.site)
    except ToolError as error:
        raise ToolError(f"{options.nvs}: {error}") from error


def _replace(file: Path, identity: Identity) -> None:
    """Write the partition beside the old one and put it in its place: a power cut leaves one of them, whole."""
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    beside.touch(mode=0o600, exist_ok=False)
    try:
        with beside.open("wb") as opened:
            opened.write(identity.nvs())
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
