"""Which measurements are new: not the last one heard again, not an old one that somebody sends again, not too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.errors import FrameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paifang.bridges.ble.beacons import Said
    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import AnyProfile

ALIKE_MOST = 8
"""A device parts a measurement into so few packets, if it does; more with one number are not remembered."""
EARLY = 4
"""Devices are not punctual: what comes a quarter of its interval early is not left out."""


class Repetition:
    """Of one device. `counter`: the last one that was taken; what has none above it is old, and stays so.

    A device that counts from 0 again looks like somebody who sends old packets: only a person can tell these apart.
    """

    def __init__(self, counter: int | None = None) -> None:
        self.counter = counter
        self._number: int | None = None
        self._heard: list[bytes] = []

    def is_new(self, data: bytes, said: Said) -> bool:
        """Whether this is another measurement than the last; FrameError "replay" for an old one."""
        if said.counter is not None:
            return self._counts_on(said.counter)
        if said.number is None:
            return True
        if said.number != self._number:
            self._number, self._heard = said.number, []
        if data in self._heard:
            return False
        self._heard = [*self._heard[1 - ALIKE_MOST :], data]
        return True

    def _counts_on(self, counter: int) -> bool:
        last, self.counter = self.counter, max(counter, self.counter or 0)
        if last is not None and counter < last:
            raise FrameError("replay", f"counter {counter}, the last one was {last}")
        return counter != last


class Thinning:
    """A switch or a text is passed on when it changes; and everything once an interval of its group, if it is heard."""

    def __init__(self, profile: AnyProfile) -> None:
        self._interval_us = {
            name: 1_000 * profile.groups[point.properties.group] for name, point in profile.points.items()
        }
        self._instant = {name for name, point in profile.points.items() if point.properties.type != "number"}
        self._passed: dict[str, tuple[Reading, int]] = {}

    def passed(self, readings: Mapping[str, Reading], now_us: int) -> dict[str, Reading]:
        """What of these readings goes on."""
        found = {name: reading for name, reading in readings.items() if self._is_due(name, reading, now_us)}
        self._passed |= {name: (reading, now_us) for name, reading in found.items()}
        return found

    def _is_due(self, name: str, reading: Reading, now_us: int) -> bool:
        if name not in self._passed:
            return True
        before, passed_us = self._passed[name]
        interval_us = self._interval_us[name]
        if (name in self._instant or before[1] != reading[1]) and before != reading:
            return True
        return now_us - passed_us >= interval_us - interval_us // EARLY
