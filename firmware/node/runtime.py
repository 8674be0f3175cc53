"""Puts a node together from its parts; what is of the board comes in from `start`, which forgets this module, too."""

import hashlib

from paifang_wire import __version__, cbor
from paifang_wire.messages import EV_STARTED

from .commands import Commands
from .health import POINTS, Health
from .link import Link
from .records import Records
from .supervisor import Supervisor
from .wall import WallClock

# machine.reset_cause() of an ESP32.
_RESET_CAUSES = ("reset", "power on", "hard reset", "watchdog", "deep sleep", "soft reset")


def assemble(name: tuple, identity: tuple, role, transport, outbox, uptime, board: tuple) -> tuple:
    """(Supervisor, its tasks) of a node.

    `name`: (site, node); `identity` as of `identity.open_identity`; `role` has POINTS, `attach(records)`, `run(alive)`,
    `write(point, value)` and `to_safe_state()`; `transport` as in `tcp` and `serial`; `outbox` an Outbox, `uptime` an
    Uptime; `board`: (reset cause, random(n), wdt, gc).
    """
    reset_cause, random, wdt, gc = board
    boot, node_key, receipt_key = identity
    wall = WallClock()
    commands = Commands(role.POINTS, role.write, uptime.now_ms, boot, receipt_key)
    points = role.POINTS + POINTS
    description = (hashlib.sha256(cbor.encode(points)).digest()[:8], points)
    about = (__version__, reset_cause)
    link = Link(name + (boot, node_key), about, description, transport, outbox, commands, uptime, wall, random)
    records = Records(boot, outbox, uptime, wall, link.notify)
    records.event(EV_STARTED, None, _RESET_CAUSES[reset_cause if reset_cause < len(_RESET_CAUSES) else 0])
    role.attach(records)
    health = Health(records, outbox, link, gc)
    tasks = (("link", link.run), ("role", role.run), ("health", health.run))
    return Supervisor(uptime, wdt, records, role.to_safe_state), tasks
