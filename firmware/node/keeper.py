"""Decides what goes to the journal, when that goes to the flash, and tells of what goes wrong with it.

While there is a gateway, records wait in RAM: flash is for outages, and for what bills. An outage is one once it has
lasted for a while; then what waits in RAM is copied, too. All that takes the flash is done by one task, in small steps.
"""

import asyncio

from micropython import const

from paifang_wire.messages import EV_JOURNAL, EV_RECORDS_DROPPED

GRACE_MS = const(15_000)
"""A line that is back before that has been no outage."""
_TICK_MS = const(1_000)
_STEP_MS = const(5)
_BACKOFF_MS = const(10_000)
_BACKOFF_LIMIT_MS = const(900_000)


class Keeper:
    """`journal`: a `Journal`; `link` tells `alone_ms(now_ms)`; `flush_ms`: what a power cut may take of an outage.

    `errors` counts the times that the flash has refused to be written.
    """

    def __init__(self, journal, outbox, link, uptime, flush_ms: int) -> None:
        self._journal = journal
        self._outbox = outbox
        self._link = link
        self._uptime = uptime
        self._flush_ms = flush_ms
        self._wake = asyncio.Event()
        self._is_urgent = False
        self._retry_ms = 0
        self._backoff_ms = _BACKOFF_MS
        self._dropped = journal.dropped
        self._damaged = 0
        self._is_dropping = False
        self._records = None
        self.errors = 0

    def attach(self, records) -> None:
        """From now on there is somewhere to tell what goes wrong."""
        self._records = records

    @property
    def next_number(self) -> int:
        return self._journal.next_number

    def is_alone(self, now_ms: int) -> bool:
        """There has been no gateway for so long that this is an outage."""
        return self._link.alone_ms(now_ms) > GRACE_MS

    def add(self, payload: bytes, now_ms: int, is_urgent: bool = False) -> bool:
        """Take a record that has `next_number`; False when there is no room. `is_urgent`: to be kept at once."""
        if self.is_alone(now_ms):
            self._copy(now_ms)  # what came before lies before it
        taken = self._journal.add(payload, now_ms)
        self._is_urgent = self._is_urgent or is_urgent
        if is_urgent or self._journal.is_buffer_filling:
            self._wake.set()
        return taken

    def health(self) -> tuple:
        """(bytes in the journal, records dropped, places damaged, times that the flash has refused)."""
        journal = self._journal
        return journal.waiting, journal.dropped, journal.damaged, self.errors

    async def run(self, alive) -> None:
        """Keep the journal, for ever."""
        while True:
            alive()
            self._wake.clear()
            for _ in self.working(self._uptime.now_ms()):
                await self._uptime.sleep_ms(_STEP_MS)
            try:
                await asyncio.wait_for_ms(self._wake.wait(), _TICK_MS)
            except asyncio.TimeoutError:
                pass

    def working(self, now_ms: int):
        """What is due now, in steps."""
        if now_ms < self._retry_ms:
            return
        try:
            if self.is_alone(now_ms):
                self._copy(now_ms)
            if self._is_due(now_ms):
                yield from self._journal.flushing()
                self._is_urgent = False
            yield from self._journal.tidying()
            self._backoff_ms = _BACKOFF_MS
        except OSError as error:
            self._refused(error, now_ms)
        self._tell()

    def close(self) -> None:
        """Put everything that is not settled on flash: RAM goes."""
        try:
            while self._copy(self._uptime.now_ms()) or self._journal.buffered:
                for _ in self._journal.flushing():
                    pass
        except OSError as error:
            print("journal: not kept:", repr(error))

    def _is_due(self, now_ms: int) -> bool:
        journal = self._journal
        is_old = journal.buffered and now_ms - journal.since_ms >= self._flush_ms
        return self._is_urgent or is_old or journal.is_buffer_filling

    def _copy(self, now_ms: int) -> bool:
        """Copy what waits in RAM as far as there is room; True when some was."""
        outbox = self._outbox
        before = outbox.copied
        if before >= outbox.next_number - 1:
            return False
        for number, payload in outbox.unsettled(before + 1):
            if not self._journal.add(payload, now_ms):
                break
            outbox.copied = number
        return outbox.copied != before

    def _refused(self, error: OSError, now_ms: int) -> None:
        self.errors += 1
        self._retry_ms = now_ms + self._backoff_ms
        if self._backoff_ms == _BACKOFF_MS:
            self._records.event(EV_JOURNAL, None, "flash does not take the journal: " + repr(error))
        self._backoff_ms = min(2 * self._backoff_ms, _BACKOFF_LIMIT_MS)

    def _tell(self) -> None:
        """Once for as long as it is full, and for each place that is damaged."""
        journal = self._journal
        if journal.dropped > self._dropped and not self._is_dropping:
            self._is_dropping = True
            self._records.event(EV_RECORDS_DROPPED, None, "journal full: the oldest records are dropped")
        elif journal.is_half_empty:
            self._is_dropping = False
        if journal.damaged > self._damaged:
            self._records.event(EV_JOURNAL, None, "the journal cannot be read in places: %d" % journal.damaged)
        self._dropped, self._damaged = journal.dropped, journal.damaged
