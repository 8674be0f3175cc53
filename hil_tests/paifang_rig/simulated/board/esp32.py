"""`esp32.NVS` over the bench, which keeps the pages; the names and errors of the ESP32 port."""

import struct

import bench
from micropython import const

_OP_NVS = const(9)
_GET_I32 = const(1)
_SET_I32 = const(2)
_GET_BLOB = const(3)
_SET_BLOB = const(4)
_ERASE = const(5)
_COMMIT = const(6)
_KEY_LIMIT = const(15)


class NVS:
    """One namespace. Names and keys are 1 to 15 characters; a missing key is OSError(-0x1102)."""

    def __init__(self, namespace):
        self._namespace = _name(namespace)

    def get_i32(self, key):
        return struct.unpack("<i", self._ask(_GET_I32, key))[0]

    def set_i32(self, key, value):
        self._ask(_SET_I32, key, struct.pack("<i", value))

    def get_blob(self, key, buffer):
        """Fill `buffer`, give the blob's length; a buffer too short is an error, as on the ESP32."""
        value = self._ask(_GET_BLOB, key)
        if len(value) > len(buffer):
            raise OSError(-0x110C, "ESP_ERR_NVS_INVALID_LENGTH")
        buffer[: len(value)] = value
        return len(value)

    def set_blob(self, key, value):
        self._ask(_SET_BLOB, key, bytes(value))

    def erase_key(self, key):
        self._ask(_ERASE, key)

    def commit(self):
        bench.ask(_OP_NVS, bytes((_COMMIT,)) + self._namespace + b"\0")

    def _ask(self, what, key, value=b""):
        try:
            return bench.ask(_OP_NVS, bytes((what,)) + self._namespace + _name(key) + value)
        except OSError as error:
            if error.errno == 2:
                raise OSError(-0x1102, "ESP_ERR_NVS_NOT_FOUND")
            if error.errno == 28:
                raise OSError(-0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
            raise


def _name(text):
    data = text.encode()
    if not 0 < len(data) <= _KEY_LIMIT:
        raise OSError(-0x1106, "ESP_ERR_NVS_INVALID_NAME")
    return bytes((len(data),)) + data
