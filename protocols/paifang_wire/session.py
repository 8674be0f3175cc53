"""The session: hello and welcome, then messages under two fresh keys, one a direction.

Sans-IO. `NodeSession` is the node's side of one connection, `GatewayLink` the gateway's side of one connection or
serial line. A frame that fails any check raises WireError and changes nothing; the answer to it is silence.
"""

from . import keys, messages
from .cose import COUNTER_LIMIT, Mac0
from .errors import BAD_MAC, BOOT_BACK, NO_SESSION, REPLAY, SHAPE, UNKNOWN_NODE, WRONG_SITE, WRONG_SUITE, WireError
from .mac import Hmac256
from .windows import ReplayWindow

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

WINDOW = 32
"""Records that a node may have under way without an ack."""
MAX_FRAME = 4096


class Channel:
    """One side of an established session: seals with the key of its direction, opens with the other's."""

    def __init__(self, key: bytes, site: str, node: str, boot: int, nonces: bytes, outward: int) -> None:
        inward = keys.DOWN if outward == keys.UP else keys.UP
        self._out = _session_mac(key, site, node, boot, nonces, outward)
        self._in = _session_mac(key, site, node, boot, nonces, inward)
        self._kinds = messages.DOWNWARD if outward == keys.UP else messages.UPWARD
        self._counter = 0
        self._window = ReplayWindow()

    def seal(self, message: "Sequence[Any]") -> bytes:
        """Return the next frame. Raises WireError(NO_SESSION) when the counter is used up: shake hands again."""
        if self._counter == COUNTER_LIMIT:
            raise WireError(NO_SESSION, "transport counter used up")
        frame = self._out.seal(self._counter, messages.encode(message))
        self._counter += 1
        return frame

    def open(self, frame: bytes) -> "list[Any]":
        """Return the message of `frame`. Raises WireError: SHAPE, REPLAY, BAD_MAC, then NOT_CBOR and SHAPE."""
        counter, payload = self._in.split(frame)
        self._window.check(counter)
        self._in.verify(frame)
        self._window.commit(counter)
        message = messages.decode(payload)
        if message[0] not in self._kinds:
            raise WireError(SHAPE, messages.KINDS[message[0]] + " from the wrong side")
        return message


class NodeSession:
    """The node's side of one connection.

    `random(n)` returns n bytes; they need not be good, because the nonce is an HMAC over boot, `handshake` (a count
    that never repeats within a boot) and them.
    """

    def __init__(
        self, site: str, node: str, boot: int, key: bytes, random: "Callable[[int], bytes]", handshake: int = 0
    ) -> None:
        self._site = site
        self._node = node
        self._boot = boot
        self._key = key
        self._handshake = handshake
        seed = boot.to_bytes(8, "big") + handshake.to_bytes(8, "big") + random(messages.NONCE_LENGTH)
        self._nonce = Hmac256(key).digest(seed)[: messages.NONCE_LENGTH]
        self._channel: "Channel | None" = None

    @property
    def established(self) -> bool:
        """Whether a welcome has been accepted."""
        return self._channel is not None

    def hello(
        self, firmware: str, description: bytes, uptime_ms: int, reset_cause: int, keyset: int, depth: int
    ) -> bytes:
        """Return the hello frame; `depth` is how many records wait for an ack."""
        fields = (messages.HELLO, self._site, self._node, self._boot, self._nonce, keys.SUITE, firmware)
        payload = messages.encode(fields + (description, uptime_ms, reset_cause, keyset, depth))
        return _handshake_mac(self._key, keys.UP, self._site, self._node, self._boot).seal(self._handshake, payload)

    def receive(self, frame: bytes) -> "list[Any]":
        """Return the message of `frame`: the welcome first. Raises WireError."""
        if self._channel is not None:
            return self._channel.open(frame)
        mac = _handshake_mac(self._key, keys.DOWN, self._site, self._node, self._boot)
        payload = mac.split(frame)[1]
        mac.verify(frame)
        message = messages.decode(payload)
        if message[0] != messages.WELCOME or message[1] != self._nonce:
            raise WireError(NO_SESSION, "no answer to this hello")
        self._channel = Channel(self._key, self._site, self._node, self._boot, self._nonce + message[2], keys.UP)
        return message

    def send(self, message: "Sequence[Any]") -> bytes:
        """Return the frame of `message`. Raises WireError(NO_SESSION) before the welcome."""
        if self._channel is None:
            raise WireError(NO_SESSION, "no welcome yet")
        return self._channel.seal(message)


