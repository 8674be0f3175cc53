"""The journal without a flash: what it asks the link to do, and when."""

from node.journal import Journal
from paifang_wire import messages

BOOT = 3


class NoFiles:
    """Segments of which there are none."""

    size = 4_088
    first = 1
    last = bytes = 0

    def load_lost(self) -> bytes:
        return b""


def report(boot: int, number: int) -> bytes:
    return messages.encode((messages.REPORT, boot, number, 5, None, {}, {}))


def test_what_is_sent_from_ram_is_not_waited_for_here():
    journal = Journal(NoFiles(), BOOT, 512, lambda: 1)
    journal.add(report(BOOT, 1), 0)
    journal.resume([])

    assert journal.take(0) is None
    assert journal.resend_in_ms(60_000) is None


def test_what_is_sent_from_here_is_sent_again():
    journal = Journal(NoFiles(), BOOT, 512, lambda: 1)
    journal.add(report(BOOT, 1), 0)
    journal.add(report(BOOT, messages.BACKLOG + 1), 0)
    journal.resume([])

    assert journal.take(1_000) == report(BOOT, messages.BACKLOG + 1)
    assert journal.resend_in_ms(2_000) == 4_000
    assert journal.resend_in_ms(60_000) == 0
    journal.rewind()
    assert journal.take(60_000) == report(BOOT, messages.BACKLOG + 1)
