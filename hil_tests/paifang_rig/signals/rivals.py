"""SUMO's own controllers on the same junction: fixed times, `actuated`, `NEMA`; with the same clearances and walks.

Their programs know no walk and no pedestrian clearance. Both are given to them from outside, with the same times as a
node's: who presses a button is walked with the next green beside his crossing, and that green is kept, by covering its
detectors, until the clearance is over. A green that has begun without walk is not held for a late button.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .detecting import Eyes
from .junction import WALK_SUFFIX
from .nets import AMBER_S, RED_S
from .records import LEAST_GREEN_MS, WALK_MS, clearance_ms

if TYPE_CHECKING:
    from .junction import Junction, Link

_MAINS, _LEFTS = ((2, 6), (4, 8)), ((1, 5), (3, 7))
_DETECTOR_M = 20
_COVERED = 1
_NOT_COVERED = -1
LEAST_GREEN_S = LEAST_GREEN_MS // 1_000


@dataclass(frozen=True)
class Rival:
    """A controller of SUMO: `kind` static, actuated or NEMA, its program, how long it waits for one more vehicle."""

    kind: str
    program: str
    extension_s: float = 0.0


def walk_s(junction: Junction) -> int:
    """Walk and clearance of the longest crossing, in whole seconds."""
    longest_mm = max(link.crossing_mm for link in junction.links)
    return -(-(WALK_MS + clearance_ms(longest_mm)) // 1_000)


def nema(junction: Junction, most_s: int = 50, left_most_s: int = 50, extension_s: float = 2.0) -> Rival:
    """Two rings, as SUMO's NEMA type runs them: free, minimum green 5 s."""
    rows = []
    for phase in junction.phases:
        most = max(most_s, walk_s(junction)) if phase % 2 == 0 else left_most_s
        state = _state(junction, {phase})
        rows.append(
            f'<phase duration="90" minDur="{LEAST_GREEN_S}" maxDur="{most}" vehext="{extension_s}" yellow="{AMBER_S}" '
            f'red="{RED_S}" name="{phase}" state="{state}"/>'
        )
    params = {
        "ring1": "1,2,3,4",
        "ring2": "5,6,7,8",
        "barrierPhases": "4,8",
        "barrier2Phases": "2,6",
        "detector-length": str(_DETECTOR_M),
        "detector-length-leftTurnLane": str(_DETECTOR_M),
        "total-cycle-length": "200",
        "coordinate-mode": "false",
    }
    return Rival("NEMA", _program(junction, "NEMA", rows, params), extension_s)


def fixed(junction: Junction, cycle_s: int, main_share: float, left_s: int) -> Rival:
    """A fixed plan: of each street left turns, then the rest; `main_share` of that green is that of phases 2 and 6."""
    lost = 4 * (AMBER_S + RED_S) + 2 * left_s
    greens = max(cycle_s - lost, 2 * walk_s(junction))
    least = walk_s(junction)
    first = min(max(round(greens * main_share), least), greens - least)
    return Rival("static", _program(junction, "static", _stages(junction, (first, greens - first), left_s), {}))


def actuated(junction: Junction, most_s: int, gap_s: float, jam_s: int = 30) -> Rival:
    """SUMO's `actuated` on the stages of the fixed plan."""
    rows = _stages(junction, (walk_s(junction), walk_s(junction)), LEAST_GREEN_S, most_s)
    params = {"max-gap": str(gap_s), "jam-threshold": str(jam_s), "detector-gap": "2.0"}
    return Rival("actuated", _program(junction, "actuated", rows, params), gap_s)


def _stages(junction: Junction, through_s: tuple[int, int], left_s: int, most_s: int = 0) -> list[str]:
    rows: list[str] = []
    for lefts, mains, green in zip(_LEFTS, _MAINS, through_s, strict=True):
        for phases, seconds in ((lefts, left_s), (mains, green)):
            state = _state(junction, set(phases))
            least = LEAST_GREEN_S
            bounds = f' minDur="{least}" maxDur="{max(most_s, seconds)}"' if most_s else ""
            rows.append(f'<phase duration="{seconds}" state="{state}"{bounds}/>')
            rows.append(f'<phase duration="{AMBER_S}" state="{state.replace("G", "y").replace("g", "y")}"/>')
            rows.append(f'<phase duration="{RED_S}" state="{"r" * len(state)}"/>')
    return rows


def _state(junction: Junction, green: set[int]) -> str:
    return "".join(_colour(junction, link, green) for link in junction.links if not link.crossing)


