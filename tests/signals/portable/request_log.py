"""Plays a made-up day of a junction, on either interpreter, and prints every change of the request.

Arguments: files of the site record and of the plan, seed, number of ticks.
"""

import sys

from roles.traffic_signal import plans, site
from roles.traffic_signal.controller import Controller
from roles.traffic_signal.detectors import Detectors
from roles.traffic_signal.interlock import Interlock


class Dice:
    """The same numbers everywhere."""

    def __init__(self, seed):
        self.state = seed

    def bits(self, count):
        """`count` random bits, at most 15."""
        self.state = self.state * 1103515245 + 12345 & 0x7FFFFFFF
        return self.state >> 15 & (1 << count) - 1

    def sparse(self, count):
        return self.bits(count) & self.bits(count) & self.bits(count)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def reloaded(before, junction, path):
    """The same plan once more, as if it had come over the link."""
    controller = Controller(plans.decode(read(path), junction), junction)
    controller.take_over(before)
    return controller


def play(site_path, plan_path, seed, ticks):
    junction = site.decode(read(site_path))
    plan = plans.decode(read(plan_path), junction)
    lock, controller, detectors = Interlock(junction), Controller(plan, junction), Detectors(plan)
    dice = Dice(seed)
    before = preempts = transit = raw = 0
    for tick in range(ticks):
        if not tick % 4:
            raw ^= dice.sparse(8)
        if dice.bits(10) == 0:
            preempts = dice.sparse(len(plan.preempts))
            transit = dice.bits(len(plan.transit))
        if dice.bits(6) == 0:
            controller.command(dice.bits(3) % 5, dice.bits(8), dice.bits(7))
        if controller.coordination and dice.bits(8) == 0:
            controller.coordination.sync(1_800_000_000_000 + tick * 100 + dice.bits(14))
        if dice.bits(13) == 0:
            lock.to_flash()
        if dice.bits(8) == 0:
            lock.to_run()
        if dice.bits(11) == 0:
            controller = reloaded(controller, junction, plan_path)
        vehicles = detectors.tick(raw, controller.green_phases)
        request = controller.tick(vehicles, dice.sparse(8) & dice.sparse(8), lock.aspects, preempts, transit)
        if request != before:
            print(tick, request, lock.mode)
            before = request
        lock.tick(request)
    print("end", [list(detectors.counts), list(controller.bound.wait)])


play(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
