"""What comes as a plan or day plans, checked in small steps beside everything else. Loaded for that moment only."""

from node.modules import forget_since, loaded
from paifang_wire import messages

from . import packing
from .errors import PlanError
from .shelf import SLOTS, Shelf, id_of


async def stage(folder: str, site, what: int, payload: bytes, pause) -> tuple:
    """(id, refusal, reason in words) of a record that is staged from now on, unless it is refused.

    `site`: a `tables.Site`. `pause`, awaited, lets everything else run.
    """
    shelf = Shelf(folder)
    try:
        if what == messages.STAGED_PLAN:
            packed = await _packed(payload, site, pause)
        elif what == messages.STAGED_DAYS:
            packed = _checked(payload, packing.names(shelf))
        else:
            return 0, messages.NO_SUCH_OP, ""
        await pause()
        shelf.write(shelf.STAGED, payload, packed, site.crc)
    except PlanError as error:
        return 0, messages.LIMIT, error.reasons[0]
    except OSError as error:
        return 0, messages.BUSY, repr(error)
    return id_of(payload), 0, ""


def check_again(folder: str, site, say) -> None:
    """Hold every plan against a site record that is not the one it was checked against; `say` why one is refused."""
    shelf = Shelf(folder)
    for slot in range(1, SLOTS + 1):
        if shelf.site_at(slot) not in (-1, site.crc):
            payload = shelf.payload(slot)
            packed = b""
            try:
                if payload:
                    packed = packing.pack(list(_making(payload, site))[-1])
            except PlanError as error:
                say("plan %d refused: %s" % (slot, error.reasons[0]))
            shelf.write(slot, payload or b"", packed, site.crc)


async def _packed(payload: bytes, site, pause) -> bytes:
    plan = None
    for made in _making(payload, site):
        plan = made
        await pause()
    return packing.pack(plan)


def _making(payload: bytes, site):
    """As `plans.decoding`, with no more in the heap than each step takes."""
    from . import plans

    before = loaded()
    return plans.decoding(payload, site, lambda: forget_since(before))


def _checked(payload: bytes, names: dict) -> bytes:
    """Nothing is packed of day plans."""
    from . import days

    days.decode(payload, names)
    return b""
