"""HJ 212 data: the head from QN to Flag, and CP with its groups of fields; written, read, and parted.

HJ 212-2017, clause 6.3: `QN=…;ST=…;CN=…;PW=…;MN=…;Flag=…;[PNUM=…;PNO=…;]CP=&&…&&`. In CP ";" stands between groups,
"," between the fields of one.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.errors import PaifangError
from paifang.north.hj212 import codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LONGEST_DATA = 1_024
LONGEST_CP = 950
"""HJ 212-2017, clause 6.2 and table 3, in bytes: longer ones are parted."""

_CP_BEGIN, _CP_END = "CP=&&", "&&"
_QN_FORMAT = "%Y%m%d%H%M%S"
_DATA_TIME = re.compile(r"\d{14}")
_QN = re.compile(r"\d{17}")
_COUNT = re.compile(r"\d{1,4}", re.ASCII)


class MalformedError(PaifangError):
    """Data that is not HJ 212's; `answer` is the QnRtn that says so."""

    def __init__(self, message: str, answer: str = "100") -> None:
        super().__init__(message, "compare it with HJ 212-2017, clause 6.3", code="hj212")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Packet:
    """The data of one frame. None: the field is not there. `cp`: what stands between the two &&."""

    qn: str | None
    st: str | None
    cn: str
    pw: str | None
    mn: str | None
    flag: int | None
    cp: str = ""
    part: tuple[int, int] | None = None
    """(PNO, PNUM): which of how many, from 1."""

    @property
    def wants_ack(self) -> bool:
        return self.flag is not None and bool(self.flag & codes.ACK_WANTED)

    @property
    def version(self) -> int:
        return (self.flag or 0) >> codes.VERSION_SHIFT

    def field(self, name: str) -> str | None:
        """The first field of CP that is called so."""
        return next((found[name] for found in groups(self.cp) if name in found), None)


def flag(version: str, *, ack: bool, parted: bool = False) -> int:
    """Of a version as in codes.VERSIONS."""
    return codes.VERSIONS[version] << codes.VERSION_SHIFT | codes.PARTED * parted | codes.ACK_WANTED * ack


def write(packet: Packet) -> bytes:
    """The data of a frame."""
    pno, pnum = packet.part or (None, None)
    head = {
        "QN": packet.qn,
        "ST": packet.st,
        "CN": packet.cn,
        "PW": packet.pw,
        "MN": packet.mn,
        "Flag": packet.flag,
        "PNUM": pnum,
        "PNO": pno,
    }
    fields = "".join(f"{name}={value};" for name, value in head.items() if value is not None)
    return f"{fields}{_CP_BEGIN}{packet.cp}{_CP_END}".encode()


def read(data: bytes) -> Packet:
    """The packet that `data` is. Raises MalformedError."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("data that is not UTF-8") from error
    head, begin, rest = text.partition(_CP_BEGIN)
    if not begin or not rest.endswith(_CP_END):
        raise MalformedError("data without CP=&&…&&")
    fields = _head(head)
    if not fields.get("CN"):
        raise MalformedError("data without CN", codes.WRONG_CN)
    return Packet(
        fields.get("QN"),
        fields.get("ST"),
        fields["CN"],
        fields.get("PW"),
        fields.get("MN"),
        _count(fields, "Flag", codes.WRONG_FLAG),
        rest.removesuffix(_CP_END),
        _part(fields),
    )


def groups(cp: str) -> Iterator[dict[str, str]]:
    """The fields of each group of a CP, in their order; what has no "=" is left out."""
    for group in cp.split(";"):
        pairs = (field.partition("=") for field in group.split(","))
        found = {name.strip(): value for name, equals, value in pairs if equals}
        if found:
            yield found


def cp_of(found: Sequence[Mapping[str, str]]) -> str:
    """The CP of groups of fields; the other way of `groups`."""
    return ";".join(",".join(f"{name}={value}" for name, value in group.items()) for group in found)


def parts(packet: Packet, common: str, rows: Sequence[str]) -> list[Packet]:
    """`packet` with the groups `rows` behind the group `common` in its CP, in as many parts as their length asks for.

    Each part has `common` (a DataTime) and can be read alone. Raises MalformedError when one row alone is too long.
    """
    room = min(LONGEST_CP, LONGEST_DATA - len(write(packet)) - len("PNUM=9999;PNO=9999;")) - len(common.encode())
    bodies: list[list[str]] = [[]]
    left = room
    for row in rows:
        size = len(row.encode()) + 1
        if size > room:
            raise MalformedError(f"a group of {size} bytes, of which a packet takes {room}")
        if size > left:
            bodies.append([])
            left = room
        bodies[-1].append(row)
        left -= size
    return [_as_part(packet, ";".join([common, *body]), at, len(bodies)) for at, body in enumerate(bodies, 1)]


def _as_part(packet: Packet, cp: str, number: int, count: int) -> Packet:
    head = (packet.qn, packet.st, packet.cn, packet.pw, packet.mn)
    if count == 1:
        return Packet(*head, packet.flag, cp)
    return Packet(*head, (packet.flag or 0) | codes.PARTED, cp, (number, count))


def time_text(utc_ms: int, zone: dt.timezone) -> str:
    """A DataTime or SystemTime, yyyyMMddHHmmss in the station's time zone; what is below a second is cut off."""
    return dt.datetime.fromtimestamp(utc_ms // 1_000, zone).strftime(_QN_FORMAT)


def qn_text(utc_ms: int, zone: dt.timezone) -> str:
    """A QN, yyyyMMddHHmmssfff in the station's time zone."""
    return f"{time_text(utc_ms, zone)}{utc_ms % 1_000:03d}"


def is_qn(text: str | None) -> bool:
    return text is not None and _QN.fullmatch(text) is not None


def read_time(text: str, zone: dt.timezone) -> int:
    """Milliseconds UTC of a DataTime or SystemTime. Raises MalformedError."""
    try:
        if not _DATA_TIME.fullmatch(text):
            raise ValueError(text)
        found = dt.datetime.strptime(text, _QN_FORMAT).replace(tzinfo=zone)
    except ValueError as error:
        raise MalformedError(f"{text[:32]!r} is no time yyyyMMddHHmmss") from error
    return int(found.timestamp()) * 1_000


def _head(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for pair in filter(None, text.split(";")):
        name, equals, value = pair.partition("=")
        if not equals or name in fields:
            raise MalformedError(f"a head with {pair[:32]!r}")
        fields[name] = value
    return fields


def _count(fields: Mapping[str, str], name: str, answer: str = "100") -> int | None:
    text = fields.get(name)
    if text is None:
        return None
    if not _COUNT.fullmatch(text):
        raise MalformedError(f"{name} {text[:32]!r} is no number", answer)
    return int(text)


def _part(fields: Mapping[str, str]) -> tuple[int, int] | None:
    pnum, pno = _count(fields, "PNUM"), _count(fields, "PNO")
    if pnum is None or pno is None:
        return None
    if not 1 <= pno <= pnum:
        raise MalformedError(f"part {pno} of {pnum}")
    return pno, pnum
