"""What is derived from what: one master secret a node, a key for each purpose."""

from . import cbor
from .mac import hkdf

VERSION = "paifang/1"
SUITE = 1
"""Suite 1: HMAC-SHA-256 for keys, COSE HMAC 256/64 for messages."""
UP = 0
"""From node to gateway."""
DOWN = 1
"""From gateway to node."""


def node_key(master: bytes, site: str, epoch: int) -> bytes:
    """Return the 32-byte key that node and gateway share in this epoch of the site."""
    return hkdf(master, b"", cbor.encode([VERSION, "node", site, epoch]))


def receipt_key(master: bytes) -> bytes:
    """Return the 32-byte key with which a node vouches for receipts to an auditor; no gateway holds it."""
    return hkdf(master, b"", cbor.encode([VERSION, "receipt"]))


def handshake_key(key: bytes, direction: int, node: str) -> bytes:
    """Return the 32-byte key of `hello` (UP) or `welcome` (DOWN)."""
    purpose = "hello" if direction == UP else "welcome"
    return hkdf(key, b"", cbor.encode([VERSION, purpose, SUITE, direction, node]))


def session_key(key: bytes, nonces: bytes, direction: int, node: str, boot: int) -> bytes:
    """Return the 32-byte key of one direction; `nonces` is the node's followed by the gateway's."""
    return hkdf(key, nonces, cbor.encode([VERSION, "session", SUITE, direction, node, boot]))


def context(site: str, direction: int, node: str, boot: int) -> bytes:
    """Return the external_aad (RFC 9052 section 4.3) that binds a message to its place at no byte on the wire."""
    return cbor.encode([VERSION, site, direction, node, boot])
