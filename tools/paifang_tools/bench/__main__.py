"""`python -m paifang_tools.bench`: run the suites, print one table, write build/bench.json."""

import argparse
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from paifang_tools.bench.rows import Row, parse, print_table, write_json

SUITES = {
    "wire": "paifang_tools.bench.wire",
    "node": "paifang_tools.bench.node",
    "es256": "paifang_tools.bench.es256",
    "ingest": "paifang_tools.bench.ingest",
    "store": "paifang_rig.store_bench",
    "flood": "paifang_tools.bench.flood",
    "sessions": "paifang_tools.bench.sessions",
    "policy": "paifang_rig.policy_cost",
    "audit": "paifang_rig.audit_cost",
    "hold": "paifang_rig.hold",
    "send": "paifang_rig.send_latency",
    "city": "paifang_rig.city",
    "bridges": "paifang_rig.bridges_bench",
    "bridges-tcp": "paifang_rig.bridges_ingest",
    "sinks-mqtt": "paifang_rig.mqtt_bench",
    "sinks-nats": "paifang_rig.nats_bench",
    "drain": "paifang_rig.drain_bench",
    "city-store": "paifang_rig.city_bench",
    "sinks-schemas": "paifang_rig.schemas_bench",
    "signal": "paifang_rig.signals.node_bench",
    "signals": "paifang_rig.signals.bench",
}
"""Each runs as a process of its own, so that none measures the leftovers of another."""
ON_REQUEST = ("signals",)
"""Half an hour by itself: run when named."""


def main() -> int:
    """Run the suites named on the command line (default: all but ON_REQUEST); 1 when one could not be measured."""
    parser = argparse.ArgumentParser(prog="paifang_tools.bench", description=__doc__)
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help=f"of: {', '.join(SUITES)} (default: all but {', '.join(ON_REQUEST)})"
    )
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"), help="where the JSON goes")
    chosen = parser.parse_args()
    unknown = set(chosen.suites) - set(SUITES)
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    console = Console()
    rows: list[Row] = []
    broken: list[str] = []
    for name in chosen.suites or [name for name in SUITES if name not in ON_REQUEST]:
        console.print(f"[dim]{name} …[/]")
        measured = _run(SUITES[name])
        rows += measured
        if not measured:
            broken.append(name)
    print_table(rows, console)
    write_json(rows, chosen.out)
    for name in broken:
        console.print(f"[red]suite {name} gave no figures: run `python -m {SUITES[name]}` to see why[/]")
    return 1 if broken else 0


def _run(module: str) -> list[Row]:
    done = subprocess.run([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True, check=False)
    return [parse(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []


if __name__ == "__main__":
    sys.exit(main())
