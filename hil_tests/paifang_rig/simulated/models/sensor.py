"""What every model on the bench has in common: its wires, its power, its fault, and its word on what it sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Emission:
    """One answer a sensor model really gave at the wire.

    `values` are the readings in it, point number → integer in the point's own scale; `key` finds the same reading in
    a store (`key_of` of the model's class gives it for stored values). `valid` is False when the answer carried a
    fault, so that no value may be stored from it; `asked` is False for what a sensor sends by itself. `at_ms` is the
    host's monotonic clock.
    """

    board: str
    power_cycle: int
    sensor: str
    identity: int | str
    key: tuple[object, ...]
    values: Mapping[int, int]
    at_ms: int
    valid: bool = True
    asked: bool = True


class Port(Protocol):
    """What a model sees of the board it is wired to."""

    def after(self, delay_ms: float, action: Callable[[], None]) -> None:
        """Do `action` after `delay_ms` of node time, unless power goes first."""
        ...

    def node_ms(self) -> float:
        """Node time as the bench sees it."""
        ...

    def is_over(self, due_ms: float) -> bool:
        """Whether a node that waited until `due_ms` of node time may be here: for what a chip refuses before."""
        ...

    def transmit(self, uart: int, data: bytes) -> None:
        """Bytes towards the board's receiver."""
        ...

    def emit(
        self, sensor: Sensor, identity: int | str, values: Mapping[int, int], *, valid: bool, asked: bool
    ) -> None: ...


@dataclass
class Sensor:
    """A model without a wire. `fault` is None or one of the names in `FAULTS`; it may change at any time."""

    fault: str | None = field(default=None, kw_only=True)
    kind: str = field(default="sensor", init=False)

    def __post_init__(self) -> None:
        self.port: Port | None = None

    def attach(self, port: Port) -> None:
        self.port = port

    def power(self, on: bool) -> None:
        """Power comes or goes with the board's; volatile state is lost."""

    @staticmethod
    def key_of(values: Mapping[int, int]) -> tuple[object, ...] | None:
        """The key of stored values, None when they are not of this kind of sensor."""
        del values
        return None

    def emit(self, identity: int | str, values: Mapping[int, int], *, valid: bool = True, asked: bool = True) -> None:
        """Call it at the moment the answer leaves."""
        if self.port:
            self.port.emit(self, identity, values, valid=valid, asked=asked)


@dataclass
class UartSensor(Sensor):
    """A sensor on a UART; `received` gets what the board sends, `send` answers."""

    uart: int = 2
    baud: int = 9600

    def received(self, data: bytes) -> None:
        raise NotImplementedError

    def send(self, data: bytes, delay_ms: float = 0) -> None:
        if not self.port:
            return
        if delay_ms:
            self.port.after(delay_ms, lambda: self.send(data))
        else:
            self.port.transmit(self.uart, data)


@dataclass
class I2cSensor(Sensor):
    """A sensor on I2C. OSError (with an errno of the ESP32 port: ENODEV, ETIMEDOUT) is what the driver will see."""

    bus: int = 0
    address: int = 0

    def transfer(self, written: bytes, count: int) -> bytes:
        """One transaction: bytes written, then `count` bytes read after a repeated start."""
        raise NotImplementedError


@dataclass
class PinSensor(Sensor):
    """Something on GPIO pins."""

    def outputs(self) -> tuple[int, ...]:
        """Pins the board drives."""
        return ()

    def inputs(self) -> tuple[int, ...]:
        """Pins the board reads."""
        return ()

    def driven(self, pin: int, level: int) -> None:
        """The board put `pin` to `level`; called on every write, changed or not."""

    def level(self, pin: int) -> int:
        raise NotImplementedError


@dataclass
class SpiSensor(PinSensor):
    """Something on an SPI bus, with pins of its own that select, load or latch."""

    bus: int = 1

    def exchange(self, written: bytes) -> bytes:
        """As many bytes as were shifted in are shifted out."""
        raise NotImplementedError
