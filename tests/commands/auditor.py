"""The auditor's reading of the receipts that a gateway hands over: the shipped one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.audit.entries import RECEIPT_KEY, Entry
from paifang.audit.receipts import Receipts

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_ITS_OWN = "was not made by that node"
TWO_HISTORIES = "one node has two histories"


def believed(node: str, receipt_key: bytes, evidence: Sequence[bytes]) -> tuple[list[bytes], bool]:
    """(the receipts that the auditor takes for the node's, whether they tell one history)."""
    receipts = Receipts({node: receipt_key})
    for index, payload in enumerate(evidence):
        receipts.take(Entry(index, 0, "receipt", node, "gateway", {RECEIPT_KEY: payload}))
    wrong = receipts.wrong()
    forged = {index for index, what in wrong if NOT_ITS_OWN in what}
    honest = not any(TWO_HISTORIES in what for _, what in wrong)
    return [payload for index, payload in enumerate(evidence) if index not in forged], honest
