"""Suite `sessions`: 10,000 generated sessions at one report a second, and what each costs the gateway."""

import resource

import uvloop

from paifang_tools.bench import fleet
from paifang_tools.bench.rows import AT_MOST, Row, emit, percentile, row
from paifang_tools.bench.ward import SITE, Ward, ward

_SESSIONS = 10_000
_ROUNDS = 20
_SETTLE_ROUNDS = 3


def main() -> None:
    """Print the suite's rows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ward() as gateway:
        gateway.enrol(_SESSIONS)
        emit(uvloop.run(_measure(gateway)))


async def _measure(gateway: Ward) -> list[Row]:
    before = gateway.resident_bytes()
    latencies_s: list[float] = []
    nodes = await fleet.connect(gateway.host, gateway.port, SITE, _SESSIONS, latencies_s)
    await fleet.pace(nodes, 1.0, _SETTLE_ROUNDS)
    memory = (gateway.resident_bytes() - before) / _SESSIONS
    latencies_s.clear()
    await fleet.pace(nodes, 1.0, _ROUNDS)
    sent = sum(node.acknowledged for node in nodes)
    how = f"{_SESSIONS} sessions, 1 report/s each, {_ROUNDS} s, load from another process on the same two cores"
    return [
        row("sessions held", len(nodes), "", how),
        row("reports sent and acknowledged", sent, "", how),
        row("p50 from send to ack", percentile(latencies_s, 0.5) * 1000, "ms", how),
        row("p99 from send to ack", percentile(latencies_s, 0.99) * 1000, "ms", how),
        row("gateway memory a node", memory / 1024, "KiB", "resident, against before the sessions", (AT_MOST, 16)),
    ]


if __name__ == "__main__":
    main()
