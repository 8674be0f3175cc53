"""What a node got to know, tick by tick, on a tape: played to another node it must give the same lamp log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .lamps import LampLog

if TYPE_CHECKING:
    from .seen import Port, Seen
    from .street import Street


@dataclass
class Recorder:
    """A port that passes everything on to `port`, and keeps what it was given."""

    port: Port
    tape: list[tuple[int, Seen]] = field(default_factory=list)

    @property
    def street(self) -> Street:
        return self.port.street

    @property
    def reason(self) -> int:
        return self.port.reason

    @property
    def trip(self) -> int:
        return self.port.trip

    def tick(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        self.tape.append((t_ms, seen))
        return self.port.tick(t_ms, seen)

    def sample(self, t_ms: int, seen: Seen) -> tuple[bytes, int]:
        """It cannot be played again: what goes on tape are ticks."""
        return self.port.sample(t_ms, seen)

    def close(self) -> None:
        self.port.close()


def play(tape: list[tuple[int, Seen]], port: Port) -> str:
    """The lamp log of a node that gets to know what is on the tape."""
    log = LampLog()
    for t_ms, seen in tape:
        log.note(t_ms, *port.tick(t_ms, seen))
    return log.text()
