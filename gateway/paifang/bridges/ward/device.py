"""One device of the ward: what its bridge reads becomes reports, with qualities, and with events when they change.

Nothing is made up: a value that is older than its profile allows is told once to be stale, without a number.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paifang.bridges.ward.guard import Guard, guards
from paifang.bridges.ward.standing import EVENTS, LOCKED, Standing, missing
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paifang.bridges.ward.description import Description
    from paifang.bridges.ward.recorder import Recorder
    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import AnyProfile

WIRE_MOST = (1 << 63) - 1
US_OF_MS = 1_000
_BELIEVED = (messages.GOOD, messages.INDICATIVE)
_POINT_EVENTS = {
    messages.ABSENT: messages.EV_SENSOR_ABSENT,
    messages.GARBLED: messages.EV_SENSOR_GARBLED,
    messages.IMPLAUSIBLE: messages.EV_IMPLAUSIBLE,
}


class WardDevice:
    """`started_us` of the bus's clock is 0 of its life. `tick` is due at `stale_us`, None: not at all."""

    def __init__(
        self, name: str, profile: AnyProfile, description: Description, recorder: Recorder, started_us: int
    ) -> None:
        self.name = name
        self.profile = profile
        self.description = description
        self.recorder = recorder
        self.standing = Standing()
        self.is_locked = False
        self.latest: dict[int, tuple[int | None, int]] = {}
        """Point -> newest value and when it was read; None for one that is not good."""
        self.texts: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        """Point -> why the device does not give it."""
        self._started_us = started_us
        self._numbers = {point.name: point.number for point in description.table.points}
        self._stale_after_us = {number: profile.stale_ms(name) * US_OF_MS for name, number in self._numbers.items()}
        self._guards = {
            number: Guard(profile.points[name].properties)
            for name, number in self._numbers.items()
            if guards(profile.points[name].properties)
        }
        self._quality: dict[int, int] = {}
        self._missing: set[int] = set()
        self._due_us: dict[int, int] = {}
        self._is_told = False
        self.stale_us: int | None = None
        self._expect_all(started_us)
        recorder.event(messages.EV_STARTED, None, f"profile {profile.name}")

    def uptime_ms(self, at_us: int) -> int:
        return max(at_us - self._started_us, 0) // US_OF_MS

    def take(self, readings: Mapping[str, Reading], at_us: int) -> None:
        """What was read at this moment."""
        at_ms = self.uptime_ms(at_us)
        values: dict[int, int | None] = {}
        quality: dict[int, int] = {}
        for name, (value, how) in readings.items():
            number = self._numbers.get(name)
            if number is None:
                self.texts[name] = str(value)
                continue
            wire, judged = self._judged(number, value, how, at_ms)
            values[number] = wire
            if judged != messages.GOOD:
                quality[number] = judged
            self.latest[number] = (wire if judged == messages.GOOD else None, at_ms)
            self._due_us[number] = at_us + self._stale_after_us[number]
            if judged != self._quality.get(number, messages.GOOD):
                self._tell_change(number, judged)
        if self.refused:
            self.refused = {name: why for name, why in self.refused.items() if name not in readings}
        if values:
            self._missing.difference_update(values)
            self.recorder.report(values, quality, at_ms)
        self._came_up(at_us)

    def deny(self, points: Iterable[str], why: str, at_us: int) -> None:
        """It does not give these points; it is there all the same."""
        self.refused |= dict.fromkeys(points, why)
        self._came_up(at_us)

    def stand(self, is_up: bool, why: str, at_us: int) -> None:
        """Whether its bridge finds it."""
        if is_up:
            self._came_up(at_us)
        else:
            self._set(Standing("down", LOCKED if self.is_locked else why, self.uptime_ms(at_us)))

    def lock(self, locked: bool, at_us: int) -> None:
        """It is neither read nor commanded any more, or is again."""
        self.is_locked = locked
        self.stand(False, "it has not answered since it was unlocked", at_us)

    def tick(self, now_us: int) -> None:
        """Tell which values have become stale."""
        overdue = {number for number, due_us in self._due_us.items() if due_us <= now_us} - self._missing
        told = [number for number in sorted(overdue) if self._quality.get(number) != messages.STALE]
        self._missing |= overdue
        for number in told:
            self._quality[number] = messages.STALE
            self.latest.pop(number, None)
        if told:
            self.recorder.report(dict.fromkeys(told), dict.fromkeys(told, messages.STALE), self.uptime_ms(now_us))
        self._set_stale_us()
        if overdue and self.standing.state != "down":
            self._came_up(now_us)

    def values(self, now_us: int) -> dict[int, int]:
        """The present values, without those that are old or not good."""
        return {
            number: value
            for number, (value, _) in self.latest.items()
            if value is not None and self._due_us[number] > now_us
        }

    def _judged(self, number: int, value: int | str | None, quality: int, at_ms: int) -> tuple[int | None, int]:
        if not isinstance(value, int):
            return None, quality if quality != messages.GOOD else messages.GARBLED
        if abs(value) > WIRE_MOST:
            return None, messages.IMPLAUSIBLE
        guard = self._guards.get(number)
        if guard is not None and quality in _BELIEVED and guard.quality(value, at_ms) != messages.GOOD:
            return value, messages.IMPLAUSIBLE
        return value, quality

    def _tell_change(self, number: int, quality: int) -> None:
        before = self._quality.get(number, messages.GOOD)
        self._quality[number] = quality
        if quality in _POINT_EVENTS:
            self.recorder.event(_POINT_EVENTS[quality], number, "")
        elif before in _POINT_EVENTS:
            self.recorder.event(messages.EV_RECOVERED, number, "")

    def _came_up(self, at_us: int) -> None:
        """It has been heard. After it was down, all its values are expected anew."""
        if self.is_locked:
            return
        if self.standing.state == "down":
            self._missing.clear()
            self._expect_all(at_us)
        if not self._missing:
            self._set(Standing("up", "", self.uptime_ms(at_us)))
            return
        names = [name for name, number in self._numbers.items() if number in self._missing]
        why = next((self.refused[name] for name in names if name in self.refused), "")
        self._set(Standing("degraded", missing(names, why), self.uptime_ms(at_us)))

    def _set(self, standing: Standing) -> None:
        """An event tells each change of state, and the first one; why it is still so may change without."""
        is_news = standing.state != self.standing.state or not self._is_told
        since_ms = standing.since_ms if is_news else self.standing.since_ms
        self.standing, self._is_told = replace(standing, since_ms=since_ms), True
        if is_news:
            self.recorder.event(EVENTS[standing.state], None, standing.text)

    def _expect_all(self, at_us: int) -> None:
        for number, after_us in self._stale_after_us.items():
            self._due_us[number] = max(self._due_us.get(number, 0), at_us + after_us)
        self._set_stale_us()

    def _set_stale_us(self) -> None:
        waited = (due_us for number, due_us in self._due_us.items() if number not in self._missing)
        self.stale_us = min(waited, default=None)
