"""Bench suite `sinks-schemas`: reports through the sinks into HJ 212, NGSI-LD and SensorThings to their confirmation.

    python -m paifang_rig.schemas_bench

A real store, the real runner; the far side, in miniature, is a process of its own. The bare cost is the same requests,
made beforehand, sent by the same library to the same far side, without a store.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from paifang.config.sink_hj212 import Hj212Settings, StationSettings
from paifang.config.sink_ngsi_ld import NgsiLdSettings, PlaceSettings
from paifang.config.sink_sensorthings import SensorThingsSettings
from paifang.north import kinds
from paifang.north.http import HttpClient
from paifang.north.ngsi_ld import upserts
from paifang.north.ngsi_ld.entities import entities
from paifang.north.record import decoded
from paifang.north.runner import Runner
from paifang.north.sensorthings import observations
from paifang.profiles import city_tables
from paifang.store import Store, cursors
from paifang.store.points import Point, PointTable
from paifang_rig.engines import bureau
from paifang_rig.engines.http_far_side import FarSide, Reply
from paifang_rig.engines.server import until
from paifang_tools.bench.rows import AT_LEAST, Row, emit, row
from paifang_wire import messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from paifang.config.sink_http import HttpSinkSettings
    from paifang.north.record import Record

SITE, NODES, REPORTS = "ward-1", 50, 10_000
_STARTED_MS = 1_790_000_000_000
_NAMES = (
    ("pm1", "µg/m3", 0),
    ("pm25", "µg/m3", 0),
    ("pm10", "µg/m3", 0),
    ("temperature", "°C", -2),
    ("humidity", "%", -2),
    ("pressure", "Pa", 0),
)
_TABLE = PointTable(
    [
        Point(number, name, unit, messages.INT, scale, 0, 1 << 30, 0, None)
        for number, (name, unit, scale) in enumerate(_NAMES, 1)
    ]
)
_HOW = f"{REPORTS} reports of {NODES} nodes with {len(_NAMES)} values each, from the store, loopback, far side apart"


@dataclass(frozen=True)
class _Kind:
    """`settings(port, folder)` of a sink; `bare(settings, records)` sends them without one."""

    name: str
    settings: Callable[[int, Path], Any]
    bare: Callable[[Any, Sequence[Record]], Awaitable[None]]


def main() -> None:
    """Print the suite's rows; with a kind as argument, be its far side."""
    if len(sys.argv) > 1:
        asyncio.run(_be_far_side(sys.argv[1]))
        return
    emit([each for kind in _KINDS for each in uvloop.run(_measured(kind))])


async def _measured(kind: _Kind) -> list[Row]:
    with _far_side(kind.name) as port, tempfile.TemporaryDirectory() as folder:
        settings = kind.settings(port, Path(folder))
        records, sink_s = await _through_sink(kind.name, settings, Path(folder))
        began_s = time.monotonic()
        await kind.bare(settings, records)
        bare_s = time.monotonic() - began_s
    rate, bare = len(records) / sink_s, len(records) / bare_s
    return [
        row(f"{kind.name}: reports confirmed", rate, "1/s", _HOW),
        row(f"{kind.name}: of the bare requests", rate / bare, "x", f"{_HOW}; bare: made beforehand", (AT_LEAST, 0.5)),
    ]


