"""A signalled junction of a net: its links, who is in whose way, its groups, its detectors.

Movements are numbered as phases of a dual ring: 2, 6 the through movements of the street that runs nearer to
east-west, 4, 8 those of the other one; a left turn 1, 5, 3, 7 is in the way of the through movement that comes next
in its ring. Group i is phase i + 1; groups from 8 on are the crossings of phases 2, 4, 6, 8, each on the right-hand
side of its phase. What conflicts is what the net's junction says of its links (`foes`); no program is looked at.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sumolib

from paifang_rig.errors import RigError

if TYPE_CHECKING:
    from pathlib import Path

PHASES = 8
LEFTS = (1, 3, 5, 7)
WALK_SUFFIX = "_walk"
_THROUGH_OF_HEADING = {"e": 2, "w": 6, "s": 4, "n": 8}
_LEFT_OF_THROUGH = {2: 5, 6: 1, 4: 7, 8: 3}
"""The left turn from the same approach."""
_LEFTS = "lLtT"


@dataclass(frozen=True)
class Link:
    """A way through the junction. `place`: its bit in foes; `signal`, `index`: where its colour is set; `phase`: the
    movement, of a crossing the one beside it; `gives_way`, `foes`: places of others.
    """

    place: int
    signal: str
    index: int
    lane: str
    direction: str
    phase: int
    foes: frozenset[int]
    gives_way: frozenset[int]
    crossing: str = ""
    crossing_mm: int = 0


@dataclass(frozen=True)
class Junction:
    """`lanes[phase]`: lanes it comes from, their lengths in `length_m`; `groups[i]`: its links."""

    name: str
    links: tuple[Link, ...]
    phases: tuple[int, ...]
    ped_phases: tuple[int, ...]
    lanes: dict[int, tuple[str, ...]]
    length_m: dict[str, float]
    filtering: bool = True
    groups: tuple[tuple[Link, ...], ...] = field(default=())

    def group_of(self, phase: int) -> int:
        return self.phases.index(phase)

    def ped_group_of(self, phase: int) -> int:
        return len(self.phases) + self.ped_phases.index(phase)

    def conflicts(self) -> list[int]:
        """A bitmask a group: the groups that have a link in the way of one of its own.

        A right turn that gives way to a crossing it turns into is not in its way; left turns that filter while their
        approach is green belong to no group in this: they give way to everybody.
        """
        masks = [0] * len(self.groups)
        for i, one in enumerate(self.groups):
            for j, other in enumerate(self.groups):
                if i != j and any(_in_the_way(a, b) for a in one for b in other):
                    masks[i] |= 1 << j
        return masks


def read(path: Path, name: str, *, filtering: bool = True) -> Junction:
    """Return the junction of signal `name`. `filtering`: left turns may also go on their approach's green, giving way.

    Raises RigError if it is no single junction, or has movements that no dual ring can number.
    """
    net = sumolib.net.readNet(str(path), withInternal=True, withPedestrianConnections=True, withPrograms=True)
    root = ET.parse(path).getroot()  # noqa: S314 - our own file, or one that the user has chosen
    element = root.find(f"./junction[@id='{name}']")
    if element is None:
        raise RigError(f"{path}: signal {name} is no single junction; choose a net where each signal is one")
    requests = {int(item.attrib["index"]): item.attrib for item in element.findall("request")}
    vehicle = _vehicle_links(net, root, name, requests)
    crossings = _crossing_links(root, name, requests, vehicle)
    phases = tuple(sorted({link.phase for link in vehicle}))
    ped_phases = tuple(sorted({link.phase for link in crossings}))
    lanes = {p: tuple(dict.fromkeys(link.lane for link in vehicle if link.phase == p)) for p in phases}
    lengths = {lane: float(net.getLane(lane).getLength()) for lane in {link.lane for link in vehicle}}
    groups = [tuple(link for link in vehicle if link.phase == p) for p in phases]
    groups += [tuple(link for link in crossings if link.phase == p) for p in ped_phases]
    links = (*vehicle, *crossings)
    return Junction(name, links, phases, ped_phases, lanes, lengths, filtering, tuple(groups))


def _in_the_way(a: Link, b: Link) -> bool:
    if b.place not in a.foes and a.place not in b.foes:
        return False
    vehicle, other = (b, a) if a.crossing else (a, b)
    turns_into = other.crossing and vehicle.direction in "rR" and vehicle.phase == other.phase
    return not (turns_into and other.place in vehicle.gives_way)


def _places(bits: str) -> frozenset[int]:
    return frozenset(i for i, bit in enumerate(reversed(bits)) if bit == "1")


def _vehicle_links(
    net: sumolib.net.Net, root: ET.Element, name: str, requests: dict[int, dict[str, str]]
) -> list[Link]:
    links: list[Link] = []
    for item in root.findall(f"./connection[@tl='{name}']"):
        origin = item.attrib["from"]
        if origin.startswith(":"):
            continue
        place = int(item.attrib["linkIndex"])
        heading = _heading(net.getEdge(origin))
        through = _THROUGH_OF_HEADING[heading]
        phase = _LEFT_OF_THROUGH[through] if item.attrib["dir"] in _LEFTS else through
        request = requests[place]
        lane = f"{origin}_{item.attrib['fromLane']}"
        foes, ways = _places(request["foes"]), _places(request["response"])
        links.append(Link(place, name, place, lane, item.attrib["dir"], phase, foes, ways))
    if not links:
        raise RigError(f"signal {name} has no links")
    return sorted(links, key=lambda link: link.place)


def _heading(edge: sumolib.net.edge.Edge) -> str:
    """Where somebody on `edge` drives as he reaches the junction: e, n, w or s."""
    (x0, y0), (x1, y1) = (point[:2] for point in list(edge.getShape() or ())[-2:])
    quarter = round(math.atan2(y1 - y0, x1 - x0) / (math.pi / 2)) % 4
    return "enws"[quarter]


def _crossing_links(
    root: ET.Element, name: str, requests: dict[int, dict[str, str]], vehicle: list[Link]
) -> list[Link]:
    edges = {item.attrib["id"]: item for item in root.findall("./edge[@function='crossing']")}
    into = {_exit(root, link): link.phase for link in vehicle if link.direction in "rR"}
    first = len(vehicle)
    links: list[Link] = []
    for signal in (name, name + WALK_SUFFIX):
        for item in root.findall(f"./connection[@tl='{signal}']"):
            if item.attrib["to"] not in edges or not item.attrib["from"].startswith(":"):
                continue
            edge = edges[item.attrib["to"]]
            beside = [into[leg] for leg in edge.attrib["crossingEdges"].split() if leg in into]
            if not beside:
                raise RigError(f"{name}: nobody turns right into the crossing {edge.attrib['id']}")
            index = int(item.attrib["linkIndex"])
            place = index if signal == name else first + index
            lane = edge.find("lane")
            assert lane is not None
            length_mm = round(float(lane.attrib["length"]) * 1000)
            foes, ways = _places(requests[place]["foes"]), _places(requests[place]["response"])
            links.append(Link(place, signal, index, "", "x", beside[0], foes, ways, edge.attrib["id"], length_mm))
    return sorted(links, key=lambda link: link.place)


def _exit(root: ET.Element, link: Link) -> str:
    for item in root.findall(f"./connection[@tl='{link.signal}']"):
        if item.attrib["linkIndex"] == str(link.index):
            return item.attrib["to"]
    raise AssertionError(link)
