"""The gateway's side of the session: who says hello, who is believed, and what replaces what."""

from . import cbor, keys, messages
from .cose import Mac0
from .errors import BAD_MAC, BOOT_BACK, NO_SESSION, REPLAY, SHAPE, UNKNOWN_NODE, WRONG_SITE, WRONG_SUITE, WireError
from .session import NONCE_LENGTH, Channel, handshake_mac

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

WINDOW = 32
"""Records that a node may have under way without an ack."""


class GatewayLink:
    """The gateway's side of one connection or serial line.

    `lookup(node)` returns (node key, least boot count that is believed), or None for a node that is not enrolled. A
    third field is the key that is believed besides, None for none: a node takes it up with its next epoch.
    A hello opens a pending session beside the live one; the first valid frame under the pending keys promotes it, so
    a replayed hello displaces nothing.
    """

    def __init__(
        self, site: str, lookup: "Callable[[str], Sequence[Any] | None]", random: "Callable[[int], bytes]"
    ) -> None:
        self._site = site
        self._lookup = lookup
        self._random = random
        self._live: "Channel | None" = None
        self._hello: "tuple[str, int, bytes, bytes] | None" = None
        self._pending: "tuple[Channel, str, int, bytes] | None" = None
        self._welcomed = (b"", b"")
        self.node = ""
        """The node of the live session; empty before the first promotion."""
        self.boot = 0
        self.key = b""
        """The node key of the live session."""
        self.promoted = False
        """Whether the message that `receive` returned last has promoted the pending session."""
        self.claimed = ""
        """The node that the frame `receive` was given last says it is, if that was a hello; believed or not."""

    def receive(self, frame: bytes) -> "list[Any]":
        """Return the message of `frame`: a hello, to be answered with `welcome`, or one of the session.

        Raises WireError; its reason says what was wrong.
        """
        self.promoted = False
        self.claimed = ""
        if self._live is not None:
            try:
                return _of_boot(self._live.open(frame), self.boot)
            except WireError as error:
                fresh = error.reason == BAD_MAC or error.reason == REPLAY
                if not fresh or (self._pending is None and not _is_hello(frame)):
                    raise
        if _is_hello(frame):
            return self._take_hello(frame)
        return self._promote(frame)

    def welcome(
        self,
        utc_ms: "int | None",
        utc_quality: int,
        stored: "list[list[int]]",
        want_description: bool,
        window: int = WINDOW,
    ) -> bytes:
        """Return the answer to the hello received last; `stored` is [[boot, high-water mark], …], at most 8.

        A hello that a line has doubled gets the answer it got before: another one would end the session it opened.
        """
        if self._hello is None:
            raise WireError(NO_SESSION, "no hello to answer")
        node, boot, key, node_nonce = self._hello
        self._hello = None
        if self._pending is not None and self._welcomed[0] == node_nonce:
            return self._welcomed[1]
        nonce = self._random(NONCE_LENGTH)
        self._pending = (Channel(key, self._site, node, boot, node_nonce + nonce, keys.DOWN), node, boot, key)
        payload = messages.encode(
            [messages.WELCOME, node_nonce, nonce, utc_ms, utc_quality, stored, want_description, window, cbor.LIMIT]
        )
        frame = handshake_mac(key, keys.DOWN, self._site, node, boot).seal(0, payload)
        self._welcomed = (node_nonce, frame)
        return frame

    def send(self, message: "Sequence[Any]") -> bytes:
        """Return the frame of `message` for the live session. Raises WireError(NO_SESSION)."""
        if self._live is None:
            raise WireError(NO_SESSION, "no session")
        return self._live.seal(message)

    def _take_hello(self, frame: bytes) -> "list[Any]":
        message = messages.decode(_PEEK.split(frame)[1])
        _, site, node, boot, nonce, suite = message[:6]
        self.claimed = node
        if site != self._site:
            raise WireError(WRONG_SITE, "node " + node + " says site " + site)
        known = self._lookup(node)
        if known is None:
            raise WireError(UNKNOWN_NODE, node)
        if suite != keys.SUITE:
            raise WireError(WRONG_SUITE, "node " + node + " asks for suite " + str(suite))
        least_boot = known[1]
        key = _key_of(frame, known, site, node, boot)
        if boot < least_boot:
            raise WireError(BOOT_BACK, "node " + node + " says boot " + str(boot) + " after " + str(least_boot))
        self._hello = (node, boot, key, nonce)
        return message

    def _promote(self, frame: bytes) -> "list[Any]":
        if self._pending is None:
            raise WireError(NO_SESSION if self._live is None else BAD_MAC)
        channel, node, boot, key = self._pending
        message = _of_boot(channel.open(frame), boot)
        self._pending = None
        self._welcomed = (b"", b"")
        self._live = channel
        self.node = node
        self.boot = boot
        self.key = key
        self.promoted = True
        return message


_PEEK = Mac0(b"", b"")
"""Splits a hello before its key is known; it verifies nothing."""
_HELLO_START = bytes((0x8C, messages.HELLO))


def _is_hello(frame: bytes) -> bool:
    """Tell by the payload's first bytes, an array of 12 of kind 0: no session message begins like this."""
    return _PEEK.split(frame)[1][:2] == _HELLO_START


def _key_of(frame: bytes, known: "Sequence[Any]", site: str, node: str, boot: int) -> bytes:
    """Return the key that this hello is made with. Raises WireError(BAD_MAC) when it is none of the node's."""
    next_key = known[2] if len(known) > 2 else None
    try:
        handshake_mac(known[0], keys.UP, site, node, boot).verify(frame)
    except WireError:
        if next_key is None:
            raise
        handshake_mac(next_key, keys.UP, site, node, boot).verify(frame)
        return next_key
    return known[0]


def _of_boot(message: "list[Any]", boot: int) -> "list[Any]":
    """Return `message` unless it brings a record of a boot that has not been."""
    if messages.REPORT <= message[0] <= messages.GAP and message[1] > boot:
        raise WireError(SHAPE, "record of boot " + str(message[1]) + " in boot " + str(boot))
    return message
