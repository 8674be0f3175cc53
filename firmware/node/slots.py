"""A signed record on flash that only ever becomes newer: two files take turns; which counts stands in the NVS.

The pointer in the NVS (slot, version and hash of the record) is written last, so that a power cut leaves the old one.
"""

import hashlib

from micropython import const

_VERSION_BYTES = const(8)
_SLOT = const(8)
_HASH = const(9)
_POINTER_BYTES = const(41)


class Slots:
    """`nvs`: an `esp32.NVS`; `name`: of the pointer there, and of the files `NAME.0` and `NAME.1` in `folder`.

    `version` is that of the record held, 0 for none (or one that the flash has lost); `floor` the highest ever held.
    """

    def __init__(self, nvs, name: str, folder: str = "") -> None:
        self._nvs = nvs
        self._name = name
        self._path = folder + "/" + name + "."
        self._slot = 1
        self._hash = b""
        self.version = self.floor = 0
        pointer = bytearray(_POINTER_BYTES)
        try:
            nvs.get_blob(name, pointer)
        except OSError:
            return
        self.floor = int.from_bytes(pointer[:_VERSION_BYTES], "big")
        self._slot = pointer[_SLOT]
        self._hash = bytes(pointer[_HASH:])
        if self._read() is not None:
            self.version = self.floor
        else:
            print(name + ": the file of version", self.floor, "is damaged: it is needed again")

    def payload(self):
        """The record held, None for none."""
        return self._read() if self.version else None

    def is_same(self, payload: bytes) -> bool:
        """Tell whether it is the record that the NVS names."""
        return hashlib.sha256(payload).digest() == self._hash

    def store(self, version: int, payload: bytes) -> None:
        """Hold this record from now on, over any power cut. Raises OSError; then the one before is held."""
        slot = 1 - self._slot
        with open(self._path + str(slot), "wb") as file:
            file.write(payload)
        pointer = version.to_bytes(_VERSION_BYTES, "big") + bytes((slot,)) + hashlib.sha256(payload).digest()
        self._nvs.set_blob(self._name, pointer)
        self._nvs.commit()
        self.version = self.floor = version
        self._slot, self._hash = slot, pointer[_HASH:]

    def _read(self):
        try:
            with open(self._path + str(self._slot), "rb") as file:
                payload = file.read()
        except OSError:
            return None
        return payload if self.is_same(payload) else None
