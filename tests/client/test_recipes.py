"""The recipes that the package's README shows, against the sandbox."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.client.mocked import WEBHOOK_URL
from tests.client.recipes import company, refresh, telemetry, tenants

if TYPE_CHECKING:
    from bitrix24_sandbox.testing import Sandbox

    from tests.client.conftest import Get, Proxy, Recorder

APPLICATION = {"client_id": "sandboxclientid", "client_secret": "sandboxclientsecret"}
REFRESH_TOKEN = "sandboxrefreshtoken"

ROOT = Path(__file__).parents[2]


class TestRefresh:
    @pytest.fixture
    def database(self, sandbox: Sandbox, tmp_path: Path) -> str:
        """A database whose access token has expired."""
        path = str(tmp_path / "tokens.sqlite")
        with closing(sqlite3.connect(path)) as store, store:
            store.execute(
                "CREATE TABLE tokens (base_url, user_id, access_token, refresh_token,"
                " PRIMARY KEY (base_url, user_id))"
            )
            store.execute(
                refresh.WRITE, [sandbox.oauth_url, "2", "of another user", "of another user"]
            )
            store.execute(
                refresh.WRITE, [sandbox.oauth_url, "1", sandbox.access_token, REFRESH_TOKEN]
            )
        sandbox.expire_tokens()
        return path

    @pytest.fixture
    def client(
        self, database: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[AuthenticatedClient]:
        """A client as one worker makes it."""
        monkeypatch.setattr(refresh, "OAUTH_SERVER", f"{sandbox.origin}/oauth/token/")
        monkeypatch.setattr(refresh, "APPLICATION", APPLICATION)
        with refresh.oauth_client(database, sandbox.oauth_url, "1") as client:
            yield client

    def tokens(self, database: str) -> tuple[str, str]:
        """Return the access token and the refresh token in the database."""
        with closing(sqlite3.connect(database)) as store:
            other, row = store.execute("SELECT * FROM tokens ORDER BY user_id DESC").fetchall()
        assert other[2:] == ("of another user", "of another user")
        access_token, refresh_token = row[2:]
        return access_token, refresh_token

    def test_refreshes_again_and_again(
        self, get: Get, client: AuthenticatedClient, database: str, sandbox: Sandbox
    ) -> None:
        seen = {self.tokens(database)}
        for _ in range(3):  # each time with the refresh token of the time before
            assert get(client).result.crm_entity_id == 17
            seen.add(self.tokens(database))
            assert client.token == self.tokens(database)[0]
            sandbox.expire_tokens()
        assert len(seen) == 4

    def test_two_processes_share_one_refresh(
        self, client: AuthenticatedClient, database: str, sandbox: Sandbox
    ) -> None:
        program = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from bitrix24_call_card.api.call_card import get_status
from tests.client.recipes import refresh

refresh.OAUTH_SERVER = "{sandbox.origin}/oauth/token/"
refresh.APPLICATION = {APPLICATION}
client = refresh.oauth_client(*sys.argv[1:])
print("has read the expired token", flush=True)
input()
with ThreadPoolExecutor(8) as threads:
    calls = [threads.submit(get_status.sync, client=client) for _ in range(8)]
    assert all(call.result().result.call_id for call in calls)
print(client.token)
"""
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", program, database, sandbox.oauth_url, "1"],
                env={"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "has read the expired token\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        tokens = [worker.communicate(timeout=60)[0].strip() for worker in workers]
        assert tokens == [self.tokens(database)[0]] * 2
        assert client.token != tokens[0]
        # With the refresh token, which is spent, this would fail.
        assert get_status.sync(client=client).result.call_id
        assert client.token == tokens[0]

    @pytest.mark.parametrize("status", [400, 200])
    @pytest.mark.parametrize("fault", [None, "invalid_grant", "PAYMENT_REQUIRED"])
    def test_a_refusal_reaches_the_caller_and_no_secret_is_logged(
        self,
        fault: str | None,
        status: int,
        get: Get,
        client: AuthenticatedClient,
        database: str,
        sandbox: Sandbox,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        secrets = [REFRESH_TOKEN, *APPLICATION.values(), sandbox.access_token]
        raised = ""
        with caplog.at_level(logging.DEBUG):
            if fault is not None:
                sandbox.fail(fault, status=status)
                with pytest.raises(refresh.RefreshRefusedError, match=f": {fault}$") as caught:
                    get(client)
                assert caught.value.code == fault
                raised = f"{caught.value} {caught.value!r}"
            assert get(client).result.call_id
        ours = [record for record in caplog.records if record.name.startswith("http")]
        assert any("/oauth/token/" in record.getMessage() for record in ours)
        shown = raised + "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
        secrets += self.tokens(database)
        assert [secret for secret in secrets if secret in shown] == []


class TestTenants:
    @pytest.fixture(autouse=True)
    def _forget_clients(self) -> Iterator[None]:
        yield
        tenants.client_for.cache_clear()

    def test_each_portal_has_one_client(self, get: Get, sandbox: Sandbox) -> None:
        portals = [sandbox.webhook_url, sandbox.webhook_url.replace("/rest/1/", "/rest/2/")]
        clients = [tenants.client_for(portal) for portal in portals]
        assert clients[0] is tenants.client_for(portals[0])
        assert clients[0] is not clients[1]
        with clients[0], clients[1]:
            assert get(clients[0]).result.call_id
            with pytest.raises(errors.ApiError):
                get(clients[1])

    def test_all_share_the_ca_bundle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr("ssl.create_default_context")
        for number in range(3):
            with (
                tenants.client_for(f"https://127.0.0.1:1/rest/{number}/made-up/") as client,
                pytest.raises(httpx.ConnectError),
            ):
                get_status.sync(client=client)


class TestCompany:
    def test_it_trusts_the_ca_and_goes_through_the_proxy(
        self,
        get: Get,
        recorders: Callable[..., Recorder],
        tls: ssl.SSLContext,
        proxies: Callable[[Recorder], Proxy],
        ca_file: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        proxy = proxies(recorders(tls))
        with (
            Client(WEBHOOK_URL, proxy=proxy.url) as client,
            pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            get(client)
        with company.company_client(WEBHOOK_URL, proxy.url, str(ca_file)) as client:
            assert get(client).result.crm_entity_id == 17
        assert [request.split()[0] for request in proxy.requests] == ["CONNECT", "CONNECT"]


class TestTelemetry:
    @pytest.fixture
    def spans(self) -> Iterator[InMemorySpanExporter]:
        """The spans of the recipe."""
        exporter, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                HTTPXClientInstrumentor,
                "instrument",
                lambda self, **hooks: HTTPXClientInstrumentor.__mro__[1].instrument(
                    self, tracer_provider=provider, **hooks
                ),
            )
            telemetry.instrument()
        yield exporter
        HTTPXClientInstrumentor().uninstrument()

    @pytest.mark.parametrize("fault", [None, "ACCESS_DENIED", "redirect", "disconnect"])
    def test_spans_have_the_host_and_no_secret(
        self, fault: str | None, get: Get, spans: InMemorySpanExporter, sandbox: Sandbox
    ) -> None:
        secret = sandbox.webhook_url.rstrip("/").rpartition("/")[2]
        if fault is not None:
            sandbox.fail(fault)
        spans.clear()  # of the requests to the sandbox's control
        expected = (errors.Bitrix24Error, httpx.TransportError) if fault else ()
        with Client(sandbox.webhook_url) as client, contextlib.suppress(*expected):
            get(client)
        (span,) = spans.get_finished_spans()
        assert dict(span.attributes or {})["http.url"] == f"{sandbox.origin}/"
        assert secret not in span.to_json()
