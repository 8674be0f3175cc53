"""Max-pressure for a junction as the settings describe it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.errors import PaifangError
from paifang.insight.pressure import Junction, MaxPressure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paifang.insight.pressure import Traffic
    from paifang.settings import SignalSettings

    Adviser = Callable[[Traffic], Iterable[tuple[int, int]]]


def make(settings: SignalSettings) -> MaxPressure:
    """Raises PaifangError for settings by which nobody can be advised, such as a bound that cannot be kept."""
    junction = Junction(
        rings=settings.rings,
        lanes={each.phase: each.lanes for each in settings.phases},
        service_s={each.phase: each.service_ms / 1000 for each in settings.phases if each.service_ms is not None},
        room={each.phase: each.room for each in settings.phases if each.room is not None},
        bound_s=settings.bound_ms / 1000,
    )
    return MaxPressure(junction)


def adviser(settings: SignalSettings) -> Adviser:
    """The advice of one junction; where there cannot be any, each call raises the PaifangError that says why."""
    try:
        return make(settings).advise
    except PaifangError as error:
        problem = PaifangError(error.message, error.hint, code="settings")
    return lambda _traffic: _refuse(problem)


def _refuse(problem: PaifangError) -> tuple[()]:
    raise problem
