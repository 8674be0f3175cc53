"""Puts a node together from its parts; what is of the board comes in from `start`, which forgets this module, too."""

from micropython import const

from paifang_wire import __version__
from paifang_wire.messages import EV_STARTED, INT
from paifang_wire.rules import CLASS

from .commands import Commands
from .description import Description
from .health import Health
from .link import Link
from .modules import forget_since, loaded
from .records import Records
from .supervisor import Supervisor
from .trust import Trust
from .wall import WallClock

_SELECTED_CLASS = const(2)
_SIGNED_CLASS = const(3)
# machine.reset_cause() of an ESP32.
_RESET_CAUSES = ("reset", "power on", "hard reset", "watchdog", "deep sleep", "soft reset")

HEALTH = (
    (32, "free_heap", "B", INT, 0, 0, None, 0, None),
    (33, "queue_depth", "", INT, 0, 0, None, 0, None),
    (34, "records_dropped", "", INT, 0, 0, None, 0, None),
    (35, "link_reconnects", "", INT, 0, 0, None, 0, None),
    (36, "frames_refused", "", INT, 0, 0, None, 0, None),
    (37, "journal_waiting", "B", INT, 0, 0, None, 0, None),
    (38, "journal_dropped", "", INT, 0, 0, None, 0, None),
    (39, "journal_damaged", "", INT, 0, 0, None, 0, None),
    (40, "journal_refused", "", INT, 0, 0, None, 0, None),
)
"""Points that every node has beside its role's."""


def assemble(name: tuple, identity: tuple, role, transport, outbox, journal, flush_ms: int, uptime, board) -> tuple:
    """(Supervisor, its tasks) of a node.

    `name`: (site, node); `identity` as of `identity.open_identity`; `role` has POINTS, `attach(records)`, `run(alive)`,
    `to_safe_state()` and what `commands` asks of it; `transport` as in `tcp` and `serial`; `outbox` an Outbox,
    `journal` a Journal or None, flushed after `flush_ms`, `uptime` an Uptime; `board`: (reset cause, random(n), wdt,
    gc, nvs, reset).
    """
    reset_cause, random, wdt, gc, nvs, reset = board
    boot, node_key, receipt_key = identity
    wall = WallClock()
    before = loaded()
    description = Description(role.POINTS + HEALTH)
    forget_since(before)
    greatest = max([row[CLASS] for row in description])
    ledger = selecting = authority = keyset = verifier = None
    if greatest >= _SIGNED_CLASS:
        keyset, verifier, authority = _signed(name, description.hash, nvs, uptime, wall, gc)
    if greatest >= _SELECTED_CLASS:
        from .ledger import Ledger
        from .selecting import Selecting

        ledger, selecting = Ledger(nvs), Selecting(random, authority)
    commands = Commands(description, role, uptime.now_ms, boot, receipt_key, selecting, ledger)
    keeper = None

    def part() -> None:
        if keeper is not None:
            keeper.close()

    def restart() -> None:
        part()
        reset()

    trust = Trust(name, nvs, uptime, restart, keyset, verifier, gc, getattr(role, "holdings", None))
    about = (__version__, reset_cause)
    parts = (transport, outbox, commands, trust, uptime, wall, random)
    link = Link(name + (boot, node_key), about, description, *parts)
    if journal is not None:
        from .keeper import Keeper

        link.journal = journal
        keeper = Keeper(journal, outbox, link, uptime, flush_ms)
    records = Records(boot, outbox, uptime, wall, link.notify, keeper)
    records.event(EV_STARTED, None, _RESET_CAUSES[reset_cause if reset_cause < len(_RESET_CAUSES) else 0])
    role.attach(records)
    health = Health(records, outbox, link, gc, keeper)
    tasks = (("link", link.run), ("role", role.run), ("health", health.run))
    if keeper is not None:
        keeper.attach(records)
        tasks += (("journal", keeper.run),)
    return Supervisor(uptime, wdt, records, role.to_safe_state, part), tasks


def _signed(name: tuple, description: bytes, nvs, uptime, wall, gc) -> tuple:
    """(key set, verifier, authority) of a node with points of class 3."""
    from .keyset import KeySet
    from .signing import Signing
    from .verifier import Verifier, sliced

    keyset = KeySet(nvs)
    verifier = Verifier(uptime.now_ms, sliced(uptime.sleep_ms), gc)
    return keyset, verifier, Signing(name, description, keyset, verifier, uptime, wall.utc_ms)
