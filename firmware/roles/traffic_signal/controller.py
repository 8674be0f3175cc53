"""Ring-and-barrier actuated control: from calls to one request bit a group. It never touches an output.

    plan = plans.decode(payload, site)
    controller = Controller(plan, site)
    request = controller.tick(calls, ped_calls, aspects, preempts, transit)    # once each 100 ms of uptime
    interlock.tick(request)

`calls`: bit n - 1, a vehicle is detected on phase n now; `ped_calls`: bit n - 1, its pedestrian button is pressed;
`aspects`: what the interlock shows; `preempts`, `transit`: bit i, row i of the plan's preemptions, of its priorities
is asked for. `command(kind, phases, ticks)`: HOLD, FORCE_OFF, OMIT, CALL, PED_CALL of `calls`, from outside, for 10 s
at the most. `coordination.sync(utc_ms)`: the wall clock, where there is one and the plan has a cycle (else None).

A call is served within the site's longest red whatever is held, omitted or forced off (`bound`). The time of a
preemption does not count.
"""

from array import array

from . import aspects as lamp
from .bound import Bound
from .calls import COMMAND_TICKS, FORCE_OFF, HOLD, OMIT, Calls
from .coordination import Coordination
from .phases import BACKUP_PROTECT, DUAL_ENTRY, NONE, PHASES, RED_REST, REST_IN_WALK, SIMULTANEOUS_GAP
from .priority import LEAVING, OFF, Preemption, Transit
from .walking import ASKED, IDLE, TICKS_TO_NOTICE, Walking


