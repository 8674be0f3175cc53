"""The frames in a profile, read with the codec of its protocol: what `paifang profile test` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.bridges.ble import atc, bthome, gatt, ruuvi
from paifang.bridges.ble.advertisement import address_bytes
from paifang.bridges.cjt188 import frame as cjt188_frame
from paifang.bridges.cjt188 import reading as cjt188
from paifang.bridges.dlms import hdlc, push
from paifang.bridges.dlt645 import frame as dlt645_frame
from paifang.bridges.dlt645 import reading as dlt645
from paifang.bridges.errors import FrameError
from paifang.bridges.matching import Matcher
from paifang.bridges.mbus import frame as mbus_frame
from paifang.bridges.mbus import telegram as mbus
from paifang.bridges.modbus import example as modbus
from paifang.bridges.p1 import objects as p1
from paifang.bridges.p1 import telegram as p1_telegram
from paifang.profiles.model import Cjt188Profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.profiles.conversion import Reading
    from paifang.profiles.model import AnyProfile, Example

    Decoder = Callable[[AnyProfile, Example], dict[str, Reading]]


def _dlt645(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    answer = dlt645_frame.decode(_frame(example))
    if example.request is not None:
        dlt645.check_answer(dlt645_frame.decode(example.request), answer)
    length = dlt645.IDENTIFIER_LENGTH
    identifier = int.from_bytes(answer.data[:length], "little")
    found = dlt645.values(identifier, answer.data[length:])
    return Matcher(profile).readings(found, f"{identifier:08X}")


def _cjt188(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    unit_first = isinstance(profile, Cjt188Profile) and profile.cjt188.unit_first
    return Matcher(profile).readings(cjt188.values(cjt188_frame.decode(_frame(example)), unit_first=unit_first))


def _mbus(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    question = mbus_frame.ask(mbus_frame.ANYBODY, frame_count=False)
    answer = mbus_frame.data_in(question, mbus_frame.decode(_frame(example)))
    return Matcher(profile).readings(mbus.decode(answer).records)


def _p1(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    if example.text is None:
        raise FrameError("shape", "an example of P1 has its telegram as text")
    # TOML has lines as editors write them, a port sends CR LF.
    data = example.text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
    return Matcher(profile).readings(p1.values(p1_telegram.decode(data)))


def _dlms(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    pushed = push.Joiner().take(hdlc.decode(_frame(example)))
    if pushed is None:
        raise FrameError("length", "more segments should follow")
    return Matcher(profile).readings(push.values(pushed))


def _bthome(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    packet = bthome.decode(_frame(example), _address(example), _key(example))
    return Matcher(profile).readings(packet.measured)


def _ruuvi(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    return Matcher(profile).readings(ruuvi.decode(_frame(example), _address(example)))


def _atc(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    return Matcher(profile).readings(atc.decode(_frame(example), _address(example), _key(example)))


def _gatt(profile: AnyProfile, example: Example) -> dict[str, Reading]:
    characteristic = str(example.given.get("characteristic", ""))
    return gatt.Characteristics(profile).readings(characteristic, _frame(example))


DECODERS: dict[str, Decoder] = {
    "modbus": modbus.readings,
    "dlt645": _dlt645,
    "cjt188": _cjt188,
    "mbus": _mbus,
    "p1": _p1,
    "dlms": _dlms,
    "bthome": _bthome,
    "ruuvi": _ruuvi,
    "atc": _atc,
    "gatt": _gatt,
}
"""Protocol -> how the examples of its profiles are read."""


def _frame(example: Example) -> bytes:
    if example.frame is None:
        raise FrameError("shape", "an example of this protocol has a frame")
    return example.frame


def _address(example: Example) -> bytes | None:
    given = example.given.get("mac")
    return None if given is None else address_bytes(str(given))


def _key(example: Example) -> bytes | None:
    try:
        return bytes.fromhex(str(example.given["key"])) if "key" in example.given else None
    except ValueError as error:
        raise FrameError("key", "a key is hexadecimal digits") from error
