"""An environment bureau in miniature: takes HJ 212 over TCP, confirms it in whatever manner it is told to, asks.

Written from the standard's text and frames that others made, with nothing of the gateway's codec: the CRC is computed
bit by bit as annex A says it, packets are taken apart by expressions.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

HOST = "127.0.0.1"
GARBAGE = b"\x00\xff##12ab##0004QN=1FFFF\r\n####"
"""No frame, and bytes that look like one."""

_FRAME = re.compile(rb"##(\d{4})")
_HEAD = re.compile(r"(QN|ST|CN|PW|MN|Flag|PNUM|PNO)=([^;]*);")
_CP = re.compile(r"CP=&&(.*)&&$", re.DOTALL)


def checksum(data: bytes) -> str:
    """HJ 212-2017, annex A, bit by bit."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ byte
        for _ in range(8):
            out = register & 1
            register >>= 1
            if out:
                register ^= 0xA001
    return f"{register:04X}"


def framed(text: str) -> bytes:
    data = text.encode()
    return f"##{len(data):04d}".encode() + data + checksum(data).encode() + b"\r\n"


@dataclass(frozen=True, slots=True)
class Taken:
    """A packet as it came: the fields of its head, the groups of its CP, and on which connection."""

    head: dict[str, str]
    groups: list[dict[str, str]]
    link: int

    @property
    def qn(self) -> str:
        return self.head.get("QN", "")

    @property
    def cn(self) -> str:
        return self.head["CN"]

    def field(self, name: str) -> str | None:
        return next((group[name] for group in self.groups if name in group), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent for a packet: `pieces`, one write each; then, perhaps, the end of the connection."""

    pieces: tuple[bytes, ...] = ()
    hangs_up: bool = False


@dataclass
class Bureau:
    """`manner` is asked for an answer to every packet that wants one."""

    manner: Callable[[Bureau, Taken], Answer]
    taken: list[Taken] = field(default_factory=list)
    wrong: list[bytes] = field(default_factory=list)
    """Frames whose length or CRC is not right."""
    links: int = 0
    port: int = 0
    tls: ssl.SSLContext | None = None
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Gone, with all its connections; `start` may bring it back."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    def send(self, data: bytes) -> None:
        """To whoever is connected."""
        for writer in self._writers:
            writer.write(data)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for packets until it is true."""
        while not condition():
            self._came.clear()
            await self._came.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.links += 1
        link, held = self.links, b""
        self._writers.add(writer)
        self._came.set()
        try:
            while data := await reader.read(65_536):
                held = await self._take(held + data, link, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _take(self, held: bytes, link: int, writer: asyncio.StreamWriter) -> bytes:
        """Answer whole frames; what is left over."""
        while (head := _FRAME.match(held)) is not None and len(held) >= (end := head.end() + int(head[1])) + 6:
            data, told, line_end = held[head.end() : end], held[end : end + 4], held[end + 4 : end + 6]
            held = held[end + 6 :]
            if told.decode() != checksum(data) or line_end != b"\r\n":
                self.wrong.append(data)
                continue
            await self._answer(data.decode(), link, writer)
        return held

    async def _answer(self, text: str, link: int, writer: asyncio.StreamWriter) -> None:
        taken = _read(text, link)
        self.taken.append(taken)
        self._came.set()
        if not int(taken.head.get("Flag", "0")) & 1:
            return
        answer = self.manner(self, taken)
        for piece in answer.pieces:
            writer.write(piece)
            await writer.drain()
        if answer.hangs_up:
            writer.transport.abort()


def ack(taken: Taken, *, qn: str | None = None, mn: str | None = None) -> bytes:
    """A 9014 that confirms a packet, or another one."""
    head = taken.head
    flag = int(head["Flag"]) & ~3
    return framed(f"QN={qn or taken.qn};ST=91;CN=9014;PW={head['PW']};MN={mn or head['MN']};Flag={flag};CP=&&&&")


def refusal(taken: Taken, code: str) -> bytes:
    """A 9011 that refuses a packet."""
    head = taken.head
    return framed(f"QN={taken.qn};ST=91;CN=9011;PW={head['PW']};MN={head['MN']};Flag=4;CP=&&QnRtn={code}&&")


def obliging(_bureau: Bureau, taken: Taken) -> Answer:
    """Confirms at once."""
    return Answer((ack(taken),))


def _read(text: str, link: int) -> Taken:
    found = _CP.search(text)
    assert found is not None, text
    groups = [dict(pair.split("=", 1) for pair in group.split(",")) for group in found[1].split(";") if group]
    return Taken(dict(_HEAD.findall(text[: found.start()])), groups, link)
