"""A relay behind an output pin, with a read-back of its contact: the only code that writes the pin.

It refuses to switch before the minimum on or off time is over, whoever asks; only the fail-safe position is always
free. Times count from the start of the program too: what the relay did before a reset is not known, and a node that
restarts again and again must not chatter.
"""

from micropython import const

from paifang_wire.messages import INTERLOCK, TOO_SOON

ALLOWED = const(0)  # the place of a refusal when there is none
OFF = const(0)
ON = const(1)
CONTACT_MS = const(50)  # a power relay closes within 15 ms and has stopped bouncing well before this


class Relay:
    """`out.value(0|1)` drives the coil (1 = energised); `read_back.value()` is the contact (1 = closed).

    `now_ms()` is the uptime. The relay stands in `fail_safe` from the first moment.
    """

    def __init__(self, out, read_back, now_ms, minimum_on_ms: int, minimum_off_ms: int, fail_safe: int = OFF) -> None:
        self._out = out
        self._read_back = read_back
        self._now_ms = now_ms
        self._minimum_ms = (minimum_off_ms, minimum_on_ms)
        self._fail_safe = fail_safe
        self._locked = False
        self._write(fail_safe)

    @classmethod
    def wired(cls, machine, wiring: dict, uptime):
        """The relay at pins `out` and `read_back`, with `minimum_on_ms`, `minimum_off_ms` and `fail_safe`."""
        # The pin gets its level together with its direction, or the coil would twitch at each start.
        out = machine.Pin(wiring["out"], machine.Pin.OUT, value=wiring["fail_safe"])
        read_back = machine.Pin(wiring["read_back"], machine.Pin.IN)
        times = wiring["minimum_on_ms"], wiring["minimum_off_ms"]
        return cls(out, read_back, uptime.now_ms, times[0], times[1], wiring["fail_safe"])

    def request(self, wanted: int) -> int:
        """Switch to OFF or ON if that is allowed now. Returns the refusal; ALLOWED when the pin stands as wanted."""
        if wanted == self._wanted:
            return ALLOWED
        if self._locked:
            return INTERLOCK
        if self._now_ms() - self._since_ms < self._minimum_ms[self._wanted]:
            return TOO_SOON
        self._write(wanted)
        return ALLOWED

    def to_fail_safe(self, lock: bool = False) -> None:
        """Go to the fail-safe position at once, whatever the times say; with `lock`, stay there until the reset."""
        self._locked = self._locked or lock
        if self._wanted != self._fail_safe:
            self._write(self._fail_safe)

    def position(self) -> int:
        """Where the contact is: OFF or ON, as read back."""
        return ON if self._read_back.value() else OFF

    def is_faulty(self) -> bool:
        """The contact is not where the coil should have put it, and has had the time to get there."""
        return self.position() != self._wanted and self._now_ms() - self._since_ms >= CONTACT_MS

    def _write(self, value: int) -> None:
        self._out.value(value)
        self._wanted = value
        self._since_ms = self._now_ms()
