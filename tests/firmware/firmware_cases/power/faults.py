"""A flash that takes nothing any more, and one that others have filled: the node goes on, and says so."""

import os

import vfs

from node.keeper import GRACE_MS
from paifang_wire import messages

from .acts import BUDGET
from .flash import BLOCK, Flash
from .house import FLUSH_MS, MOUNT, PARAMETERS, Gateway, Node

_BLOCKS = 24
_BACKOFF_LIMIT_MS = 900_000


def started():
    flash = Flash(bytearray(b"\xff" * (_BLOCKS * BLOCK)))
    vfs.VfsLfs2.mkfs(flash, **PARAMETERS)
    node = Node(flash, 1, BUDGET, set(), {})
    node.wait(GRACE_MS + 1)
    return node, Gateway()


def told(gateway) -> list:
    return [message[5] for message in gateway.stored.values() if message[0] == messages.EVENT]


def arrived(node, gateway) -> None:
    """All is with the gateway, and nothing is left."""
    node.connect(gateway)
    node.exchange(gateway)
    assert not [identity for identity in node.made if identity not in gateway.stored]
    assert not gateway.lost
    assert (len(node.outbox), node.journal.waiting) == (0, 0)


def worn_out() -> None:
    """What was kept before stays; what comes waits in RAM, in the journal's buffer first; later it is kept again."""
    node, gateway = started()
    for value in range(1_000, 1_030):
        node.report(value)
        node.wait(FLUSH_MS // 4)
    node.flash.is_refusing = True
    for value in range(2_000, 2_025):
        node.report(value)
        node.wait(FLUSH_MS // 4)
    assert 1 <= node.keeper.errors <= 8, node.keeper.errors
    assert len(node.outbox) > 5
    node.connect(gateway)
    node.exchange(gateway)
    assert set(node.made) == {identity for identity in node.made if identity in gateway.stored}
    assert told(gateway) == [messages.EV_JOURNAL]
    node.flash.is_refusing = False
    node.wait(_BACKOFF_LIMIT_MS)
    arrived(node, gateway)
    node.outage()
    for value in range(3_000, 3_010):
        node.report(value)
    node.wait(FLUSH_MS)
    assert node.journal.buffered == 0
    arrived(node, gateway)


def filled_by_others() -> None:
    """There is no block for the journal until somebody makes room."""
    node, gateway = started()
    with open(MOUNT + "/other", "wb") as file:
        try:
            while True:
                file.write(bytes(BLOCK))
                file.flush()
        except OSError:
            pass
    for value in range(1_000, 1_020):
        node.report(value)
        node.wait(FLUSH_MS // 4)
    assert node.keeper.errors >= 1
    vfs.umount(MOUNT)
    vfs.mount(vfs.VfsLfs2(node.flash, **PARAMETERS), MOUNT)
    os.remove(MOUNT + "/other")
    node.wait(_BACKOFF_LIMIT_MS)
    assert node.journal.buffered == 0
    arrived(node, gateway)


def main() -> None:
    for case in (worn_out, filled_by_others):
        case()
        vfs.umount(MOUNT)
        print("==", "ok")
