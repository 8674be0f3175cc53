"""The wires between this board and the bench: one stream, messages in node order.

Board to bench: length u16, op u8, payload. Bench to board, only after an `ask`: length u16, errno u8, payload.
The numbers are `paifang_rig.control.Op`; little-endian throughout.
"""

import struct

_channel = None
_header = bytearray(3)

SPEED = 1
FIRST_TICK = 0
RESET_CAUSE = 1
UNIQUE_ID = b""
BLOCK_COUNT = 0


def connect(fd):
    """Join the control channel and learn what this boot is."""
    global _channel, SPEED, FIRST_TICK, RESET_CAUSE, UNIQUE_ID, BLOCK_COUNT
    _channel = open(fd, "rb+")
    SPEED, FIRST_TICK, RESET_CAUSE, BLOCK_COUNT, UNIQUE_ID = struct.unpack("<HIBH6s", ask(1))


def tell(op, payload=b""):
    """Tell the bench something it does not answer."""
    _channel.write(struct.pack("<HB", len(payload), op) + payload)


def ask(op, payload=b""):
    """Ask the bench and wait; OSError with the errno it answers."""
    tell(op, payload)
    if _channel.readinto(_header) != 3:
        raise SystemExit(1)  # the bench is gone, and a board without a bench has no power
    length = _header[0] | _header[1] << 8
    answer = _channel.read(length) if length else b""
    if _header[2]:
        raise OSError(_header[2])
    return answer


def end(op, payload=b""):
    """Tell the bench something that ends this boot; never returns."""
    tell(op, payload)
    while _channel.readinto(_header):
        pass
    raise SystemExit(1)
