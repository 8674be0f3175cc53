"""TLS towards a far side, from the files that a sink's settings name."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from paifang.errors import resource_error

if TYPE_CHECKING:
    from paifang.config.sink import TlsSinkSettings


def tls_context(settings: TlsSinkSettings) -> ssl.SSLContext | None:
    """None: without TLS. The far side's certificate must be valid for the name it was called by.

    Raises PaifangError when a file is not there or holds something else.
    """
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as error:  # SSLError is one
        files = ", ".join(str(each) for each in (settings.ca_file, settings.cert_file, settings.key_file) if each)
        hint = "they hold PEM, the key belongs to the certificate, and the gateway may read them"
        raise resource_error(f"{settings.name}: no TLS with {files}: {error.strerror or error}", hint) from error
    return context
