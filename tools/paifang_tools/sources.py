"""Where the node's sources are: what a build, a provisioning station and the checks of a signal's records read."""

from __future__ import annotations

from pathlib import Path

from paifang_tools.errors import ToolError


def firmware_folder() -> Path:
    """The node's sources: in a clone beside the tools, in an installed distribution inside them."""
    here = Path(__file__).resolve().parent
    for folder in (here.parents[1] / "firmware", here / "firmware"):
        if folder.is_dir():
            return folder
    raise ToolError(f"no firmware sources beside {here}: the installation is incomplete, install paifang again")
