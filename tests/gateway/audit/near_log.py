"""Logs for tests: made at once, with a key of the test, on a disk that does not wait."""

from __future__ import annotations

from audit_disk import QuickDisk

from paifang.audit import entries, ledger, notes
from paifang.audit.opening import open_ledger

SITE = "ward-1"
ORIGIN = f"paifang/{SITE}/audit"
NOW_MS = 1_795_000_000_000


def command(number, **detail):
    return entries.encode(NOW_MS + number, "command", "meter-1", "zhang", {"number": number, **detail})


def make(folder, groups, disk=None):
    """A log of groups of entries, published after each group; closed again. Returns its public key."""
    made = open_ledger(folder, ORIGIN, disk or QuickDisk())
    for group in groups:
        made.append(group)
        made.publish()
    made.close()
    return made.verifier


def commands(*counts):
    """Groups of that many commands."""
    groups, first = [], 0
    for count in counts:
        groups.append([command(number) for number in range(first, first + count)])
        first += count
    return groups


def key_of(folder):
    """The log's own key, as a thief of it would have it."""
    return notes.signer_of((folder / ledger.KEY_FILE).read_text())
