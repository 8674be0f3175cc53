"""The witness: a second pair of eyes that remembers the checkpoints it has seen.

A log verifies under its key even after somebody with that key has cut it short or written another history. Whoever
remembers an older checkpoint sees it: the log must have grown out of that one. What grew so is signed with the time
(C2SP cosignature/v1); what did not is named, remembered, and not signed.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from paifang.audit import checkpoints, notes, tree
from paifang.audit.disk import PRIVATE, Disk
from paifang.audit.notes import NoteError
from paifang.audit.reading import LogFolder
from paifang.errors import EXIT_USAGE, PaifangError, resource_error

if TYPE_CHECKING:
    from pathlib import Path

    from paifang.audit.checkpoints import Checkpoint

GOOD = "good"
ROLLED_BACK = "rolled back"
SPLIT = "split"
UNVERIFIED = "unverified"

SEEN_KEPT = 100
FOUND_KEPT = 1_000
NAME = "paifang/witness"

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look at a log came to: GOOD, ROLLED_BACK, SPLIT or UNVERIFIED, and in words.

    `cosigned` is the note under the log's and the witness's signature when it is GOOD, else empty.
    """

    verdict: str
    what: str
    size: int | None = None
    cosigned: str = ""


@dataclass(slots=True)
class State:
    """What a witness remembers: of which log, the newest checkpoints that were good, everything that was not."""

    vkey: str
    seen: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    found: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Witness:
    """Watches the log with the public key `log`. `state` is its memory, `state`.key the key it signs with.

    Raises PaifangError when its own files cannot be used.
    """

    def __init__(self, log: notes.Verifier, state: Path, name: str = NAME) -> None:
        self.log = log
        self._path = state
        self._state = _load(state, log.vkey)
        self._signer = _signer(state.with_name(state.name + ".key"), name)

    @property
    def public_key(self) -> str:
        """The witness's own key as text, with which its cosignatures are verified."""
        return self._signer.verifier.vkey

    @property
    def found(self) -> list[dict[str, Any]]:
        """Everything that was ever wrong, the oldest first."""
        return self._state.found

    def look(self, public: Path, utc_ms: int) -> Sight:
        """Look at the log in the folder `public` once and remember what was seen. Raises PaifangError."""
        sight, note = self._judge(public, utc_ms)
        row = {"utc_ms": utc_ms, "size": sight.size, "note": note}
        if sight.verdict == GOOD:
            if not self._state.seen or self._state.seen[-1]["note"] != note:
                self._state.seen = [*self._state.seen, row][-SEEN_KEPT:]
        else:
            last = self._state.found[-1] if self._state.found else {}
            if (last.get("what"), last.get("note")) != (sight.what, note):
                self._state.found = [*self._state.found, {**row, "what": sight.what}][-FOUND_KEPT:]
        _save(self._path, self._state, sight.cosigned)
        return sight

    def _judge(self, public: Path, utc_ms: int) -> tuple[Sight, str]:
        """The sight of a log, and the note that it shows."""
        note = ""
        try:
            folder = LogFolder(public)
            note = folder.checkpoint()
            now = checkpoints.verify(note.encode(), self.log)
            before = self._newest()
            if before is None or now == before:
                _check_tiles(folder, now)
                return self._good(now, note, utc_ms), note
            if now.size <= before.size:
                return _not_newer(before, now), note
            _check_tiles(folder, now)
            return self._grown(folder, before, now, note, utc_ms), note
        except (NoteError, PaifangError) as error:
            return Sight(UNVERIFIED, f"the log cannot be verified: {error}"), note

    def _newest(self) -> Checkpoint | None:
        return checkpoints.parse(self._state.seen[-1]["note"].encode())[0] if self._state.seen else None

    def _grown(self, folder: LogFolder, before: Checkpoint, now: Checkpoint, note: str, utc_ms: int) -> Sight:
        proof = tree.consistency(before.size, now.size, folder.tree().at) if before.size else []
        if before.size and not tree.is_consistent(before.size, now.size, proof, before.root, now.root):
            what = (
                f"another history: its {now.size} entries did not grow out of the {before.size} that were seen before"
            )
            return Sight(SPLIT, what, now.size)
        return self._good(now, note, utc_ms)

    def _good(self, now: Checkpoint, note: str, utc_ms: int) -> Sight:
        cosigned = note + self._signer.line(now.text, utc_ms // 1000)
        return Sight(GOOD, f"{now.size} entries", now.size, cosigned)


def _not_newer(before: Checkpoint, now: Checkpoint) -> Sight:
    if now.size == before.size:
        what = f"another history: its {now.size} entries are not those that were seen before"
        return Sight(SPLIT, what, now.size)
    what = f"rolled back, or an old copy: it has {now.size} entries, and {before.size} were seen before"
    return Sight(ROLLED_BACK, what, now.size)


def _check_tiles(folder: LogFolder, now: Checkpoint) -> None:
    """Raise PaifangError unless the tiles that proofs are made of lead to the signed root."""
    if tree.root(now.size, folder.tree().at) != now.root:
        what = "its tiles do not lead to the root that was signed"
        raise PaifangError(what, "`paifang audit verify` says which; copy the folder once more")


def _load(path: Path, vkey: str) -> State:
    try:
        found: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return State(vkey)
    except (OSError, ValueError) as error:
        hint = "restore it: without it a log that was rolled back looks good"
        raise resource_error(f"the witness's memory {path} cannot be read: {error}", hint) from error
    try:
        if found["version"] != _VERSION:
            raise KeyError("version")
        state = State(found["log"], list(found["seen"]), list(found["found"]))
        for row in state.seen:
            checkpoints.parse(row["note"].encode())
    except (KeyError, TypeError, AttributeError, NoteError) as error:
        hint = "restore it, or name another file with --state"
        raise resource_error(f"{path} is not the memory of a witness: {error!r}", hint) from error
    if state.vkey != vkey:
        message = f"{path} remembers another log: {state.vkey}"
        hint = "a log's key does not change by itself: ask who has changed it; another log needs another --state"
        raise PaifangError(message, hint, code="witness-key", exit_code=EXIT_USAGE)
    return state


def _save(path: Path, state: State, cosigned: str) -> None:
    disk = Disk()
    spare = path.with_name(path.name + ".new")
    rows = {"version": _VERSION, "log": state.vkey, "seen": state.seen, "found": state.found}
    try:
        disk.put(path, (json.dumps(rows, indent=1) + "\n").encode(), spare)
        if cosigned:
            disk.put(path.with_name(path.name + ".cosigned"), cosigned.encode(), spare)
        disk.sync_folder(path.parent)
    except OSError as error:
        raise resource_error(f"the witness's memory {path} cannot be written: {error.strerror}", "check it") from error


def _signer(path: Path, name: str) -> notes.Signer:
    """The witness's own key, made at its first look."""
    try:
        if path.exists():
            return notes.signer_of(path.read_text(encoding="ascii"))
        signer = notes.new_signer(name, notes.COSIGNATURE, os.urandom(32))
        Disk().put(path, f"{signer.skey}\n".encode(), path.with_name(path.name + ".new"), PRIVATE)
    except (OSError, NoteError) as error:
        hint = "check the folder of --state"
        raise resource_error(f"the witness's key {path} cannot be used: {error}", hint) from error
    return signer
