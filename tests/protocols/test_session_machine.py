"""Node and gateway over a line that loses, doubles, reorders, delays, flips, replays and reflects, as hypothesis likes.

The promises are asserted in `two_parties` on every step; here are the moves, and what must be true once the line heals.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from portable.vectors import flipped

from paifang_wire import messages as m
from paifang_wire.errors import BAD_MAC, BOOT_BACK, REPLAY, WireError
from paifang_wire.marks import MARKS_SPAN, RecordMarks
from paifang_wire.windows import ReplayWindow

from .two_parties import Gateway, Ledger, Node, Randomness, settled

if TYPE_CHECKING:
    from collections.abc import Callable

WAYS = st.sampled_from(["up", "down"])
ANY = st.integers(0, 10_000)
SEEN: Counter[tuple[str, str]] = Counter()
"""What became of every frame that arrived in any game: a way and "accepted" or the reason of its refusal."""
SOAK_STEPS = 120
TEST_STEPS = 60


class Line(RuleBasedStateMachine):
    """Two parties and everything an attacker on the line between them can do without the key."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        randomness = Randomness()
        self.gateway = Gateway(self.ledger, randomness)
        self.node = Node(self.ledger, randomness, self.gateway)
        self.flying: dict[str, list[bytes]] = {"up": [], "down": []}
        self.overheard: list[bytes] = []
        self.commands = 0
        self.launch("up", [frame for way, frame in self.ledger.sent if way == "up"])

    # ---- the line

    def launch(self, way: str, frames: list[bytes]) -> None:
        self.flying[way] += frames
        self.overheard += frames

    def arrive(self, way: str, frame: bytes) -> str | None:
        """Hand `frame` to the receiver at the end of `way`; return the reason of its refusal, or None."""
        try:
            if way == "down":
                self.node.receive(frame)
            elif answer := self.gateway.receive(frame):
                self.launch("down", [answer])
        except WireError as error:
            SEEN[way, error.reason] += 1
            return error.reason
        SEEN[way, "accepted"] += 1
        return None

    def pick(self, way: str, index: int) -> bytes | None:
        frames = self.flying[way]
        return frames.pop(index % len(frames)) if frames else None

    # ---- what the parties do

    @rule(count=st.integers(1, 40))
    def measure(self, count: int) -> None:
        for _ in range(count):
            self.node.record()

    @rule(count=st.integers(1, 32))
    def node_sends(self, count: int) -> None:
        if self.node.session.established:
            self.launch("up", self.node.send(count))

    @rule(count=st.integers(1, 50))
    def node_overflows(self, count: int) -> None:
        self.node.overflow(count)

    @rule(boot=ANY)
    def gateway_acks(self, boot: int) -> None:
        boots = sorted(self.gateway.marks) or [1]
        if self.gateway.link.node:
            self.launch("down", [self.gateway.ack(boots[boot % len(boots)])])

    @rule()
    def gateway_commands(self) -> None:
        if self.gateway.link.node:
            self.commands += 1
            identity = self.commands.to_bytes(8, "big")
            self.launch("down", [self.gateway.say([m.COMMAND, identity, 16, m.OP_DIRECT, 1, None, 9000, None, None])])

    @rule(in_peace=st.booleans())
    def node_reconnects(self, in_peace: bool) -> None:
        self.launch("up", [self.node.connect()])
        self.shake_hands(in_peace)

    @rule()
    def connection_breaks(self) -> None:
        """As with TCP: the gateway's end is new too, and nothing that was under way arrives."""
        self.flying = {"up": [], "down": []}
        self.gateway.connect()
        self.launch("up", [self.node.connect()])

    @rule(in_peace=st.booleans())
    def node_reboots(self, in_peace: bool) -> None:
        self.launch("up", [self.node.reboot()])
        self.shake_hands(in_peace)

    @initialize(records=st.integers(0, 80), in_peace=st.booleans())
    def begin(self, records: int, in_peace: bool) -> None:
        self.measure(records)
        self.shake_hands(in_peace)

    def shake_hands(self, in_peace: bool) -> None:
        """Half of all handshakes are left alone, or few games would get beyond them."""
        if in_peace:
            self.deliver_all()
            assert self.node.session.established
            assert self.arrives_now()

    # ---- what the line does

    @rule()
    def deliver_all(self) -> None:
        """What is under way arrives, and the answers to it."""
        for _ in range(200):
            for way in ("up", "down"):
                if frame := self.pick(way, 0):
                    self.arrive(way, frame)

    @rule(way=WAYS, count=st.integers(1, 40))
    def deliver_in_order(self, way: str, count: int) -> None:
        for _ in range(count):
            if frame := self.pick(way, 0):
                self.arrive(way, frame)

    @rule(way=WAYS, index=ANY)
    def deliver_out_of_order(self, way: str, index: int) -> None:
        if frame := self.pick(way, index):
            self.arrive(way, frame)

    @rule(way=WAYS, index=ANY, count=st.integers(1, 5))
    def lose(self, way: str, index: int, count: int) -> None:
        for _ in range(count):
            self.pick(way, index)

    @rule(way=WAYS, index=ANY)
    def deliver_twice(self, way: str, index: int) -> None:
        if frame := self.pick(way, index):
            self.arrive(way, frame)
            reason = self.arrive(way, frame)
            assert reason or self.ledger.sent[way, frame][0] == m.HELLO

    @rule(way=WAYS, index=ANY, bit=ANY)
    def flip(self, way: str, index: int, bit: int) -> None:
        if frame := self.pick(way, index):
            assert self.arrive(way, flipped(frame, bit % (8 * len(frame))))

    # ---- what an attacker does

    @precondition(lambda self: self.overheard)
    @rule(way=WAYS, index=ANY)
    def replay(self, way: str, index: int) -> None:
        self.arrive(way, self.overheard[index % len(self.overheard)])

    @precondition(lambda self: self.overheard)
    @rule(index=ANY, bit=ANY)
    def reflect(self, index: int, bit: int) -> None:
        """Whatever it is, the side that sent it must not take it."""
        frame = self.overheard[index % len(self.overheard)]
        way = "down" if ("up", frame) in self.ledger.sent else "up"
        assert self.arrive(way, frame)
        assert self.arrive(way, flipped(frame, bit % (8 * len(frame))))

    @rule(way=WAYS, noise=st.binary(max_size=80))
    def noise(self, way: str, noise: bytes) -> None:
        assert self.arrive(way, noise)

    @rule(index=ANY)
    def replay_a_hello(self, index: int) -> None:
        """An old hello may be answered; the session that lives goes on all the same, and so does its node."""
        hellos = [frame for (way, frame), message in self.ledger.sent.items() if way == "up" and message[0] == m.HELLO]
        live = self.gateway.link.node != "" and self.node.session.established and self.arrives_now()
        under_way = len(self.flying["down"])
        reason = self.arrive("up", hellos[index % len(hellos)])
        assert reason in (None, BOOT_BACK)
        if live:
            for answer in self.flying["down"][under_way:]:
                assert self.arrive("down", answer)
            assert self.arrives_now()

    def arrives_now(self) -> bool:
        """Tell whether the node's next frame is accepted by the gateway."""
        return self.arrive("up", self.node.say([m.CLOCK, 1])) is None

    @precondition(lambda self: self.gateway.floor > 1)
    @rule(back=ANY)
    def boot_count_goes_back(self, back: int) -> None:
        boot = 1 + back % (self.gateway.floor - 1)
        assert self.arrive("up", self.node.forgetful_hello(boot)) == BOOT_BACK

    # ---- what must hold

    @invariant()
    def settled_is_stored_or_lost(self) -> None:
        for boot, marks in self.gateway.marks.items():
            assert settled(boot, marks) == self.gateway.settled(boot)
        assert self.gateway.stored | self.gateway.lost <= self.node.created

    @invariant()
    def nothing_is_forgotten_early(self) -> None:
        waiting = {(one.boot, n) for one in self.node.queue for n in range(one.first, one.last + 1)}
        assert self.node.created == waiting | self.gateway.stored | self.gateway.lost

    def teardown(self) -> None:
        """The line heals: in a few round trips all that the node still had is stored, and its queue is empty."""
        self.flying = {"up": [], "down": []}
        self.launch("up", [self.node.connect()])
        self.carry()
        # A window of entries goes up in each, and of what they declare the marks can name a span.
        numbers = sum(entry.last - entry.first + 1 for entry in self.node.queue)
        rounds = 2 + len(self.node.queue) // 16 + numbers // (MARKS_SPAN // 2)
        for _ in range(rounds):
            self.launch("up", [self.node.say([m.CLOCK, 1]), *self.node.send(32)])
            self.carry()
            self.launch("down", [self.gateway.ack(boot) for boot in sorted(self.gateway.marks)])
            self.carry()
        assert self.node.queue == []
        assert self.node.created == self.gateway.stored | self.gateway.lost
        assert not self.gateway.stored & self.gateway.lost

    def carry(self) -> None:
        """Carry everything that is under way, in order; in peace nothing is refused."""
        while self.flying["up"] or self.flying["down"]:
            for way in ("up", "down"):
                if frame := self.pick(way, 0):
                    assert self.arrive(way, frame) is None


