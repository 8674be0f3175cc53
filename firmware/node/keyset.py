"""The keys of persons that the node believes: a set that two root keys have signed, never an older one than before.

Two files on the flash take turns; which of them counts, its version and its hash stand in the NVS, written last.
"""

import hashlib

from micropython import const

from paifang_wire import orders, sign1

_POINTER = "keyset"
_VERSION_BYTES = const(8)
_SLOT = const(8)
_HASH = const(9)
_POINTER_BYTES = const(41)


class KeySet:
    """`nvs`: an `esp32.NVS`; `folder`: where the files `keyset.0` and `keyset.1` are.

    `version` is that of the set held, 0 for none (or one that the flash has lost); `floor` is the highest ever held.
    """

    def __init__(self, nvs, folder: str = "") -> None:
        self._nvs = nvs
        self._path = folder + "/keyset."
        self._slot = 1
        self._hash = b""
        self.version = self.floor = 0
        pointer = bytearray(_POINTER_BYTES)
        try:
            nvs.get_blob(_POINTER, pointer)
        except OSError:
            return
        self.floor = int.from_bytes(pointer[:_VERSION_BYTES], "big")
        self._slot = pointer[_SLOT]
        self._hash = bytes(pointer[_HASH:])
        if self._payload(self._slot) is not None:
            self.version = self.floor
        else:
            print("keyset: the file of version", self.floor, "is damaged: it is needed again")

    def find(self, *kids: bytes) -> list:
        """For each key id, its key as in `orders`, or None."""
        found = [None for _ in kids]
        payload = self._payload(self._slot) if self.version else None
        if payload is not None:
            for key in orders.each_key(payload):
                name = sign1.key_id(key[orders.PUBLIC])
                found = [key if kid == name else before for kid, before in zip(kids, found)]
        return found

    def is_same(self, payload: bytes) -> bool:
        """Tell whether it is the set that the NVS names."""
        return hashlib.sha256(payload).digest() == self._hash

    def store(self, version: int, payload: bytes) -> None:
        """Hold this set from now on, over any power cut. Raises OSError; then the one before is held."""
        slot = 1 - self._slot
        with open(self._path + str(slot), "wb") as file:
            file.write(payload)
        pointer = version.to_bytes(_VERSION_BYTES, "big") + bytes((slot,)) + hashlib.sha256(payload).digest()
        self._nvs.set_blob(_POINTER, pointer)
        self._nvs.commit()
        self.version = self.floor = version
        self._slot, self._hash = slot, pointer[_HASH:]

    def _payload(self, slot: int):
        try:
            with open(self._path + str(slot), "rb") as file:
                payload = file.read()
        except OSError:
            return None
        return payload if self.is_same(payload) else None
