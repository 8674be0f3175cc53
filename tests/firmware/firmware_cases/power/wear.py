"""Erases of a whole node's flash over a long outage, or a long time of bills, as LittleFS really does them."""

import vfs

from node.journal import Journal, ids
from node.segments import FRAME, Segments
from paifang_wire import messages

from .flash import BLOCK, Flash
from .house import MOUNT, PARAMETERS

_BUFFER_BYTES = 2_048
_FILE_BYTES = 1_000


def main(blocks: int, firmware: int, budget: int, flushes: int, size: int, bills: int) -> None:
    """Print `flushes erases most blocks`: erases in all, of the block with the most of them, and blocks with any.

    `firmware` blocks hold what never changes. A flush has some `size` bytes of records; with `bills` each is
    acknowledged at once.
    """
    flash = Flash(bytearray(b"\xff" * (blocks * BLOCK)))
    vfs.VfsLfs2.mkfs(flash, **PARAMETERS)
    vfs.mount(vfs.VfsLfs2(flash, **PARAMETERS), MOUNT)
    for number in range(firmware):
        with open(MOUNT + "/%d" % number, "wb") as file:
            file.write(bytes(_FILE_BYTES))
    flash.erases = [0] * blocks
    journal = Journal(Segments(MOUNT + "/journal", budget), 1, _BUFFER_BYTES, lambda: 1)
    for _ in range(flushes):
        taken = 0
        while taken < size:
            payload = record(journal.next_number)
            assert journal.add(payload, 0)
            taken += FRAME + len(payload)
        run(journal.flushing())
        if bills:
            boot, number = ids(journal.take(0))
            journal.acknowledge(boot, number, 0, 0)
        run(journal.tidying())
    vfs.umount(MOUNT)
    print("==", flushes, sum(flash.erases), max(flash.erases), len([1 for erases in flash.erases if erases]))


def record(number: int) -> bytes:
    """A report of a meter with the time."""
    values = {point: 1_000 + point for point in range(1, 8)}
    return messages.encode((messages.REPORT, 1, number, number * 10_000, 1_790_000_000_000 + number, values, {}))


def run(steps) -> None:
    for _ in steps:
        pass
