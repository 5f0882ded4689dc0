"""HTTPS for the sandbox: a test CA, and the certificate that it issues at each start."""

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

CERTIFICATE = "sandbox-ca.pem"
KEY = "sandbox-ca-key.pem"


class UnusableFolderError(Exception):
    """The folder cannot keep a CA. The message says why."""


class UnusableNameError(Exception):
    """A certificate cannot have a host name. The message says why."""


@dataclass(frozen=True)
class Transport:
    """HTTP or HTTPS, and what server and client need for it."""

    scheme: str = "http"
    context: ssl.SSLContext | None = None
    ca: Path | None = None
    """A PEM file with the certificate that an HTTPS client has to trust."""


@contextlib.contextmanager
def transport(
    tls: bool, *hosts: str, folder: Path | None = None
) -> Generator[Transport, None, None]:
    """Provide plain HTTP, or HTTPS for this machine and `hosts`.

    The CA is kept in `folder`, for the next start; without a folder it is a new one, whose file is
    removed at the end. Raise `UnusableFolderError` if the folder cannot keep it, and
    `UnusableNameError` if one of the hosts cannot be in a certificate.
    """
    if not tls:
        yield Transport()
        return
    import trustme  # slow to import, and most sandboxes do not need it

    with contextlib.ExitStack() as ending:
        if folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="sandbox-ca-")
            ca, file = trustme.CA(), Path(ending.enter_context(temporary)) / CERTIFICATE
            ca.cert_pem.write_to_path(file)
        else:
            try:
                ca, file = _kept_ca(folder), folder.absolute() / CERTIFICATE
            except (OSError, ValueError) as error:
                reason = "no certificate and key in PEM form"
                if isinstance(error, OSError) and error.strerror:
                    reason = error.strerror.lower()
                raise UnusableFolderError(f"{folder}: {reason}") from None
        names = dict.fromkeys(("localhost", "127.0.0.1", "::1", *hosts, *OAUTH_HOSTS, LIBRARY_HOST))
        try:
            certificate = ca.issue_cert(*names)
        except UnicodeError as error:
            raise UnusableNameError(f"a certificate cannot have this name: {error}") from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The other context that trustme takes is pyOpenSSL's, which is not installed.
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
        yield Transport("https", context, file)


def _kept_ca(folder: Path) -> "CA":
    """Read the folder's CA, or make one there."""
    import trustme

    certificate, key = folder / CERTIFICATE, folder / KEY
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    ca = trustme.CA()
    folder.mkdir(parents=True, exist_ok=True)
    # With the key, anyone can pose as any host to a client that trusts the certificate.
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as private:
        private.write(ca.private_key_pem.bytes())
    ca.cert_pem.write_to_path(certificate)
    return ca
