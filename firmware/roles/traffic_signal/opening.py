"""The start of a signal: the site record that this node holds, believed only if two root keys have signed it.

Loaded for the start only. The outputs are dark and the relay is let go while it works, so it may take its time.
"""

from binascii import crc32

from node.rooted import trusted_roots
from paifang_wire import cbor, orders, sign1
from paifang_wire.errors import WireError
from paifang_wire.p256 import Verification

from . import site


def open_site(name: tuple, nvs, records):
    """Return (`tables.Site`, ""), (None, "") of a node that has never had a record, or (None, what is wrong with it).

    `name`: (site, node). `records`: the `slots.Slots` of the record.
    """
    if not records.floor:
        return None, ""
    signed = records.payload()
    if signed is None:
        return None, "site record damaged"
    try:
        payload, *signatures = cbor.decode(signed, 2 * cbor.LIMIT)
        if not _is_signed(name[0], nvs, payload, signatures):
            return None, "site record not signed by two roots"
        node, edition, record = orders.decode_site(payload)
        if node != name[1]:
            return None, "site record of " + node
        if edition != records.version:
            return None, "site record of edition %d, expected %d" % (edition, records.version)
        return site.tables(record, crc32(payload)), ""
    except (WireError, ValueError) as error:
        return None, "site record: " + str(error)


def _is_signed(site_name: str, nvs, payload: bytes, signatures) -> bool:
    roots = trusted_roots(nvs)
    kids = []
    for signed in signatures:
        kid, inside, signature = sign1.split(signed)
        digest = sign1.digest(kid, site_name, sign1.SITE_RECORD, payload)
        if inside is not None or kid in kids or kid not in roots or not _is_good(roots[kid], digest, signature):
            return False
        kids.append(kid)
    return len(kids) == 2


def _is_good(public: bytes, digest: bytes, signature: bytes) -> bool:
    verification = Verification(public, digest, signature)
    while verification.step():
        pass
    return verification.valid