class GatewayLink:
    """The gateway's side of one connection or serial line.

    `lookup(node)` returns (node key, least boot count that is believed), or None for a node that is not enrolled.
    A hello opens a pending session beside the live one; the first valid frame under the pending keys promotes it, so
    a replayed hello displaces nothing.
    """

    def __init__(
        self, site: str, lookup: "Callable[[str], tuple[bytes, int] | None]", random: "Callable[[int], bytes]"
    ) -> None:
        self._site = site
        self._lookup = lookup
        self._random = random
        self._live: "Channel | None" = None
        self._hello: "tuple[str, int, bytes, bytes] | None" = None
        self._pending: "tuple[Channel, str, int] | None" = None
        self.node = ""
        """The node of the live session; empty before the first promotion."""
        self.boot = 0
        self.promoted = False
        """Whether the message that `receive` returned last has promoted the pending session."""

    def receive(self, frame: bytes) -> "list[Any]":
        """Return the message of `frame`: a hello, to be answered with `welcome`, or one of the session.

        Raises WireError; its reason says what was wrong.
        """
        self.promoted = False
        if self._live is not None:
            try:
                return self._in_order(self._live.open(frame))
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
        """Return the answer to the hello received last; `stored` is [[boot, high-water mark], …], at most 8."""
        if self._hello is None:
            raise WireError(NO_SESSION, "no hello to answer")
        node, boot, key, node_nonce = self._hello
        self._hello = None
        nonce = self._random(messages.NONCE_LENGTH)
        self._pending = (Channel(key, self._site, node, boot, node_nonce + nonce, keys.DOWN), node, boot)
        payload = messages.encode(
            [messages.WELCOME, node_nonce, nonce, utc_ms, utc_quality, stored, want_description, window, MAX_FRAME]
        )
        return _handshake_mac(key, keys.DOWN, self._site, node, boot).seal(0, payload)

    def send(self, message: "Sequence[Any]") -> bytes:
        """Return the frame of `message` for the live session. Raises WireError(NO_SESSION)."""
        if self._live is None:
            raise WireError(NO_SESSION, "no session")
        return self._live.seal(message)

    def _take_hello(self, frame: bytes) -> "list[Any]":
        message = messages.decode(_PEEK.split(frame)[1])
        _, site, node, boot, nonce, suite = message[:6]
        if site != self._site:
            raise WireError(WRONG_SITE, "node " + node + " says site " + site)
        known = self._lookup(node)
        if known is None:
            raise WireError(UNKNOWN_NODE, node)
        if suite != keys.SUITE:
            raise WireError(WRONG_SUITE, "node " + node + " asks for suite " + str(suite))
        key, least_boot = known
        _handshake_mac(key, keys.UP, site, node, boot).verify(frame)
        if boot < least_boot:
            raise WireError(BOOT_BACK, "node " + node + " says boot " + str(boot) + " after " + str(least_boot))
        self._hello = (node, boot, key, nonce)
        return message

    def _promote(self, frame: bytes) -> "list[Any]":
        if self._pending is None:
            raise WireError(NO_SESSION if self._live is None else BAD_MAC)
        channel, node, boot = self._pending
        message = channel.open(frame)
        self._pending = None
        self._live = channel
        self.node = node
        self.boot = boot
        self.promoted = True
        return self._in_order(message)

    def _in_order(self, message: "list[Any]") -> "list[Any]":
        if messages.REPORT <= message[0] <= messages.GAP and message[1] > self.boot:
            raise WireError(SHAPE, "record of a boot to come")
        return message


def _session_mac(key: bytes, site: str, node: str, boot: int, nonces: bytes, direction: int) -> Mac0:
    return Mac0(keys.session_key(key, nonces, direction, node, boot), keys.context(site, direction, node, boot))


def _handshake_mac(key: bytes, direction: int, site: str, node: str, boot: int) -> Mac0:
    return Mac0(keys.handshake_key(key, direction, node), keys.context(site, direction, node, boot))


_PEEK = Mac0(b"", b"")
"""Splits a hello before its key is known; it verifies nothing."""
_HELLO_START = bytes((0x8C, messages.HELLO))


def _is_hello(frame: bytes) -> bool:
    """Tell by the payload's first bytes, an array of 12 of kind 0: no session message begins like this."""
    return _PEEK.split(frame)[1][:2] == _HELLO_START
