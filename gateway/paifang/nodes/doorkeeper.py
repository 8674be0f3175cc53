"""How many hellos are listened to, from one connection, one address, one node; how many descriptions and boots."""

from __future__ import annotations

from collections import OrderedDict

from paifang.nodes.buckets import Buckets
from paifang_wire.errors import RATE, WireError

_NONCES = 20_000


class Doorkeeper:
    """Raises WireError(RATE) for one too many; `now_s` is a monotonic clock.

    By connection and address before the MAC is checked: that bounds the work that strangers can cause. A whole ward
    may stand behind one address and come back at once after a power cut. By node once the MAC is good: what is left
    then are replays of its own hellos, and a nonce that was seen before draws on an allowance of its own, so that
    whoever replays cannot use up the node's.
    """

    def __init__(self) -> None:
        self._connections = Buckets(per_second=2, burst=20)
        self._addresses = Buckets(per_second=1_000, burst=10_000)
        self._nodes = Buckets(per_second=2, burst=30)
        self._replays = Buckets(per_second=0.2, burst=4)
        self._descriptions = Buckets(per_second=1 / 600, burst=20)
        self._boots = Buckets(per_second=1 / 60, burst=64)
        self._nonces: OrderedDict[bytes, None] = OrderedDict()

    def admit_peer(self, peer: str, now_s: float) -> None:
        """`peer` is HOST:PORT, or the device of a serial line."""
        address = peer.rpartition(":")[0] or peer
        if not self._connections.take(peer, now_s) or not self._addresses.take(address, now_s):
            raise WireError(RATE, peer)

    def admit_node(self, node: str, nonce: bytes, now_s: float) -> None:
        seen = nonce in self._nonces
        self._nonces[nonce] = None
        self._nonces.move_to_end(nonce)
        if len(self._nonces) > _NONCES:
            self._nonces.popitem(last=False)
        if not (self._replays if seen else self._nodes).take(node, now_s):
            raise WireError(RATE, node)

    def admit_description(self, node: str, now_s: float) -> None:
        """One that was not known: it is kept for ever, and only other firmware or wiring gives a node another one."""
        if not self._descriptions.take(node, now_s):
            raise WireError(RATE, node)

    def admit_boot(self, node: str, now_s: float) -> None:
        """An earlier one that nobody has heard of: it is kept for ever. A record that is refused comes again later."""
        if not self._boots.take(node, now_s):
            raise WireError(RATE, node)
