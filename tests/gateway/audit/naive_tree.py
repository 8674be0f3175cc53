"""The Merkle tree as RFC 6962 section 2.1 writes it: recursion over lists, nothing kept, nothing clever."""

import hashlib


def split(count):
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def root(entries):
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    middle = split(len(entries))
    return hashlib.sha256(b"\x01" + root(entries[:middle]) + root(entries[middle:])).digest()


def path(index, entries):
    if len(entries) == 1:
        return []
    middle = split(len(entries))
    if index < middle:
        return [*path(index, entries[:middle]), root(entries[middle:])]
    return [*path(index - middle, entries[middle:]), root(entries[:middle])]


def proof(old, entries, is_known=True):
    if old == len(entries):
        return [] if is_known else [root(entries)]
    middle = split(len(entries))
    if old <= middle:
        return [*proof(old, entries[:middle], is_known), root(entries[middle:])]
    return [*proof(old - middle, entries[middle:], False), root(entries[:middle])]
