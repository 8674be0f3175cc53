"""Power fails at each operation of each act; then the node boots, sends what it has, and the balance is drawn.

`main` prints what failed, and then `== operations runs fired failed milliseconds`.
"""

import gc
import sys
import time

import vfs

from paifang_wire import messages

from .acts import ACTS, BUDGET
from .flash import BLOCK, MODES, SHUFFLED, Flash
from .house import PARAMETERS, Dark, Gateway, Node, values

BLOCKS = 24
_AGAIN, _AGAIN_STEP = 8, 5
"""Second cuts fall on operations 1, 6, … of the boot that follows."""


class Random:
    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % limit


class Stage:
    """What an act begins with: `data` of the flash, the gateway, what is kept and made."""

    def __init__(self, before) -> None:
        flash = Flash(bytearray(b"\xff" * (BLOCKS * BLOCK)))
        vfs.VfsLfs2.mkfs(flash, **PARAMETERS)
        self.data, self.gateway, self.kept, self.made, self.boot = flash.data, Gateway(), set(), {}, 1
        for act in before:
            node = Node(flash, self.boot, BUDGET, self.kept, self.made)
            act(node, self.gateway, Random(self.boot))
            node.off()
            self.boot += 1

    def operations(self, act) -> int:
        """How many the act takes when power stays."""
        run = Run(self)
        run.boot(lambda node: act(node, run.gateway, Random(9)))
        return run.flash.operations


class Run:
    """One copy of a stage."""

    def __init__(self, stage) -> None:
        self.flash = Flash(bytearray(stage.data))
        self.gateway = Gateway(stage.gateway)
        self.kept, self.made, self.number = set(stage.kept), dict(stage.made), stage.boot

    def boot(self, act) -> bool:
        """A boot, with power for all of `act`, or not: False."""
        number, self.number = self.number, self.number + 1
        node = None
        try:
            node = Node(self.flash, number, BUDGET, self.kept, self.made)
            act(node)
        except Dark:
            return False
        finally:
            vfs.umount("/flash")
        return True


def cut(stage, act, operation: int, mode: int, again: int = 0) -> int:
    """One run; returns how many cuts fired. Raises AssertionError."""
    run = Run(stage)
    random = Random(operation * 31 + mode)
    run.flash.arm(operation, mode, random)
    run.boot(lambda node: act(node, run.gateway, Random(9)))
    assert run.flash.fired, "power did not fail"
    fired = 1
    run.flash.revive()
    if again:
        run.flash.fired = False
        run.flash.arm(again, mode, random)
        run.boot(lambda node: recover(node, run))
        fired += run.flash.fired
        run.flash.revive()
    assert run.boot(lambda node: recover(node, run))
    judge(run)
    return fired


def recover(node, run) -> None:
    """The node goes on: everything is sent, and the next outage is kept."""
    run.gateway.order.clear()
    node.connect(run.gateway)
    node.exchange(run.gateway)
    node.outage()
    for value in range(3):
        node.report(9_000 + value)
    node.wait(60_000)
    node.connect(run.gateway)
    node.exchange(run.gateway)
    assert node.journal.waiting == 0, "something is left in the journal"
    assert not len(node.outbox)
    run.dropped = node.journal.dropped
    assert node.journal.damaged == node.keeper.errors == 0


def judge(run) -> None:
    gateway = run.gateway
    for identity, message in gateway.stored.items():
        if identity in run.made and message[0] == messages.REPORT:
            assert message[5] == values(run.made[identity]), "another value"
    assert not [identity for identity in run.kept if identity not in gateway.stored and identity not in gateway.lost]
    gone = [identity for identity in run.kept if identity not in gateway.stored]
    assert all(gateway.lost[identity] == messages.GAP_JOURNAL_FULL for identity in gone), (
        "lost, and not for want of room"
    )
    full = [identity for identity, reason in gateway.lost.items() if reason == messages.GAP_JOURNAL_FULL]
    assert len(gone) <= len(full) <= run.dropped, "more is lost than was counted"
    for boot in {boot for boot, _ in run.kept}:
        left = [number for other, number in gone if other == boot and number >= messages.BACKLOG]
        came = [number for other, number in gateway.order if other == boot and number >= messages.BACKLOG]
        assert not left or not came or max(left) < min(came), "it is not the oldest that went"
        assert came == sorted(came), "out of order"


def main(wanted: str, share: int) -> None:
    """Cut act `wanted` at every `share`-th operation; at 1 that is all of them, and then second cuts come, too."""
    [(before, act)] = [(before, act) for name, before, act in ACTS if name == wanted]
    began_ms = time.ticks_ms()
    stage = Stage(before)
    operations = stage.operations(act)
    first = 1 + len(wanted) % min(share, operations)
    cases = [(n, mode, 0) for n in range(first, operations + 1, share) for mode in range(len(MODES))]
    if share == 1:
        cases += [(n, SHUFFLED, 1 + n % _AGAIN * _AGAIN_STEP) for n in range(1, operations + 1)]
    fired = failed = 0
    for operation, mode, again in cases:
        try:
            fired += cut(stage, act, operation, mode, again)
        except Exception as error:
            failed += 1
            print("!!", wanted, "operation", operation, MODES[mode], "again", again)
            sys.print_exception(error, sys.stdout)
        gc.collect()
    print("==", operations, len(cases), fired, failed, time.ticks_diff(time.ticks_ms(), began_ms))
