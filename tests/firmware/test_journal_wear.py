"""The model of a flash's life against LittleFS itself: it never says less than what was erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from paifang_tools import build, wear

if TYPE_CHECKING:
    from collections.abc import Callable

FIRMWARE = 113
SMALL = (176, 98_304)
WHOLE = (build.BLOCK_COUNT, wear.JOURNAL_BYTES)
GENEROUS = 1.6
"""Nor may it say more than that many times what was erased: it would forbid what is harmless."""


@pytest.mark.parametrize(
    ("size", "bills", "flushes"), [(900, 0, 10_000), (300, 0, 10_000), (1_600, 0, 5_000), (40, 1, 20_000)]
)
@pytest.mark.timeout(600)
def test_the_model_is_not_below_what_was_measured(
    on_littlefs: Callable[[str], list[str]], tier_size, size: int, bills: int, flushes: int
) -> None:
    flushes = tier_size(flushes // 40, flushes)
    blocks, budget = tier_size(SMALL, WHOLE)
    said = on_littlefs(f"from power import wear; wear.main({blocks}, {FIRMWARE}, {budget}, {flushes}, {size}, {bills})")
    done, erases, most, used = map(int, said[-1].removeprefix("== ").split())
    assert done == flushes, said
    a_flush = wear.INLINE_ERASES if bills else 1 + wear.LIST_ERASES + size / wear.BLOCK_BYTES
    model = flushes * a_flush
    worst = wear.most(model, blocks - FIRMWARE) + wear.LIST_STAY
    print(
        f"{flushes} of {size} bytes: {erases} erases, {most} at most, of {used} blocks; model {model:.0f}, {worst:.0f}"
    )
    assert erases <= model <= GENEROUS * erases
    assert most <= worst


def test_the_default_lasts_ten_years_without_any_link() -> None:
    for role in ("air_quality", "smart_meter"):
        for use in wear.uses(wear.journal_of({"role": role}), build.BLOCK_COUNT).values():
            assert wear.wear(use).years >= 10, role


def test_no_more_blocks_are_the_firmwares_than_the_model_says() -> None:
    assert build.image_size(build.build_image({"node": "n"})).used // build.BLOCK_SIZE <= wear.FIRMWARE_BLOCKS
