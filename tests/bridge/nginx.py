"""nginx with the configuration that the bridge's README gives."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trustme

from tests.bridge.programs import running
from tests.ports import unused_port

README = Path(__file__).parents[2] / "scripts" / "bitrix24_bridge" / "README.md"
HOST = "bridge.example.com"
SERVER = "    server 127.0.0.1:8025 max_fails=0;"
WHOLE = """
daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
error_log {folder}/main.log info;
{main}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_ciphers ALL:@SECLEVEL=0;  # so that the protocols decide
    {site}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """An nginx that runs."""

    port: int
    plain_port: int
    """Where it listens without TLS."""
    folder: Path
    trusts: ssl.SSLContext
    """Trusts its certificate."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, local: str | None = None) -> httpx.AsyncClient:
        """Return a client, which may have an address of its own."""
        transport = httpx.AsyncHTTPTransport(verify=self.trusts, local_address=local)
        return httpx.AsyncClient(transport=transport, base_url=self.url, timeout=30)

    def logs(self) -> str:
        """Return all that it has written, at the level info."""
        return "".join(file.read_text() for file in self.folder.glob("*.log"))


@contextmanager
def running_nginx(folder: Path, *backends: int, connections: int = 512) -> Iterator[Nginx]:
    """Run nginx while the context lasts, adapted to free ports, `connections` and a certificate.

    `backends`: the ports of the bridge's processes.
    """
    ca = trustme.CA()
    certificate = ca.issue_cert(HOST, "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    port = unused_port()
    plain_port = port + 1
    servers = "\n".join(SERVER.replace("8025", str(backend)) for backend in backends)
    main, site = re.findall(r"```nginx\n(.*?)```", README.read_text(), re.DOTALL)
    text = WHOLE.format(folder=folder, main=main, site=site)
    for written, here in (
        ("worker_rlimit_nofile 65536", "worker_rlimit_nofile 1024"),
        ("worker_connections 25000", f"worker_connections {connections}"),
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("listen [::]:80;", f"listen [::1]:{plain_port};"),
        ("listen [::]:443 ssl;", f"listen [::1]:{port} ssl;"),
        (f"/etc/ssl/{HOST}.pem", f"{folder}/cert.pem"),
        (f"/etc/ssl/{HOST}.key", f"{folder}/key.pem"),
        (SERVER, servers),
    ):
        assert text.count(written) == 1, written
        text = text.replace(written, here)
    file = folder / "nginx.conf"
    file.write_text(text)
    trusts = ssl.create_default_context()
    ca.configure_trust(trusts)
    with running("nginx", "-p", str(folder), "-c", str(file), address=("127.0.0.1", port)):
        yield Nginx(port, plain_port, folder, trusts)
