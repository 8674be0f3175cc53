"""The identity of a node: a master key that stays on it, a node key for the gateway, the NVS that carries the first.

The station that provisions is the only place that ever sees the master key, apart from the node itself:
`python -m paifang_tools.provision aq-1 --nvs aq-1.nvs | paifang nodes add`.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from paifang_tools import nvs
from paifang_tools.errors import ToolError
from paifang_wire import keys

NAMESPACE = "paifang"
MASTER_LENGTH = 32
NAME_LIMIT = 32
"""Characters of a node's or a site's name: what a node takes in its config.json."""
EPOCH_LIMIT = 1 << 31


@dataclass(frozen=True, slots=True)
class Identity:
    """What one node is on one site; `epoch` counts its re-keyings."""

    node: str
    site: str
    master: bytes
    epoch: int = 1

    @property
    def node_key(self) -> bytes:
        """32 bytes: what the gateway's registry holds, and what a stolen gateway gives away until the next epoch."""
        return keys.node_key(self.master, self.site, self.epoch)

    def nvs(self) -> bytes:
        """The node's NVS partition: master key and epoch, boot count 0."""
        medium = nvs.Medium(nvs.blank())
        partition = nvs.Nvs(medium)
        for key, value in (("master", self.master), ("epoch", self.epoch), ("boot", 0)):
            partition.set(NAMESPACE, key, value)
        return bytes(medium.data)

    def registry_line(self) -> str:
        """One line of JSON that makes the node known to a gateway: `paifang nodes add` reads it."""
        return json.dumps({"node": self.node, "site": self.site, "epoch": self.epoch, "key": self.node_key.hex()})


def new_identity(node: str, site: str, master: bytes | None = None, epoch: int = 1) -> Identity:
    """A fresh identity from the system's randomness, or the one that belongs to `master`."""
    master = secrets.token_bytes(MASTER_LENGTH) if master is None else master
    if len(master) != MASTER_LENGTH:
        raise ToolError(f"{node}: a master key is {MASTER_LENGTH} bytes, this one is {len(master)}")
    for what, name in (("node", node), ("site", site)):
        if not 0 < len(name) <= NAME_LIMIT or not name.isprintable():
            raise ToolError(f"the name of a {what} has 1 to {NAME_LIMIT} printable characters, not {name!r}")
    if not 0 <= epoch < EPOCH_LIMIT:
        raise ToolError(f"{node}: an epoch counts re-keyings, from 0 on, not {epoch}")
    return Identity(node, site, master, epoch)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m paifang_tools.provision", description=__doc__)
    parser.add_argument("node", help="its name on this site")
    parser.add_argument("--site", default="ward-1", help='as "site" in the gateway\'s settings (%(default)s)')
    parser.add_argument("--epoch", type=int, default=1, help="one more each time the node is re-keyed (%(default)s)")
    parser.add_argument("--nvs", type=Path, required=True, help="write the NVS partition to this new file, mode 0600")
    options = parser.parse_args(arguments)
    try:
        identity = new_identity(options.node, options.site, epoch=options.epoch)
        options.nvs.touch(mode=0o600, exist_ok=False)
        options.nvs.write_bytes(identity.nvs())
    except FileExistsError:
        message = f"{options.nvs} is there already, and may be a node's only key; name another file, or move it away"
        print(f"provision: {message}", file=sys.stderr)
        return 2
    except (ToolError, OSError) as error:
        print(f"provision: {error}", file=sys.stderr)
        return 2
    print(identity.registry_line())
    return 0


if __name__ == "__main__":
    sys.exit(main())
