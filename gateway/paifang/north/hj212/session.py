"""One connection to a bureau: a message at a time, until its ack has come; requests are answered in between. Sans-IO.

An ack is a 9014 with the QN of what it confirms. A message is sent again with the same QN, so that a late ack counts
and a bureau can tell that it has it already. Parts (PNUM, PNO) have one QN, and whoever confirms a part twice confirms
the next one with it; hence a long report goes as several messages, unless the settings say otherwise.
Times are passed in: `now_ms` of a clock that only goes forward.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.errors import PaifangError
from paifang.north.connector import unreachable
from paifang.north.hj212 import codes, frames, packets
from paifang.north.hj212.desk import Desk, Station
from paifang.north.hj212.packets import MalformedError, Packet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang.north.hj212.desk import Ways

QN_AHEAD_MS = 200
"""How far the QNs of a station may run ahead: a station sends 1,000 messages a second at the most, for good."""
_FATAL = frozenset(
    {codes.WRONG_PASSWORD, codes.WRONG_MN, codes.WRONG_ST, codes.WRONG_FLAG, codes.WRONG_QN, codes.WRONG_CN}
)
"""A QnRtn that says the same however often it is asked; others may be true only now."""


@dataclass(frozen=True, slots=True)
class Timing:
    ack_ms: int
    attempts: int
    pause_ms: int
    """The least time between two messages."""
    heartbeat_ms: int | None
    """How long nothing is sent before a 9015 is."""


@dataclass(frozen=True, slots=True)
class Message:
    """`common` is the first group of its CP, a DataTime; `rows` are the others."""

    station: Station
    cn: str
    common: str
    rows: Sequence[str]


@dataclass(slots=True)
class _Exchange:
    parts: list[Packet]
    sent: int
    """How often the first of `parts` was."""
    due_ms: int


class Session:
    """`sink` is its name, for errors; `stations` those whose messages and requests go over it."""

    def __init__(self, sink: str, stations: Sequence[Station], ways: Ways, timing: Timing) -> None:
        self._sink = sink
        self._first = stations[0]
        self._ways = ways
        self._timing = timing
        self._desk = Desk({station.mn: station for station in stations}, ways)
        self._receiver = frames.Receiver()
        self._exchange: _Exchange | None = None
        self._last_qn_ms: dict[str, int] = {}
        self._last_sent_ms: int | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a message is not confirmed yet."""
        return self._exchange is not None

    def ready_ms(self, station: Station, utc_ms: int, now_ms: int) -> int:
        """When its next message may start: after the pause, and when its QNs are not too far ahead of the clock.

        The next connection begins with the clock's, after the least pause of a backoff, and must not use one twice.
        """
        clock_ms = self._desk.clock_ms(utc_ms)
        ahead_ms = self._last_qn_ms.get(station.mn, clock_ms) - clock_ms - QN_AHEAD_MS
        paused_ms = now_ms if self._last_sent_ms is None else self._last_sent_ms + self._timing.pause_ms
        return max(now_ms, paused_ms, now_ms + ahead_ms)

    def due_ms(self) -> int | None:
        """When `tick` has something to do."""
        if self._exchange is not None:
            return self._exchange.due_ms
        if self._timing.heartbeat_ms is None or self._last_sent_ms is None:
            return None
        return self._last_sent_ms + self._timing.heartbeat_ms

    def start(self, message: Message, utc_ms: int, now_ms: int) -> bytes:
        """The bytes to send for a message; none may be waiting. Raises MalformedError when a row alone is too long."""
        assert self._exchange is None
        packet = self._packet(message.station, message.cn, utc_ms, ack=True)
        found = packets.parts(packet, message.common, message.rows)
        if len(found) > 1 and not self._ways.in_parts:
            found = [dataclasses.replace(packet, qn=self._qn(message.station, utc_ms), cp=part.cp) for part in found]
        self._exchange = _Exchange(found, 0, 0)
        return self._send(self._exchange, now_ms)

    def feed(self, received: bytes, utc_ms: int, now_ms: int) -> bytes:
        """What to send back. Raises PaifangError when the bureau refuses the message for good."""
        answered = b""
        for found in self._receiver.feed(received):
            try:
                packet = packets.read(found.data)
            except MalformedError:
                continue
            if isinstance(found, frames.Broken):
                answered += self._of_broken(packet)
            elif packet.cn in {codes.DATA_ACK, codes.REQUEST_ANSWER}:
                answered += self._of_answer(packet, now_ms)
            elif packet.cn not in codes.ANSWERS:
                answered += self._written(self._desk.answer(packet, utc_ms))
        return answered

    def tick(self, utc_ms: int, now_ms: int) -> bytes:
        """What to send, when `due_ms` is over. Raises PaifangError when a message was never confirmed."""
        due_ms = self.due_ms()
        if due_ms is None or now_ms < due_ms:
            return b""
        if self._exchange is None:
            self._last_sent_ms = now_ms
            return self._written([self._packet(self._first, codes.HEARTBEAT, utc_ms, ack=False)])
        if self._exchange.sent >= self._timing.attempts:
            times = f"{self._exchange.sent} times, {self._timing.ack_ms} ms each"
            hint = "the bureau has to confirm (9014) with the QN of the message"
            raise unreachable(self._sink, f"no confirmation of QN {self._exchange.parts[0].qn}, sent {times}", hint)
        return self._send(self._exchange, now_ms)

    def _send(self, exchange: _Exchange, now_ms: int) -> bytes:
        exchange.sent += 1
        exchange.due_ms = now_ms + self._timing.ack_ms
        self._last_sent_ms = now_ms
        return self._written(exchange.parts[:1])

    def _of_answer(self, packet: Packet, now_ms: int) -> bytes:
        """An ack of what is waiting sends its next part; one of anything else is late, or another's."""
        exchange = self._exchange
        if exchange is None or packet.qn != exchange.parts[0].qn or packet.mn not in {None, "", exchange.parts[0].mn}:
            return b""
        if packet.cn == codes.REQUEST_ANSWER:
            self._of_refusal(packet)
            return b""
        exchange.parts.pop(0)
        exchange.sent = 0
        if exchange.parts:
            return self._send(exchange, now_ms)
        self._exchange = None
        return b""

    def _of_refusal(self, packet: Packet) -> None:
        answer = packet.field("QnRtn") or ""
        if answer in _FATAL:
            why = codes.REQUEST_ANSWERS[answer]
            hint = "compare mn, st, the password and the version with what the bureau has of the station"
            raise PaifangError(f"{self._sink}: the bureau refuses {packet.mn}: {why}", hint, code="refused")

    def _of_broken(self, packet: Packet) -> bytes:
        """A request whose CRC is wrong is told so; what is no request will come again without."""
        is_request = packet.cn not in codes.ANSWERS and packets.is_qn(packet.qn)
        return self._written([self._desk.refusal(packet, codes.WRONG_CRC)]) if is_request else b""

    def _packet(self, station: Station, cn: str, utc_ms: int, *, ack: bool) -> Packet:
        flag = packets.flag(self._ways.version, ack=ack)
        return Packet(self._qn(station, utc_ms), station.st, cn, station.pw, station.mn, flag)

    def _qn(self, station: Station, utc_ms: int) -> str:
        """A new one of a station: a millisecond has one, and another has to be borrowed from the next millisecond."""
        last_ms = self._last_qn_ms.get(station.mn, 0)
        qn_ms = self._last_qn_ms[station.mn] = max(self._desk.clock_ms(utc_ms), last_ms + 1)
        return packets.qn_text(qn_ms, self._ways.zone)

    @staticmethod
    def _written(found: Sequence[Packet]) -> bytes:
        return b"".join(frames.frame(packets.write(packet)) for packet in found)
