"""The table of a node's points, kept as it goes over the wire: as tuples it would take five times as much heap."""

import hashlib

from paifang_wire import cbor, messages

_LONG = 0x98  # head of an array whose length takes a byte of its own


class Description:
    """`points`: rows as in the describe message. Whoever goes through it is given a row at a time, made for that.

    `hash`: the 8 bytes by which the gateway knows it.
    """

    def __init__(self, points) -> None:
        self._packed = cbor.encode(points)
        self.hash = hashlib.sha256(self._packed).digest()[:8]

    def __iter__(self):
        packed = self._packed
        pos = 2 if packed[0] == _LONG else 1
        while pos < len(packed):
            row, pos = cbor.item(packed, pos)
            yield row

    def message(self) -> bytes:
        """The payload of the describe message."""
        payload = bytearray(b"\x83")
        cbor.append(payload, messages.DESCRIBE)
        cbor.append(payload, self.hash)
        payload.extend(self._packed)
        return bytes(payload)
