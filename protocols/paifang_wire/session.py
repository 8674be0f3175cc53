"""The node's session: hello and welcome, then messages under two fresh keys, one a direction.

Sans-IO. `NodeSession` is the node's side of one connection; `link.GatewayLink` is the other. A frame that fails any
check raises WireError and changes nothing; the answer to it is silence.
"""

from . import cbor, keys, messages
from .cose import COUNTER_LIMIT, Mac0
from .errors import NO_SESSION, SHAPE, WireError
from .mac import Hmac256
from .windows import ReplayWindow

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False  # pyright: ignore[reportConstantRedefinition]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

NONCE_LENGTH = 16


class Channel:
    """One side of an established session: seals with the key of its direction, opens with the other's."""

    def __init__(self, key: bytes, site: str, node: str, boot: int, nonces: bytes, outward: int) -> None:
        self._out, self._in = [
            Mac0(keys.session_key(key, nonces, direction, node, boot), keys.context(site, direction, node, boot))
            for direction in (outward, keys.UP + keys.DOWN - outward)
        ]
        self._kinds = messages.DOWNWARD if outward == keys.UP else messages.UPWARD
        self._counter = 0
        self._window = ReplayWindow()

    def seal(self, message: "Sequence[Any]") -> bytes:
        """Return the next frame. Raises WireError(NO_SESSION) when the counter is used up: shake hands again."""
        messages.check(message)
        payload = bytearray()
        cbor.append(payload, message)
        return self.seal_payload(payload)

    def seal_payload(self, payload: "bytes | bytearray") -> bytes:
        """Return the next frame for a message that `messages.encode` has encoded before."""
        if self._counter == COUNTER_LIMIT:
            raise WireError(NO_SESSION, "used up")
        frame = self._out.seal(self._counter, payload)
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
            raise WireError(SHAPE, "wrong side")
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
        seed = boot.to_bytes(8, "big") + handshake.to_bytes(8, "big") + random(NONCE_LENGTH)
        self._nonce = Hmac256(key).digest(seed)[:NONCE_LENGTH]
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
        return handshake_mac(self._key, keys.UP, self._site, self._node, self._boot).seal(self._handshake, payload)

    def receive(self, frame: bytes) -> "list[Any]":
        """Return the message of `frame`: the welcome first. Raises WireError."""
        if self._channel is not None:
            return self._channel.open(frame)
        mac = handshake_mac(self._key, keys.DOWN, self._site, self._node, self._boot)
        payload = mac.split(frame)[1]
        mac.verify(frame)
        message = messages.decode(payload)
        if message[0] != messages.WELCOME or message[1] != self._nonce:
            raise WireError(NO_SESSION, "not to us")
        self._channel = Channel(self._key, self._site, self._node, self._boot, self._nonce + message[2], keys.UP)
        return message

    def send(self, message: "Sequence[Any]") -> bytes:
        """Return the frame of `message`. Raises WireError(NO_SESSION) before the welcome."""
        return self._established().seal(message)

    def send_payload(self, payload: bytes) -> bytes:
        """Return the frame of a message that `messages.encode` has encoded before. Raises WireError(NO_SESSION)."""
        return self._established().seal_payload(payload)

    def _established(self) -> Channel:
        if self._channel is None:
            raise WireError(NO_SESSION, "no welcome")
        return self._channel


def handshake_mac(key: bytes, direction: int, site: str, node: str, boot: int) -> Mac0:
    """Return what seals and opens `hello` (keys.UP) or `welcome` (keys.DOWN)."""
    return Mac0(keys.handshake_key(key, direction, node), keys.context(site, direction, node, boot))
