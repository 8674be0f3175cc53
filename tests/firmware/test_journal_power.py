"""Power fails at every operation that the journal makes on the flash, on MicroPython's own LittleFS.

Before the operation, half-way through it, and with any of those since the last sync missing; in the whole tier, once
more in the boot that follows. Whatever it is: the node boots, and what was kept is with the gateway once, or was
counted as dropped because the journal was full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE_TEST = 13
"""Of so many operations, one."""
ACTS = (
    "blank",
    "append",
    "full",
    "full-and-told",
    "replay",
    "bill",
    "bill-and-backlog",
    "copy",
    "reset",
    "reset-after-reset",
)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.timeout(600)
def test_what_is_kept_is_kept(on_littlefs: Callable[[str], list[str]], tier_size, act: str) -> None:
    share = tier_size(SHARE_TEST, 1)
    lines = on_littlefs(f"from power import sweep; sweep.main({act!r}, {share})")
    assert lines, act
    said = [line for line in lines if not line.startswith("journal: not kept")]
    operations, runs, fired, failed, milliseconds = map(int, said.pop().removeprefix("== ").split())
    assert not failed, "\n".join(said[:40])
    assert runs >= 3
    assert fired >= runs, "a run whose cut did not fire is no run"
    print(f"{act}: {operations} operations, {runs} runs, {fired} cuts fired, {milliseconds} ms")


def test_a_flash_that_takes_nothing_stops_nobody(on_littlefs: Callable[[str], list[str]]) -> None:
    assert on_littlefs("from power import faults; faults.main()") == ["== ok", "== ok"]
