"""HTTP far sides of sinks, in miniature: they keep what they are sent, and check it more strictly than a broker does.

No NGSI-LD broker and no SensorThings server can be had from a package registry; these are written from ETSI GS CIM 009
and OGC 18-088 and know nothing of the gateway's code.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping

HOST = "127.0.0.1"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_UPSERT = "/ngsi-ld/v1/entityOperations/upsert?options=update"
_PROPERTY = {"type", "value", "unitCode", "observedAt", "quality"}


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: Mapping[str, str]
    items: list[Any]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any = None
    hangs_up: bool = False


@dataclass
class FarSide:
    """`answer(request)` decides; what `judge(request)` finds wrong is kept in `wrong` and never forgiven."""

    judge: Callable[[Request], list[str]]
    answer: Callable[[Request], Reply | Awaitable[Reply]]
    requests: list[Request] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen; after `stop` at the same port."""
        application = web.Application(client_max_size=1 << 24)
        application.router.add_route("*", "/{rest:.*}", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _take(self, asked: web.Request) -> web.StreamResponse:
        items = json.loads(await asked.text(), parse_float=Decimal)
        request = Request(asked.path_qs, asked.headers, items if isinstance(items, list) else [items])
        self.requests.append(request)
        self.wrong += self.judge(request)
        reply = self.answer(request)
        if not isinstance(reply, Reply):
            reply = await reply
        if reply.hangs_up:
            assert asked.transport is not None
            asked.transport.abort()
            await asyncio.sleep(0)
        if reply.body is None:
            return web.Response(status=reply.status)
        return web.json_response(reply.body, status=reply.status)


def judged_ngsi_ld(request: Request) -> list[str]:
    """What is wrong with a batch upsert."""
    found: list[str] = []
    if request.path != _UPSERT:
        found.append(f"asked for {request.path}")
    if request.headers.get("Content-Type") != "application/ld+json":
        found.append(f"Content-Type {request.headers.get('Content-Type')}")
    names = [entity.get("id") for entity in request.items]
    if len(set(names)) < len(names):
        found.append("an entity twice in one request")
    for entity in request.items:
        found += [f"{entity.get('id')}: {each}" for each in _of_entity(entity)]
    return found


def judged_sensorthings(request: Request) -> list[str]:
    """What is wrong with a CreateObservations."""
    found: list[str] = []
    if not request.path.endswith("/v1.1/CreateObservations"):
        found.append(f"asked for {request.path}")
    if request.headers.get("Content-Type") != "application/json":
        found.append(f"Content-Type {request.headers.get('Content-Type')}")
    streams = [array["Datastream"]["@iot.id"] for array in request.items]
    if len(set(streams)) < len(streams):
        found.append("a datastream twice in one request")
    for array in request.items:
        found += [f"{array['Datastream']}: {each}" for each in _of_array(array)]
    return found


def _of_array(array: dict[str, Any]) -> list[str]:
    found: list[str] = []
    if set(array) != {"Datastream", "components", "dataArray", "dataArray@iot.count"}:
        found.append(f"members {sorted(array)}")
    if array["dataArray@iot.count"] != len(array["dataArray"]):
        found.append("another count of rows")
    for row in array["dataArray"]:
        named = dict(zip(array["components"], row, strict=True))
        if not _TIME.fullmatch(str(named["phenomenonTime"])):
            found.append("no phenomenonTime in UTC")
        if not isinstance(named["result"], int | Decimal):
            found.append("no result")
    return found


def _of_entity(entity: dict[str, Any]) -> list[str]:
    found: list[str] = []
    if not _URI.fullmatch(str(entity.get("id"))):
        found.append("id is no URI")
    if not _NAME.fullmatch(str(entity.get("type"))):
        found.append("type is no name")
    context = entity.get("@context")
    if not isinstance(context, list) or not all(str(each).startswith("https://") for each in context):
        found.append("no @context")
    for name, attribute in entity.items():
        if name not in {"id", "type", "@context"}:
            found += [f"{name}: {each}" for each in _of_attribute(attribute)]
    return found


def _of_attribute(attribute: Any) -> list[str]:
    if not isinstance(attribute, dict):
        return ["no attribute"]
    if attribute.get("type") == "GeoProperty":
        value = attribute["value"]
        longitude, latitude = value["coordinates"]
        is_right = value["type"] == "Point" and -180 <= longitude <= 180 and -90 <= latitude <= 90
        return [] if is_right else ["no GeoJSON point"]
    found = [f"unknown member {each}" for each in attribute.keys() - _PROPERTY]
    if attribute.get("type") != "Property" or attribute.get("value") is None:
        found.append("no Property with a value")
    if not _TIME.fullmatch(str(attribute.get("observedAt"))):
        found.append("no observedAt in UTC")
    return found
