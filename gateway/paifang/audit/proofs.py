"""The proof that an entry is in the log, as one text that needs nothing but the log's public key (C2SP tlog-proof).

c2sp.org/tlog-proof@v1
extra <base64 of the entry>
index <number>
<base64 of a hash>              any number of these, from the leaf's sibling up
<empty line>
<checkpoint, as it was signed>
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.audit import checkpoints, entries, tree
from paifang.audit.notes import NoteError

if TYPE_CHECKING:
    from paifang.audit import notes
    from paifang.audit.checkpoints import Checkpoint
    from paifang.audit.entries import Entry

_TITLE = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Proof:
    """`entry`, its bytes, is number `index` among those that the signed `note` covers."""

    index: int
    entry: bytes
    hashes: tuple[bytes, ...]
    note: str

    @property
    def text(self) -> str:
        hashes = "".join(f"{_base64(each)}\n" for each in self.hashes)
        return f"{_TITLE}\nextra {_base64(self.entry)}\nindex {self.index}\n{hashes}\n{self.note}"

    def verify(self, log: notes.Verifier) -> tuple[Entry, Checkpoint]:
        """The entry and the checkpoint that covers it. Raises NoteError when `log` did not sign for it."""
        checkpoint = checkpoints.verify(self.note.encode(), log)
        leaf = tree.leaf_hash(self.entry)
        if not tree.is_included(leaf, self.index, checkpoint.size, self.hashes, checkpoint.root):
            raise NoteError(f"the hashes do not lead from entry {self.index} to the root that was signed")
        try:
            return entries.decode(self.index, self.entry), checkpoint
        except ValueError as error:
            raise NoteError(f"entry {self.index}: {error}") from error


def parse(text: str) -> Proof:
    """The proof of its text. Raises NoteError."""
    head, gap, note = text.partition("\n\n")
    lines = head.split("\n")
    index = _INDEX.fullmatch(lines[2]) if len(lines) > 2 else None
    if not gap or lines[0] != _TITLE or not lines[1].startswith("extra ") or index is None:
        raise NoteError(f"not a proof: it begins with {_TITLE}, the entry and its index")
    try:
        found = Proof(
            int(index[1]), _bytes(lines[1].removeprefix("extra ")), tuple(_bytes(line) for line in lines[3:]), note
        )
    except ValueError as error:
        raise NoteError(f"not a proof: {error}") from error
    if found.text != text or any(len(each) != len(tree.EMPTY_ROOT) for each in found.hashes):
        raise NoteError("not a proof: a line that is no hash")
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
