"""The host's sockets, which need Wi-Fi as an ESP32's do: without a connected station there is no route."""

import bench
import usocket
from micropython import const
from usocket import AF_INET, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, getaddrinfo

_OP_SOCKET = const(13)


def socket(*arguments):
    """As the built-in; OSError(EHOSTUNREACH) while the station is not connected."""
    bench.ask(_OP_SOCKET)
    return usocket.socket(*arguments)
