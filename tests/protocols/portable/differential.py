"""What this interpreter makes of arbitrary bytes: decoded and written back, or refused and why.

Standard input is a sequence of items, each with two bytes of length (big-endian) before it; each gets one line back.
"""

import sys

from paifang_wire import cbor
from paifang_wire.errors import WireError

from .plain import digest


def main():
    """Serve until the end of the input."""
    read = sys.stdin.buffer.read
    while True:
        head = read(2)
        if not head:
            return
        print(verdict(read(head[0] << 8 | head[1])))


def verdict(data):
    """Return the digest of what `data` decodes to, "!reason", or "?" when it is not written back the same."""
    try:
        value = cbor.decode(data)
    except WireError as error:
        return "!" + error.reason
    if cbor.encode(value) != data:
        return "?" + digest(value)
    return digest(value)
