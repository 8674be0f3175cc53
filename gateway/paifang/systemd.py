"""Telling systemd how the service is (sd_notify(3)), without its library."""

import os
import socket


def notify(state: str) -> bool:
    """Send a state such as "READY=1"; False where no service manager asked for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in {"/", "@"}:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # An abstract address is written with "@" and begins with a zero byte.
        sender.connect("\0" + address[1:] if address[0] == "@" else address)
        sender.sendall(state.encode())
    return True
