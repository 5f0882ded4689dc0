"""HTTPS for the sandbox: a test authority, and the certificate it issues at each start."""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .portal.addresses import LIBRARY_HOST, OAUTH_HOSTS

if TYPE_CHECKING:
    from trustme import CA

AUTHORITY = "sandbox-ca.pem"
KEY = "sandbox-ca-key.pem"


class UnusableFolderError(Exception):
    """No authority can be kept in this folder. The message says why."""


@dataclass(frozen=True)
class Transport:
    """HTTP or HTTPS, and what the two sides need for it."""

    scheme: str = "http"
    context: ssl.SSLContext | None = None
    authority: Path | None = None
    """A PEM file with the certificate that a client of HTTPS has to trust."""


@contextlib.contextmanager
def transport(
    tls: bool, *hosts: str, folder: Path | None = None
) -> Generator[Transport, None, None]:
    """Give plain HTTP, or HTTPS for this machine and `hosts`.

    The authority is kept in `folder`, for the next start; without one, it is a new one, whose file
    is removed at the end. Raise `UnusableFolderError` if none can be kept there.
    """
    if not tls:
        yield Transport()
        return
    import trustme  # takes a while, and most sandboxes do without

    with contextlib.ExitStack() as ending:
        if folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="sandbox-ca-")
            authority, file = trustme.CA(), Path(ending.enter_context(temporary)) / AUTHORITY
            authority.cert_pem.write_to_path(file)
        else:
            try:
                authority, file = _kept_authority(folder), folder.absolute() / AUTHORITY
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or "no certificate and key in PEM form"
                raise UnusableFolderError(f"{folder}: {reason.lower()}") from None
        names = dict.fromkeys(("localhost", "127.0.0.1", "::1", *hosts, *OAUTH_HOSTS, LIBRARY_HOST))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The other kind of context that trustme takes, of pyOpenSSL, is not installed.
        authority.issue_cert(*names).configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        yield Transport("https", context, file)


def _kept_authority(folder: Path) -> "CA":
    """Read the authority in the folder, or make one there."""
    import trustme

    certificate, key = folder / AUTHORITY, folder / KEY
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    authority = trustme.CA()
    folder.mkdir(parents=True, exist_ok=True)
    # Whoever has the key can be any host to those who trust the certificate.
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as private:
        private.write(authority.private_key_pem.bytes())
    authority.cert_pem.write_to_path(certificate)
    return authority
