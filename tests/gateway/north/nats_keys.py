"""NATS keys and JWTs as `nsc` makes them (NATS ADR-14; jwt v2), for a server in operator mode."""

from __future__ import annotations

import base64
import binascii
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3
_SEED = 18 << 3
_NO_LIMITS = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1)
_STREAMS = dict.fromkeys(("mem_storage", "disk_storage", "streams", "consumer"), -1)


class Key:
    def __init__(self, kind, number):
        self.kind = kind
        self._raw = bytes([number]) * 32
        self._key = Ed25519PrivateKey.from_private_bytes(self._raw)

    @property
    def public(self):
        return _text(bytes([self.kind]) + self._key.public_key().public_bytes_raw())

    @property
    def seed(self):
        return _text(bytes([_SEED | self.kind >> 5, (self.kind & 31) << 3]) + self._raw)

    def signed(self, subject, name, claims):
        """The JWT of `subject`."""
        body = {"jti": name, "iat": 1_700_000_000, "iss": self.public, "name": name, "sub": subject.public}
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, body | {"nats": claims | {"version": 2}}]
        told = ".".join(_url(json.dumps(part).encode()) for part in parts)
        return f"{told}.{_url(self._key.sign(told.encode()))}"


OWNER, SYSTEM, CITY, WARD = Key(OPERATOR, 1), Key(ACCOUNT, 2), Key(ACCOUNT, 3), Key(USER, 4)


def server_settings():
    """For a server that takes users of one account, and keeps its streams."""
    accounts = {
        key.public: OWNER.signed(key, name, {"type": "account", "limits": limits})
        for key, name, limits in ((SYSTEM, "SYS", _NO_LIMITS), (CITY, "CITY", _NO_LIMITS | _STREAMS))
    }
    preload = "\n".join(f"{public}: {jwt}" for public, jwt in accounts.items())
    operator = OWNER.signed(OWNER, "O", {"type": "operator", "system_account": SYSTEM.public})
    return (
        f"operator: {operator}\nresolver: MEMORY\nresolver_preload: {{\n{preload}\n}}\nsystem_account: {SYSTEM.public}"
    )


def credentials(signer=WARD):
    """A .creds file; with another `signer`, one whose seed is not the user's."""
    jwt = CITY.signed(WARD, "ward-1", {"type": "user", "subs": -1, "data": -1, "payload": -1})
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\n"
        f"-----BEGIN USER NKEY SEED-----\n{signer.seed}\n------END USER NKEY SEED------\n"
    )


def _text(raw):
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
