"""What a node says of itself: points 32 and up, every minute."""

from micropython import const

from paifang_wire.messages import INT

_PERIOD_MS = const(60_000)

POINTS = (
    (32, "free_heap", "B", INT, 0, 0, None, 0, None),
    (33, "queue_depth", "", INT, 0, 0, None, 0, None),
    (34, "records_dropped", "", INT, 0, 0, None, 0, None),
    (35, "link_reconnects", "", INT, 0, 0, None, 0, None),
    (36, "frames_refused", "", INT, 0, 0, None, 0, None),
)


async def run(alive, records, outbox, link, gc) -> None:
    """Report for ever. `gc`: collect() and mem_free(); the collection at a quiet point is part of the work."""
    while True:
        gc.collect()
        records.report(
            {32: gc.mem_free(), 33: len(outbox), 34: outbox.dropped, 35: link.reconnects, 36: link.refused}, {}
        )
        await alive.nap(_PERIOD_MS)
