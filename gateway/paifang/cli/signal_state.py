"""What a signal node reports, taken apart: from the numbers of its points to the words of a traffic engineer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang_tools.signals import checking
from paifang_tools.signals.telling import STATES, monitor_words, reason_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paifang.cli.signal_known import Known

(STATE, REASON, MODE, LATCH, HOLD) = (1, 2, 3, 4, 5)
(PLAN, PLAN_LOAD, DAYS_LOAD, OFFSET, RECALL, EDITION, ASPECTS, RINGS, CALLS) = (10, 11, 12, 13, 14, 15, 16, 18, 20)
(CYCLE, PRIORITY, DETECTORS, FAULTS, MONITOR, FLOW, OCCUPANCY) = (21, 22, 23, 24, 25, 41, 49)
"""Numbers of a signal node's points."""
PHASES, DETECTORS_MOST, GROUPS_MOST = 8, 32, 16

MODES = ("automatic", "flash", "free")
COMMANDED = ("hold", "force_off", "omit", "call", "ped_call")
RECALLS = ("minimum", "maximum", "pedestrian")
STAGES = ("starting", "green", "ending")
"""Of a ring's phase; ending: it would end as soon as it may."""
PREEMPTION_STAGES = ("none", "track", "dwell", "leaving")
ASPECT_WORDS = (
    "red",
    "red-amber",
    "green",
    "flashing green",
    "amber",
    "walk",
    "clearance",
    "don't walk",
    "flashing amber",
    "flashing red",
    "dark",
)


class Names:
    """What groups are called, and which phases they are of, as far as it is known."""

    def __init__(self, known: Known) -> None:
        record = known.site.record if known.site else None
        self.groups: list[str] = [group[0] for group in record[2]] if record else []
        self.pedestrians = {i for i, group in enumerate(record[2]) if group[1]} if record else set[int]()
        of_phases = checking.phase_groups(known.plan, record) if record and known.plan else {}
        self.phases: dict[int, list[str]] = of_phases

    def group(self, number: int) -> str:
        """Of a group by its number from 1 on: "EB", "group 2"."""
        return self.groups[number - 1] if 0 < number <= len(self.groups) else f"group {number}"

    def with_phases(self, number: int) -> str:
        """The same with its phases: "EB (phase 2)"."""
        name = self.group(number)
        phases = [str(phase) for phase, groups in self.phases.items() if name in groups]
        return f"{name} (phase {', '.join(phases)})" if phases else name


def state_of(known: Known, values: Mapping[int, Any]) -> dict[str, Any]:
    """What the values of the points say, as JSON has it: times in seconds, what is not known is null."""
    names, numbers = Names(known), _numbers(values)
    site, plan = known.site, known.plan
    monitor = numbers.get(MONITOR)
    return {
        "node": known.node,
        "state": _word(STATES, numbers.get(STATE)),
        "reason": reason_words(numbers.get(REASON, 0)),
        "group": names.group(monitor >> 8) if monitor and monitor >> 8 else None,
        "mode": _word(MODES, numbers.get(MODE)),
        "latched": None if LATCH not in numbers else bool(numbers[LATCH]),
        "site": {"edition": numbers.get(EDITION), "country": site.record[1] if site else None},
        "plan": {"slot": numbers.get(PLAN), "id": numbers.get(PLAN_LOAD), "name": plan[1] if plan else None},
        "days": numbers.get(DAYS_LOAD),
        "coordination": _coordination(numbers, plan),
        "rings": [_ring(numbers.get(RINGS + r)) for r in range(2)],
        "groups": _groups(names, numbers),
        "phases": [_phase(names, numbers, phase) for phase in _phases(names)],
        "preemption": _preemption(numbers.get(PRIORITY)),
        "transit": _transit(numbers.get(PRIORITY)),
        "detectors": {"covered": bits(numbers.get(DETECTORS)), "failed": bits(numbers.get(FAULTS))},
        "monitor": None if monitor is None else monitor_words(monitor & 0xFF),
        "commanded": {word: bits(numbers.get(HOLD + kind)) for kind, word in enumerate(COMMANDED)},
        "recalls": {word: bits((numbers.get(RECALL) or 0) >> 8 * kind & 0xFF) for kind, word in enumerate(RECALLS)},
    }


def bits(mask: int | None) -> list[int]:
    """Numbers, from 1 on, of the bits that are set."""
    return [bit + 1 for bit in range((mask or 0).bit_length()) if (mask or 0) >> bit & 1]


def _numbers(values: Mapping[int, Any]) -> dict[int, int]:
    """Integers as on the wire, of the points that have a value."""
    found = {number: value for number, value in values.items() if isinstance(value, int | float)}
    return {number: round(value * 10) if number == CYCLE else int(value) for number, value in found.items()}


def _word(words: Sequence[str], number: int | None) -> str | None:
    if number is None:
        return None
    return words[number] if 0 <= number < len(words) else str(number)


def _ring(value: int | None) -> dict[str, Any] | None:
    if not value:
        return None
    ticks = [value >> shift & 0xFFFF for shift in (8, 24, 40)]
    times = dict(zip(("green_s", "gap_s", "against_s"), [each / 10 for each in ticks], strict=True))
    return {"phase": value & 0xF, "stage": _word(STAGES, value >> 4 & 0xF), **times}


def _groups(names: Names, numbers: Mapping[int, int]) -> list[dict[str, Any]]:
    if ASPECTS not in numbers:
        return []
    shown = numbers[ASPECTS] | numbers.get(ASPECTS + 1, 0) << 32
    count = len(names.groups) or min((shown.bit_length() + 3) // 4, GROUPS_MOST)
    return [
        {
            "group": i + 1,
            "name": names.group(i + 1),
            "pedestrian": i in names.pedestrians,
            "aspect": _word(ASPECT_WORDS, shown >> 4 * i & 0xF),
        }
        for i in range(count)
    ]


def _phases(names: Names) -> list[int]:
    return sorted(names.phases) or list(range(1, PHASES + 1))


def _phase(names: Names, numbers: Mapping[int, int], phase: int) -> dict[str, Any]:
    calls = numbers.get(CALLS, 0)
    vehicles, pedestrians, due, walking = (bool(calls >> shift + phase - 1 & 1) for shift in (0, 8, 16, 24))
    return {
        "phase": phase,
        "groups": names.phases.get(phase, []),
        "vehicles": vehicles,
        "pedestrians": pedestrians,
        "due": due,
        "walking": walking,
        "flow": numbers.get(FLOW + phase - 1),
        "occupancy": numbers.get(OCCUPANCY + phase - 1),
    }


def _coordination(numbers: Mapping[int, int], plan: Sequence[Any] | None) -> dict[str, Any] | None:
    position = numbers.get(CYCLE, -1)
    if position < 0:
        return None
    cycle = plan[4][0] / 1000 if plan and plan[4] else None
    return {"position_s": position / 10, "cycle_s": cycle, "offset_s": numbers.get(OFFSET, 0) / 1000}


def _preemption(value: int | None) -> dict[str, Any] | None:
    stage = (value or 0) & 0xF
    return {"row": ((value or 0) >> 4 & 0xF) + 1, "stage": _word(PREEMPTION_STAGES, stage)} if stage else None


def _transit(value: int | None) -> int | None:
    """The priority that is granted, from 1 on."""
    return (value or 0) >> 8 & 0xF or None
