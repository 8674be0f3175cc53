"""Suite `es256`: what verifying a signature costs a node, measured on the MicroPython interpreter itself."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from paifang_tools import build
from paifang_tools.bench.rows import AT_MOST, Row, emit, middle, row
from paifang_wire import p256

_HEAP = "128k"
_SIGNATURES = 8
_TIMEOUT_S = 120
_TWO_DOUBLINGS = 1.0
_SCRIPT = """
import gc, json, sys, time
from array import array
gc.collect()
before = gc.mem_alloc()
from paifang_wire import p256
gc.collect()
kept = gc.mem_alloc() - before
now = time.ticks_us
signed = [[bytes.fromhex(word) for word in line.split()] for line in sys.stdin]
for one in signed:
    assert p256.verify(*one)
gc.collect()
before = gc.mem_alloc()
running = p256.Verification(*signed[0])
for _ in range(100):
    running.step()
gc.collect()
in_flight = gc.mem_alloc() - before
running = None

def whole():
    for one in signed:
        gc.collect()
        start = now()
        p256.verify(*one)
        yield now() - start

def steps(one, took):
    # Collected between the steps, or each would carry a share of the collector's.
    running = p256.Verification(*one)
    more = True
    at = 0
    while more:
        if at % 8 == 0:
            gc.collect()
        start = now()
        more = running.step()
        took[at] = now() - start
        at += 1
    return at

def medians(one):
    rounds = [array("H", bytes(1000)) for _ in range(9)]
    count = [steps(one, took) for took in rounds][0]
    return [sorted([took[at] for took in rounds])[4] for at in range(count)]

def doublings(pairs):
    x, y = [int.from_bytes(signed[0][0][start : start + 32], "big") for start in (0, 32)]
    point = x, y, 1
    took = []
    for _ in range(pairs):
        gc.collect()
        start = now()
        point = p256._double(p256._double(point))
        took.append(now() - start)
    return sorted(took)[pairs // 2]

longest = []
counts = []
for one in signed[:3]:
    took = medians(one)
    counts.append(len(took))
    longest.append(max(took) / doublings(101))
print(json.dumps([kept, in_flight, [each for _ in range(5) for each in whole()], longest, counts]))
"""


def main() -> None:
    """Print the suite's rows."""
    emit(rows())


def rows() -> list[Row]:
    """Measure and return the suite's rows."""
    kept, in_flight, whole_us, longest, steps = _measure()
    how = f"64-bit unix port, heap of {_HEAP}, .mpy"
    timed = f"{how}, median"
    stepped = f"{how}; each step's median of 9 rounds, against the median of two doublings in a row, same run"
    return [
        row("ES256 signature verified on a node's interpreter", middle(whole_us) / 1000, "ms", timed, (AT_MOST, 7)),
        row("longest step, in pairs of doublings", middle(longest), "", stepped, (AT_MOST, _TWO_DOUBLINGS)),
        row("steps of a verification", middle(steps), "", timed),
        row("heap kept by ES256", kept / 1024, "KiB", f"{how}; module and tables", (AT_MOST, 14)),
        row("heap of one verification under way", in_flight / 1024, "KiB", how, (AT_MOST, 6)),
    ]


def _measure() -> tuple[int, int, list[float], list[float], list[float]]:
    """Return (bytes kept, bytes in flight, µs of each verification, longest step / two doublings, steps)."""
    interpreter = Path(sys.executable).with_name("micropython")
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "paifang_wire")
        package.mkdir()
        # Not linked: the script asks for parts by names that only the source has.
        sources = {name: path for name, path in build.node_sources().items() if path.parent.name == package.name}
        for name, data in build.compile_files(sources).items():
            (package / Path(name).name).write_bytes(data)
        script = Path(folder, "measure.py")
        script.write_text(_SCRIPT, encoding="utf-8")
        done = subprocess.run(
            [interpreter, "-X", f"heapsize={_HEAP}", script],
            input="\n".join(_signatures()),
            env={"MICROPYPATH": f"{folder}:.frozen"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    if done.returncode:
        raise RuntimeError(f"{interpreter} stopped: {done.stderr}{done.stdout}")
    measured: Any = json.loads(done.stdout)
    return measured


def _signatures() -> Iterator[str]:
    """Yield public key, digest and signature of each of some signatures, in hex."""
    for number in range(1, _SIGNATURES + 1):
        private = ec.derive_private_key(p256.N // (number + 2), ec.SECP256R1())
        numbers = private.public_key().public_numbers()
        digest = bytes([number]) * 32
        r, s = utils.decode_dss_signature(private.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
        yield f"{numbers.x:064x}{numbers.y:064x} {digest.hex()} {r:064x}{min(s, p256.N - s):064x}"


if __name__ == "__main__":
    main()
