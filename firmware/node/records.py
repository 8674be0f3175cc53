"""Makes records: a reading or an event becomes a numbered payload in the outbox the moment it exists."""

from micropython import const

from paifang_wire import messages

_DETAIL_CHARACTERS = const(64)


class Records:
    """`notify()` is called after each record, to wake the link."""

    def __init__(self, boot: int, outbox, uptime, wall, notify) -> None:
        self._boot = boot
        self._outbox = outbox
        self._uptime = uptime
        self._wall = wall
        self._notify = notify
        self._is_dropping = False

    def utc_ms(self):
        """The time, None while it is not known."""
        return self._wall.utc_ms(self._uptime.now_ms())

    def report(self, values: dict, quality: dict) -> None:
        """`values`: {point: int or None}; `quality`: {point: quality} of those that are not GOOD."""
        now_ms = self._uptime.now_ms()
        self._add(
            (messages.REPORT, self._boot, self._outbox.next_number, now_ms, self._wall.utc_ms(now_ms), values, quality)
        )

    def event(self, code: int, point, detail: str) -> None:
        """`code` is one of the EV_ constants; `point` a number or None."""
        now_ms = self._uptime.now_ms()
        head = (messages.EVENT, self._boot, self._outbox.next_number, now_ms, self._wall.utc_ms(now_ms))
        self._add(head + (code, point, detail[:_DETAIL_CHARACTERS]))

    def _add(self, message: tuple) -> None:
        dropped = self._outbox.add(messages.encode(message))
        if dropped and not self._is_dropping:
            self._is_dropping = True
            self.event(messages.EV_RECORDS_DROPPED, None, "queue full: the oldest records are dropped")
        elif self._outbox.is_half_empty:
            self._is_dropping = False
        self._notify()
