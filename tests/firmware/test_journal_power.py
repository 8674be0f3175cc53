"""Power fails at every operation that the journal makes on the flash, on MicroPython's own LittleFS.

Before the operation, half-way through it, and with any of those since the last sync missing; in the whole tier, once
more in the boot that follows. Whatever it is: the node boots, and what was kept is with the gateway once, or was
counted as dropped because the journal was full.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import paifang_wire
from paifang_tools import build

HERE = Path(__file__).parent / "portable"
HEAP = "16m"  # of the tests: a flash in RAM, and what a gateway has stored
RUN_TIMEOUT_S = 550
SHARE_TEST = 10
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


@pytest.fixture(scope="session")
def power_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a node's modules, of the marks that a gateway keeps, and of `portable`, compiled."""
    image = tmp_path_factory.mktemp("power")
    sources = build.node_sources() | {f"{HERE.name}/{path.name}": path for path in HERE.glob("*.py")}
    sources["lib/paifang_wire/marks.py"] = Path(paifang_wire.__path__[0]) / "marks.py"
    for name, data in build.compile_program(sources, "-O0", "main").items():
        target = image / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return image


def run(image: Path, code: str) -> list[str]:
    """The lines that `code` prints in a MicroPython of its own."""
    done = subprocess.run(
        [Path(sys.executable).parent / "micropython", "-X", f"heapsize={HEAP}", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "MICROPYPATH": f"{image}:{image}/lib:.frozen"},
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    return (done.stdout + done.stderr).splitlines()


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.timeout(600)
def test_what_is_kept_is_kept(power_image: Path, tier_size, act: str) -> None:
    share = tier_size(SHARE_TEST, 1)
    lines = run(power_image, f"from portable import sweep; sweep.main({act!r}, {share})")
    assert lines, act
    said = [line for line in lines if not line.startswith("journal: not kept")]
    operations, runs, fired, failed, milliseconds = map(int, said.pop().removeprefix("== ").split())
    assert not failed, "\n".join(said[:40])
    assert runs >= 3
    assert fired >= runs, "a run whose cut did not fire is no run"
    print(f"{act}: {operations} operations, {runs} runs, {fired} cuts fired, {milliseconds} ms")
