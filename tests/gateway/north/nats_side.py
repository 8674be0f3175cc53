"""The far side of a NATS sink: what its stream holds, and a connector driven as the runner does."""

from __future__ import annotations

import contextlib
import json

from paifang.config.sink_nats import NatsSinkSettings
from paifang.north.kinds import Ward
from paifang.north.nats import build

SITE = "ward-1"


def settings(cluster, timeout_ms=5_000, **more):
    return NatsSinkSettings(name="city", servers=tuple(cluster.urls), timeout_ms=timeout_ms, **more)


def connector(cluster, turn=0, **more):
    return build(settings(cluster, **more), Ward(SITE, lambda: 0, lambda count: bytes([turn]) * count))


@contextlib.asynccontextmanager
async def opened(cluster, turn=0, **more):
    sink = connector(cluster, turn, **more)
    try:
        await sink.open()
        yield sink
    finally:
        await sink.close()


async def kept(cluster, stream="PAIFANG"):
    """[(subject, headers, document)] of all that the stream holds, in its order."""
    async with await cluster.client() as client:
        streams = client.jetstream()
        state = (await streams.stream_info(stream)).state
        if not state.messages:
            return []
        found = []
        reader = await streams.subscribe(">", stream=stream, ordered_consumer=True)
        while len(found) < state.messages:
            message = await reader.next_msg(timeout=10)
            found.append((message.subject, message.headers, json.loads(message.data)))
        return found


def streams(places):
    """Into how few ascending streams what arrived can be told apart."""
    tops = []
    for place in places:
        fitting = [top for top in tops if top < place]
        if fitting:
            tops.remove(max(fitting))
        tops.append(place)
    return len(tops)
