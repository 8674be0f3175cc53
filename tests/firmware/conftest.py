"""Each firmware case runs twice, from one source: on CPython, and compiled for a node on MicroPython."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import paifang_wire
from paifang_tools import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = HERE / "firmware_cases"
POWER = CASES / "power"
NODE_HEAP = "160k"
TEST_HEAP = "16m"  # of tests with a flash in RAM, and all that a gateway has stored
RUN_TIMEOUT_S = 600
ROUNDS_SOAK = "30"

# What firmware modules import on a node: themselves by their place on the flash, and `const`, which CPython lacks.
sys.path[:0] = [str(ROOT / "firmware"), str(HERE)]
sys.modules.setdefault("micropython", types.SimpleNamespace(const=int))  # pyright: ignore[reportArgumentType]


def _ilistdir(folder: str) -> Iterator[tuple[str, int, int]]:
    """As MicroPython's: (name, type, inode) of each entry."""
    for entry in os.scandir(folder):
        yield entry.name, 0x4000 if entry.is_dir() else 0x8000, 0


os.ilistdir = _ilistdir  # pyright: ignore[reportAttributeAccessIssue]


def modules() -> list[str]:
    """Names of the modules of cases; each holds functions `test_…` without arguments."""
    return sorted(path.stem for path in CASES.glob("*.py") if path.stem not in {"__init__", "fakes", "run"})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        pairs = []
        for name in modules():
            module = importlib.import_module(f"firmware_cases.{name}")
            pairs += [(name, function) for function in vars(module) if function.startswith("test_")]
        metafunc.parametrize("case", pairs, ids=["-".join(pair) for pair in pairs])


@pytest.fixture(scope="session", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where cases may put files, on both interpreters."""
    os.environ["PAIFANG_FOLDER"] = str(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def node_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds a node's modules and the cases as .mpy files, linked as on a node's flash."""
    image = tmp_path_factory.mktemp("image")
    sources = {f"{CASES.name}/{path.name}": path for path in CASES.glob("*.py")}
    for name, data in build.compile_program(build.node_sources() | sources, "-O0", "main|test_.*").items():
        target = image / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return image


@pytest.fixture(scope="session")
def on_micropython(node_image: Path, request: pytest.FixtureRequest) -> dict[tuple[str, str], str]:
    """{(module, function): "ok" or the traceback} of every case, each module run once in a process of its own."""
    results: dict[tuple[str, str], str] = {}
    rounds = ROUNDS_SOAK if request.config.getoption("--tier", "test") == "soak" else "1"
    for name in modules():
        code = f"from firmware_cases import run; run.main({name!r})"
        done = subprocess.run(
            [Path(sys.executable).parent / "micropython", "-X", f"heapsize={NODE_HEAP}", "-c", code],
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "MICROPYPATH": f"{node_image}:{node_image}/lib:.frozen",
                "PAIFANG_ROUNDS": rounds,
            },
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
        for block in done.stdout.split("\n== ")[1:]:
            function, _, rest = block.partition(" ")
            results[name, function] = rest.strip()
        results[name, ""] = done.stdout + done.stderr
    return results


@pytest.fixture(scope="session")
def on_littlefs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """`on_littlefs(code)`: the lines that it prints in a MicroPython of its own.

    It finds a node's modules, the marks that a gateway keeps, and the folder `power`.
    """
    image = tmp_path_factory.mktemp("power")
    sources = build.node_sources() | {f"{POWER.name}/{path.name}": path for path in POWER.glob("*.py")}
    sources["lib/paifang_wire/marks.py"] = Path(paifang_wire.__path__[0]) / "marks.py"
    for name, data in build.compile_program(sources, "-O0", "main").items():
        target = image / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def run(code: str) -> list[str]:
        done = subprocess.run(
            [Path(sys.executable).parent / "micropython", "-X", f"heapsize={TEST_HEAP}", "-c", code],
            capture_output=True,
            text=True,
            env={**os.environ, "MICROPYPATH": f"{image}:{image}/lib:.frozen"},
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
        return (done.stdout + done.stderr).splitlines()

    return run
