"""Power is cut after every single storage operation of the log: nobody was told of an entry that is then not there.

The log runs on a disk that remembers what was done; each prefix of that is replayed with everything lost that was not
synced, or only some of it, torn, or there as zeros. That the test can fail is shown by a disk that does not sync.
"""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from audit_disk import FailingDisk, LossyDisk, QuickDisk, RecordingDisk, lay

from paifang.audit import entries, tree
from paifang.audit.opening import open_ledger
from paifang.audit.reading import bundled
from paifang.audit.verify import verify_folder
from paifang.errors import PaifangError

ORIGIN = "paifang/ward-1/audit"


def entry(number, chance):
    return entries.encode(1_795_000_000_000 + number, "command", "meter-1", "zhang", {"n": chance.randbytes(20)})


def work(base, disk, seed, groups, told=lambda *_: None):
    """Open a log, append groups, publish now and then. `told(kind, size, what)` hears what is promised."""
    chance = random.Random(seed)
    ledger = open_ledger(base / "audit", ORIGIN, disk)
    told("published", ledger.published.size, ledger.published.root)
    for _ in range(groups):
        group = [entry(ledger.size + n, chance) for n in range(chance.choice((1, 1, 2, 5, 90)))]
        told("given", ledger.size, group)
        ledger.append(group)
        told("synced", ledger.size, group)
        if chance.random() < 0.3:
            ledger.publish()
            told("published", ledger.size, ledger.published.root)
    ledger.publish()
    told("published", ledger.size, ledger.published.root)
    ledger.close()
    return ledger


def recorded(base, seed, groups, *, syncs=True):
    base.mkdir()
    disk = RecordingDisk(base, syncs=syncs)
    work(base, disk, seed, groups, lambda *what: disk.entries.append(("told", *what)))
    return disk.entries


class Promises:
    """What the log had told until a cut."""

    def __init__(self, before=()):
        self.given = list(before)
        self.synced = len(self.given)
        self.published = []

    def hear(self, kind, size, what):
        if kind == "given":
            self.given = [*self.given[:size], *what]
        elif kind == "synced":
            self.synced = size
        else:
            self.published.append((size, what))

    def broken_in(self, base):
        """What is wrong with the log in `base`, opened as after a power cut; and its entries."""
        try:
            ledger = open_ledger(base / "audit", ORIGIN, QuickDisk())
        except PaifangError as error:
            return [f"cannot be opened: {error}"], []
        ledger.close()
        begin, recent = ledger.recent(0, ledger.size)
        held = bundled(ledger.public, 0, begin, ledger.size) + recent
        wrong = []
        if held[: self.synced] != self.given[: self.synced]:
            wrong.append(f"of {self.synced} entries that were told to be synced, not all are there")
        if held != self.given[: len(held)]:
            wrong.append("an entry that nobody gave")
        for size, root in self.published:
            if size > len(held) or tree.root(size, ledger.view().at) != root:
                wrong.append(f"the checkpoint of {size} entries was published and is not kept")
        report = verify_folder(ledger.public, ledger.verifier)
        wrong += [str(finding) for finding in report.findings]
        if report.checkpoint is not None and report.checkpoint.size != len(held):
            wrong.append("an opened log is not published")
        return wrong, held


def cut(tmp_path, steps, cuts, seed, files=None, before=()):
    """Cut the power after each of `cuts` steps; how many had something to lose, what is wrong, what was left."""
    chance = random.Random(seed)
    disk, promises, done, armed = LossyDisk(files), Promises(before), 0, 0
    wrong, left = [], []
    for place in sorted(cuts):
        for step in steps[done:place]:
            if step[0] == "told":
                promises.hear(*step[1:])
            else:
                disk.do(step)
        done = place
        armed += disk.has_pending
        for name, files_left in (("all", disk.left()), ("some", disk.left(chance))):
            base = tmp_path / f"cut-{place}-{name}"
            lay(base, files_left)
            found, held = promises.broken_in(base)
            wrong += [f"cut {place}, {name} lost: {what}" for what in found]
            left.append((files_left, held))
            shutil.rmtree(base)
    return armed, wrong, left


