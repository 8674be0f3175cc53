"""What comes as a plan or day plans, checked in small steps beside everything else. Loaded for that moment only."""

from node.modules import forget_since, loaded
from paifang_wire import messages

from .errors import PlanError


async def stage(folder: str, site, what: int, payload: bytes, pause) -> tuple:
    """(id, refusal, reason in words) of a record that is staged from now on, unless it is refused.

    `site`: a `tables.Site`. `pause`, awaited, lets everything else run.
    """
    try:
        if what == messages.STAGED_PLAN:
            packed = _packed(await _plan(payload, site, pause))
        elif what == messages.STAGED_DAYS:
            packed = _checked(folder, payload)
        else:
            return 0, messages.NO_SUCH_OP, ""
        await pause()
        from .shelf import Shelf, id_of

        shelf = Shelf(folder)
        for _ in shelf.writing(shelf.STAGED, payload, packed, site.crc):
            await pause()
    except PlanError as error:
        return 0, messages.LIMIT, error.reasons[0]
    except OSError as error:
        return 0, messages.BUSY, repr(error)
    return id_of(payload), 0, ""


def check_again(folder: str, site, say) -> None:
    """Hold every plan against a site record that is not the one it was checked against; `say` why one is refused."""
    from .shelf import SLOTS, Shelf

    shelf = Shelf(folder)
    for slot in range(1, SLOTS + 1):
        if shelf.site_at(slot) not in (-1, site.crc):
            payload = shelf.payload(slot)
            packed = b""
            try:
                if payload:
                    packed = _packed(list(_making(payload, site))[-1])
            except PlanError as error:
                say("plan %d refused: %s" % (slot, error.reasons[0]))
            shelf.write(slot, payload or b"", packed, site.crc)


async def _plan(payload: bytes, site, pause):
    plan = None
    for made in _making(payload, site):
        plan = made
        await pause()
    return plan


def _making(payload: bytes, site):
    """As `plans.decoding`, with no more in the heap than each step takes."""
    before = loaded()
    from .plans import decoding

    yield from decoding(payload, site, lambda: forget_since(before))
    del decoding
    forget_since(before)


def _packed(plan) -> bytes:
    from .packing import pack

    return pack(plan)


def _checked(folder: str, payload: bytes) -> bytes:
    """Nothing is packed of day plans."""
    from .days import decode
    from .library import names
    from .shelf import Shelf

    decode(payload, names(Shelf(folder)))
    return b""
