"""`python -m paifang_rig.on_air run …`: a gateway with a thermometer in the air around it, and no radio.

Its Bluetooth is bleak on bumble's controllers, in this process. The thermometer is a peripheral of bumble's that
advertises BTHome v2, sealed with a key of its own, and shows another temperature every second.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import runpy
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from paifang.bridges import service
from paifang.bridges.ble.radio import Radio
from paifang_rig.bumble_air import Air, Peripheral, service_data

ADDRESS = "54:48:E6:8F:80:A5"
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
SERVICE = "FCD2"
_PERIOD_S = 1.0
_SEALED, _SEALED_AS = b"\x41", bytes.fromhex("D2FC41")
_TEMPERATURES = [*range(1850, 1930, 7), *range(1930, 1850, -7)]
"""In hundredths of a degree, up and down."""


class AirRadio(Radio):
    """A radio of the gateway that hears the thermometer."""

    def __init__(self, *arguments: Any) -> None:
        self._air = Air()
        self._telling: asyncio.Task[None] | None = None
        super().__init__(*arguments, scanner=self._air.scanner, client=self._air.client)

    def start(self) -> None:
        self._telling = asyncio.get_running_loop().create_task(self._tell(), name="a thermometer in the air")

    async def stop(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._telling
        await super().stop()

    async def _tell(self) -> None:
        await self._air.start()
        super().start()
        thermometer = Peripheral(self._air, ADDRESS)
        for counter, hundredths in enumerate(itertools.cycle(_TEMPERATURES), 1):
            await thermometer.advertise(service_data(SERVICE, sealed(hundredths, counter)), interval_ms=100)
            await asyncio.sleep(_PERIOD_S)


def sealed(hundredths: int, counter: int) -> bytes:
    """The service data of a temperature (BTHome v2, "Encryption")."""
    tail = counter.to_bytes(4, "little")
    nonce = bytes.fromhex(ADDRESS.replace(":", "")) + _SEALED_AS + tail
    said = b"\x02" + hundredths.to_bytes(2, "little", signed=True)
    content = AESCCM(KEY, 4).encrypt(nonce, said, None)
    return _SEALED + content[:-4] + tail + content[-4:]


if __name__ == "__main__":
    service.radio = AirRadio
    runpy.run_module("paifang", run_name="__main__")
