"""A signal cabinet at the wires of its node: two chains of shift registers, the relay's pin, and the street behind."""

from __future__ import annotations

from dataclasses import dataclass, field

from paifang_rig.signals.street import Street
from paifang_rig.simulated.models.sensor import SpiSensor

SUPPLY_OK, RELAY_CLOSED, FLASH_SWITCH, RESET_BUTTON, DOOR_OPEN = 1, 8, 16, 32, 64
_COLOURS = 3


@dataclass
class Cabinet(SpiSensor):
    """`groups` and `detectors` as in the node's configuration; what the street does stands in `street`.

    `covered`, `buttons`, `preempts`, `transit`, `hands` (flags of switch, button, door) and `supply` are what the node
    is to read. `edges`: (node ms, lamps) of every change of the outputs; `enables`: node ms of every change of the pin.
    `taken`: how often the inputs were read. `status`: what it says to a second unit.
    """

    latch_pin: int = 5
    load_pin: int = 22
    enable_pin: int = 21
    groups: int = 16
    detectors: int = 32
    street: Street = field(default_factory=Street)
    supply: bool = True
    covered: int = 0
    buttons: int = 0
    preempts: int = 0
    transit: int = 0
    hands: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kind = "cabinet"
        self.edges: list[tuple[float, int]] = []
        self.enables: list[float] = []
        self.status = self.taken = 0
        self._level = self._lamps = 0
        self._register = self._loaded = b""
        self._levels = {self.latch_pin: 0, self.load_pin: 1}

    def outputs(self) -> tuple[int, ...]:
        return self.latch_pin, self.load_pin, self.enable_pin

    def power(self, on: bool) -> None:
        if not on:
            self._level = self._lamps = 0
            self.street.lose_power()

    def driven(self, pin: int, level: int) -> None:
        if pin == self.enable_pin:
            self._feed(level)
            return
        before, self._levels[pin] = self._levels[pin], level
        if pin == self.load_pin and not level:
            self._loaded = self._inputs()
            self.taken += 1
        elif pin == self.latch_pin and level and not before:
            self._show()

    def exchange(self, written: bytes) -> bytes:
        self._register = written
        return self._loaded[: len(written)]

    def _feed(self, level: int) -> None:
        now_ms = self._now_ms()
        if level != self._level:
            self._level = level
            self.enables.append(now_ms)
        self.street.drive(self._lamps, level, round(now_ms))

    def _show(self) -> None:
        size = self.groups // 8
        chain, self.status = self._register[-_COLOURS * size - 1 : -1], self._register[-1]
        lamps = sum(int.from_bytes(chain[n * size : (n + 1) * size], "little") << 16 * n for n in range(_COLOURS))
        now_ms = self._now_ms()
        if lamps != self._lamps:
            self._lamps = lamps
            self.edges.append((now_ms, lamps))
        self.street.drive(lamps, self._level, round(now_ms))

    def _inputs(self) -> bytes:
        self.street.pass_time(round(self._now_ms()))
        lit, size = self.street.lit(), self.groups // 8
        sensed = b"".join((lit >> 16 * n & (1 << self.groups) - 1).to_bytes(size, "little") for n in range(_COLOURS))
        flags = SUPPLY_OK * self.supply | RELAY_CLOSED * self.street.relay_closed | self.hands
        asked = self.preempts | self.transit << 4
        return sensed + self.covered.to_bytes(self.detectors // 8, "little") + bytes((self.buttons, asked, flags))

    def _now_ms(self) -> float:
        return self.port.node_ms() if self.port else 0.0
