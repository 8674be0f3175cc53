"""NVS pages: as Espressif's own generator writes them, and whole after a power cut at every step."""

from __future__ import annotations

import base64
import random
import zlib

import pytest

from paifang_tools import nvs

# What esp-idf-nvs-partition-gen 0.3.0 makes of: namespace paifang; master = bytes 00..1f; epoch i32 3; boot i32 -2.
ESPRESSIF = zlib.decompress(
    base64.b85decode(
        "c-rmHyDr0F7{KB0YwJ{J>QIMr14gl%+{T}@YM>2GdIRpmVC!n)DkKapK+LR$e*O`sq+&2XPx4N`eBYb5pHd3Bej0SXb#vW&O@9h8rps<~yP"
        "X|1vXjH`DSq_0TL`tCi`(PutW!Vz%3(94^l*RI4Y5!x4GoWsj+MtJCa0!nX6NQB3yVw3)s@w?_1Z?<i>drlEe*cUcjSM>N=(mBkIj0!b<q6I"
        "p_tG6{=8pRdyV~8tMeoOdM^L~00000000000000000000000000Q}b*FRvCb"
    )
)
VALUES = {"master": bytes(range(32)), "epoch": 3, "boot": -2}


class PowerLost(Exception):
    pass


class Flaky(nvs.Medium):
    """Power fails at the `cut`-th step, half-way through it if `torn`."""

    def __init__(self, data: bytes, cut: int = 0, *, torn: bool = False) -> None:
        super().__init__(data)
        self.cut, self.torn, self.steps = cut, torn, 0

    def program(self, offset: int, data: bytes) -> None:
        if self._fails():
            super().program(offset, data[: len(data) // 2] if self.torn else b"")
            raise PowerLost
        super().program(offset, data)

    def erase(self, page: int) -> None:
        if self._fails():
            if self.torn:
                start = page * nvs.PAGE_SIZE
                self.data[start : start + nvs.PAGE_SIZE // 2] = b"\xff" * (nvs.PAGE_SIZE // 2)
            raise PowerLost
        super().erase(page)

    def _fails(self) -> bool:
        self.steps += 1
        return self.steps == self.cut


def test_reads_what_espressif_writes():
    medium = nvs.Medium(ESPRESSIF)
    partition = nvs.Nvs(medium)
    assert {key: partition.get("paifang", key) for key in VALUES} == VALUES
    assert partition.get("paifang", "none") is None
    assert partition.get("other", "boot") is None
    assert bytes(medium.data) == ESPRESSIF


def test_writes_byte_for_byte_what_espressif_writes():
    medium = nvs.Medium(nvs.blank())
    partition = nvs.Nvs(medium)
    for key, value in VALUES.items():
        partition.set("paifang", key, value)
    assert bytes(medium.data) == ESPRESSIF


@pytest.mark.parametrize("pages", [2, 3, 6])
def test_a_counter_may_be_written_for_ever(pages: int):
    medium = nvs.Medium(nvs.blank(pages))
    partition = nvs.Nvs(medium)
    partition.set("paifang", "master", VALUES["master"])
    for number in range(1_000):
        partition.set("paifang", "boot", number)
    again = nvs.Nvs(medium)
    assert again.get("paifang", "boot") == 999
    assert again.get("paifang", "master") == VALUES["master"]


def test_a_value_of_another_kind_takes_the_place():
    medium = nvs.Medium(nvs.blank())
    partition = nvs.Nvs(medium)
    partition.set("paifang", "key", 7)
    partition.set("paifang", "key", b"seven")
    assert nvs.Nvs(medium).get("paifang", "key") == b"seven"
    partition.set("paifang", "key", 8)
    assert nvs.Nvs(medium).get("paifang", "key") == 8
    assert partition.erase_key("paifang", "key")
    assert nvs.Nvs(medium).get("paifang", "key") is None


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize(("key", "new"), [("boot", 41), ("master", b"\xaa" * 70), ("fresh", 1)])
def test_a_cut_at_every_step_leaves_the_old_or_the_new_value(key: str, new: nvs.Value, torn: bool):
    before = nvs.Nvs(nvs.Medium(ESPRESSIF)).get("paifang", key)
    medium = Flaky(ESPRESSIF)
    nvs.Nvs(medium).set("paifang", key, new)
    assert medium.steps
    seen = set()
    for cut in range(1, medium.steps + 1):
        flaky = Flaky(ESPRESSIF, cut, torn=torn)
        with pytest.raises(PowerLost):
            nvs.Nvs(flaky).set("paifang", key, new)
        after = nvs.Nvs(nvs.Medium(flaky.data))
        assert after.get("paifang", key) in (before, new)
        seen.add(after.get("paifang", key))
        assert all(after.get("paifang", other) == value for other, value in VALUES.items() if other != key)
    # The new value is on flash before the old one is erased; without an old one, the last step is what makes it valid.
    assert seen == ({before, new} if before is not None else {None})


def test_cuts_over_page_changes_lose_nothing_written(tier_size):
    """Many cuts in a row on the same small partition, page moves and recoveries included."""
    chance = random.Random(4)
    data = nvs.blank(3)
    model: dict[str, nvs.Value] = {}
    cuts = 0
    for _ in range(tier_size(400, 20_000)):
        medium = Flaky(data, chance.randrange(1, 400), torn=chance.random() < 0.5)
        key = value = None
        try:
            partition = nvs.Nvs(medium)
            for _ in range(200):
                key = chance.choice(("boot", "epoch", "master", "chain"))
                value = (
                    chance.randrange(1 << 31) if key in ("boot", "epoch") else chance.randbytes(chance.randrange(200))
                )
                partition.set("paifang", key, value)
                model[key] = value
                key = None
        except PowerLost:
            cuts += 1
        data = bytes(medium.data)
        after = nvs.Nvs(nvs.Medium(data))
        found = {name: after.get("paifang", name) for name in model}
        if key is not None:
            assert after.get("paifang", key) in (model.get(key), value)
            if after.get("paifang", key) is not None:
                model[key] = found[key] = after.get("paifang", key)
        assert found == model
    assert cuts > 100


@pytest.mark.parametrize(
    ("namespace", "key", "value"),
    [("", "key", 1), ("paifang", "a key of 16 byte", 1), ("paifang", "", 1), ("paifang", "blob", bytes(4_001))],
)
def test_what_does_not_fit_is_refused_by_name(namespace: str, key: str, value: nvs.Value):
    with pytest.raises(nvs.NvsError):
        nvs.Nvs(nvs.Medium(nvs.blank())).set(namespace, key, value)


def fill(partition: nvs.Nvs) -> None:
    for number in range(200):
        partition.set("paifang", f"key{number}", bytes(100))


def test_a_full_partition_says_so_and_keeps_what_it_has():
    medium = nvs.Medium(nvs.blank(2))
    partition = nvs.Nvs(medium)
    with pytest.raises(nvs.NvsError, match=r"full|free"):
        fill(partition)
    assert nvs.Nvs(medium).get("paifang", "key0") == bytes(100)


def test_any_rubbish_opens():
    chance = random.Random(5)
    for _ in range(20):
        partition = nvs.Nvs(nvs.Medium(chance.randbytes(3 * nvs.PAGE_SIZE)))
        partition.set("paifang", "boot", 1)
        assert partition.get("paifang", "boot") == 1
