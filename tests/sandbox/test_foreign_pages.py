"""What the sandbox refuses to pages of other sites, by the headers that browsers send."""

import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.sandbox.test_process import origin_in, start, started

TOKEN = {"grant_type": "refresh_token", "client_id": "x", "client_secret": "y"}
# The page, its files, its streams, the pages about the API, and what tests control.
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
OF_THE_PAGE = tuple(row for row in GUARDED if row[1].startswith("/sandbox/"))


@pytest.fixture
def widget_origin(http: httpx.Client, sandbox: Sandbox) -> str:
    """Where the demonstration widget is."""
    with http.stream("GET", f"{sandbox.origin}/sandbox/card/turns") as stream:
        for line in stream.iter_lines():
            turn = json.loads(line.partition(": ")[2] or "{}")
            if turn.get("open"):
                parts = urlsplit(turn["open"]["action"])
                return f"{parts.scheme}://{parts.netloc}"
    raise AssertionError("no widget was opened")


class TestHost:
    @pytest.mark.parametrize(("method", "path"), GUARDED)
    @pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example:80", ""])
    def test_a_name_that_may_lead_here_is_refused_and_changes_nothing(
        self, host: str, method: str, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        before = sandbox.state()
        answer = http.request(method, sandbox.origin + path, headers={"host": host}, json={})
        assert answer.status_code == 421
        assert answer.json()["error"] == "UNKNOWN_HOST"
        assert "--allow-host" in answer.json()["error_description"]
        assert sandbox.state() == before

    @pytest.mark.parametrize("host", ["localhost:8024", "127.0.0.1", "192.168.7.7:80", "[::1]:1"])
    def test_this_machine_and_addresses_are_answered(
        self, host: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        assert http.get(f"{sandbox.origin}/", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize("path", ["/rest/1/sandboxwebhook/placement.call", "/api/v1/"])
    def test_the_portal_s_own_paths_answer_to_every_name(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        headers = {"host": "api.bitrix24.com"}
        url = f"{sandbox.origin}{path}"
        assert http.get(url, headers=headers, params={"PLACEMENT": "getStatus"}).is_success

    def test_a_name_can_be_allowed(self, http: httpx.Client) -> None:
        with started("--port", "0", "--quiet", "--allow-host", "Sandbox.test") as (_, printed):
            url = f"{origin_in(printed)}/sandbox/state"
            assert http.get(url, headers={"host": "sandbox.test:8024"}).status_code == 200
            assert http.get(url, headers={"host": "other.test:8024"}).status_code == 421


FOREIGN = [
    {"origin": "https://attacker.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


class TestOrigin:
    @pytest.mark.parametrize("headers", FOREIGN, ids=str)
    @pytest.mark.parametrize(("method", "path"), OF_THE_PAGE)
    def test_a_foreign_page_is_refused_and_changes_nothing(
        self, method: str, path: str, headers: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        before = sandbox.state()
        answer = http.request(method, sandbox.origin + path, headers=headers, json={})
        assert answer.status_code == 403
        assert answer.json()["error"] == "FOREIGN_PAGE"
        assert "access-control-allow-origin" not in answer.headers
        assert sandbox.state() == before

    @pytest.mark.parametrize("headers", FOREIGN, ids=str)
    def test_a_refresh_is_no_matter_for_browsers(
        self, headers: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.origin}/oauth/token/", data=TOKEN, headers=headers)
        assert answer.status_code == 403

    def test_an_application_s_refresh_is_answered_without_cors(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.post(f"{sandbox.origin}/oauth/token/", data=TOKEN)
        assert answer.status_code == 400
        assert "access-control-allow-origin" not in answer.headers
        sandbox.fail("invalid_grant")
        answer = http.get(f"{sandbox.origin}/oauth/token/")
        assert answer.json()["error"] == "invalid_grant"
        assert "access-control-allow-origin" not in answer.headers

    def test_its_own_page_and_programs_are_answered(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        for headers in ({"origin": sandbox.origin}, {"sec-fetch-site": "same-origin"}, {}):
            answer = http.post(f"{sandbox.origin}/sandbox/reset", headers=headers)
            assert answer.status_code == 200, headers

    def test_the_widget_is_a_foreign_page_too(
        self, http: httpx.Client, sandbox: Sandbox, widget_origin: str
    ) -> None:
        for base in (sandbox.origin, widget_origin):
            answer = http.post(f"{base}/sandbox/reset", headers={"origin": widget_origin})
            assert answer.status_code in (403, 404)


class TestDemonstrationWidget:
    def test_it_is_on_its_own_port_only(
        self, http: httpx.Client, sandbox: Sandbox, widget_origin: str
    ) -> None:
        assert http.get(f"{widget_origin}/widget/").status_code == 200
        assert http.get(f"{widget_origin}/static/widget.js").status_code == 200
        assert http.get(f"{sandbox.origin}/widget/").status_code == 404

    @pytest.mark.parametrize(
        "path", ["/", "/docs", "/sandbox/state", "/rest/placement.call", "/oauth/token/"]
    )
    def test_nothing_else_is_there(self, path: str, http: httpx.Client, widget_origin: str) -> None:
        assert http.get(widget_origin + path).status_code == 404

    def test_its_library_is_that_of_its_own_portal(
        self, http: httpx.Client, sandbox: Sandbox, widget_origin: str
    ) -> None:
        url = f"{widget_origin}/widget/?DOMAIN=attacker.example&PROTOCOL=0"
        answer = http.post(url, data={"DOMAIN": "attacker.example", "PROTOCOL": "1"})
        assert f'<script src="{sandbox.origin}/api/v1/">' in answer.text
        assert 'src="http://attacker' not in answer.text
        assert 'src="https://attacker' not in answer.text

    def test_it_can_be_framed_by_its_portal_alone(
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

    @pytest.mark.parametrize("path", ["/", "/docs"])
    def test_no_script_is_written_into_a_page(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        text = http.get(sandbox.origin + path).text
        assert text.count("<script") == text.count("<script src=") + text.count(
            '<script type="module" src='
        )
        assert " onclick=" not in text
        assert " style=" not in text


class TestHandler:
    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1:99999/", "http://127.0.0.1:port/", "http://127.0.0.1:0/", "ftp://x"],
    )
    def test_a_url_that_no_page_can_have_is_refused_at_once(self, url: str) -> None:
        with start("--port", "0", "--handler", url) as process:
            printed, errors = process.communicate(timeout=60)
        assert (process.returncode, printed) == (2, "")
        assert "is not the URL of a page" in errors