class Controller:
    """For the outside, one place a ring: `current` (phase, NONE), `place` of it in its sequence, `shown` (1: green all
    over), ticks of `green` (before: of starting), since the last vehicle (`gap`), of green with somebody waiting
    (`against`). `side`: between which barriers. Phase bits: `green_phases`, `ending` (would end if nobody held them).
    """

    def __init__(self, plan, site) -> None:
        self.plan = plan
        self._site = site
        self.calls = Calls(plan)
        self.bound = Bound(plan)
        self.walking = Walking(plan)
        self.coordination = Coordination(plan, site.tick_ms) if plan.cycle else None
        self.preemption = Preemption(plan.preempts)
        self.transit = Transit(plan.transit)
        self._backups = plan.with_option(BACKUP_PROTECT)
        self.current = bytearray([NONE] * plan.rings)
        self.place = bytearray(plan.rings)
        self.shown = bytearray(plan.rings)
        self.green = array("H", [0] * plan.rings)
        self.gap = array("H", [0] * plan.rings)
        self.against = array("H", [0] * plan.rings)
        self._is_new = True
        self._begin()

    def command(self, kind: int, phases: int, ticks: int = COMMAND_TICKS) -> None:
        """HOLD, FORCE_OFF, OMIT, CALL or PED_CALL `phases` for `ticks`; replaces the last command of that kind."""
        self.calls.command(kind, phases, ticks)

    def take_over(self, before) -> None:
        """Go on for the controller of the plan before: with who waits and where the cycle is; and with what its rings
        are about, if they and their groups are the same. Else what is green stays green if it may. Not in a preemption.
        """
        self.calls.take_over(before.calls)
        _copy(self.bound.wait, before.bound.wait)
        if self.coordination and before.coordination:
            self.coordination.position = before.coordination.position % self.plan.cycle
            self.coordination.error = before.coordination.error
        if not self.plan.is_laid_out_as(before.plan):
            return
        self._is_new = False
        self._gapped = before._gapped  # noqa: SLF001 - one of our own
        self.side = before.side
        for name in ("current", "place", "shown", "green", "gap", "against"):
            _copy(getattr(self, name), getattr(before, name))
        _copy(self.walking.state, before.walking.state)
        _copy(self.walking.ticks, before.walking.ticks)

    def tick(self, calls: int, ped_calls: int, aspects, preempts: int = 0, transit: int = 0) -> int:
        """One tick has passed. Returns the request: bit i, group i shall move."""
        if self.coordination:
            self.coordination.tick()
        opened, walking, resting = self._look(aspects)
        if opened < 0:
            self._begin()
            return 0
        all_green = self._all_green(opened)
        if self._is_new:
            self._adopt(all_green)
        self.calls.note(calls, ped_calls, all_green & self._running())
        self._time(all_green)
        phases = self.preemption.tick(preempts, all_green)
        if self.preemption.stage != OFF:
            return self._give_way(phases)
        self._walk(walking, resting)
        self.bound.tick(self, self.calls.vehicles & ~self.green_phases, self.calls.pedestrians)
        self._decide(transit)
        return self._request()

    def _begin(self) -> None:
        """Everything is at rest, or flashes."""
        self.green_phases = self.ending = self._gapped = 0
        self._begin_with(0)
        self.preemption.cancel()

    def _adopt(self, all_green: int) -> None:
        """Go on with what another plan has left green."""
        self._is_new = False
        plan = self.plan
        is_empty = True
        for p in range(PHASES):
            if all_green >> p & 1 and plan.vehicle_groups[p] and (is_empty or plan.side_of[p] == self.side):
                is_empty = False
                self.side = plan.side_of[p]
                if self.current[plan.ring_of[p]] == NONE:
                    self._start(plan.ring_of[p], p)

    def _give_way(self, phases: int) -> int:
        """A preemption: it alone chooses `phases`; what it leaves is what the rings go on with."""
        if self.preemption.stage == LEAVING:
            self._begin_with(phases)
            return self._request()
        for r in range(self.plan.rings):
            self._start(r, NONE)
        groups = 0
        for p in range(PHASES):
            if phases >> p & 1:
                groups |= self.plan.vehicle_groups[p]
        return groups

    def _begin_with(self, phases: int) -> None:
        """Begin with `phases`, or as if the last side had just been served; everybody is called once."""
        plan = self.plan
        self.calls.call_all()
        self.bound.restart()
        self.side = plan.sides - 1
        for r in range(plan.rings):
            self._start(r, NONE)
            self.place[r] = len(plan.sequence[r][self.side])
        for p in range(PHASES):
            if phases >> p & 1:
                self.side = plan.side_of[p]
                self._start(plan.ring_of[p], p)

    # What is shown

    def _look(self, aspects):
        """Groups that are open, that walk, that are at rest; -1 for the first if the signals are not working."""
        opened = walking = resting = 0
        for i in range(self._site.count):
            aspect = aspects[i]
            if aspect > lamp.DONT_WALK:
                return -1, 0, 0
            if aspect == lamp.GREEN:
                opened |= 1 << i
            elif aspect == lamp.WALK:
                walking |= 1 << i
            elif aspect == lamp.RED or aspect == lamp.DONT_WALK:
                resting |= 1 << i
        return opened, walking, resting

    def _all_green(self, opened: int) -> int:
        mask = 0
        for p in range(PHASES):
            if self.plan.known >> p & 1 and self.plan.vehicle_groups[p] & ~opened == 0:
                mask |= 1 << p
        return mask

    def _time(self, all_green: int) -> None:
        self.green_phases = 0
        for r in range(self.plan.rings):
            p = self.current[r]
            if p == NONE:
                continue
            if not self.shown[r] and all_green >> p & 1:
                self.shown[r] = 1
                self.green[r] = 0
            elif self.shown[r]:
                self.gap[r] = 0 if self.calls.present >> p & 1 else _more(self.gap[r])
            self.green[r] = _more(self.green[r])
            self.green_phases |= self.shown[r] << p

    # Pedestrians

    def _walk(self, walking: int, resting: int) -> None:
        wanted = self.calls.pedestrians | self.calls.ped_recalls
        for r in range(self.plan.rings):
            p = self.current[r]
            if p == NONE or not self.plan.ped_groups[p]:
                continue
            if self.walking.state[r] == IDLE and wanted >> p & 1 and self._may_walk(r, p):
                self.walking.start(r, ASKED)
            if self.walking.tick(r, p, walking, resting, self._may_rest_in_walk(p)):
                self.calls.pedestrians &= ~(1 << p)

    def _may_walk(self, r: int, p: int) -> bool:
        """With the green, and later if nobody is kept waiting by it, or the cycle has room for it."""
        if not self.shown[r] or self.green[r] <= 1:
            return True
        if not self.calls.pedestrians >> p & 1:
            return False
        if not self.calls.demand(self._running()) & self.plan.conflicts[p]:
            return True
        if not self.plan.coordinated >> p & 1:
            return False
        ticks = self.walking.whole(p)
        return self.coordination.until_point(p) >= ticks and self.bound.slack >= ticks

    def _may_rest_in_walk(self, p: int) -> bool:
        plan = self.plan
        if not plan.options[p] & REST_IN_WALK or self.bound.urgent:
            return False
        if plan.coordinated >> p & 1:
            return self.coordination.until_point(p) > plan.ped_clear[p] + TICKS_TO_NOTICE
        return not self.calls.demand(self._running()) & plan.conflicts[p]

    def is_asked(self, r: int) -> bool:
        """Whether walk is asked for on ring r and not shown yet."""
        return self.walking.state[r] == ASKED

    def walk_left(self, r: int) -> int:
        """Ticks until the pedestrians of the phase of ring r are at rest."""
        return self.walking.left(r, self.current[r])

    # Decisions

    def _decide(self, transit: int) -> None:
        """Who ends for whom is a question of `allowed`; who is passed by is not: `due` have waited for too long."""
        running = self._running()
        demand = self.calls.demand(running)
        allowed = demand
        if not self.bound.urgent:
            allowed &= ~self.calls.commanded(OMIT)
            if self.coordination:
                allowed &= self.coordination.permitted()
        protected = self._protected()
        self._find_ending(allowed, allowed & protected, transit)
        eligible = allowed | demand & self.bound.due
        outside = eligible & (~self.plan.phases_of(self.side) | protected)
        stays = False
        for r in range(self.plan.rings):
            stays = not self._leaves(r, eligible, outside) or stays
        if not stays and outside:
            self._cross(eligible)
        elif not stays and not eligible:
            self._rest_in_red()

    def _running(self) -> int:
        mask = 0
        for p in self.current:
            if p != NONE:
                mask |= 1 << p
        return mask

    def _protected(self) -> int:
        """Phases of this side that are reached only when all rings end, as those of another side are.

        Somebody due is among them: one ring that went back for itself would put off what the other has to wait for.
        """
        mask = 0
        for p in range(PHASES):
            if (self._backups | self.bound.due) >> p & 1 and self.plan.side_of[p] == self.side:
                mask |= (self.plan.place_of[p] <= self.place[self.plan.ring_of[p]]) << p
        return mask

    def _find_ending(self, wanted: int, by_all: int, transit: int) -> None:
        self.ending = 0
        for r in range(self.plan.rings):
            p = self.current[r]
            if p == NONE or not self.shown[r]:
                continue
            conflicting = wanted & self.plan.conflicts[p] | by_all
            if conflicting:
                self.against[r] = _more(self.against[r])
            is_over = self.green[r] >= self.plan.least[p] and self.walking.state[r] == IDLE
            if is_over and self._shall_end(r, p, conflicting):
                self.ending |= 1 << p
        self.transit.tick(transit, self.ending, self.green_phases, self.plan.conflicts)
        if not self.bound.urgent:
            self.ending &= ~(self.calls.commanded(HOLD) | self.transit.hold)

    def _shall_end(self, r: int, p: int, conflicting: int) -> bool:
        plan = self.plan
        if not conflicting:
            return bool(plan.options[p] & RED_REST) and self._has_gap(r, p)
        if self.bound.urgent or self.calls.commanded(FORCE_OFF) >> p & 1:
            return True
        cut = self.transit.cut if self.transit.against >> p & 1 else 0
        if not self.coordination:
            return self.against[r] + cut >= plan.most[p] or self._has_gap(r, p)
        if plan.coordinated >> p & 1:
            return self.coordination.may_yield(p, self.green[r])
        return self.coordination.is_over(p, self.green[r], cut) or self._has_gap(r, p)

    def _has_gap(self, r: int, p: int) -> bool:
        plan = self.plan
        gap = plan.passage[p]
        over = self.against[r] - plan.before_reduction[p]
        if plan.to_reduce[p] and over > 0:
            gap -= (gap - plan.least_gap[p]) * min(over, plan.to_reduce[p]) // plan.to_reduce[p]
        if self.gap[r] >= gap:
            self._gapped |= 1 << p
        elif plan.options[p] & SIMULTANEOUS_GAP:
            self._gapped &= ~(1 << p)
        return bool(self._gapped >> p & 1)

    def _leaves(self, r: int, eligible: int, outside: int) -> bool:
        """Ring r goes on to its next phase, if it may. True if it has none before the barrier, and waits there."""
        p = self.current[r]
        if p != NONE and not self.ending >> p & 1:
            return False
        following = self._following(r, eligible, outside)
        if following == NONE:
            self.bound.done |= 1 << r if self.bound.urgent else 0
            return True
        self._start(r, following)
        return False

    def _following(self, r: int, eligible: int, outside: int) -> int:
        """The phase that ring r goes on with before the barrier: one ahead, or any if nobody waits beyond."""
        phases = self.plan.sequence[r][self.side]
        is_done = outside and self.bound.done >> r & 1
        for place in range(len(phases) if is_done else self.place[r], len(phases)):
            if eligible >> phases[place] & 1:
                return phases[place]
        for place in range(0 if outside else self.place[r]):
            if eligible >> phases[place] & 1:
                return phases[place]
        return NONE

    def _cross(self, eligible: int) -> None:
        plan = self.plan
        side = (self.side + 1) % plan.sides
        while not eligible & plan.phases_of(side):
            side = (side + 1) % plan.sides
        self.side = side
        self.bound.done = 0
        for r in range(plan.rings):
            p = self._first_of(plan.sequence[r][side], eligible)
            # Back to where the ring is: it ends all the same, and may begin anew after that.
            self._start(r, NONE if p == self.current[r] else p)

    def _first_of(self, phases, eligible: int) -> int:
        for p in phases:
            if eligible >> p & 1:
                return p
        for p in phases:
            if self.plan.options[p] & DUAL_ENTRY and not self.calls.commanded(OMIT) >> p & 1:
                return p
        return NONE

    def _rest_in_red(self) -> None:
        for r in range(self.plan.rings):
            place = self.place[r]
            self._start(r, NONE)
            self.place[r] = place

    def _start(self, r: int, p: int) -> None:
        self.current[r] = p
        self.place[r] = 0 if p == NONE else self.plan.place_of[p]
        self.shown[r] = 0
        self.green[r] = self.gap[r] = self.against[r] = 0
        self.walking.start(r, IDLE)
        if p != NONE:
            self._gapped &= ~(1 << p)

    def _request(self) -> int:
        groups = 0
        for r in range(self.plan.rings):
            p = self.current[r]
            if p != NONE:
                groups |= self.plan.vehicle_groups[p] | self.walking.groups(r, p)
        return groups


def _copy(to, source) -> None:
    for i in range(len(to)):
        to[i] = source[i]


def _more(ticks: int) -> int:
    return min(ticks + 1, 0xFFFF)