def test_nothing_that_was_told_is_lost_wherever_power_is_cut(tmp_path, tier_size):
    steps = recorded(tmp_path / "run", 1, tier_size(40, 400))
    kinds = {step[0] for step in steps}
    assert kinds == {"open", "write", "sync", "folder", "rename", "remove", "names", "told"}
    assert max(step[2] for step in steps if step[0] == "told") > 512, "bundles were filled, and the tail begun anew"
    every = range(1, len(steps) + 1)
    cuts = random.Random(2).sample(every, min(tier_size(250, len(every)), len(every)))
    for seed in range(tier_size(1, 5)):
        armed, wrong, _ = cut(tmp_path, steps, cuts, seed)
        assert wrong == []
        assert armed > len(cuts) // 3, "many cuts must fall while something is unsynced"


def test_every_cut_of_a_first_start_leaves_a_log_or_none(tmp_path, tier_size):
    steps = recorded(tmp_path / "run", 3, 2)
    for seed in range(tier_size(4, 40)):
        _, wrong, _ = cut(tmp_path, steps, range(1, len(steps) + 1), seed)
        assert wrong == []


def test_a_second_cut_while_the_log_is_opened_again_loses_nothing_either(tmp_path, tier_size):
    steps = recorded(tmp_path / "run", 4, 25)
    cuts = random.Random(5).sample(range(1, len(steps) + 1), tier_size(5, 80))
    _, wrong, left = cut(tmp_path, steps, cuts, 6)
    assert wrong == []
    for count, (files, held) in enumerate(left):
        base = tmp_path / f"again-{count}"
        lay(base, files)
        disk = RecordingDisk(base)
        told = disk.entries.append
        work(base, disk, 100 + count, 3, lambda *what, told=told: told(("told", *what)))
        places = random.Random(count).sample(range(1, len(disk.entries) + 1), tier_size(10, 60))
        _, wrong, _ = cut(tmp_path, disk.entries, places, count, files, held)
        assert wrong == []


def test_the_same_cuts_find_the_loss_on_a_disk_that_does_not_sync(tmp_path):
    steps = recorded(tmp_path / "run", 1, 40, syncs=False)
    _, wrong, _ = cut(tmp_path, steps, random.Random(2).sample(range(1, len(steps) + 1), 60), 0)
    assert any("not all are there" in what or "cannot be opened" in what for what in wrong)


def test_the_log_goes_on_after_any_single_operation_has_failed(tmp_path, tier_size):
    """What failed was not told; what was told before and after is there."""
    (tmp_path / "count").mkdir()
    steady = FailingDisk()
    work(tmp_path / "count", steady, 7, 20)
    every = range(1, steady.count + 1)
    for place in random.Random(8).sample(every, min(tier_size(60, len(every)), len(every))):
        base = tmp_path / f"fails-{place}"
        base.mkdir()
        disk = FailingDisk(place)
        kept = []
        while True:
            try:
                ledger = open_ledger(base / "audit", ORIGIN, disk)
                break
            except PaifangError:
                assert disk.count == place, "only the one failure may keep the log from opening"
        chance = random.Random(7)
        for _ in range(20):
            group = [entry(ledger.size + n, chance) for n in range(chance.choice((1, 2, 90)))]
            try:
                first = ledger.append(group)
                assert first == len(kept)
                kept += group
                ledger.publish()
            except OSError:
                continue
        ledger.publish()
        ledger.close()
        promises = Promises(kept)
        assert promises.broken_in(base) == ([], kept)
        shutil.rmtree(base)


@pytest.mark.parametrize("name", ["tail", "log.pub"])
def test_a_spare_file_that_was_left_does_not_matter(tmp_path, name):
    tmp_path.joinpath("run").mkdir()
    work(tmp_path / "run", QuickDisk(), 1, 5)
    (tmp_path / "run" / "audit" / "new").write_bytes((tmp_path / "run" / "audit" / name).read_bytes()[:7])
    open_ledger(tmp_path / "run" / "audit", ORIGIN, QuickDisk()).close()