def _colour(junction: Junction, link: Link, green: set[int]) -> str:
    if link.phase in green:
        return "g" if link.direction in "rR" else "G"
    beside = {5: 2, 1: 6, 7: 4, 3: 8}.get(link.phase)
    return "g" if junction.filtering and beside in green else "r"


def _program(junction: Junction, kind: str, rows: list[str], params: dict[str, str]) -> str:
    lines = [f'<param key="{key}" value="{value}"/>' for key, value in params.items()]
    body = "\n".join(rows + lines)
    return f'<tlLogic id="{junction.name}" type="{kind}" programID="bench" offset="0">\n{body}\n</tlLogic>'


class Walks:
    """Gives a junction under one of SUMO's controllers walk and clearance. A driver in the sense of `loop`.

    What does not run by the clock has its detectors covered, so that a green with walk is called and lasts until the
    clearance is over; not longer: it waits for one more vehicle at the same time.
    """

    def __init__(self, junction: Junction, rival: Rival) -> None:
        self._junction = junction
        self._holds = rival.kind != "static"
        self._walk_ms = WALK_MS
        self._covered_ms = walk_s(junction) * 1_000 - round(rival.extension_s * 1_000)
        self._whole_ms = walk_s(junction) * 1_000
        self._called = 0
        self._begun: dict[int, int] = {}
        self._before = 0

    def start(self, sumo: Any) -> None:
        self._sumo = sumo
        self._eyes = Eyes(sumo, self._junction)
        self._first = {link.phase: link.index for link in self._through()}
        self._detectors = {phase: self._of_phase(phase) for phase in self._junction.ped_phases} if self._holds else {}
        self._covered: set[int] = set()
        self._show(0)

    def step(self, t_ms: int, step_ms: int) -> None:
        del step_ms
        junction = self._junction
        state = self._sumo.trafficlight.getRedYellowGreenState(junction.name)
        green = sum(1 << phase - 1 for phase, index in self._first.items() if state[index] in "Gg")
        self._called |= self._eyes.buttons()
        for phase in junction.ped_phases:
            bit = 1 << phase - 1
            if green & ~self._before & bit and self._called & bit:
                self._begun[phase] = t_ms
                self._called &= ~bit
            elif t_ms - self._begun.get(phase, t_ms) >= self._whole_ms:
                del self._begun[phase]
        self._before = green
        self._show(sum(1 << p - 1 for p, at in self._begun.items() if t_ms - at < self._walk_ms))
        for phase in self._detectors:
            # A call waits for its green; a green with walk is not let go.
            held = t_ms - self._begun.get(phase, -self._covered_ms) < self._covered_ms
            self._cover(phase, held or bool(self._called & ~green & 1 << phase - 1))

    def log(self) -> str:
        return ""

    def _through(self) -> list[Link]:
        return [link for link in self._junction.links if link.direction == "s" and not link.crossing]

    def _show(self, walking: int) -> None:
        links = sorted((link for link in self._junction.links if link.crossing), key=lambda link: link.index)
        state = "".join("G" if walking >> link.phase - 1 & 1 else "r" for link in links)
        self._sumo.trafficlight.setRedYellowGreenState(self._junction.name + WALK_SUFFIX, state)

    def _of_phase(self, phase: int) -> list[tuple[Any, str]]:
        lanes = self._junction.lanes[phase]
        own = {*self._sumo.lanearea.getIDList(), *self._sumo.inductionloop.getIDList()}
        own = {name for name in own if not name.endswith(("_zone", "_loop"))}
        zones = [name for name in own if name in set(self._sumo.lanearea.getIDList())]
        loops = [name for name in own if name not in zones]
        found = [(self._set_zone, name) for name in zones if self._sumo.lanearea.getLaneID(name) in lanes]
        return found + [(self._set_loop, name) for name in loops if self._sumo.inductionloop.getLaneID(name) in lanes]

    def _cover(self, phase: int, covered: bool) -> None:
        if not covered and phase not in self._covered:
            return
        for setter, name in self._detectors[phase]:
            setter(name, covered)
        (self._covered.add if covered else self._covered.discard)(phase)

    def _set_zone(self, name: str, covered: bool) -> None:
        self._sumo.lanearea.overrideVehicleNumber(name, _COVERED if covered else _NOT_COVERED)

    def _set_loop(self, name: str, covered: bool) -> None:
        self._sumo.inductionloop.overrideTimeSinceDetection(name, 0.0 if covered else -1.0)
