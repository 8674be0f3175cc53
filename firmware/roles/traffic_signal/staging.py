"""What comes as a plan or day plans, checked in small steps beside everything else. Loaded for that moment only."""

from paifang_wire import messages

from . import days, packing, plans
from .shelf import SLOTS, Shelf, id_of


async def stage(shelf: Shelf, site, what: int, payload: bytes, pause) -> tuple:
    """(id, refusal, reason in words) of a record that is staged from now on, unless it is refused.

    `site`: a `tables.Site`. `pause`, awaited, lets everything else run.
    """
    if what not in (messages.STAGED_PLAN, messages.STAGED_DAYS):
        return 0, messages.NO_SUCH_OP, ""
    packed = b""
    try:
        if what == messages.STAGED_DAYS:
            days.decode(payload, names(shelf))
        else:
            plan = None
            for plan in plans.decoding(payload, site):
                await pause()
            packed = packing.pack(plan)
            await pause()
        shelf.write(shelf.STAGED, payload, packed, site.crc)
    except plans.PlanError as error:
        return 0, messages.LIMIT, error.reasons[0]
    except OSError as error:
        return 0, messages.BUSY, repr(error)
    return id_of(payload), 0, ""


def names(shelf: Shelf) -> dict:
    """{name: slot} of the plans on the shelf."""
    found = {}
    for slot in range(1, SLOTS + 1):
        packed = shelf.packed(slot)
        if packed:
            found[packing.name_of(packed)] = slot
    return found


def check_again(shelf: Shelf, site, say) -> None:
    """Hold every plan against a site record that is not the one it was checked against; `say` why one is refused."""
    for slot in range(1, SLOTS + 1):
        if shelf.site_at(slot) not in (-1, site.crc):
            payload = shelf.payload(slot)
            try:
                packed = packing.pack(plans.decode(payload, site)) if payload else b""
            except plans.PlanError as error:
                packed = b""
                say("plan %d refused: %s" % (slot, error.reasons[0]))
            shelf.write(slot, payload or b"", packed, site.crc)
