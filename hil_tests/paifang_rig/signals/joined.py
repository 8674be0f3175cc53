"""Detectors, controller and interlock of a node, joined. Runs on the host and on a board's interpreter alike."""

from roles.traffic_signal import (  # pyright: ignore[reportMissingImports] - on the path of whoever runs it
    controller,
    detectors,
    interlock,
    plans,
    site,
)

SYNC_MS = 10_000


class Joined:
    """`site_record`, `plan_record`: encoded. `interlock.aspects` is what is shown after each `tick`."""

    def __init__(self, site_record: bytes, plan_record: bytes) -> None:
        self.site = site.decode(site_record)
        self.plan = plans.decode(plan_record, self.site)
        self.controller = controller.Controller(self.plan, self.site)
        self.interlock = interlock.Interlock(self.site)
        self.detectors = detectors.Detectors(self.plan)

    def order(self, kind: int, phases: int) -> None:
        """Hold, force off, ...: `ports.Seen.order`."""
        self.controller.command(kind, phases)

    def flash(self, switch: bool) -> None:
        """The local flash switch is on or off: at once, and back through all-red."""
        mode = self.interlock.mode
        if switch and mode not in (interlock.FLASH, interlock.LATCHED):
            self.interlock.to_flash()
        elif not switch and mode == interlock.FLASH:
            self.interlock.to_run()

    def tick(self, t_ms: int, covered: int, pedestrians: int, preempts: int, transit: int) -> None:
        """100 ms have passed; the wall clock says `t_ms`; the other arguments as in `ports.Seen`."""
        if self.controller.coordination and t_ms % SYNC_MS == 0:
            self.controller.coordination.sync(t_ms)
        calls = self.detectors.tick(covered, self.controller.green_phases)
        self.interlock.tick(self.controller.tick(calls, pedestrians, self.interlock.aspects, preempts, transit))
