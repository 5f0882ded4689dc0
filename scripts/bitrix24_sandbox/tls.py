"""HTTPS for the sandbox: a test authority of its own, made at each start, and its certificate."""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .portal.addresses import OAUTH_HOSTS


@dataclass(frozen=True)
class Transport:
    """HTTP or HTTPS, and what the two sides need for it."""

    scheme: str = "http"
    context: ssl.SSLContext | None = None
    authority: Path | None = None
    """A PEM file with the certificate that a client of HTTPS has to trust."""


@contextlib.contextmanager
def transport(tls: bool, *hosts: str) -> Iterator[Transport]:
    """Give plain HTTP, or HTTPS for this machine and `hosts`: then with a file, until the end."""
    if not tls:
        yield Transport()
        return
    import trustme  # takes a while, and most sandboxes do without

    authority = trustme.CA()
    names = dict.fromkeys(("localhost", "127.0.0.1", "::1", *hosts, *OAUTH_HOSTS))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    descriptor, name = tempfile.mkstemp(prefix="sandbox-ca-", suffix=".pem")
    file = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as pem:
            pem.write(authority.cert_pem.bytes())
        yield Transport("https", context, file)
    finally:
        file.unlink(missing_ok=True)
