"""A small model of an honest gateway's path to one node: log first, send then, ask for what was never answered.

It speaks through the shipped session code. A hostile gateway is the same object in other hands (`hostile`): it has the
link, so it can send whatever the node's key allows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cbor2
from cast import SITE
from line import DOWN, Line
from oracle import EXECUTED, NOT_KEPT, SELECT, UNKNOWN, want

from paifang_wire import messages
from paifang_wire.errors import WireError
from paifang_wire.link import GatewayLink

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


@dataclass
class Open:
    """A command that was logged and sent. `verdict` is (verdict, reason) once there is one."""

    message: list[Any]
    verdict: tuple[int, int] | None = None
    token: bytes | None = None
    link: GatewayLink | None = None


@dataclass
class Desk:
    """The gateway's side of one node. `utc_ms()` is the gateway's clock, which may be wrong."""

    node: str
    key: bytes
    line: Line
    chance: random.Random
    utc_ms: Callable[[], int | None]
    commands: dict[bytes, Open] = field(default_factory=dict)
    log: list[bytes] = field(default_factory=list)
    """Identifiers in the order in which they were written down."""
    sent: list[list[Any]] = field(default_factory=list)
    nonsense: list[Any] = field(default_factory=list)
    evidence: list[bytes] = field(default_factory=list)
    """Payloads of the receipts that came: what an auditor is handed."""
    held: list[tuple[int, int, int]] = field(default_factory=list)
    is_honest: bool = True
    boot: int = 1
    refused: int = 0
    link: GatewayLink | None = None

    def connected(self) -> None:
        """A new connection: hello is to come."""
        self.link = GatewayLink(SITE, lambda _: (self.key, self.boot), self.chance.randbytes)

    def receive(self, frame: bytes) -> None:
        """Take what has arrived."""
        link = self.link
        if link is None:
            return
        try:
            message = link.receive(frame)
        except WireError:
            self.refused += 1
            return
        if message[0] == messages.HELLO:
            self.boot = message[3]
            self.line.put(DOWN, link.welcome(self.utc_ms(), 1, [], False))
        elif link.promoted:
            self._recall()
        if message[0] == messages.CLOCK:
            self._answer_clock(message[1])
        elif message[0] == messages.RECEIPT:
            self._settle(message)
        elif message[0] == messages.HELD:
            self.held.append(tuple(message[1:]))

    def submit(self, command: list[Any]) -> bool:
        """Log a command, then send it; not when there is no session."""
        if self.link is None or not self.link.node:
            return False
        self.log_only(command)
        return self.send(command)

    def log_only(self, command: list[Any]) -> None:
        """Write a command down: it is about to be sent."""
        self.log.append(command[1])
        self.commands[command[1]] = Open(command, link=self.link)

    def send(self, message: list[Any]) -> bool:
        """Send any message, if there is a session."""
        if self.link is None or not self.link.node:
            return False
        self.sent.append(list(message))
        self.line.put(DOWN, self.link.send(message))
        return True

    def send_payload(self, payload: bytes) -> None:
        """Send any bytes under the session's key, if there is a session."""
        if self.link is not None and self.link._live is not None:
            try:
                self.nonsense.append(cbor2.loads(payload))
            except (cbor2.CBORDecodeError, UnicodeError):
                self.refused += 1
            self.line.put(DOWN, self.link._live.seal_payload(payload))

    @property
    def unanswered(self) -> list[Open]:
        return [command for command in self.commands.values() if command.verdict is None]

    def _recall(self) -> None:
        for command in self.unanswered:
            self.send([messages.RECALL, command.message[1]])

    def _answer_clock(self, uptime_ms: int) -> None:
        utc_ms = self.utc_ms()
        if utc_ms is not None:
            self.send([messages.TIME, uptime_ms, utc_ms, messages.TIME_GATEWAY])

    def _settle(self, receipt: list[Any]) -> None:
        """A command's first receipt is its verdict; another says the same, or that the node does not know any more."""
        self.evidence.append(cbor2.dumps(receipt))
        command = self.commands.get(receipt[1])
        if command is None:
            return
        verdict, reason = receipt[3], receipt[4]
        forgotten = verdict == UNKNOWN and reason == NOT_KEPT
        if not forgotten and self.is_honest:
            want(receipt[2] == _hash(command.message), "a receipt names the command that it answers")
        if command.verdict is None:
            command.verdict = verdict, reason
            if verdict == EXECUTED and command.message[3] == SELECT:
                command.token = receipt[7]
        elif verdict != UNKNOWN and self.is_honest and command.verdict != (UNKNOWN, NOT_KEPT):
            want(command.verdict == (verdict, reason), "a command has one verdict")


def _hash(message: list[Any]) -> bytes:
    return hashlib.sha256(cbor2.dumps(message)).digest()
