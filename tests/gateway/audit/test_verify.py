"""Whatever byte of the folder is changed, verifying it says which entry or which file; what is missing, too."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from audit_disk import QuickDisk
from near_log import ORIGIN, command, commands, key_of, make

from paifang.audit import ledger, notes, tiles
from paifang.audit.checkpoints import Checkpoint
from paifang.audit.opening import open_ledger
from paifang.audit.tiles import ENTRIES, WIDTH
from paifang.audit.verify import verify_folder

GROUPS = commands(3, 260, 41, 250, 20)
"""574 entries: two whole bundles and a partial one, and partial files of several widths."""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """(folder of a log, its public key); tests change files of it and change them back."""
    folder = tmp_path_factory.mktemp("log") / "audit"
    return folder / ledger.PUBLIC_FOLDER, make(folder, GROUPS)


def files(public):
    return sorted(path for path in public.rglob("*") if path.is_file())


def entry_at(public, path, byte):
    """The index of the entry whose length or content stands at a byte of a bundle."""
    place = tiles.place_of(path.relative_to(public).as_posix())
    end = 0
    for inner, held in enumerate(tiles.unpack(path.read_bytes())[0]):
        end += 2 + len(held)
        if byte < end:
            return place.number * WIDTH + inner
    raise AssertionError(byte)


def expected(public, path, byte):
    """What a change of that byte must be called: (path, entry or None)."""
    name = path.relative_to(public).as_posix()
    is_bundle = name != tiles.CHECKPOINT and tiles.place_of(name).level == ENTRIES
    return name, entry_at(public, path, byte) if is_bundle else None


def test_a_log_that_nobody_touched_is_good(log):
    public, key = log
    report = verify_folder(public, key)
    assert (report.findings, report.uncovered) == ([], [])
    assert (report.checkpoint.size, report.checkpoint.origin) == (574, ORIGIN)
    kinds = {(place.level, place.width == WIDTH) for path in files(public)[1:] if (place := place_of(public, path))}
    assert kinds == {(ENTRIES, True), (ENTRIES, False), (0, True), (0, False), (1, False)}


def place_of(public, path):
    return tiles.place_of(path.relative_to(public).as_posix())


def test_every_changed_byte_is_found_and_named(log, tier_size):
    public, key = log
    chance = random.Random(11)
    for path in files(public):
        data = path.read_bytes()
        count = min(tier_size(40, len(data)), len(data))
        try:
            for byte in chance.sample(range(len(data)), count):
                turned = bytearray(data)
                turned[byte] ^= 1 << chance.randrange(8)
                wanted = expected(public, path, byte)
                path.write_bytes(turned)
                found = verify_folder(public, key).findings
                path.write_bytes(data)
                assert found, f"byte {byte} of {path}"
                assert (found[0].path, found[0].entry) == wanted, f"byte {byte} of {path}"
        finally:
            path.write_bytes(data)
    assert verify_folder(public, key).is_good


@pytest.mark.parametrize("change", ["cut short", "emptied", "longer", "removed"])
def test_a_file_of_another_length_or_none_is_named(log, change):
    public, key = log
    for path in files(public):
        data, name = path.read_bytes(), path.relative_to(public).as_posix()
        try:
            if change == "removed":
                path.unlink()
            else:
                path.write_bytes({"cut short": data[:-1], "emptied": b"", "longer": data + b"\x00"}[change])
            found = verify_folder(public, key).findings
        finally:
            path.write_bytes(data)
        is_older_partial = name != tiles.CHECKPOINT and place_of(public, path).width not in {WIDTH, 574 % WIDTH, 2}
        if change == "removed" and is_older_partial:
            assert found == [], "a partial file of an older checkpoint may go"
        else:
            assert name in {each.path for each in found}, name


def test_what_does_not_belong_there_is_named(log):
    public, key = log
    for name in ("note.txt", "tile/0/x", "tile/entries/000.p/300", "tile/0/000.bak"):
        stranger = public / name
        stranger.parent.mkdir(parents=True, exist_ok=True)
        stranger.write_bytes(b"hello")
        found = verify_folder(public, key).findings
        stranger.unlink()
        assert [str(each) for each in found] == [f"{name}: does not belong to a log"]
    (public / "tile/entries/000.p").rmdir()


@pytest.mark.parametrize("index", [0, 100, 255, 256, 511, 512, 573])
def test_an_entry_changed_together_with_its_hash_is_found(log, index):
    """Entry and tile agree with one another then; the level above, or the signed root, knows better."""
    public, key = log
    number, inner = divmod(index, WIDTH)
    width = min(574 - number * WIDTH, WIDTH)
    bundle, tile = (public / tiles.Place(level, number, width).path for level in (ENTRIES, 0))
    before = bundle.read_bytes(), tile.read_bytes()
    held = tiles.unpack(before[0])[0]
    held[inner] = command(index, value=0)
    from paifang.audit.tree import leaf_hash

    hashes = tiles.split(before[1])
    hashes[inner] = leaf_hash(held[inner])
    try:
        bundle.write_bytes(tiles.pack(held))
        tile.write_bytes(b"".join(hashes))
        found = verify_folder(public, key).findings
    finally:
        bundle.write_bytes(before[0])
        tile.write_bytes(before[1])
    assert found


def test_entries_that_change_places_are_found(log):
    public, key = log
    bundle = public / "tile/entries/001"
    data = bundle.read_bytes()
    held = tiles.unpack(data)[0]
    held[10], held[20] = held[20], held[10]
    bundle.write_bytes(tiles.pack(held))
    found = verify_folder(public, key).findings
    bundle.write_bytes(data)
    assert (found[0].path, found[0].entry) == ("tile/entries/001", 266)


def test_another_key_or_another_log_is_no_proof(log):
    public, _ = log
    thief = notes.new_signer(ORIGIN, notes.ED25519, bytes(32))
    other = notes.new_signer("paifang/ward-2/audit", notes.ED25519, bytes(32))
    assert "not signed" in str(verify_folder(public, thief.verifier).findings[0])
    assert "not of paifang/ward-2/audit" in str(verify_folder(public, other.verifier).findings[0])


def test_a_second_signature_on_the_checkpoint_is_named(log):
    public, key = log
    file = public / tiles.CHECKPOINT
    data = file.read_text()
    file.write_text(data + notes.new_signer("other", notes.ED25519, bytes(32)).line(data))
    found = verify_folder(public, key).findings
    file.write_text(data)
    assert "further signatures" in str(found[0])


def test_a_copy_of_a_log_that_was_being_written_is_good_as_far_as_its_checkpoint_goes(tmp_path):
    """The checkpoint was copied first: what was added meanwhile is there, and not covered."""
    folder = tmp_path / "audit"
    make(folder, commands(300))
    checkpoint = (folder / "public" / tiles.CHECKPOINT).read_bytes()
    again = open_ledger(folder, ORIGIN, QuickDisk())
    again.append([command(number) for number in range(300, 900)])
    again.publish()
    again.close()
    (folder / "public" / tiles.CHECKPOINT).write_bytes(checkpoint)
    report = verify_folder(folder / "public", again.verifier)
    assert report.findings == []
    assert (report.checkpoint.size, "tile/entries/001" in report.uncovered) == (300, True)


def test_a_log_cut_short_and_signed_again_with_its_stolen_key_verifies(tmp_path):
    """Verifying cannot see that: it is what the witness is for."""
    key = make(tmp_path / "audit", GROUPS)
    stolen = key_of(tmp_path / "audit")
    make(tmp_path / "forged", [])
    (tmp_path / "forged" / ledger.KEY_FILE).write_text(stolen.skey)
    from paifang.audit.tree import EMPTY_ROOT

    note = notes.sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT).text, stolen)
    (tmp_path / "forged" / "public" / tiles.CHECKPOINT).write_text(note)
    forged = open_ledger(tmp_path / "forged", ORIGIN, QuickDisk())
    forged.append([command(number) for number in range(100)])
    forged.publish()
    forged.close()
    assert verify_folder(tmp_path / "forged" / "public", key).is_good


def test_a_missing_folder_is_named(tmp_path):
    key = notes.new_signer(ORIGIN, notes.ED25519, bytes(32)).verifier
    assert "No such file" in str(verify_folder(tmp_path / "nothing", key).findings[0])
    shutil.rmtree(tmp_path)
