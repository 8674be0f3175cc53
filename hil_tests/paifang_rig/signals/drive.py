"""Drive the signals of a net with the shipped code and say how it went.

    python -m paifang_rig.signals.drive FOLDER [--seconds N] [--seed N] [--logs FOLDER]

FOLDER holds one .net.xml and one .rou.xml; it is only read. Signals that are one junction with movements that a dual
ring can number are driven; the others keep the net's own programs. Without FOLDER it is the cross that is made here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from paifang_rig.errors import RigError
from paifang_wire import cbor

from . import demand, junction, loop, metrics, nets, oracle, ports, records
from .shipped import plans, site


def main() -> int:
    """Print figures and breaches; 1 if a rule was broken, 2 if the folder is of no use."""
    parser = argparse.ArgumentParser(prog="paifang_rig.signals.drive", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="default: the cross that is made here")
    parser.add_argument("--seconds", type=int, default=1_800, help="how long (default: 1800)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--logs", type=Path, help="where the lamp logs go, a file a junction")
    chosen = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as place:
            return _drive(chosen, Path(place))
    except RigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _drive(chosen: argparse.Namespace, place: Path) -> int:
    net = nets.from_folder(chosen.folder) if chosen.folder else nets.cross(place)
    routes = _routes(chosen.folder) if chosen.folder else demand.cross(place / "own.rou.xml", 1.0, chosen.seed)
    found = [at for at in (_readable(net, name) for name in net.signals) if at]
    if not found:
        raise RigError(f"{net.path}: none of its signals can be driven, for the reasons above")
    run = loop.Run(net.path, routes, place / "out", tuple(found), chosen.seed, 1_000, chosen.seconds * 1_000)
    result = loop.drive(run, [loop.Firmware(at, _port(at)) for at in found])
    broken = 0
    for at in found:
        log = result.logs[at.name]
        breaches = oracle.judge(log, records.site_record(at))
        broken += len(breaches)
        print(f"{at.name}: {len(log.splitlines())} changes of lamps, {len(breaches)} rules broken")
        for breach in breaches[:10]:
            print(f"    {breach}")
        if chosen.logs:
            chosen.logs.mkdir(parents=True, exist_ok=True)
            (chosen.logs / f"{at.name}.log").write_text(log)
    for name, value in vars(metrics.figures(result)).items():
        print(f"{name:18} {value:.1f}")
    return 1 if broken else 0


def _routes(folder: Path) -> Path:
    found = sorted(folder.glob("*.rou.xml"))
    if len(found) != 1:
        raise RigError(f"{folder}: expected one .rou.xml, found {len(found)}; say who comes to the net")
    return found[0]


def _readable(net: nets.Net, name: str) -> junction.Junction | None:
    """The junction of a signal, or None and the reason on the console."""
    try:
        at = junction.read(net.path, name)
    except RigError as error:
        print(f"{name}: not driven: {error}")
        return None
    reasons = site.check(records.site_record(at)) or _plan_reasons(at)
    if reasons:
        print(f"{name}: not driven: {'; '.join(reasons[:3])}")
        return None
    return at


def _plan_reasons(at: junction.Junction) -> list[str]:
    tables = site.decode(cbor.encode(records.site_record(at)))
    return [str(reason) for reason in plans.check(records.plan_record(at), tables)]


def _port(at: junction.Junction) -> ports.Port:
    return ports.InProcess(records.site_record(at), records.plan_record(at))


if __name__ == "__main__":
    sys.exit(main())
