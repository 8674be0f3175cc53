"""What the bureau asks of a station, and what it is answered. Sans-IO.

HJ 212-2017, clause 6.5: a request is answered by 9011 with QnRtn, what is asked for by the same CN, the end by 9012
with ExeRtn, all with the request's QN. A request that does not ask for an answer (Flag) is carried out all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.north.hj212 import codes, packets
from paifang.north.hj212.packets import MalformedError, Packet

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Station:
    """What the bureau knows a station by: MN, ST and PW."""

    mn: str
    st: str
    pw: str


@dataclass(frozen=True, slots=True)
class Ways:
    """How a sink speaks to its bureau. `version`: as in codes.VERSIONS."""

    version: str
    zone: dt.timezone
    interval_s: int
    """Told to who asks for it; how often there is a report is set at the nodes."""
    in_parts: bool
    """Whether what is too long for one packet is parted by PNUM and PNO, not sent as several messages."""
    follows_clock: bool
    """Whether the bureau may set the clock of QN and SystemTime. Never that of the gateway, nor of a DataTime."""


class Desk:
    """Answers requests to `stations`, which are by MN."""

    def __init__(self, stations: Mapping[str, Station], ways: Ways) -> None:
        self._stations = stations
        self._ways = ways
        self._shift_ms = 0
        self._answers: dict[str, Callable[[Packet, Station, int], list[Packet]]] = {
            codes.GET_TIME: self._get_time,
            codes.SET_TIME: self._set_time,
            codes.GET_INTERVAL: self._get_interval,
            codes.SET_INTERVAL: self._refuse,
            codes.REAL_TIME: self._promise,
            codes.STOP_REAL_TIME: self._refuse,
        }

    def clock_ms(self, utc_ms: int) -> int:
        """The time of QN and SystemTime."""
        return utc_ms + self._shift_ms

    def answer(self, request: Packet, utc_ms: int) -> list[Packet]:
        """The packets that go back, in order."""
        station = self._stations.get(request.mn or "")
        wrong = self._wrong(request, station)
        if wrong is not None or station is None:
            return [self.refusal(request, wrong or codes.WRONG_MN)]
        answered = self._answers[request.cn](request, station, utc_ms)
        is_asked = request.flag is None or request.wants_ack
        return [each for each in answered if is_asked or each.cn != codes.REQUEST_ANSWER]

    def refusal(self, request: Packet, why: str) -> Packet:
        """`why`: a QnRtn."""
        return self._said(request, codes.REQUEST_ANSWER, f"QnRtn={why}")

    def _wrong(self, request: Packet, station: Station | None) -> str | None:
        """The QnRtn that refuses it; None: it is right."""
        checks = {
            codes.WRONG_MN: station is not None,
            codes.WRONG_PASSWORD: station is not None and request.pw == station.pw,
            codes.WRONG_ST: station is not None and request.st in {station.st, codes.SYSTEM},
            codes.WRONG_FLAG: request.flag is None or request.version in codes.VERSIONS.values(),
            codes.WRONG_QN: packets.is_qn(request.qn),
            codes.WRONG_CN: request.cn in self._answers,
        }
        return next((why for why, is_right in checks.items() if not is_right), None)

    def _said(self, request: Packet, cn: str, cp: str, st: str = codes.SYSTEM) -> Packet:
        flag = packets.flag(self._ways.version, ack=False)
        return Packet(request.qn, st, cn, request.pw, request.mn, flag, cp)

    def _ready(self, request: Packet) -> Packet:
        return self._said(request, codes.REQUEST_ANSWER, f"QnRtn={codes.READY}")

    def _done(self, request: Packet, result: str = codes.DONE) -> Packet:
        return self._said(request, codes.RESULT, f"ExeRtn={result}")

    def _told(self, request: Packet, station: Station, cp: str) -> list[Packet]:
        return [self._ready(request), self._said(request, request.cn, cp, station.st), self._done(request)]

    def _get_time(self, request: Packet, station: Station, utc_ms: int) -> list[Packet]:
        time = packets.time_text(self.clock_ms(utc_ms), self._ways.zone)
        return self._told(request, station, f"SystemTime={time}")

    def _set_time(self, request: Packet, station: Station, utc_ms: int) -> list[Packet]:
        if not self._ways.follows_clock:
            return self._refuse(request, station, utc_ms)
        try:
            told_ms = packets.read_time(request.field("SystemTime") or "", self._ways.zone)
        except MalformedError:
            return [self._ready(request), self._done(request, codes.FAILED)]
        self._shift_ms = told_ms - utc_ms
        return [self._ready(request), self._done(request)]

    def _get_interval(self, request: Packet, station: Station, _utc_ms: int) -> list[Packet]:
        return self._told(request, station, f"RtdInterval={self._ways.interval_s}")

    def _promise(self, request: Packet, _station: Station, _utc_ms: int) -> list[Packet]:
        """Real-time data are sent as they come, whether asked for or not."""
        return [self._ready(request)]

    def _refuse(self, request: Packet, _station: Station, _utc_ms: int) -> list[Packet]:
        return [self.refusal(request, codes.NOT_READY)]
