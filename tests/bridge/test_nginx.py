"""The bridge behind nginx, with the configuration that the bridge's README gives."""

import asyncio
import os
import re
import shutil
import socket as sockets
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme
from bitrix24_bridge.settings import Rate
from bitrix24_sandbox.server import port_of
from websockets.asyncio.client import connect

from tests.bridge.bridges import Bridge
from tests.bridge.cards import Card, about, ask, card, new_sid, said, status
from tests.bridge.conftest import RunBridge
from tests.bridge.portals import FakePortal
from tests.ports import unused_port

pytestmark = pytest.mark.anyio

README = Path(__file__).parents[2] / "scripts" / "bitrix24_bridge" / "README.md"
HOST = "bridge.example.com"
SECRET = "0f6c" * 12

PORTS = {1: [8025], 2: [8026, 8027]}
"""Of the bridge in the README, by the number of its processes."""

RunNginx = Callable[..., AbstractContextManager["Nginx"]]


@dataclass(frozen=True)
class Nginx:
    """An nginx that runs."""

    port: int
    folder: Path
    trusts: ssl.SSLContext
    """Trusts its certificate."""

    def client(self, local: str | None = None) -> httpx.AsyncClient:
        """Give a client, which may have an address of its own."""
        transport = httpx.AsyncHTTPTransport(verify=self.trusts, local_address=local)
        return httpx.AsyncClient(
            transport=transport, base_url=f"https://127.0.0.1:{self.port}", timeout=30
        )

    def logs(self) -> str:
        """Give all that it has written."""
        return "".join(file.read_text() for file in self.folder.glob("*.log"))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def run_nginx(tmp_path: Path, authority: trustme.CA) -> RunNginx:
    """Run nginx with the README's configuration, adapted to free ports and to a certificate."""

    @contextmanager
    def run(*backends: int, error_log: str = "crit") -> Iterator[Nginx]:
        command = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if command is None:
            missing = "There is no nginx on this machine, so nothing was tested with it."
            if os.environ.get("CI"):
                pytest.fail(missing)
            pytest.skip(missing)
        certificate = authority.issue_cert(HOST, "127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
        certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
        port = unused_port()
        text = configuration(several=len(backends) > 1)
        for written, here in (
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            (f"/etc/ssl/{HOST}.pem", f"{tmp_path}/cert.pem"),
            (f"/etc/ssl/{HOST}.key", f"{tmp_path}/key.pem"),
            ("/var/log/nginx/bridge.log crit", f"{tmp_path}/bridge.log {error_log}"),
            *(
                (f"127.0.0.1:{shown}", f"127.0.0.1:{backend}")
                for shown, backend in zip(PORTS[len(backends)], backends, strict=True)
            ),
        ):
            assert text.count(written) == 1, written
            text = text.replace(written, here)
        file = tmp_path / "nginx.conf"
        file.write_text(WHOLE.format(folder=tmp_path, http=text))
        trusts = ssl.create_default_context()
        authority.configure_trust(trusts)
        arguments = ["-p", str(tmp_path), "-c", str(file), "-e", str(tmp_path / "start.log")]
        with subprocess.Popen([command, *arguments]) as process:
            try:
                wait_for(port, process)
                yield Nginx(port, tmp_path, trusts)
            finally:
                process.terminate()

    return run


WHOLE = """
daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
events {{ }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""


def configuration(*, several: bool) -> str:
    """Give what the README says, with the addition for several processes or without."""
    one, upstream = re.findall(r"```nginx\n(.*?)```", README.read_text(), re.DOTALL)
    if not several:
        return str(one)
    assert "`proxy_pass http://bridge;`" in README.read_text()
    return str(upstream) + str(one).replace("http://127.0.0.1:8025;", "http://bridge;")


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            sockets.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    pytest.fail("nginx refused the configuration of the README")


def path_of(webhook: str) -> str:
    return webhook[webhook.index("/rest/") :]


def port_of_bridge(bridge: Bridge) -> int:
    """Give the port that it has, other than its public URL."""
    return int(bridge.settings.url.rpartition(":")[2])


async def test_a_backend_and_a_card_reach_the_bridge(
    run_bridge: RunBridge, run_nginx: RunNginx, portal: FakePortal
) -> None:
    bridge = run_bridge()
    webhook = path_of(bridge.webhook(portal.member_id))
    with run_nginx(port_of_bridge(bridge)) as nginx:
        async with nginx.client() as http:
            assert (await http.get("/healthz")).text == "ok"
            assert (await http.get("/status")).status_code == 404
            # The page is of the bridge's public URL, which is another one than nginx has here.
            opening = connect(
                f"wss://127.0.0.1:{nginx.port}/socket",
                origin=bridge.url,  # type: ignore[arg-type]
                ssl=nginx.trusts,
                proxy=None,
                compression=None,
            )
            async with opening as opened:
                connected = Card(opened, status(), frozen=False)
                hello = {
                    "token": portal.token(),
                    "member_id": portal.member_id,
                    "app_sid": new_sid(),
                }
                await connected.send(hello)
                await connected.asked(1)
                answer = await ask(http, webhook)
                assert said(answer) == (200, "connected")
                assert about(answer) == {"source": "card", "cards": "1"}
                await connected.close()
            assert said(await ask(http, webhook))[0] == 500
        assert nginx.logs() == ""


@pytest.mark.parametrize(("proxies", "counts"), [("127.0.0.1", True), ("", False)])
async def test_the_address_that_nginx_reports_counts_only_if_it_is_trusted(
    run_bridge: RunBridge, run_nginx: RunNginx, proxies: str, counts: bool
) -> None:
    bridge = run_bridge(tokens=Rate(1, 0.001), proxies=proxies)
    with run_nginx(port_of_bridge(bridge)) as nginx:
        answers = []
        for local in ("127.0.0.2", "127.0.0.3"):
            async with nginx.client(local) as http:
                # Whatever a stranger says of himself, nginx replaces.
                http.headers["X-Forwarded-For"] = "198.51.100.1"
                url = "/rest/placement.call"
                form = {"PLACEMENT": "getStatus", "auth": new_sid()}
                answers.append((await http.post(url, json=form)).json()["error"])
                form["auth"] = new_sid()
                answers.append((await http.post(url, json=form)).json()["error"])
    assert answers == [
        "invalid_token",
        "QUERY_LIMIT_EXCEEDED",
        "invalid_token" if counts else "QUERY_LIMIT_EXCEEDED",
        "QUERY_LIMIT_EXCEEDED",
    ]


@pytest.mark.parametrize(("error_log", "shown"), [("crit", False), ("error", True)])
async def test_no_log_of_nginx_has_a_secret_while_the_bridge_is_down(
    run_nginx: RunNginx, error_log: str, shown: bool
) -> None:
    nobody = unused_port()
    with run_nginx(nobody, error_log=error_log) as nginx:
        async with nginx.client() as http:
            for path in (f"/rest/1/{SECRET}/placement.call", f"/events/{SECRET}"):
                assert (await http.post(path)).status_code == 502
    assert (SECRET in nginx.logs()) is shown


async def close_after_reading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a process does that ends before it has answered."""
    await reader.read(1)
    writer.close()


async def test_of_two_processes_any_answers_and_no_request_is_lost_to_one_that_ends(
    run_bridge: RunBridge, run_nginx: RunNginx, portal: FakePortal, redis_url: str
) -> None:
    one, other = (run_bridge(store=redis_url) for _ in range(2))
    webhook = path_of(one.webhook(portal.member_id))
    ending = await asyncio.start_server(close_after_reading, "127.0.0.1", 0)
    async with ending, card(one, portal):
        for second in (port_of_bridge(other), port_of(ending.sockets[0])):
            with run_nginx(port_of_bridge(one), second) as nginx:
                async with nginx.client() as http:
                    for _ in range(4):
                        answer = await ask(http, webhook)
                        assert said(answer) == (200, "connected")
                        assert about(answer) == {"source": "card", "cards": "1"}
