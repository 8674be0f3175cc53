"""What was done to points of class 2 and 3, kept in the NVS: begun before it is done, ended with its receipt.

Eight entries (`cmd0` to `cmd7`) take turns. One that was begun and never ended is a command during which power failed.
"""

from micropython import const

_ENTRIES = const(8)
_SEQUENCE_BYTES = const(4)
_ID_END = const(12)
_HASH_END = const(44)
_LIMIT = const(256)  # bytes of an entry with its receipt


class Ledger:
    """`nvs`: an `esp32.NVS`. `earlier`: the ids of what was begun in earlier boots, oldest first."""

    def __init__(self, nvs) -> None:
        self._nvs = nvs
        self._begun = {}  # slot → its bytes: under way, or ended and not taken by the NVS
        self._entries = []  # by slot: (sequence, id)
        for slot in range(_ENTRIES):
            data = self._read(slot)
            if len(data) < _HASH_END:
                self._entries.append((0, b""))
                continue
            self._entries.append((int.from_bytes(data[:_SEQUENCE_BYTES], "big"), data[_SEQUENCE_BYTES:_ID_END]))
            if len(data) == _HASH_END:
                self._begun[slot] = data
        self.earlier = [identifier for _, identifier in sorted(self._entries) if identifier]

    def find(self, identifier: bytes):
        """The payload of the receipt; b"" of what has begun and not ended, None of what is not here."""
        data = self._entry(identifier)
        return None if data is None else data[_HASH_END:]

    def digest(self, identifier: bytes) -> bytes:
        """The hash of a command that is here."""
        data = self._entry(identifier) or b""
        return data[_ID_END:_HASH_END]

    def open(self, identifier: bytes, digest: bytes) -> bool:
        """Write down that it begins; False when that cannot be kept, and then it must not be done."""
        free = [slot for slot in range(_ENTRIES) if slot not in self._begun]
        if not free:
            return False
        slot = min(free, key=lambda slot: self._entries[slot][0])
        sequence = max([entry[0] for entry in self._entries]) + 1
        data = sequence.to_bytes(_SEQUENCE_BYTES, "big") + identifier + digest
        if not self._write(slot, data):
            self._erase(slot)  # or the next commit, of whatever, might make it one that power broke off
            self._entries[slot] = (0, b"")
            return False
        self._entries[slot] = (sequence, identifier)
        self._begun[slot] = data
        return True

    def close(self, identifier: bytes, receipt: bytes) -> bool:
        """Write down how it ended; False when it was never begun. What cannot be written is kept in RAM."""
        for slot, data in self._begun.items():
            if data[_SEQUENCE_BYTES:_ID_END] == identifier and len(data) == _HASH_END:
                if self._write(slot, data + receipt):
                    del self._begun[slot]
                else:
                    self._begun[slot] = data + receipt
                return True
        return False

    def _entry(self, identifier: bytes):
        for slot in range(_ENTRIES):
            if self._entries[slot][1] == identifier:
                return self._begun.get(slot) or self._read(slot)
        return None

    def _read(self, slot: int) -> bytes:
        buffer = bytearray(_LIMIT)
        try:
            return bytes(buffer[: self._nvs.get_blob(_key(slot), buffer)])
        except OSError:
            return b""

    def _write(self, slot: int, data: bytes) -> bool:
        try:
            self._nvs.set_blob(_key(slot), data)
            self._nvs.commit()
            return True
        except OSError as error:
            print("ledger: NVS does not take an entry:", repr(error))
            return False

    def _erase(self, slot: int) -> None:
        try:
            self._nvs.erase_key(_key(slot))
            self._nvs.commit()
        except OSError:
            pass  # there is none, or the NVS takes nothing at all: then it has not taken the entry either


def _key(slot: int) -> str:
    return "cmd" + str(slot)
