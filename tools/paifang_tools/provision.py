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
    return Identity(node, site, master, epoch)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m paifang_tools.provision", description=__doc__)
    parser.add_argument("node", help="its name on this site")
    parser.add_argument("--site", default="ward-1")
    parser.add_argument("--epoch", type=int, default=1)
    parser.add_argument("--nvs", type=Path, required=True, help="write the NVS partition to this new file, mode 0600")
    options = parser.parse_args(arguments)
    try:
        identity = new_identity(options.node, options.site, epoch=options.epoch)
        options.nvs.touch(mode=0o600, exist_ok=False)
        options.nvs.write_bytes(identity.nvs())
    except FileExistsError:
        print(f"provision: {options.nvs} is there already: it may be another node's only key", file=sys.stderr)
        return 2
    except (ToolError, OSError) as error:
        print(f"provision: {error}", file=sys.stderr)
        return 2
    print(identity.registry_line())
    return 0


if __name__ == "__main__":
    sys.exit(main())
