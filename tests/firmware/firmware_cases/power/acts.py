"""What the journal does with the flash; each act begins with what the boots before it have left."""

from node.keeper import GRACE_MS

from .house import FLUSH_MS

BUDGET = 4 * 4096
_STEPS = 8


def fill(node, count: int, first: int) -> None:
    """`count` readings in an outage, flushed each time there are some."""
    for value in range(first, first + count):
        node.report(value)
        if value % _STEPS == 0:
            node.wait(FLUSH_MS)
    node.wait(FLUSH_MS)


def blank(node, gateway, random) -> None:
    """The first outage of a node: the folder and the first segment."""
    node.wait(GRACE_MS + 1)
    fill(node, 20, 1_000)


def append(node, gateway, random) -> None:
    """An outage that goes on: a segment is written to again and again, and the next begins."""
    node.wait(GRACE_MS + 1)
    fill(node, 60, 2_000)


def full(node, gateway, random) -> None:
    """The ring is full: the oldest segments go, and it is written down."""
    node.wait(GRACE_MS + 1)
    fill(node, 60, 3_000)


def replay(node, gateway, random) -> None:
    """The line is back: all is sent, acks are lost on the way, and segments are deleted."""
    node.connect(gateway)
    for value in range(4_000, 4_012):
        node.report(value)
        node.exchange(gateway, random, 12)
        node.wait(1_000)
    node.exchange(gateway, random)


def bill(node, gateway, random) -> None:
    """What bills is kept at once, beside a line that works, and brings what an outage has left."""
    node.wait(GRACE_MS + 1)
    fill(node, 30, 5_100)
    node.connect(gateway)
    for value in range(5_000, 5_012):
        node.report(value, bills=value % 2 == 0)
        node.wait(1_000)
        node.exchange(gateway, random, 4)
    node.exchange(gateway, random)


def copy(node, gateway, random) -> None:
    """Records wait in RAM when the line goes: once it is an outage they are copied; it comes back, and goes again."""
    node.connect(gateway)
    for value in range(6_000, 6_030):
        node.report(value)
    node.exchange(gateway, random, 8)
    node.outage()
    fill(node, 10, 6_100)
    node.connect(gateway)
    node.exchange(gateway, random, 20)
    node.outage()
    fill(node, 10, 6_200)


def reset(node, gateway, random) -> None:
    """A node that resets itself keeps what is in RAM."""
    node.connect(gateway)
    node.exchange(gateway, random, 40)
    for value in range(7_000, 7_030):
        node.report(value)
    node.close()


ACTS = (
    ("blank", (), blank),
    ("append", (append,), append),
    ("full", (append, append, append), full),
    ("full-and-told", (append, append, append, full), replay),
    ("replay", (append, append), replay),
    ("bill", (), bill),
    ("bill-and-backlog", (append, bill), bill),
    ("copy", (), copy),
    ("reset", (append,), reset),
    ("reset-after-reset", (reset, reset), reset),
)
"""(name, acts of the boots before, the act that power fails in)."""
