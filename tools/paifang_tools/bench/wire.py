"""Suite `wire`: how fast one core checks reports, and how many bytes messages take."""

import hmac
import os
import time
from collections.abc import Callable

import cbor2

from paifang_tools.bench.rows import AT_LEAST, AT_MOST, Row, emit, middle, row
from paifang_wire import framing, keys, messages
from paifang_wire.link import GatewayLink
from paifang_wire.marks import RecordMarks
from paifang_wire.session import NodeSession

_SITE = "ward-1"
_NODE = "aq-1"
_BOOT = 40
_REPORTS = 20_000
_ROUNDS = 7
_UTC_MS = 1_795_000_000_000
_UPTIME_MS = 86_400_000


def main() -> None:
    """Print the suite's rows."""
    emit(rows())


def rows() -> list[Row]:
    """Measure and return the suite's rows."""
    pairs = [_round() for _ in range(_ROUNDS)]
    ours = middle([a for a, _ in pairs])
    ratio = middle([b / a for a, b in pairs])
    how = f"median of {_ROUNDS} rounds of {_REPORTS} reports of 4 readings, one core"
    return [
        row("reports decoded, verified, deduplicated", _REPORTS / ours, "1/s", how, (AT_LEAST, 100_000)),
        row("ratio to cbor2.loads x 3 + HMAC", ratio, "", "same bytes, same run, median of ratios", (AT_LEAST, 0.4)),
        row("4-point report on a stream", _report_bytes(), "B", "boot 40, record 5000, UTC known", (AT_MOST, 64)),
        row("class-1 command on a stream", _command_bytes(), "B", "value 23000, uptime of a month", (AT_MOST, 100)),
    ]


def _session() -> tuple[NodeSession, GatewayLink]:
    key = keys.node_key(bytes(32), _SITE, 1)
    node = NodeSession(_SITE, _NODE, _BOOT, key, os.urandom)
    link = GatewayLink(_SITE, {_NODE: (key, 1)}.get, os.urandom)
    link.receive(node.hello("0.1.0", bytes(8), 5, 1, 0, 0))
    node.receive(link.welcome(_UTC_MS, messages.TIME_GATEWAY, [], want_description=False))
    link.receive(node.send([messages.CLOCK, _UPTIME_MS]))
    return node, link


def _report(number: int) -> list[object]:
    values = {1: 12, 2: 18, 3: 25, 7: 1500}
    return [messages.REPORT, _BOOT, number, _UPTIME_MS, _UTC_MS, values, {}]


def _round() -> tuple[float, float]:
    """Return (seconds of ours, seconds of the peer) for the same frames."""
    node, link = _session()
    frames = [node.send(_report(number)) for number in range(1, _REPORTS + 1)]
    marks = RecordMarks()

    def ours() -> None:
        for frame in frames:
            marks.add(link.receive(frame)[2])

    def peer() -> None:
        for frame in frames:
            protected, _, payload, _ = cbor2.loads(frame)
            cbor2.loads(protected)
            cbor2.loads(payload)
            hmac.digest(protected, frame, "sha256")

    return _seconds(ours), _seconds(peer)


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _report_bytes() -> int:
    node, _ = _session()
    frame = b""
    for number in range(1, 5001):
        frame = node.send(_report(number))
    return len(framing.stream_frame(frame))


def _command_bytes() -> int:
    _, link = _session()
    month_ms = 31 * 86_400_000
    command = [messages.COMMAND, bytes(8), 16, messages.OP_DIRECT, 23_000, None, month_ms, None, None]
    return len(framing.stream_frame(link.send(command)))


if __name__ == "__main__":
    main()
