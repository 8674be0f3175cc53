"""What a node says of itself: points 32 and up (`runtime.HEALTH`), every minute."""

from micropython import const

_PERIOD_MS = const(60_000)


class Health:
    """`gc`: collect() and mem_free(); collecting at a quiet point is part of the work. `keeper`: as of Records."""

    def __init__(self, records, outbox, link, gc, keeper=None) -> None:
        self._records = records
        self._outbox = outbox
        self._link = link
        self._gc = gc
        self._keeper = keeper

    async def run(self, alive) -> None:
        """Report for ever."""
        link, outbox = self._link, self._outbox
        while True:
            self._gc.collect()
            values = {
                32: self._gc.mem_free(),
                33: len(outbox),
                34: outbox.dropped,
                35: link.reconnects,
                36: link.refused,
            }
            if self._keeper is not None:
                values[37], values[38], values[39], values[40] = self._keeper.health()
            self._records.report(values, {})
            await alive.nap(_PERIOD_MS)
