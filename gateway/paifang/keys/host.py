"""Whether this machine is the gateway's: the gravest commands are signed elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

from paifang.errors import PaifangError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Drawn by the kernel at each boot; the same in every container on it."""
_MARK_LENGTH = 8


def host_mark() -> str:
    """16 hex digits that tell this machine from others until it boots again; "" where the kernel says nothing."""
    try:
        boot = _BOOT_ID.read_bytes().strip()
    except OSError:
        return ""
    return hashlib.sha256(b"paifang host\0" + boot).digest()[:_MARK_LENGTH].hex()


def check_place(point_class: int, gateway_mark: str, *, on_gateway: bool) -> None:
    """Raise PaifangError for a signature of class 3 on the gateway's own machine, unless `on_gateway` allows it.

    Against carelessness, not malice: who has taken the gateway can lie about its mark, but has no key of yours as long
    as you never bring one there.
    """
    if point_class < 3 or on_gateway or not gateway_mark or gateway_mark != host_mark():
        return
    message = "this is the gateway's own machine, and a key used here is worth no more than the gateway"
    hint = "sign on your own machine (a request file, or the socket forwarded), or say --on-gateway"
    raise PaifangError(message, hint, code="on-gateway")
