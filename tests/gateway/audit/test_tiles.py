"""The files of the folder: their names, what stands in them, and the tail that is behind them."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from paifang.audit import entries, tail, tiles
from paifang.audit.tail import DamagedTailError
from paifang.audit.tiles import ENTRIES, Place


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Place(0, 0), "tile/0/000"),
        (Place(3, 1_234_067), "tile/3/x001/x234/067"),
        (Place(0, 273, 112), "tile/0/273.p/112"),
        (Place(ENTRIES, 1_000, 1), "tile/entries/x001/000.p/1"),
        (Place(63, 999), "tile/63/999"),
    ],
)
def test_paths_are_those_of_the_layout(place, path):
    assert place.path == path
    assert tiles.place_of(path) == place


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/64/000",
        "tile/0/00",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/x000/001",
        "tile/0/001/x000",
        "tile/0/000.p",
        "tile/entries/000 ",
        "tile/entries/../000",
        "checkpoint",
        "tile/0/000\n",
    ],
)
def test_other_paths_have_no_place(path):
    assert tiles.place_of(path) is None


def test_a_log_of_70000_entries_has_the_tiles_that_the_layout_says():
    found = tiles.places(70_000)
    of = {level: [place for place in found if place.level == level] for level in (ENTRIES, 0, 1, 2)}
    assert [len(of[level]) for level in of] == [274, 274, 2, 1]
    assert of[0][-1] == Place(0, 273, 112)
    assert of[1] == [Place(1, 0), Place(1, 1, 17)]
    assert of[2] == [Place(2, 0, 1)]
    assert tiles.places(256) == [Place(ENTRIES, 0), Place(0, 0), Place(1, 0, 1)]
    assert tiles.places(0) == []


def test_a_bundle_is_its_entries_after_their_lengths():
    found = [b"", b"one", bytes(0xFFFF)]
    data = tiles.pack(found)
    assert data[:7] == b"\x00\x00\x00\x03one"
    assert tiles.unpack(data) == (found, True)
    assert tiles.unpack(data[:-1]) == (found[:2], False)
    assert tiles.unpack(data + b"\x00") == (found, False)


def test_an_entry_is_read_as_it_was_written():
    detail = {"op": "direct", "value": 1, "id": b"\x01", "what": ["a", None, True], "more": {"x": -1}}
    data = entries.encode(1_795_000_000_000, "command", "meter-1", "zhang", detail)
    found = entries.decode(7, data)
    assert (found.index, found.kind, found.subject, found.actor, found.detail) == (
        7,
        "command",
        "meter-1",
        "zhang",
        detail,
    )
    assert found.shown()["detail"]["id"] == "01"
    from paifang_wire import cbor

    assert entries.is_of_kind(data, cbor.encode("command"))
    assert not entries.is_of_kind(data, cbor.encode("receipt"))


@pytest.mark.parametrize("detail", [{"a": 1.5}, {"a": object()}, {"a": bytes(0xFFFF)}, {"a": 1 << 70}])
def test_what_has_no_place_in_an_entry_is_refused_at_once(detail):
    with pytest.raises(ValueError):
        entries.encode(1_795_000_000_000, "command", "meter-1", "zhang", detail)


def test_no_text_keeps_an_entry_out_of_the_log():
    """Names and reasons come from whoever asks; a refusal is logged whatever they are."""
    data = entries.encode(1_795_000_000_000, "denied", "\ud800node", "li", {"why": "\udfff", "\ud801": ["\ud802"]})
    found = entries.decode(0, data)
    assert (found.subject, found.detail) == ("\\ud800node", {"why": "\\udfff", "\\ud801": ["\\ud802"]})
    data = entries.encode(1_795_000_000_000, "denied", "n" * 70_000, "li", {"why": "\u6c34" * 70_000, "n": 5})
    found = entries.decode(0, data)
    assert found.subject.endswith("… (70000 characters)")
    assert (found.subject[:256], found.detail["n"], len(found.detail["why"])) == ("n" * 256, 5, 276)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x86\x01\x02\x03\x04\x05\x06", b"\x81\x18\x01"])
def test_what_is_no_entry_is_refused(data):
    with pytest.raises(ValueError):
        entries.decode(0, data)


GROUPS = [[b"one"], [b"two", b"three", b""], [b"four" * 300], [b"five"]]


def written(first=256, groups=GROUPS):
    data, index = tail.head(first), first
    for group in groups:
        data += tail.frame(index, group)
        index += len(group)
    return data


def test_a_tail_is_read_as_it_was_written():
    found = tail.read(written())
    assert (found.first, found.torn) == (256, 0)
    assert found.entries == [entry for group in GROUPS for entry in group]
    assert tail.read(tail.head(0)) == tail.Tail(0, [], 0)


def test_a_torn_end_is_dropped_and_nothing_before_it():
    data, chance = written(), random.Random(3)
    whole = len(written(groups=GROUPS[:3]))
    kept = [entry for group in GROUPS[:3] for entry in group]
    for end in range(whole, len(data)):
        assert tail.read(data[:end]).entries == kept
        zeros = data[:end] + bytes(len(data) - end)
        assert tail.read(zeros).entries == kept
        noise = data[:end] + chance.randbytes(len(data) - end)
        assert tail.read(noise).entries in (kept, [*kept, b"five"])


def test_damage_before_the_last_group_is_no_torn_end():
    data = written()
    last = len(written(groups=GROUPS[:3]))
    for place in range(last):
        for bit in (1, 128):
            turned = bytearray(data)
            turned[place] ^= bit
            with pytest.raises(DamagedTailError):
                tail.read(bytes(turned))


def test_a_frame_of_another_place_does_not_pass():
    moved = tail.head(256) + tail.frame(256, [b"one"]) + tail.frame(258, [b"two"])
    with pytest.raises(DamagedTailError):
        tail.read(moved)
