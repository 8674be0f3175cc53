"""What people ask of a log, answered as JSON has it: of the one that runs, or of a copied folder.

Reading a long log takes its time; the coroutines do it in a thread.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from paifang.audit import checkpoints, entries, reading, tiles
from paifang.audit.proofs import Proof
from paifang.errors import not_found
from paifang_wire import cbor

if TYPE_CHECKING:
    from paifang.audit.log import AuditLog
    from paifang.audit.reading import Readable

LIMIT_DEFAULT = 20
LIMIT_MOST = 10_000

Json = dict[str, Any]


async def list_entries(
    log: Readable, first: int | None = None, limit: int = LIMIT_DEFAULT, kind: str | None = None
) -> list[Json]:
    """At most `limit` entries, of one kind if that is given: from index `first` on, or else the newest; in order."""
    return await asyncio.to_thread(listed, log, first, limit, kind)


async def show(log: Readable, index: int) -> Json:
    """One entry, with its bytes under "bytes". Raises PaifangError."""
    return await asyncio.to_thread(shown, log, index)


async def prove(log: AuditLog, index: int) -> Json:
    """One entry, and under "proof" the text that proves it, covered first if it is too new. Raises PaifangError."""
    if index >= checkpoints.parse(log.checkpoint().encode())[0].size and index < log.size:
        await log.publish()
    return await asyncio.to_thread(proven, log, index)


def checkpoint(log: AuditLog) -> Json:
    """The newest checkpoint, signed, and the key that signed it."""
    found, _ = checkpoints.parse(log.checkpoint().encode())
    return {
        "origin": found.origin,
        "size": found.size,
        "root": found.root.hex(),
        "note": log.checkpoint(),
        "public_key": log.public_key,
        "entries": log.size,
    }


def listed(log: Readable, first: int | None, limit: int, kind: str | None) -> list[Json]:
    found: list[Json] = []
    wanted = None if kind is None else cbor.encode(kind)
    for start in _blocks(log.size, first):
        begin = start if first is None else max(start, first)
        block = list(enumerate(log.read_raw(begin, start + tiles.WIDTH - 1), begin))
        for index, data in reversed(block) if first is None else block:
            if wanted is None or entries.is_of_kind(data, wanted):
                found.append(reading.entry(index, data).shown())
                if len(found) == limit:
                    return found[::-1] if first is None else found
    return found[::-1] if first is None else found


def shown(log: Readable, index: int) -> Json:
    data = _one(log, index)
    return {**reading.entry(index, data).shown(), "bytes": data.hex()}


def proven(log: Readable, index: int) -> Json:
    note = log.checkpoint()
    head, _ = checkpoints.parse(note.encode())
    hashes = log.inclusion(index, head.size)
    data = _one(log, index)
    proof = Proof(index, data, tuple(hashes), note)
    return {**reading.entry(index, data).shown(), "size": head.size, "proof": proof.text}


def _blocks(size: int, first: int | None) -> range:
    """The first indexes of the bundles to be looked at, in that order."""
    if first is None:
        return range((size - 1) // tiles.WIDTH * tiles.WIDTH, -1, -tiles.WIDTH)
    return range(first // tiles.WIDTH * tiles.WIDTH, size, tiles.WIDTH)


def _one(log: Readable, index: int) -> bytes:
    found = log.read_raw(index, index) if index >= 0 else []
    if not found:
        raise not_found(f"there is no entry {index}: the log has {log.size}", "`paifang audit list` shows the newest")
    return found[0]
