"""Signatures of requests, as the Standard Webhooks specification has them (1.0, symmetric)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

from paifang.errors import bad_argument
from paifang.keys.files import read_passphrase

if TYPE_CHECKING:
    from pathlib import Path

PREFIX = "whsec_"
KEY_LEAST, KEY_MOST = 24, 64
"""Bytes, as the specification asks for."""


def key_of(file: Path) -> bytes:
    """The key in a file's first line: "whsec_" and its bytes in base64. Raises PaifangError."""
    text = read_passphrase(file)
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(PREFIX) or not KEY_LEAST <= len(key) <= KEY_MOST:
        hint = f"make one: echo {PREFIX}$(head -c 32 /dev/urandom | base64) > {file}"
        raise bad_argument(f"{file} holds no secret of a webhook", hint)
    return key


def headers(record: str, utc_s: int, body: bytes, key: bytes | None) -> dict[str, str]:
    """The record's id, by which the receiver knows what comes twice; the time of sending; a signature over it all."""
    told = {"webhook-id": record, "webhook-timestamp": str(utc_s)}
    if key is not None:
        signed = f"{record}.{utc_s}.".encode() + body
        digest = hmac.new(key, signed, hashlib.sha256).digest()
        told["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return told
