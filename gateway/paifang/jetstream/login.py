"""Who we are to a NATS server: the options of nats-py for a way in and for TLS, read from files."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paifang.errors import resource_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from paifang.config.nats import NatsSettings

_BLOCK = re.compile(r"-+BEGIN ([A-Z ]+)-+\s+(\S+)\s+-+END [A-Z ]+-+")
_JWT, _SEED = "NATS USER JWT", "USER NKEY SEED"
_SEED_BYTES, _PREFIX_BYTES, _CRC_BYTES = 32, 2, 2
"""Of a seed in base32: what it is the seed of, Ed25519's own seed, CRC-16/XMODEM (NATS ADR-14)."""


def options(settings: NatsSettings) -> dict[str, Any]:
    """Arguments of `nats.connect`. Raises PaifangError for a file that is missing or not what it should be."""
    found: dict[str, Any] = {}
    if settings.password_file is not None:
        found |= {"user": settings.user, "password": _secret(settings.password_file)}
    if settings.token_file is not None:
        found["token"] = _secret(settings.token_file)
    if settings.creds_file is not None:
        found |= _of_credentials(settings.creds_file)
    if settings.ca_file or settings.cert_file or any(each.startswith("tls:") for each in settings.servers):
        found["tls"] = _tls(settings)
    return found


def _of_credentials(file: Path) -> dict[str, Any]:
    blocks = dict(_BLOCK.findall(_secret(file)))
    if not {_JWT, _SEED} <= blocks.keys():
        raise resource_error(f"{file} has no user JWT and seed", "take the file that `nsc generate creds` writes")
    jwt = str(blocks[_JWT]).encode()
    # nats-py answers the server's nonce only where it was given some user, which it then does not use.
    return {"user": "jwt", "user_jwt_cb": lambda: jwt, "signature_cb": _signer(file, str(blocks[_SEED]))}


def _signer(file: Path, seed: str) -> Callable[[str], bytes]:
    try:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except binascii.Error:
        raw = b""
    told, crc = raw[:-_CRC_BYTES], raw[-_CRC_BYTES:]
    if len(told) != _PREFIX_BYTES + _SEED_BYTES or binascii.crc_hqx(told, 0) != int.from_bytes(crc, "little"):
        raise resource_error(f"the seed in {file} is damaged", "take the file that `nsc generate creds` writes")
    key = Ed25519PrivateKey.from_private_bytes(told[_PREFIX_BYTES:])
    return lambda nonce: base64.b64encode(key.sign(nonce.encode()))


def _tls(settings: NatsSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as error:
        files = ", ".join(str(each) for each in (settings.ca_file, settings.cert_file, settings.key_file) if each)
        raise resource_error(
            f"no certificates in {files}: {error}", "name files in PEM, readable for the gateway"
        ) from error
    return context


def _secret(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise resource_error(f"{file} cannot be read: {reason}", "make it, readable for the gateway alone") from error
