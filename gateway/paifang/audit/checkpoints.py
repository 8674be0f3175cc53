"""What the log's key signs: how many entries there are, and the root over all of them (C2SP tlog-checkpoint)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from paifang.audit import notes
from paifang.audit.notes import NoteError

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log called `origin` had `size` entries under the 32-byte `root`."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(site: str) -> str:
    """The name of a site's log, of its key, and the first line of its checkpoints."""
    return f"paifang/{site}/audit"


def parse(data: bytes) -> tuple[Checkpoint, notes.Note]:
    """The checkpoint of a note; who signed it is not looked at. Raises NoteError."""
    note = notes.parse(data)
    lines = note.text.split("\n")
    if len(lines) != 4 or not lines[0] or not _SIZE.fullmatch(lines[1]):
        raise NoteError("not a checkpoint: three lines, the origin, the size and the root")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except ValueError as error:
        raise NoteError("not a checkpoint: the root is no base64") from error
    found = Checkpoint(lines[0], int(lines[1]), root)
    if len(root) != 32 or found.text != note.text:
        raise NoteError("not a checkpoint: the root is no hash")
    return found, note


def verify(data: bytes, log: notes.Verifier) -> Checkpoint:
    """The checkpoint of a note that `log` signed. Raises NoteError."""
    checkpoint, note = parse(data)
    if checkpoint.origin != log.name:
        raise NoteError(f"a checkpoint of {checkpoint.origin}, not of {log.name}")
    if not note.is_signed_by(log):
        raise NoteError(f"not signed by the key of {log.name}")
    return checkpoint
