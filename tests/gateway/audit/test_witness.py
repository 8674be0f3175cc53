"""What only a witness sees: a log cut short, or written anew, by somebody who has its key."""

from __future__ import annotations

import json
import shutil
import stat
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from audit_disk import QuickDisk
from near_log import NOW_MS, ORIGIN, command, commands, key_of, make

from paifang.audit import checkpoints, ledger, notes, tiles
from paifang.audit.opening import open_ledger
from paifang.audit.verify import verify_folder
from paifang.audit.witness import GOOD, ROLLED_BACK, SPLIT, UNVERIFIED, Witness
from paifang.errors import EXIT_RESOURCE, EXIT_USAGE, PaifangError


class Watched:
    """A log, a witness of it, and a thief who has the log's key."""

    def __init__(self, tmp_path):
        self.folder = tmp_path / "audit"
        self.state = tmp_path / "memory"
        self.key = make(self.folder, commands(200, 100))

    @property
    def public(self):
        return self.folder / ledger.PUBLIC_FOLDER

    def look(self, public=None, at_ms=NOW_MS):
        """As a process of its own would: everything is read from the witness's files."""
        return Witness(self.key, self.state).look(public or self.public, at_ms)

    def grow(self, count, **detail):
        grown = open_ledger(self.folder, ORIGIN, QuickDisk())
        grown.append([command(grown.size + number, **detail) for number in range(count)])
        grown.publish()
        grown.close()

    def forge(self, tmp_path, count, **detail):
        """Another log under the stolen key, of other entries from number 150 on; returns its folder."""
        other = tmp_path / f"forged-{count}"
        shutil.copytree(self.folder, other)
        for path in (other / "tail", other / ledger.PUBLIC_FOLDER):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (other / ledger.KEY_FILE).unlink()
        made = [command(number) for number in range(150)] + [command(number, **detail) for number in range(150, count)]
        empty = open_ledger(other, ORIGIN, QuickDisk())
        empty.close()
        thief = key_of(self.folder)
        (other / ledger.KEY_FILE).write_text(thief.skey)
        (other / ledger.PUBLIC_FOLDER / tiles.CHECKPOINT).write_text(notes.sign(empty.published.text, thief))
        forged = open_ledger(other, ORIGIN, QuickDisk())
        forged.append(made)
        forged.publish()
        forged.close()
        assert verify_folder(forged.public, self.key).is_good, "to whoever has seen nothing before, it is a good log"
        return forged.public


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path)


def test_a_log_that_grows_is_good_and_cosigned_each_time(watched):
    sizes = []
    for count in (0, 0, 1, 255, 300):
        if count:
            watched.grow(count)
        sight = watched.look()
        assert sight.verdict == GOOD, sight.what
        sizes.append(sight.size)
        note = notes.parse(sight.cosigned.encode())
        assert checkpoints.verify(sight.cosigned.encode(), watched.key).size == sight.size
        assert note.is_signed_by(notes.verifier_of(Witness(watched.key, watched.state).public_key))
        assert watched.state.with_name("memory.cosigned").read_text() == sight.cosigned
    assert sizes == [300, 300, 301, 556, 856]
    assert len(json.loads(watched.state.read_text())["seen"]) == 4, "the same checkpoint is remembered once"


def test_a_log_that_is_empty_at_first_may_grow(tmp_path):
    key = make(tmp_path / "audit", [])
    watching = Witness(key, tmp_path / "memory")
    assert watching.look(tmp_path / "audit" / "public", NOW_MS).verdict == GOOD
    grown = open_ledger(tmp_path / "audit", ORIGIN, QuickDisk())
    grown.append([command(0)])
    grown.publish()
    assert watching.look(tmp_path / "audit" / "public", NOW_MS).size == 1


@pytest.mark.parametrize("size", [150, 256, 299])
def test_a_log_cut_short_and_signed_again_is_seen_by_the_witness_only(watched, tmp_path, size):
    watched.look()
    short = watched.forge(tmp_path, size)
    sight = watched.look(short)
    assert (sight.verdict, sight.size, sight.cosigned) == (ROLLED_BACK, size, "")
    assert f"it has {size} entries, and 300 were seen before" in sight.what


def test_a_second_history_of_the_same_size_is_seen(watched, tmp_path):
    watched.look()
    sight = watched.look(watched.forge(tmp_path, 300, value=0))
    assert (sight.verdict, "another history" in sight.what) == (SPLIT, True)


@pytest.mark.parametrize("size", [301, 512, 700])
def test_a_longer_second_history_is_seen(watched, tmp_path, size):
    watched.look()
    sight = watched.look(watched.forge(tmp_path, size, value=0))
    assert (sight.verdict, sight.size) == (SPLIT, size)
    assert "did not grow out of the 300 that were seen before" in sight.what
    assert watched.look().verdict == GOOD, "the true one is still remembered, and cosigned"
    watched.grow(5)
    assert watched.look().size == 305
    found = Witness(watched.key, watched.state).found
    assert [row["size"] for row in found] == [size], "and what was wrong is not forgotten"
    assert checkpoints.verify(found[0]["note"].encode(), watched.key).size == size, "the thief's signature is kept"


def test_a_log_that_was_rolled_back_and_grew_again_is_seen(watched, tmp_path):
    """Putting an old copy of the folder back makes a gateway go on from there: a second history."""
    shutil.copytree(watched.folder, tmp_path / "backup")
    watched.grow(10)
    watched.look()
    shutil.rmtree(watched.folder)
    shutil.copytree(tmp_path / "backup", watched.folder)
    assert watched.look().verdict == ROLLED_BACK
    watched.grow(30, value=0)
    assert watched.look().verdict == SPLIT


def test_a_log_begun_anew_under_another_key_is_not_taken_for_it(watched, tmp_path):
    watched.look()
    make(tmp_path / "anew", commands(400))
    sight = watched.look(tmp_path / "anew" / "public")
    assert (sight.verdict, "not signed by the key" in sight.what) == (UNVERIFIED, True)


@pytest.mark.parametrize("place", [tiles.Place(0, 2, 89), tiles.Place(1, 0, 2)])
def test_damaged_tiles_are_not_taken_for_a_second_history(watched, place):
    watched.look()
    watched.grow(301)
    path = watched.public / place.path
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)
    sight = watched.look()
    assert sight.verdict == UNVERIFIED
    assert "tiles" in sight.what


def test_a_log_that_is_gone_is_told(watched):
    watched.look()
    shutil.rmtree(watched.public)
    sight = watched.look()
    assert (sight.verdict, "cannot be verified" in sight.what) == (UNVERIFIED, True)


def test_a_witness_remembers_one_log(watched, tmp_path):
    watched.look()
    other = make(tmp_path / "other", commands(3))
    with pytest.raises(PaifangError, match="remembers another log") as raised:
        Witness(other, watched.state)
    assert raised.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    "memory",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 2, "log": "a", "seen": [], "found": []}',
        '{"version": 1, "log": "a", "seen": [1], "found": []}',
    ],
)
def test_a_memory_that_cannot_be_read_is_no_empty_memory(watched, memory):
    watched.state.write_text(memory)
    with pytest.raises(PaifangError) as raised:
        watched.look()
    assert raised.value.exit_code == EXIT_RESOURCE


def test_the_witness_keeps_its_key_to_itself(watched):
    first = Witness(watched.key, watched.state).public_key
    key = watched.state.with_name("memory.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert Witness(watched.key, watched.state).public_key == first
