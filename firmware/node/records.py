"""Makes records: a reading or an event becomes a numbered payload the moment it exists, and its number says its lane.

The live lane waits in RAM, in the outbox; the backlog lane is the journal's: what comes while there is no gateway, what
has no room in RAM, and what bills.
"""

from micropython import const

from paifang_wire import messages

_DETAIL_CHARACTERS = const(64)


class Records:
    """`notify()` is called after each record, to wake the link. `keeper`: a `Keeper`, None without a journal."""

    def __init__(self, boot: int, outbox, uptime, wall, notify, keeper=None) -> None:
        self._boot = boot
        self._outbox = outbox
        self._uptime = uptime
        self._wall = wall
        self._notify = notify
        self._keeper = keeper
        self._is_dropping = False

    def utc_ms(self):
        """The time, None while it is not known."""
        return self._wall.utc_ms(self._uptime.now_ms())

    def report(self, values: dict, quality: dict) -> None:
        """`values`: {point: int or None}; `quality`: {point: quality} of those that are not GOOD."""
        self._add(messages.REPORT, (values, quality))

    def bill(self, values: dict) -> None:
        """A report that is kept on flash at once, where there is a journal."""
        self._add(messages.REPORT, (values, {}), True)

    def event(self, code: int, point, detail: str) -> None:
        """`code` is one of the EV_ constants; `point` a number or None."""
        self._add(messages.EVENT, (code, point, detail[:_DETAIL_CHARACTERS]))

    def _add(self, kind: int, fields: tuple, bills: bool = False) -> None:
        now_ms = self._uptime.now_ms()
        fields = (now_ms, self._wall.utc_ms(now_ms)) + fields
        keeper = self._keeper
        if keeper is None or not ((bills or keeper.is_alone(now_ms)) and self._keep(kind, fields, bills)):
            payload = messages.encode((kind, self._boot, self._outbox.next_number) + fields)
            if keeper is None or self._outbox.has_room(len(payload)) or not self._keep(kind, fields):
                self._queue(payload)
        self._notify()

    def _keep(self, kind: int, fields: tuple, bills: bool = False) -> bool:
        keeper = self._keeper
        return keeper.add(messages.encode((kind, self._boot, keeper.next_number) + fields), fields[0], bills)

    def _queue(self, payload: bytes) -> None:
        dropped = self._outbox.add(payload)
        if dropped and not self._is_dropping:
            self._is_dropping = True
            self.event(messages.EV_RECORDS_DROPPED, None, "queue full: the oldest records are dropped")
        elif self._outbox.is_half_empty:
            self._is_dropping = False
