"""Bench suite `audit`: appends to the synced log, the size of a proof, and verifying a log of a million entries."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from pathlib import Path

from paifang.audit import AuditLog, entries, origin_of, tiles
from paifang.audit.disk import Disk
from paifang.audit.opening import open_ledger
from paifang.audit.reading import LogFolder
from paifang.audit.verify import verify_folder
from paifang_tools.bench.rows import AT_LEAST, AT_MOST, Row, emit, middle, percentile, row

ENTRIES = 1_000_000
_ORIGIN = origin_of("ward-1")
_UTC_MS = 1_795_000_000_000
_ROUNDS = 5
_CALLERS = 200
_EACH = 100
_ALONE = 400
_GROUP = 1_000
_GROUPS_A_CHECKPOINT = 50


def main() -> None:
    """Print the suite's rows."""
    build = Path("build").resolve()  # on a disk: /tmp is memory on many machines, where syncing costs nothing
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="audit-bench-", dir=build) as folder:
        emit([*asyncio.run(_appending(Path(folder))), *_verifying(Path(folder))])


async def _appending(folder: Path) -> list[Row]:
    log = AuditLog(folder / "appended", _ORIGIN, lambda: _UTC_MS)
    await log.open()
    rates: list[float] = []
    bare: list[float] = []
    for _ in range(_ROUNDS):
        rates.append(await _grouped(log))
        bare.append(_bare(folder / "bare"))
    alone_ms: list[float] = []
    for number in range(_ALONE):
        start = time.perf_counter()
        await _record(log, number)
        alone_ms.append((time.perf_counter() - start) * 1000)
    await log.close()
    how = f"{_CALLERS} callers, each with one entry under way; checkpoint and tiles every second; {_ROUNDS} rounds"
    floor = f"the same bytes, {_CALLERS} entries a write and fdatasync; nothing encoded, hashed or published"
    one = f"{_ALONE} entries, one after the other"
    return [
        row("audit appends, synced, grouped", middle(rates), "1/s", how, (AT_LEAST, 5_000)),
        row("ratio to bare appends", middle([a / b for a, b in zip(rates, bare, strict=True)]), "", floor),
        row("one synced append, p50", percentile(alone_ms, 0.5), "ms", one),
        row("one synced append, p99", percentile(alone_ms, 0.99), "ms", one),
    ]


async def _grouped(log: AuditLog) -> float:
    async def caller(first: int) -> None:
        for number in range(first, first + _EACH):
            await _record(log, number)

    start = time.perf_counter()
    await asyncio.gather(*(caller(number * _EACH) for number in range(_CALLERS)))
    return _CALLERS * _EACH / (time.perf_counter() - start)


def _record(log: AuditLog, number: int) -> asyncio.Future[int]:
    return log.record("command", "meter-1", "zhang", _detail(number))


def _bare(path: Path) -> float:
    """Entries a second that plain appends write, in groups as large as the callers can make them."""
    group = [_entry(number) for number in range(_CALLERS)]
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    start = time.perf_counter()
    for _ in range(_EACH):
        os.write(file, tiles.pack(group))
        os.fdatasync(file)
    rate = _CALLERS * _EACH / (time.perf_counter() - start)
    os.close(file)
    return rate


def _verifying(folder: Path) -> list[Row]:
    ledger = open_ledger(folder / "long", _ORIGIN, _Hasty())
    for group, first in enumerate(range(0, ENTRIES, _GROUP), 1):
        ledger.append([_entry(number) for number in range(first, first + _GROUP)])
        if group % _GROUPS_A_CHECKPOINT == 0:
            ledger.publish()
    ledger.publish()
    ledger.close()
    times: list[float] = []
    ratios: list[float] = []
    for _ in range(3):
        start = time.perf_counter()
        assert verify_folder(ledger.public, ledger.verifier).is_good
        times.append(time.perf_counter() - start)
        ratios.append(times[-1] / _hashing_s(ledger.public))
    start = time.perf_counter()
    open_ledger(folder / "long", _ORIGIN, _Hasty()).close()
    opening_s = time.perf_counter() - start
    proofs = [len(LogFolder(ledger.public).inclusion(index, ENTRIES)) for index in range(0, ENTRIES, ENTRIES // 20)]
    how = f"{ENTRIES:,} commands, {_size(ledger.public) / 1e6:.0f} MB of entries and tiles"
    floor = "reading the same entries and making as many SHA-256 over as many bytes"
    return [
        row("verifying a log of 10^6 entries", middle(times), "s", how, (AT_MOST, 15)),
        row("ratio to bare hashing", middle(ratios), "", floor),
        row("proof of an entry among 10^6", max(proofs) * tiles.HASH_LENGTH, "B", "longest of 20", (AT_MOST, 640)),
        row("opening a log of 10^6 entries", opening_s, "s", how),
    ]


class _Hasty(Disk):
    """For making a long log quickly: what is measured here comes afterwards."""

    def sync(self, file: int) -> None:
        pass

    def sync_folder(self, path: Path) -> None:
        pass


def _hashing_s(public: Path) -> float:
    start = time.perf_counter()
    for path in sorted((public / "tile" / "entries").rglob("*")):
        if not path.is_file():
            continue
        for entry in tiles.unpack(path.read_bytes())[0]:
            node = hashlib.sha256(b"\x00" + entry).digest()
            hashlib.sha256(b"\x01" + node + node).digest()
    return time.perf_counter() - start


def _size(public: Path) -> int:
    return sum(path.stat().st_size for path in public.rglob("*") if path.is_file())


def _entry(number: int) -> bytes:
    return entries.encode(_UTC_MS + number, "command", "meter-1", "zhang", _detail(number))


def _detail(number: int) -> dict[str, object]:
    """As much as a command of class 1 has to say."""
    return {"id": number.to_bytes(8, "big"), "point": "relay", "op": "direct", "value": 1, "person": "zhang"}


if __name__ == "__main__":
    main()