def play(games: int, moves: int) -> None:
    """Let hypothesis play. A lost game is shown as it was played: to shrink it (Phase.shrink) takes minutes."""
    phases = (Phase.explicit, Phase.generate)
    run_state_machine_as_test(Line, settings=settings(max_examples=games, stateful_step_count=moves, phases=phases))


def test_lossy_and_hostile_line(tier_size: Callable[[int, int], int]) -> None:
    SEEN.clear()
    play(tier_size(250, 10_000), tier_size(TEST_STEPS, SOAK_STEPS))
    for kind in (
        ("up", "accepted"),
        ("down", "accepted"),
        ("up", REPLAY),
        ("up", BAD_MAC),
        ("down", BAD_MAC),
        ("up", BOOT_BACK),
    ):
        assert SEEN[kind] >= 10, f"games too tame to tell: {SEEN}"


@pytest.mark.parametrize(
    ("broken", "name", "replacement"),
    [
        (ReplayWindow, "check", lambda self, counter: None),
        (ReplayWindow, "commit", lambda self, counter: None),
        (RecordMarks, "add", lambda self, number: setattr(self, "high", max(self.high, number)) or True),
        (Gateway, "_lookup", lambda self, name: (bytes(range(32)), 1)),
    ],
    ids=["no replay check", "window never moves", "marks jump over holes", "any boot is believed"],
)
def test_a_broken_part_is_found(
    monkeypatch: pytest.MonkeyPatch, broken: type, name: str, replacement: Callable[..., object]
) -> None:
    """The game can be lost: each of these breaks one promise, and the machine finds it."""
    monkeypatch.setattr(broken, name, replacement)
    with pytest.raises((AssertionError, ExceptionGroup)):
        play(150, TEST_STEPS)
