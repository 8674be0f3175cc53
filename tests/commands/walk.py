"""A random game: operators with errands, a bad line, resets, power cuts, clocks that jump, a gateway that may be bad.

Every step is drawn from one table of moves. At the end of a game the line heals, and every command that was logged must
have come to one verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cbor2
from cast import ACTIVE, IMPOSTORS, KEYSET, RETIRING, REVOKED, ROOTS, rooted, row, twin
from line import DOWN, UP, flipped
from operators import Errand
from oracle import CANCEL, DIRECT, OPERATE, SAFE, SELECT, want
from points import DOOR, VOLTAGE, WRITABLE
from role import BROKEN, UNWILLING

from paifang_wire import messages

if TYPE_CHECKING:
    from collections import Counter

    from world import World

ERRANDS = 6
HEALING_ROUNDS = 4
MEMORY = 4
"""Commands that a node remembers for certain."""
BACK_ON = 0.3
"""Chance, at each step, that power comes back."""


class Walk:
    """One game on a fresh world. `counts` is where it tells what came about."""

    def __init__(self, world: World, counts: Counter[str], *, is_hostile: bool) -> None:
        self._world = world
        self._counts = counts
        self._chance = world.chance
        self._station = world.station
        self._station.is_honest = not is_hostile
        self._errands: list[Errand] = []
        self._moves = [move for move, weight in HONEST for _ in range(weight)]
        if is_hostile:
            self._moves += [move for move, weight in HOSTILE for _ in range(weight)]

    def play(self, steps: int) -> None:
        for _ in range(steps):
            self._counts["steps"] += 1
            if self._station.board.is_off and self._chance.random() < BACK_ON:
                self._station.power_on()
            self._chance.choice(self._moves)(self)
        self._heal()
        for name, count in self._station.board.tally().items():
            self._counts[name] += count
        self._counts["faults of the line"] += self._station.line.faults

    def _heal(self) -> None:
        """The line is good again, and the node runs: what was logged comes to its verdict."""
        station = self._station
        station.line.healthy = True
        station.board.power.cut_after(None)
        for _ in range(HEALING_ROUNDS):
            if station.board.is_off:
                station.board.power_on()
            station.connect()
            station.settle()
        want(not station.desk.unanswered, "every command comes to a verdict")
        self._world.audit(station)
        station.board.check_end()

    def deliver(self) -> None:
        for _ in range(self._chance.randrange(1, 5)):
            self._station.deliver(self._chance.choice((UP, DOWN)))
            self._station.flush()

    def work(self) -> None:
        self._station.board.work(self._chance.randrange(1, 5))
        self._station.flush()

    def pass_a_moment(self) -> None:
        self._world.pass_time(self._chance.randrange(200))

    def pass_time(self) -> None:
        longest_ms = self._chance.choice((2_000, 8_000, 8_000, 8_000, 15_000, 320_000))
        self._world.pass_time(self._chance.randrange(longest_ms))

    def go_on(self) -> None:
        """Somebody gets on with what they want, or comes to want something."""
        if len(self._errands) < ERRANDS:
            self._errands.append(Errand(self._world, self._station, self._chance))
        self._advance(self._chance.choice(self._errands))

    def catch_up(self) -> None:
        """A good spell: everything under way gets through, and everybody gets on with it."""
        if self._station.board.is_off:
            return
        for _ in range(self._chance.randrange(1, 5)):
            self._rush() if self._chance.random() < 0.3 else self._station.settle()
            for errand in list(self._errands):
                self._advance(errand)
        self._station.settle()

    def _rush(self) -> None:
        """All frames arrive, but the node does not get far with what they ask of it."""
        station = self._station
        while station.deliver(DOWN) | station.deliver(UP):
            station.flush()
        station.board.work(1)

    def send_again(self) -> None:
        """What has been heard comes again at once, in another frame.

        A gateway must not do so later: somebody on the line may keep the first frame back until the node has forgotten.
        """
        station, desk = self._station, self._station.desk
        latest = [desk.commands[identifier] for identifier in desk.log[-MEMORY:]]
        heard = station.board.heard[-MEMORY:]
        again = [command.message for command in latest if command.message in heard and command.link is desk.link]
        if again and not station.line.waiting(DOWN):
            desk.send(self._chance.choice(again))
            station.line.healthy = True
            station.deliver(DOWN)
            station.line.healthy = False

    def _advance(self, errand: Errand) -> None:
        errand.advance()
        if errand.is_over:
            self._errands.remove(errand)

    def change_ones_mind(self) -> None:
        """While something is done to a point, somebody cancels, selects anew, or wants it safe; and is quick."""
        station = self._station
        under_way = [command.message for command in station.desk.unanswered[-MEMORY:]]
        operated = [message[2] for message in under_way if message[3] in (DIRECT, OPERATE)]
        if operated:
            op, value = self._chance.choice(((CANCEL, None), (SELECT, 1), (SAFE, None)))
            self._deliver_all_down()
            station.desk.submit(self._world.command(self._chance.choice(operated), op, value))
            self._deliver_all_down()

    def _deliver_all_down(self) -> None:
        while self._station.deliver(DOWN):
            pass

    def reset(self) -> None:
        self._station.power_on()

    def cut_power_soon(self) -> None:
        """At one of the next storage operations."""
        power = self._station.board.power
        power.cut_after(1 + self._chance.randrange(8), takes_effect=self._chance.random() < 0.5)

    def upset_the_role(self) -> None:
        """The next write is refused by the role, or breaks off."""
        self._station.board.mood = self._chance.choice((UNWILLING, BROKEN))

    def fill_storage(self) -> None:
        """Neither NVS nor flash takes anything until the next start."""
        self._station.board.power.is_full = True

    def reconnect(self) -> None:
        if not self._station.board.is_off:
            self._station.connect()

    def step_clock(self) -> None:
        self._world.utc_error_ms = self._chance.choice((0, None, -3_600_000, 3_600_000, -(10**10), 10**10))

    def change_surroundings(self) -> None:
        values = self._station.board.values
        values[DOOR] = self._chance.choice((0, 0, 0, 0, 1, None))
        values[VOLTAGE] = self._chance.choice((2_300, 2_300, 2_300, 2_540, 2_700, None))

    def change_keys(self) -> None:
        """The roots sign another version; the gateway passes it on when it likes to."""
        world = self._world
        changed = self._chance.choice(world.rows)
        changed[3] = self._chance.choice((ACTIVE, ACTIVE, ACTIVE, RETIRING, REVOKED))
        if self._chance.random() < 0.2:
            world.rotate(self._chance.choice(world.pairs[0]))
        world.sign_keyset(self._chance.sample(ROOTS, 2))

    def push_keys(self) -> None:
        self._station.desk.send([messages.ROOTED, messages.ROOTED_KEYSET, *self._world.keysets[-1]])

    def replay_a_frame(self) -> None:
        """Somebody on the line repeats what they have heard, as it was or with a bit turned."""
        heard = self._station.line.heard
        if heard:
            frame = self._chance.choice(heard)
            self._station.line.put(DOWN, frame if self._chance.random() < 0.5 else flipped(frame, self._chance))

    def repeat_a_message(self) -> None:
        """The stolen gateway says again what it has said, with another deadline perhaps."""
        if self._station.desk.sent:
            self._station.desk.send(self._renewed(self._chance.choice(self._station.desk.sent)))

    def mix_orders(self) -> None:
        """Order, approval and the plain fields of different commands, put together."""
        orders = self._world.orders
        if not orders:
            return
        base, other, third = (self._chance.choice(orders) for _ in range(3))
        mixed = [*base[:7], other[7], third[8]]
        if self._chance.random() < 0.5:
            mixed = [*base[:8], third[8]]
        place = self._chance.choice((7, 8))
        if self._chance.random() < 0.2:
            mixed[place] = twin(mixed[place])
        elif self._chance.random() < 0.2:
            mixed[place] = None
        self._station.desk.send(self._renewed(mixed))

    def make_a_command(self) -> None:
        """Any command at all, unsigned."""
        op = self._chance.choice((DIRECT, SELECT, SELECT, OPERATE, OPERATE, SAFE, 3, 5))
        value = None if op == SAFE else self._chance.choice((0, 1, 1, 50, 501))
        within_ms = self._chance.choice((20_000, -1, 10**6))
        self._station.desk.send(
            self._world.command(self._chance.choice((VOLTAGE, *WRITABLE)), op, value, within_ms=within_ms)
        )

    def push_bad_keys(self) -> None:
        """An older set, or one of its own, signed by whom it can find."""
        world = self._world
        if self._chance.random() < 0.5:
            keyset = self._chance.choice(world.keysets)
        else:
            payload = cbor2.dumps([world.version, [row(IMPOSTORS[0], "eve"), row(IMPOSTORS[1], "mal")]])
            signers = self._chance.choice((IMPOSTORS, (ROOTS[0], ROOTS[0]), (ROOTS[1], IMPOSTORS[0])))
            keyset = rooted(KEYSET, payload, signers)
        self._station.desk.send([messages.ROOTED, messages.ROOTED_KEYSET, *keyset])

    def talk_nonsense(self) -> None:
        """Well sealed, and not what anybody would say."""
        sent = self._station.desk.sent
        if sent:
            payload = flipped(cbor2.dumps(self._chance.choice(sent)), self._chance)
            if self._chance.random() < 0.3:
                payload = payload[: self._chance.randrange(len(payload))]
            self._station.desk.send_payload(payload)

    def _renewed(self, message: list[object]) -> list[object]:
        if message[0] != messages.COMMAND or self._chance.random() < 0.3:
            return message
        return [*message[:6], self._station.board.uptime_ms() + 20_000, *message[7:]]


HONEST = (
    (Walk.deliver, 20),
    (Walk.work, 20),
    (Walk.pass_a_moment, 8),
    (Walk.pass_time, 4),
    (Walk.go_on, 20),
    (Walk.catch_up, 12),
    (Walk.change_ones_mind, 4),
    (Walk.send_again, 3),
    (Walk.reset, 1),
    (Walk.cut_power_soon, 1),
    (Walk.fill_storage, 1),
    (Walk.upset_the_role, 1),
    (Walk.reconnect, 2),
    (Walk.step_clock, 1),
    (Walk.change_surroundings, 2),
    (Walk.change_keys, 1),
    (Walk.push_keys, 2),
    (Walk.replay_a_frame, 4),
)
"""(move, weight): what happens around an honest gateway."""
HOSTILE = (
    (Walk.repeat_a_message, 5),
    (Walk.mix_orders, 5),
    (Walk.make_a_command, 6),
    (Walk.push_bad_keys, 2),
    (Walk.talk_nonsense, 4),
)
