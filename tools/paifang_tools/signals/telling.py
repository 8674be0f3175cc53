"""What a signal node says of itself, in words: states, reasons, events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paifang_tools.signals.shipped import part

if TYPE_CHECKING:
    from collections.abc import Callable

STATES = ("starting", "all-red", "running", "flashing", "latched flash")
MONITOR_FROM, OWN_FROM = 16, 32
"""Reasons for flashing: of the interlock, from here on the monitor's, from here on the role's."""
REASONS = {
    0: "",
    1: "it has just been switched on",
    2: "asked for",
    3: "a request that is none",
    4: "its memory is broken",
    32: "its program has failed",
    33: "the site record is damaged or not signed",
    35: "it was not stopped properly",
    36: "a command",
    40: "the switch in the cabinet",
    41: "a command",
    42: "low supply",
    43: "no plan is in force",
    44: "no site record is loaded",
}


def reason_words(reason: int) -> str:
    """Why it flashes: "conflict", "a command"; "" for no reason."""
    if MONITOR_FROM < reason < OWN_FROM:
        return monitor_words(reason - MONITOR_FROM)
    return REASONS.get(reason, f"reason {reason}")


def monitor_words(reason: int) -> str:
    reasons: tuple[str, ...] = part("monitor").REASONS
    return reasons[reason] if reason < len(reasons) else f"reason {reason}"


def event_words(detail: str, group_words: Callable[[int], str]) -> str:
    """An event for people; what is not known stands as the node said it. `group_words`: of a group from 1 on."""
    state = _STATE.fullmatch(detail)
    if state is not None:
        return _state_words(int(state[1]), int(state[2]), int(state[3]), group_words)
    for pattern, told in _WORDS:
        match = pattern.fullmatch(detail)
        if match is not None:
            return told.format(*match.groups())
    return detail


def _state_words(state: int, reason: int, group: int, group_words: Callable[[int], str]) -> str:
    name = STATES[state] if state < len(STATES) else f"state {state}"
    why = reason_words(reason) if state >= STATES.index("flashing") else ""
    where = f" on {group_words(group)}" if group and why else ""
    return f"{name}: {why}{where}" if why else name


_STATE = re.compile(r"state (\d{1,3}) reason (\d{1,3}) group (\d{1,3})", re.ASCII)
_WORDS = (
    (re.compile(r"plan (\d+) cannot be used"), "plan {} does not fit the site record"),
    (re.compile(r"plan (\d+) refused: (.*)"), "plan {} does not fit the site record: {}"),
    (re.compile(r"(plan|day plans) refused: (.*)"), "{} refused: {}"),
    (re.compile(r"plan (\d+) (.+)"), 'goes by plan {}, "{}"'),
    (re.compile(r"site record (damaged|not signed by two roots)"), "flashing: its site record is {}"),
    (re.compile(r"site record of (.+)"), "flashing: it holds the site record of {}"),
)
"""How a node says it, and how it is said here."""
