"""Addresses of Chinese meters: BCD digits, low byte first; AA from the high end stands for any digits."""

from __future__ import annotations

import re

from paifang.bridges.errors import FrameError

_PRINTED = re.compile(r"(?:AA)*(?:[0-9]{2})*")
_DIGIT_PAIRS = frozenset(int(f"{number:02d}", 16) for number in range(100)) | {0xAA}


def could_be_address(data: bytes) -> bool:
    """Whether each of these bytes may stand in an address."""
    return _DIGIT_PAIRS.issuperset(data)


def printed(data: bytes) -> str:
    """Digits as on the meter's plate."""
    if not could_be_address(data):
        raise FrameError("address", f"{data[::-1].hex()} is no meter's address")
    return data[::-1].hex().upper()


def on_the_line(address: str, digits: int) -> bytes:
    """Bytes of an address as `checked` gives it."""
    return bytes.fromhex(checked(address, digits))[::-1]


def checked(text: str, digits: int) -> str:
    """An address of that many digits from what is printed, which may leave out zeros at its high end."""
    address = text.upper().zfill(digits)
    if len(address) != digits or not _PRINTED.fullmatch(address):
        raise FrameError("address", f"{text!r} is not up to {digits} digits")
    return address


def of_one_meter(text: str, digits: int) -> str:
    """An address for an order: one order moves one relay or one valve. 99..99 is the broadcast address."""
    address = checked(text, digits)
    if address.startswith("A") or address == "9" * digits:
        raise FrameError("address", f"{address} is more than one meter")
    return address


def stands_for(asked: str, address: str) -> bool:
    """Whether a meter with this address is meant when `asked` is called."""
    return address.endswith(asked.lstrip("A"))
