"""The wires between this board and the bench: one stream, messages in node order.

Board to bench: length u16, op u8, payload. Bench to board, only after an `ask`: length u16, errno u8, payload.
The numbers are `paifang_rig.control.Op`; little-endian throughout.

All stand-ins live in the node's heap, where a chip has C code in flash. So what nodes rarely use lies in files of its
own, loaded at need (`load`), and a stand-in's text is short.
"""

import struct

SPEED = FIRST_TICK = RESET_CAUSE = UNIQUE_ID = channel = _folder = None
_header = bytearray(3)


def tell(op, payload=b""):
    """Tell the bench something it does not answer."""
    channel.write(struct.pack("<HB", len(payload), op) + payload)


def ask(op, payload=b""):
    """Ask the bench and wait; OSError with the errno it answers. When the bench is gone, so is this board's power."""
    tell(op, payload)
    if not channel.readinto(_header):
        raise SystemExit(1)
    length = _header[0] | _header[1] << 8
    answer = channel.read(length) if length else b""
    if _header[2]:
        raise OSError(_header[2])
    return answer


def load(name):
    """A stand-in from the host's folder, which is mounted for that moment only."""
    import sys

    import vfs

    if name not in sys.modules:
        vfs.mount(_folder, "/_rig")
        sys.path.insert(0, "/_rig")
        try:
            __import__(name)
        finally:
            sys.path.pop(0)
            vfs.umount("/_rig")
    return sys.modules[name]
