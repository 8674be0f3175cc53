"""The start of a signal: the site record that this node holds, believed only if two root keys have signed it.

Loaded for the start only. The outputs are dark and the relay is let go while it works, so it may take its time.
"""

from binascii import crc32

from paifang_wire import cbor
from paifang_wire.errors import WireError


def open_site(name: tuple, nvs, records, forget):
    """Return (`tables.Site`, ""), (None, "") of a node that has never had a record, or (None, what is wrong with it).

    `name`: (site, node). `records`: the `slots.Slots` of the record. `forget()`: what was loaded has had its time.
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
        forget()
        return _tables(name[1], records.version, payload)
    except (WireError, ValueError) as error:
        return None, "site record: " + str(error)


def _tables(expected: str, version: int, payload: bytes) -> tuple:
    from paifang_wire.orders import decode_site

    from .site import tables

    node, edition, record = decode_site(payload)
    if node != expected:
        return None, "site record of " + node
    if edition != version:
        return None, "site record of edition %d, expected %d" % (edition, version)
    return tables(record, crc32(payload)), ""


def _is_signed(site_name: str, nvs, payload: bytes, signatures) -> bool:
    from node.roots import trusted_roots
    from paifang_wire import sign1

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
    from paifang_wire.p256 import Verification

    verification = Verification(public, digest, signature)
    while verification.step():
        pass
    return verification.valid
