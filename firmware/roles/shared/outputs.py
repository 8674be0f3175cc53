"""What the roles share about relays: act on a command, check the contact, report when something changed."""

from micropython import const

from drivers.relay import CONTACT_MS
from paifang_wire.messages import EV_OUTPUT_FAULT, INCONSISTENT

_REPEAT_MS = const(60_000)


class Switch:
    """One relay as a point. Its position is reported as read back: on change, and every minute."""

    def __init__(self, point: int, relay, uptime) -> None:
        self._point = point
        self._relay = relay
        self._uptime = uptime
        self._records = None
        self._reported = None
        self._reported_ms = 0
        self._is_faulty = False

    def attach(self, records) -> None:
        self._records = records
        self.check()

    async def write(self, value: int) -> tuple:
        """(refusal or 0, position before, after), both as read back. A contact that does not follow is a refusal."""
        before = self._relay.position()
        refusal = self._relay.request(value)
        if not refusal:
            await self._uptime.sleep_ms(CONTACT_MS)
            if self._relay.position() != value:
                refusal = INCONSISTENT
        after = self._relay.position()
        self.check()
        return refusal, before, after

    async def to_safe(self) -> tuple:
        """As `write`, to the fail-safe position, which is always free."""
        before = self._relay.position()
        self._relay.to_fail_safe()
        await self._uptime.sleep_ms(CONTACT_MS)
        is_faulty = self._relay.is_faulty()
        after = self._relay.position()
        self.check()
        return INCONSISTENT if is_faulty else 0, before, after

    def position(self) -> int:
        """As read back."""
        return self._relay.position()

    def to_safe_state(self) -> None:
        self._relay.to_fail_safe(lock=True)

    def check(self) -> None:
        """Look at the contact: a fault sends the relay to its fail-safe position and is told once."""
        is_faulty = self._relay.is_faulty()
        if is_faulty and not self._is_faulty:
            self._relay.to_fail_safe()
            self._records.event(EV_OUTPUT_FAULT, self._point, "the contact does not follow the coil")
        self._is_faulty = is_faulty
        position = self._relay.position()
        now_ms = self._uptime.now_ms()
        if position != self._reported or now_ms - self._reported_ms >= _REPEAT_MS:
            self._records.report({self._point: position}, {})
            self._reported = position
            self._reported_ms = now_ms
