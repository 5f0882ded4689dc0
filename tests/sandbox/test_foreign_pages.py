"""What the sandbox refuses to pages of other sites, by the headers that browsers send."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import REFRESH
from tests.sandbox.turns import opening_of_widget

# The page, its files, its stream, the documentation, and the control endpoints.
GUARDED = (
    ("GET", "/"),
    ("GET", "/static/portal.js"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/sandbox/state"),
    ("PUT", "/sandbox/state"),
    ("DELETE", "/sandbox/call"),
    ("POST", "/sandbox/reset"),
    ("GET", "/sandbox/requests"),
    ("GET", "/sandbox/widget"),
    ("POST", "/sandbox/card/close"),
    ("POST", "/sandbox/card/message"),
    ("GET", "/sandbox/card/turns"),
)
FOREIGN = [
    {"origin": "https://attacker.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


@pytest.fixture
def widget_origin(http: httpx.Client, sandbox: Sandbox) -> str:
    """The origin of the demonstration widget."""
    parts = urlsplit(opening_of_widget(http, sandbox.origin)["action"])
    return f"{parts.scheme}://{parts.netloc}"


class TestHost:
    @pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example:80", ""])
    def test_a_name_that_may_resolve_to_this_machine_is_refused(
        self, host: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        before = sandbox.state()
        for method, path in GUARDED:
            answer = http.request(method, sandbox.origin + path, headers={"host": host}, json={})
            assert (answer.status_code, answer.json()["error"]) == (421, "UNKNOWN_HOST"), path
            assert "--allow-host" in answer.json()["error_description"]
        assert sandbox.state() == before

    @pytest.mark.parametrize("host", ["localhost:8024", "127.0.0.1", "192.168.7.7:80", "[::1]:1"])
    def test_localhost_and_addresses_are_accepted(
        self, host: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        assert http.get(f"{sandbox.origin}/", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize("path", ["/rest/1/sandboxwebhook/placement.call", "/api/v1/"])
    def test_the_portal_s_own_paths_accept_every_name(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        headers = {"host": "api.bitrix24.com"}
        url = f"{sandbox.origin}{path}"
        assert http.get(url, headers=headers, params={"PLACEMENT": "getStatus"}).is_success


class TestOrigin:
    @pytest.mark.parametrize("headers", FOREIGN, ids=str)
    def test_a_page_of_another_origin_is_refused(
        self, headers: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        before = sandbox.state()
        for method, path in [row for row in GUARDED if row[1].startswith("/sandbox/")]:
            answer = http.request(method, sandbox.origin + path, headers=headers, json={})
            assert (answer.status_code, answer.json()["error"]) == (403, "FOREIGN_PAGE"), path
            assert "access-control-allow-origin" not in answer.headers
        assert sandbox.state() == before
        oauth_origin = sandbox.oauth_server_url.removesuffix("/rest/")
        for url in (f"{sandbox.origin}/oauth/token/", f"{oauth_origin}//oauth//token"):
            assert http.post(url, data=REFRESH, headers=headers).status_code == 403
        asking = {**headers, "access-control-request-method": "PUT"}
        answer = http.options(f"{sandbox.origin}/sandbox/call", headers=asking)
        assert "access-control-allow-origin" not in answer.headers

    def test_an_application_s_refresh_has_no_cors_headers(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.origin}/oauth/token/", data={**REFRESH, "client_id": "wrong"})
        assert answer.status_code == 400
        assert "access-control-allow-origin" not in answer.headers


class TestDemonstrationWidget:
    def test_it_is_alone_on_its_port(
        self, http: httpx.Client, sandbox: Sandbox, widget_origin: str
    ) -> None:
        assert http.get(f"{widget_origin}/static/widget.js").status_code == 200
        assert http.get(f"{sandbox.origin}/widget/").status_code == 404
        for path in ("/", "/docs", "/sandbox/state", "/rest/placement.call", "/oauth/token/"):
            assert http.get(widget_origin + path).status_code == 404, path

    def test_its_library_comes_from_its_own_portal(
        self, http: httpx.Client, sandbox: Sandbox, widget_origin: str
    ) -> None:
        url = f"{widget_origin}/widget/?DOMAIN=attacker.example&PROTOCOL=0"
        answer = http.post(url, data={"DOMAIN": "attacker.example", "PROTOCOL": "1"})
        assert f'<script src="{sandbox.origin}/api/v1/">' in answer.text
        assert 'src="http://attacker' not in answer.text
        assert 'src="https://attacker' not in answer.text

    def test_only_its_portal_can_frame_it(
        self, http: httpx.Client, sandbox: Sandbox, widget_origin: str
    ) -> None:
        policy = http.get(f"{widget_origin}/widget/").headers["content-security-policy"]
        assert f"frame-ancestors {sandbox.origin};" in policy


class TestPolicies:
    @pytest.mark.parametrize("path", ["/", "/docs", "/openapi.yaml", "/nothing", "/sandbox/state"])
    def test_no_page_can_be_framed_or_run_a_script_in_itself(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        policy = http.get(sandbox.origin + path).headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert policy.startswith(("default-src 'self';", "default-src 'none';"))
        assert "script" not in policy
        assert "unsafe-eval" not in policy
