"""The root keys that a node was provisioned with."""

from micropython import const

from paifang_wire import sign1

_KEY_BYTES = const(64)
_ROOTS = const(3)


def trusted_roots(nvs) -> dict:
    """{key id: public key} of the root keys; none when the node was provisioned without."""
    buffer = bytearray(_ROOTS * _KEY_BYTES)
    try:
        length = nvs.get_blob("roots", buffer)
    except OSError:
        return {}
    publics = [bytes(buffer[start : start + _KEY_BYTES]) for start in range(0, length, _KEY_BYTES)]
    return {sign1.key_id(public): public for public in publics}