async def _through_sink(kind: str, settings: Any, folder: Path) -> tuple[list[Record], float]:
    store = Store(folder / "paifang.db", settled=lambda _: None)
    await store.open()
    _fill(store)
    await store.flush()
    rows = await store.read(lambda connection: cursors.page(connection, 0, 1 << 60, REPORTS))
    records = [decoded(SITE, each, lambda _: _TABLE) for each in rows]
    ward = kinds.Ward(SITE, lambda: time.time_ns() // 1_000_000, os.urandom)
    runner = Runner(settings, store, ward, lambda _: _TABLE, partial(kinds.build, kind, settings, ward))
    began_s = time.monotonic()
    task = asyncio.create_task(runner.run())
    await until(lambda: runner.figures.delivered >= REPORTS, f"{REPORTS} reports confirmed by {kind}", 120)
    took_s = time.monotonic() - began_s
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()
    return records, took_s


def _fill(store: Store) -> None:
    for place in range(REPORTS):
        boot = store.boot(f"aq-{place % NODES}", 1)
        number = boot.marks.high + 1
        made_ms = _STARTED_MS + number * 1_000
        values = {point: (place * point) % 5_000 for point in _TABLE.by_number}
        body = messages.encode((messages.REPORT, 1, number, number, made_ms, values, {}))
        store.add(boot, (boot.node, 1, number, messages.REPORT, number, made_ms, made_ms, body))


def _hj212(port: int, folder: Path) -> Hj212Settings:
    password = folder / "pw.txt"
    password.write_text("123456\n", "utf-8")
    stations = tuple(
        StationSettings(mn=f"A110000_{place:04}", password_file=password, nodes=(f"aq-{place}",))
        for place in range(NODES)
    )
    return Hj212Settings(
        name="bench", address=f"127.0.0.1:{port}", stations=stations, pause_ms=0, from_start=True, attempts=1
    )


def _ngsi_ld(port: int, _folder: Path) -> NgsiLdSettings:
    places = tuple(PlaceSettings(node=f"aq-{place}", longitude=116.4, latitude=39.9) for place in range(NODES))
    return NgsiLdSettings(name="bench", url=f"http://127.0.0.1:{port}", places=places, from_start=True)


def _sensorthings(port: int, _folder: Path) -> SensorThingsSettings:
    url = f"http://127.0.0.1:{port}/v1.1"
    return SensorThingsSettings(name="bench", url=url, template="{node}:{name}", from_start=True)


async def _bare_hj212(settings: Hj212Settings, records: Sequence[Record]) -> None:
    """A message, its confirmation, the next one: what the protocol allows at its quickest."""
    names = city_tables.naming(None)
    frames = [_hj212_frame(settings, record, place, names) for place, record in enumerate(records)]
    host, port = settings.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for frame in frames:
        writer.write(frame)
        await reader.readuntil(b"\r\n")
    writer.close()
    await writer.wait_closed()


def _hj212_frame(settings: Hj212Settings, record: Record, place: int, names: city_tables.Naming) -> bytes:
    rows = ";".join(
        f"{found[0].factor}-Rtd={found[1](each.exact):f},{found[0].factor}-Flag=N"
        for each in record.values
        if isinstance(each.exact, Decimal)
        and (found := names.find("hj212", each.point.name, each.point.unit)) is not None
    )
    mn = settings.stations[place % NODES].mn
    return bureau.framed(
        f"QN={20260921000000000 + place};ST=22;CN=2011;PW=123456;MN={mn};Flag=5;CP=&&DataTime=20260921000000;{rows}&&"
    )


async def _bare_ngsi_ld(settings: NgsiLdSettings, records: Sequence[Record]) -> None:
    names = city_tables.naming(None)
    found = [entities(record, settings.places[0], names, ()) for record in records]
    items = [upserts.Item(place, each[0]) for place, each in enumerate(found) if not isinstance(each, str)]
    bodies = [
        upserts.body(each) for start in range(0, len(items), 30) for each in upserts.rounds(items[start : start + 30])
    ]
    await _post_all(settings, settings.url, upserts.PATH, upserts.CONTENT_TYPE, bodies)


async def _bare_sensorthings(settings: SensorThingsSettings, records: Sequence[Record]) -> None:
    names, streams = city_tables.naming(None), observations.Streams(settings)
    made = [observations.observations(place, record, streams, names) for place, record in enumerate(records)]
    bodies = [
        observations.body([each for found in made[start : start + 200] if not isinstance(found, str) for each in found])
        for start in range(0, len(made), 200)
    ]
    await _post_all(settings, settings.url, observations.PATH, observations.CONTENT_TYPE, bodies)


async def _post_all(
    settings: HttpSinkSettings, url: str, path: str, content_type: str, bodies: Sequence[bytes]
) -> None:
    client = HttpClient(settings, url)
    client.open({})
    for body in bodies:
        await client.post(path, body, content_type)
    await client.close()


_KINDS = (
    _Kind("hj212", _hj212, _bare_hj212),
    _Kind("ngsi_ld", _ngsi_ld, _bare_ngsi_ld),
    _Kind("sensorthings", _sensorthings, _bare_sensorthings),
)


@contextlib.contextmanager
def _far_side(kind: str) -> Iterator[int]:
    """A process that confirms everything; its port."""
    command = [sys.executable, "-m", "paifang_rig.schemas_bench", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


async def _be_far_side(kind: str) -> None:
    far: bureau.Bureau | FarSide
    if kind == "hj212":
        far = bureau.Bureau(bureau.obliging)
    else:
        far = FarSide(lambda _: [], _made if kind == "sensorthings" else lambda _: Reply(204))
    await far.start()
    print(far.port, flush=True)
    await asyncio.Event().wait()


def _made(request: Any) -> Reply:
    rows = sum(len(array["dataArray"]) for array in request.items)
    return Reply(201, [f"http://far/v1.1/Observations({place})" for place in range(rows)])


if __name__ == "__main__":
    main()
