"""Why bytes from a device are no frame, or no answer to what was asked: one error for every codec."""

from __future__ import annotations

from typing import Literal

from paifang.errors import PaifangError

Reason = Literal[
    "address", "checksum", "function", "key", "length", "refused", "replay", "sequence", "shape", "unknown", "value"
]

REASONS: dict[Reason, tuple[str, str]] = {
    "address": (
        "not from the device that was asked",
        "a late answer, or two devices with one address",
    ),
    "checksum": ("the checksum is wrong", "noise on the line: check wiring, termination, baud rate and parity"),
    "function": ("not the answer to what was asked", "a late answer, or a device that does not have this function"),
    "key": ("no key opens it", "check the key and the address that the configuration gives the device"),
    "length": ("the length does not fit", "bytes were lost, or the device differs from its profile"),
    "refused": ("the device refused", "its own words say why"),
    "replay": (
        "an old packet, sent again",
        "a device that counts from 0 again, as after a new battery, needs another name",
    ),
    "sequence": ("not the part that comes next", "a late or doubled answer: it is asked for again"),
    "shape": ("no frame of this protocol", "check protocol, baud rate and parity of the line"),
    "unknown": ("a code that no table here has", "the device's manual names it; the profile may need another point"),
    "value": ("a field that cannot be", "the device sends what its protocol does not allow"),
}
"""Reason -> (what it means, what to do next). Closed: counters of a bridge are named by it."""


class FrameError(PaifangError):
    """Bytes that a codec refuses, or a value that it will not encode; `reason` is a key of REASONS."""

    def __init__(self, reason: Reason, detail: str) -> None:
        meaning, hint = REASONS[reason]
        super().__init__(f"{meaning}: {detail}", hint, code="frame")
        self.reason: Reason = reason
        self.detail = detail
