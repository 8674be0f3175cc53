"""The table of a signal's points. Loaded for the moment in which the node makes its description of it."""

from paifang_wire.messages import BOOL, INT

from . import points
from .phases import PHASES


def table() -> tuple:
    """Rows as in the describe message."""
    rows = (
        _told(points.STATE, "state"),
        _told(points.REASON, "reason"),
        _command(points.MODE, "mode", 2, 1),
        (points.LATCH, "latch", "", BOOL, 0, 0, 1, 3, None),
    )
    for i, name in enumerate(("hold", "force_off", "omit", "call", "ped_call")):
        rows += (_command(points.HOLD + i, name, 255, 1),)
    rows += (
        _command(points.PLAN, "plan", 8, 2),
        _command(points.PLAN_LOAD, "plan_load", points.ID_LIMIT, 2),
        _command(points.DAYS_LOAD, "days_load", points.ID_LIMIT, 2),
        _command(points.OFFSET, "offset", 599_900, 2, "ms"),
        _command(points.RECALL, "recall", 0xFFFFFF, 2),
        _told(points.EDITION, "edition"),
        _told(points.ASPECTS, "aspects_lo"),
        _told(points.ASPECTS + 1, "aspects_hi"),
        _told(points.RINGS, "ring_1"),
        _told(points.RINGS + 1, "ring_2"),
        _told(points.CALLS, "calls"),
        _told(points.CYCLE, "cycle", -1, "s"),
        _told(points.PRIORITY, "priority"),
        _told(points.DETECTORS, "detectors"),
        _told(points.FAULTS, "detector_faults"),
        _told(points.MONITOR, "monitor"),
    )
    for n in range(1, PHASES + 1):
        rows += (_told(points.FLOW + n - 1, "flow_" + str(n)),)
        rows += (_told(points.OCCUPANCY + n - 1, "occupancy_" + str(n), 0, "%"),)
    return rows


def _command(number: int, name: str, greatest: int, of_class: int, unit: str = "") -> tuple:
    return number, name, unit, INT, 0, 0, greatest, of_class, None


def _told(number: int, name: str, scale: int = 0, unit: str = "") -> tuple:
    return number, name, unit, INT, scale, None, None, 0, None
