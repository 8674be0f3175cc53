"""What this interpreter says of signatures, and of signed orders on their way through the wire.

Standard input is lines of words: `public digest signature` or `site purpose public message`, all but the names in hex;
each gets one line back: 1 for a good one, 0 for any other.
"""

import sys

from paifang_wire import p256, sign1
from paifang_wire.errors import WireError


def main():
    """Serve until the end of the input."""
    for line in sys.stdin:
        print(1 if verdict(line.split()) else 0)


def verdict(words):
    """Tell whether the signature, or the COSE_Sign1, that these words describe is good."""
    if len(words) == 3:
        public, digest, signature = [bytes.fromhex(word) for word in words]
        return p256.verify(public, digest, signature)
    site, purpose, public, message = words
    return opens(site, purpose, bytes.fromhex(public), bytes.fromhex(message))


def opens(site, purpose, public, message):
    """Tell whether `message` is a COSE_Sign1 by this key, for this purpose on this site."""
    try:
        kid, payload, signature = sign1.split(message)
    except WireError:
        return False
    if payload is None or kid != sign1.key_id(public):
        return False
    return p256.verify(public, sign1.digest(kid, site, purpose, payload), signature)
