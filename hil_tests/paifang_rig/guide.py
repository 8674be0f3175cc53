"""A guide of docs/ as a person follows it: its shell blocks, section by section, on a machine of their own."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEADLINE_S = 60.0
# Nobody sits at this shell to say yes, and it is on the gateway's own machine.
_PAIFANG = """#!/bin/sh
case "$1 $2 $3" in
    "keys root sign"|"keys root trust"|"keys delegate "*|"signal site sign") set -- "$@" --yes ;;
    "sign "*|"approve "*) set -- "$@" --yes --on-gateway ;;
    "send "*|"commands submit "*) set -- "$@" --on-gateway ;;
esac
exec {python} -m paifang "$@"
"""
_PYTHON = """#!/bin/sh
exec {python} "$@"
"""


def sections(guide: Path, language: str = "sh") -> dict[str, list[str]]:
    """Heading -> its blocks of a language."""
    found: dict[str, list[str]] = {}
    for part in guide.read_text("utf-8").split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        found[heading] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return found


class Shell:
    """A person's machine, and the workbench: a home and a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.home, self.folder = folder / "home", folder / "work"
        tools = folder / "bin"
        for each in (self.home, self.folder, tools):
            each.mkdir()
        for name, text in (("paifang", _PAIFANG), ("python", _PYTHON)):
            (tools / name).write_text(text.format(python=sys.executable))
            (tools / name).chmod(0o700)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PAIFANG", "XDG"))}
        path = os.pathsep.join((str(tools), os.environ["PATH"]))
        self._environment = kept | {"HOME": str(self.home), "PATH": path, "PAIFANG_PASSPHRASE": "seven wet crows"}

    @property
    def data(self) -> Path:
        return self.home / ".local" / "state" / "paifang"

    async def run(self, commands: str, **environment: str) -> str:
        """All of them end well: what they printed."""
        shell = await asyncio.create_subprocess_exec(
            "bash",
            "-euxo",
            "pipefail",
            "-c",
            commands,
            cwd=self.folder,
            env=self._environment | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(shell.communicate(), DEADLINE_S)
        assert shell.returncode == 0, said.decode()
        return said.decode()

    async def section(self, guide: Path, heading: str, told: Mapping[str, str] | None = None) -> str:
        """Run one section. `told`: name -> pattern of what a block prints that the next ones have in that variable."""
        said, known = "", dict[str, str]()
        for block in sections(guide)[heading]:
            said += await self.run(block, **known)
            patterns = (told or {}).items()
            known |= {name: found[-1] for name, pattern in patterns if (found := re.findall(pattern, said))}
        return said
