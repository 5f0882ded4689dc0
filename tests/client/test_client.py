"""What clients show of their secrets."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors

if TYPE_CHECKING:
    from bitrix24_sandbox.remote import Sandbox

    from tests.client.conftest import Ask


def portal_aside(caplog: pytest.LogCaptureFixture) -> list[str]:
    """All that was logged, except by the portal, which is in the same process."""
    return [
        f"{record.name} {record.getMessage()} {vars(record)}"
        for record in caplog.records
        if not record.name.startswith("uvicorn")
    ]


class TestSecrets:
    @pytest.fixture(params=["webhook", "body", "query"])
    def client(self, request: pytest.FixtureRequest, sandbox: Sandbox) -> Client:
        if request.param == "webhook":
            return Client(base_url=sandbox.webhook_url)
        return AuthenticatedClient(
            base_url=sandbox.oauth_url, token=sandbox.access_token, auth_in=request.param
        )

    @staticmethod
    def check(shown: str) -> None:
        assert "sandboxwebhook" not in shown
        assert "sandboxaccesstoken" not in shown

    def test_a_client_shows_its_host_and_nothing_else(
        self, client: Client, sandbox: Sandbox
    ) -> None:
        for shown in (repr(client), str(client), f"{client}", f"{[client]}"):
            self.check(shown)
            assert "/rest" not in shown
            assert sandbox.origin in shown
            assert type(client).__name__ in shown

    def test_a_wrong_use_does_not_show_them_either(self, client: Client) -> None:
        with pytest.raises((AttributeError, TypeError)) as caught:
            client.no_such_member  # type: ignore[attr-defined]  # noqa: B018
        self.check(str(caught.value))

    @pytest.mark.parametrize("fault", [None, "expired_token", "html-502", "truncated-json"])
    def test_logs_do_not_show_them(
        self,
        fault: str | None,
        client: Client,
        ask: Ask,
        sandbox: Sandbox,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        if fault:
            sandbox.fault(fault)
        with caplog.at_level(logging.DEBUG), client:
            try:
                ask(client)
            except errors.Bitrix24Error as error:
                self.check("".join(traceback.format_exception(error)))
        logged = portal_aside(caplog)
        assert any(text.startswith("httpx HTTP Request: POST http://127.") for text in logged)
        assert any(text.startswith("httpcore") for text in logged)
        self.check("\n".join(logged))

    @pytest.mark.parametrize(("fault", "members"), [("slow", {"seconds": 60}), ("disconnect", {})])
    def test_an_exception_of_httpx_does_not_show_them(
        self,
        fault: str,
        members: dict[str, Any],
        client: Client,
        ask: Ask,
        sandbox: Sandbox,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        sandbox.fault(fault, **members)
        client = client.with_timeout(httpx.Timeout(10, read=0.1))
        with caplog.at_level(logging.DEBUG), client, pytest.raises(httpx.HTTPError) as caught:
            ask(client)
        error = caught.value
        self.check(f"{error.request.url} {error.request.headers} {error.request!r}")
        self.check("".join(traceback.format_exception(error)))
        self.check("\n".join(portal_aside(caplog)))

    def test_a_followed_redirect_does_not_show_them(
        self, client: Client, ask: Ask, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        target = f"{sandbox.webhook_url}placement.call"
        following = Client(base_url=sandbox.webhook_url, follow_redirects=True)
        if isinstance(client, AuthenticatedClient):
            target = f"{sandbox.oauth_url}/placement.call?auth={sandbox.access_token}"
            following = AuthenticatedClient(
                base_url=sandbox.oauth_url,
                token=sandbox.access_token,
                auth_in=client.auth_in,
                follow_redirects=True,
            )
        sandbox.fault("redirect", location=target)
        with caplog.at_level(logging.DEBUG), following:
            ask(following)
        logged = portal_aside(caplog)
        assert any("b'Temporary Redirect'" in line for line in logged)
        self.check("\n".join(logged))
