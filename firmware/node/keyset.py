"""The keys of persons that the node believes: a set that two root keys have signed, never an older one than before."""

from .slots import Slots


class KeySet(Slots):
    """`nvs`: an `esp32.NVS`; `folder`: where the files `keyset.0` and `keyset.1` are."""

    def __init__(self, nvs, folder: str = "") -> None:
        super().__init__(nvs, "keyset", folder)

    def find(self, *kids: bytes) -> list:
        """For each key id, its key as in `orders`, or None."""
        from paifang_wire import orders, sign1  # forgotten with whatever has asked for this

        found = [None for _ in kids]
        payload = self.payload()
        if payload is not None:
            for key in orders.each_key(payload):
                name = sign1.key_id(key[orders.PUBLIC])
                found = [key if kid == name else before for kid, before in zip(kids, found)]
        return found
