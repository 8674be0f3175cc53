"""The demo's last question: is the audit log whole, and do the nodes' receipts in it hold before an auditor?"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang_rig.demo.ward import STOLEN_LINE_NODE, Ward
from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from pathlib import Path

_TRACE = f"the receipt of {STOLEN_LINE_NODE} in boot 1 follows one that is not in the log"
"""What the thief leaves behind: the node has chained its answers to the thief, and the log does not have them."""


@dataclass(frozen=True, slots=True)
class Audit:
    """`expected`: the thief was there, and the node has answered the gateway since; `report` is the command's JSON."""

    report: dict[str, Any]
    expected: bool

    @property
    def traces(self) -> list[dict[str, Any]]:
        return [found for found in self.report["findings"] if found["what"].startswith(_TRACE)]

    @property
    def is_good(self) -> bool:
        """Nothing is wrong but what the thief did, and that is seen."""
        return len(self.traces) == len(self.report["findings"]) and bool(self.traces) == self.expected

    def lines(self) -> list[str]:
        """For people, with colours."""
        what = f"audit verify: {self.report['entries']} entries, {self.report['receipts']} receipts of nodes"
        if not self.is_good:
            wrong = "; ".join(str(found["what"]) for found in self.report["findings"]) or "the thief left no trace"
            return [f"[red]{what}: {wrong}[/]"]
        if not self.traces:
            return [f"[green]{what}, all as they were signed[/]"]
        seen = (
            f"before entry {self.traces[0]['entry']}, {STOLEN_LINE_NODE} has answered somebody else than this gateway"
        )
        return [f"[green]{what}, all as they were signed; and of the thief there is a trace:[/]", f"[yellow]{seen}[/]"]


async def verify(ward: Ward, folder: Path, *, expected: bool) -> Audit:
    """Run `paifang audit verify` on the gateway's log, with the keys that only an auditor has."""
    newest = (await ward.control.request("audit.checkpoint"))["entries"] - 1
    await ward.control.request("audit.prove", index=newest)  # what is not published yet is, by this
    keys = folder / "receipt-keys.jsonl"
    keys.write_text(ward.receipt_keys())
    place = ("--data", str(ward.gateway.folder), "--receipts", str(keys), "--json")
    command = (sys.executable, "-m", "paifang", "audit", "verify", *place)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    said, why = await process.communicate()
    if not said:
        raise RigError(f"paifang audit verify ended with {process.returncode}: {why.decode().strip()}")
    return Audit(json.loads(said), expected)
