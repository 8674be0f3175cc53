"""`esp32.NVS` over the bench, which keeps the pages; the names and errors of the ESP32 port."""

import struct

import bench
from micropython import const

_OP_NVS = const(9)
_GET_I32 = b"\x01"
_SET_I32 = b"\x02"
_GET_BLOB = b"\x03"
_SET_BLOB = b"\x04"
_ERASE = b"\x05"
_COMMIT = b"\x06"
_KEY_LIMIT = const(15)


class NVS:
    """One namespace. Names and keys are 1 to 15 characters; a missing key is OSError(-0x1102)."""

    def __init__(self, namespace):
        self._namespace = namespace

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
        self._ask(_COMMIT, "-")

    def _ask(self, what, key, value=b""):
        for name in (self._namespace, key):
            what += bytes((len(name),)) + name.encode()
            if not 0 < len(name) <= _KEY_LIMIT:
                raise OSError(-0x1106, "ESP_ERR_NVS_INVALID_NAME")
        try:
            return bench.ask(_OP_NVS, what + value)
        except OSError as error:
            if error.errno == 28:
                raise OSError(-0x1105, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
            raise OSError(-0x1102, "ESP_ERR_NVS_NOT_FOUND")
