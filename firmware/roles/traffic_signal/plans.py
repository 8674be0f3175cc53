"""Timing plans: what the controller may do within the site record, checked with every reason named.

    [version, name,
     [[number 1-8, vehicle groups, pedestrian groups (bitmasks), least green ms, passage ms, most green ms, walk ms,
       before reduction ms, time to reduce ms, least gap ms, amber ms, red clearance ms, options], ...],
     [[[phase, ...] of a side, ...] of a ring, ...],
     null | [cycle ms, offset ms, [split ms of each phase], coordinated phases (bits), transition, floating 0|1],
     [[kind, delay ms, track phases, track green ms, dwell phases, least dwell ms, most presence ms, exit phases,
       bound ms], ...],
     [[phase, extension ms, early green ms, lockout ms], ...],
     [[phase or 0, delay ms, extension ms, options, most presence ms, no activity ms, most counts a minute], ...]]

Sides lie between the barriers, which all rings cross together. Amber and red clearance are those that the plan was
made for: lamps follow the site record, and a plan that was made for other ones is refused. Options, transitions and
kinds are in `phases`; those of detectors in `detectors`. Phases are bits 0 (phase 1) to 7 in masks.
"""

from micropython import const

from paifang_wire import cbor
from paifang_wire.errors import WireError

from .errors import PlanError

VERSION = const(1)
BYTES_LIMIT = const(3500)


def decode(payload: bytes, site):
    """Return the `phases.Plan` of an encoded plan. Raises PlanError with every reason of `check`."""
    return list(decoding(payload, site))[-1]


def decoding(payload: bytes, site, forget=lambda: None):
    """As `decode`, in steps of a few ms on a node: yields the plan as far as it is made, at last the whole of it.

    `forget()`: what has been loaded for the step before is not needed any more.
    """
    if len(payload) > BYTES_LIMIT:
        raise PlanError(["the plan is longer than %d bytes" % BYTES_LIMIT])
    try:
        record = cbor.decode(payload)
    except WireError as error:
        raise PlanError(["the plan is no canonical CBOR: " + str(error)])
    reasons = []
    yield from _making(record, site, reasons, forget)
    if reasons:
        raise PlanError(reasons)


def check(record, site) -> list:
    """Return every reason why a plan cannot be used at a site (`tables.Site`); [] if it can."""
    reasons = []
    for _ in _making(record, site, reasons, lambda: None):
        pass
    return reasons


def _making(record, site, reasons, forget):
    """Each step is loaded when its turn comes: a node has no heap for all of them at once."""
    from .structure import checking

    yield from checking(record, site, reasons)
    del checking
    forget()
    if reasons:
        return
    from .rows import checking as checking_rows

    yield from checking_rows(record, reasons)
    del checking_rows
    forget()
    if reasons:
        return
    from .timing import making

    plan = None
    for made in making(record, site):
        plan = made
        yield plan
    del making
    forget()
    from .promises import checking as checking_promises

    yield from checking_promises(plan, record, site, reasons)
