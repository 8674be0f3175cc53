"""A relay with an auxiliary contact: one pin drives the coil, another reads back what the contacts really did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from paifang_rig.simulated.models.sensor import PinSensor


@dataclass
class Relay(PinSensor):
    """Faults: "stuck-open" and "stuck-closed" are welded or broken contacts, "no-read-back" a broken auxiliary wire.

    `moves` lists the contact's positions in order, beginning with the first move.
    """

    FAULTS: ClassVar = ("stuck-open", "stuck-closed", "no-read-back")

    out_pin: int = 25
    back_pin: int = 26

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kind = "relay"
        self.coil = False
        self.moves: list[bool] = []

    @property
    def closed(self) -> bool:
        """Where the contacts are."""
        return self.fault == "stuck-closed" or (self.coil and self.fault != "stuck-open")

    def outputs(self) -> tuple[int, ...]:
        return (self.out_pin,)

    def inputs(self) -> tuple[int, ...]:
        return (self.back_pin,)

    def driven(self, pin: int, level: int) -> None:
        before = self.closed
        self.coil = bool(level)
        if self.closed != before:
            self.moves.append(self.closed)

    def level(self, pin: int) -> int:
        return 0 if self.fault == "no-read-back" else int(self.closed)
