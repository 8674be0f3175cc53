"""Nets that are made here, from a few lines of XML each: a cross, an arterial of four, a cross beside a railway.

Approaches have a through-and-right lane, a through lane and a left-turn lane, and a crossing on each leg. Crossings
are signalled by a program of their own (`NAME_walk`), so that walk and clearance are the same whoever controls the
vehicles.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import sumolib

from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from pathlib import Path

LEG_M = 300
SPEED_M_S = 13.89
AMBER_S, RED_S = 3, 2
_LANES_IN, _LANES_OUT = 3, 2
SPACING_M = 350
_TRACK_M = 60
_SIDES = {"n": (0, 1), "e": (1, 0), "s": (0, -1), "w": (-1, 0)}
_AROUND = "nesw"
_TURNS = ((0, -1, 0), (0, 2, 0), (1, 2, 1), (2, 1, 1))
"""From lane, quarter turns clockwise from the leg it comes from to the leg it goes to, to lane."""
_CONVERT_S = 60


@dataclass(frozen=True)
class Net:
    """A net on disk. `signals`: names of its signalled junctions; `entries`, `exits`: edges at its rim."""

    path: Path
    signals: tuple[str, ...]
    entries: tuple[str, ...]
    exits: tuple[str, ...]


def cross(folder: Path) -> Net:
    """One junction, `c`, with legs of 300 m."""
    return _grid(folder, "cross", 1)


def arterial(folder: Path, count: int = 4) -> Net:
    """`count` junctions, `c0` ... from west to east, each with side streets."""
    return _grid(folder, "arterial", count)


def rail(folder: Path) -> Net:
    """The cross, with a railway over its western leg, 60 m before the junction; trains go from `rs` to `rn`."""
    nodes, edges = _parts(1)
    nodes = [line for line in nodes if 'id="w"' not in line]
    edges = [line for line in edges if '"w"' not in line]
    nodes += [
        _node("w", -LEG_M, 0),
        _node("x", -_TRACK_M, 0, "rail_crossing"),
        _node("rs", -_TRACK_M, -LEG_M),
        _node("rn", -_TRACK_M, LEG_M),
    ]
    edges += _road("w", "x", _LANES_OUT, _LANES_OUT) + _road("x", "c", _LANES_IN, _LANES_OUT)
    edges += [
        f'<edge id="{a}_{b}" from="{a}" to="{b}" numLanes="1" speed="20" allow="rail"/>'
        for a, b in (("rs", "x"), ("x", "rn"))
    ]
    path = _convert(folder, "rail", nodes, edges, _connections("c", dict(zip(_AROUND, "nesx", strict=True))))
    rim = [f"{side}_{'x' if side == 'w' else 'c'}" for side in _SIDES]
    return Net(path, ("c",), tuple(rim), tuple("_".join(reversed(edge.split("_"))) for edge in rim))


def from_folder(folder: Path) -> Net:
    """A net that somebody else has made: the one `.net.xml` in `folder`, which is only read.

    Raises RigError if there is none or several, or no signal in it.
    """
    found = sorted(folder.glob("*.net.xml"))
    if len(found) != 1:
        raise RigError(f"{folder}: expected one .net.xml, found {len(found)}; name the folder of one net")
    net = sumolib.net.readNet(str(found[0]), withPrograms=True)
    signals = tuple(str(item.getID()) for item in net.getTrafficLights())
    if not signals:
        raise RigError(f"{found[0]}: no traffic light in it; choose a net with one")
    edges = list(net.getEdges())
    entries = tuple(edge.getID() for edge in edges if not edge.getIncoming())
    exits = tuple(edge.getID() for edge in edges if not edge.getOutgoing())
    return Net(found[0], signals, entries, exits)


def _grid(folder: Path, name: str, count: int) -> Net:
    nodes, edges = _parts(count)
    signals = _names(count)
    connections: list[str] = []
    for i, center in enumerate(signals):
        east = signals[i + 1] if i + 1 < count else "e"
        west = signals[i - 1] if i else "w"
        connections += _connections(center, {"n": f"n{center[1:]}", "e": east, "s": f"s{center[1:]}", "w": west})
    _convert(folder, name, nodes, edges, connections)
    return _named(folder, name, count)


def found_arterial(folder: Path, count: int) -> Net:
    """The arterial that `arterial` has made in `folder`."""
    return _named(folder, "arterial", count)


def _named(folder: Path, name: str, count: int) -> Net:
    signals = _names(count)
    path = folder / f"{name}.net.xml"
    rim = [("w", signals[0]), ("e", signals[-1])]
    rim += [(side + center[1:], center) for center in signals for side in "ns"]
    return Net(path, signals, tuple(f"{a}_{b}" for a, b in rim), tuple(f"{b}_{a}" for a, b in rim))


def _names(count: int) -> tuple[str, ...]:
    return ("c",) if count == 1 else tuple(f"c{i}" for i in range(count))


def _parts(count: int) -> tuple[list[str], list[str]]:
    centers = _names(count)
    nodes = [_node(center, i * SPACING_M, 0, "traffic_light") for i, center in enumerate(centers)]
    nodes += [_node("w", -LEG_M, 0), _node("e", (count - 1) * SPACING_M + LEG_M, 0)]
    edges = _road("w", centers[0]) + _road("e", centers[-1])
    for i, center in enumerate(centers):
        for side in "ns":
            rim = side + center[1:]
            nodes.append(_node(rim, i * SPACING_M, _SIDES[side][1] * LEG_M))
            edges += _road(rim, center)
    for one, other in pairwise(centers):
        edges += _road(one, other, _LANES_IN, _LANES_IN)
    return nodes, edges


def _node(name: str, x: int, y: int, kind: str = "priority") -> str:
    return f'<node id="{name}" x="{x}" y="{y}" type="{kind}"/>'


def _road(rim: str, center: str, lanes_in: int = _LANES_IN, lanes_out: int = _LANES_OUT) -> list[str]:
    both = ((rim, center, lanes_in), (center, rim, lanes_out))
    return [f'<edge id="{a}_{b}" from="{a}" to="{b}" numLanes="{lanes}" speed="{SPEED_M_S}"/>' for a, b, lanes in both]


def _connections(center: str, legs: dict[str, str]) -> list[str]:
    """Who may turn where at `center`, whose legs (n, e, s, w) lead to these nodes."""
    lines: list[str] = []
    for i, side in enumerate(_AROUND):
        for lane, turns, to_lane in _TURNS:
            there = legs[_AROUND[(i + turns) % 4]]
            edges = f'from="{legs[side]}_{center}" to="{center}_{there}"'
            lines.append(f'<connection {edges} fromLane="{lane}" toLane="{to_lane}"/>')
    return lines


def _convert(folder: Path, name: str, nodes: list[str], edges: list[str], connections: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.net.xml"
    command = [sumolib.checkBinary("netconvert"), "-o", path.name]
    for option, tag, lines in (("-n", "nodes", nodes), ("-e", "edges", edges), ("-x", "connections", connections)):
        part = folder / f"{name}.{tag[:3]}.xml"
        part.write_text("\n".join((f"<{tag}>", *lines, f"</{tag}>\n")))
        command += [option, part.name]
    command += ["--sidewalks.guess", "--crossings.guess", "--no-turnarounds", "--tls.default-type", "NEMA"]
    command += ["--tls.yellow.time", str(AMBER_S), "--tls.allred.time", str(RED_S)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_CONVERT_S, check=False)
    if done.returncode:
        raise RigError(f"netconvert could not make {path}: {done.stderr.strip()}")
    path.write_text(_with_walk_programs(path.read_text()))
    return path


def _with_walk_programs(text: str) -> str:
    """Give the crossings of each junction a program of their own."""
    for name in re.findall(r'<tlLogic id="([^"]+)"', text):
        crossing = re.compile(rf'(<connection from=":{name}_w[^>]*) tl="{name}" linkIndex="(\d+)"')
        places = sorted(int(place) for _, place in crossing.findall(text))
        if not places:
            continue
        first = places[0]
        text = crossing.sub(lambda hit, f=first, n=name: _moved(hit, n, f), text)
        program = re.search(rf'<tlLogic id="{name}".*?</tlLogic>', text, re.DOTALL)
        assert program is not None
        shorter = re.sub(r'state="([^"]+)"', lambda hit, f=first: f'state="{hit[1][:f]}"', program[0])
        walk = (
            f'<tlLogic id="{name}_walk" type="static" programID="0" offset="0">'
            f'<phase duration="1" state="{"r" * len(places)}"/><phase duration="1" state="{"G" * len(places)}"/>'
            "</tlLogic>\n    "
        )
        text = text.replace(program[0], walk + shorter)
    return text


def _moved(hit: re.Match[str], name: str, first: int) -> str:
    return f'{hit[1]} tl="{name}_walk" linkIndex="{int(hit[2]) - first}"'
