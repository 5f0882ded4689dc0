"""The OAuth server: refreshing tokens, and identifying them."""

import time
from datetime import datetime
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.authentication import Authentication
from bitrix24_sandbox.portal.errors import PortalError
from bitrix24_sandbox.testing import Sandbox

from tests.data import GET_STATUS, REFRESH


@pytest.fixture
def server(sandbox: Sandbox) -> str:
    """The origin of the OAuth server, as SDKs make it from `SERVER_ENDPOINT`."""
    server, rest, rest_of_path = sandbox.oauth_server_url.partition("/rest/")
    assert (rest, rest_of_path) == ("/rest/", "")
    assert server != sandbox.origin
    return server


@pytest.fixture
def refresh(http: httpx.Client, server: str) -> Any:
    def refresh(**changed: Any) -> httpx.Response:
        return http.get(f"{server}/oauth/token/", params=REFRESH | changed)

    return refresh


@pytest.fixture
def ask_with(http: httpx.Client, oauth_url: str) -> Any:
    """Call the portal with a token; return the code of the error, if there is one."""

    def ask_with(token: str) -> str | None:
        answer = http.post(f"{oauth_url}/placement.call", json={**GET_STATUS, "auth": token})
        code: str | None = answer.json().get("error")
        return code

    return ask_with


def test_a_refresh_returns_new_tokens_and_names_both_servers(
    refresh: Any, sandbox: Sandbox, server: str
) -> None:
    answer = refresh()
    assert answer.status_code == 200
    tokens = answer.json()
    new = (tokens.pop("access_token"), tokens.pop("refresh_token"))
    assert not set(new) & {"sandboxaccesstoken", "sandboxrefreshtoken"}
    assert all(token.isalnum() for token in new)
    assert tokens.pop("expires") == pytest.approx(time.time() + 3600, abs=60)
    assert tokens == {
        "expires_in": 3600,
        "client_endpoint": f"{sandbox.origin}/rest/",
        "server_endpoint": f"{server}/rest/",
        "domain": server.removeprefix("http://"),
        "member_id": "5a1d5b0dc4f04a6fb8a0e3f3c24e93d1",
        "scope": "crm,placement,telephony,user",
        "status": "L",
        "user_id": 1,
    }


def test_tokens_have_the_user_and_the_scopes_of_the_application(
    refresh: Any, http: httpx.Client, sandbox: Sandbox
) -> None:
    scopes = {"application": ["telephony", "user"]}
    sandbox.load({"user": "operator", "scopes": scopes})
    assert refresh(scope="crm").json()["error"] == "invalid_scope"
    tokens = refresh().json()
    query = {"auth": tokens["access_token"]}
    info = http.get(f"{sandbox.oauth_server_url}app.info", params=query).json()["result"]
    for answer in (tokens, info):
        assert (answer["user_id"], answer["scope"]) == (2, "telephony,user")
    assert sandbox.widget_opening().form["APPLICATION_SCOPE"] == "telephony,user"


@pytest.mark.parametrize("host", ["oauth.bitrix.info", "oauth.bitrix24.tech"])
def test_with_the_host_name_of_a_real_server_it_names_that_server_and_has_its_paths(
    host: str, http: httpx.Client, sandbox: Sandbox
) -> None:
    url, headers = f"{sandbox.origin}/rest/app.info?auth=sandboxaccesstoken", {"Host": host}
    info = http.get(url, headers=headers).json()["result"]
    assert info["install"]["client_endpoint"] == f"{sandbox.origin}/rest/"
    assert "install" not in http.get(url).json()["result"]  # the portal's own app.info
    url = f"{sandbox.origin}/oauth/token/"
    answer = http.get(url, params=REFRESH, headers=headers).json()
    assert answer["client_endpoint"] == f"{sandbox.origin}/rest/"
    assert answer["server_endpoint"] == f"https://{host}/rest/"
    assert answer["domain"] == host


@pytest.mark.parametrize("path", ["/oauth/token/", "//oauth//token", "/oauth/token"])
@pytest.mark.parametrize("encoding", ["params", "data", "json"])
def test_encodings_and_paths_on_either_origin(
    path: str, encoding: str, http: httpx.Client, sandbox: Sandbox, server: str
) -> None:
    fields: dict[str, Any] = {encoding: REFRESH}
    for origin in (server, sandbox.origin):
        answer = http.post(origin + path, **fields).json()
        assert answer["client_endpoint"] == f"{sandbox.origin}/rest/"
        assert answer["server_endpoint"] == f"{server}/rest/"
        sandbox.reset()


def test_only_the_oauth_server_is_on_its_origin(
    http: httpx.Client, sandbox: Sandbox, server: str
) -> None:
    for path in ("/", "/docs", "/api/v1/", "/sandbox/state", "/widget/", "/static/portal.js"):
        assert http.get(server + path).status_code == 404
    answer = http.get(f"{server}/rest/scope?auth={sandbox.access_token}")
    assert (answer.status_code, answer.json()["error"]) == (404, "ERROR_METHOD_NOT_FOUND")
    assert http.get(f"{sandbox.origin}/oauth/rest/app.info").status_code == 404


class TestAuthorizationCodes:
    @pytest.fixture
    def authorize(self, http: httpx.Client, sandbox: Sandbox) -> Any:
        def authorize(**changed: Any) -> httpx.Response:
            query = {
                "client_id": "sandboxclientid",
                "state": "a&b",
                "redirect_uri": "http://127.0.0.1:3000/back?tenant=7",
            }
            return http.get(f"{sandbox.origin}/oauth/authorize/", params=query | changed)

        return authorize

    @pytest.fixture
    def exchange(self, http: httpx.Client, server: str) -> Any:
        def exchange(code: str) -> httpx.Response:
            fields = REFRESH | {"grant_type": "authorization_code", "code": code}
            return http.get(f"{server}/oauth/token/", params=fields)

        return exchange

    def test_the_browser_comes_back_with_a_code_which_is_exchanged_once(
        self, authorize: Any, exchange: Any, ask_with: Any, sandbox: Sandbox, server: str
    ) -> None:
        back = authorize()
        assert back.status_code == 302
        location = httpx.URL(back.headers["location"])
        assert str(location.copy_with(query=None)) == "http://127.0.0.1:3000/back"
        query = dict(location.params)
        code = query.pop("code")
        assert query == {
            "tenant": "7",
            "state": "a&b",
            "domain": sandbox.origin.removeprefix("http://"),
            "member_id": "5a1d5b0dc4f04a6fb8a0e3f3c24e93d1",
            "scope": "crm,placement,telephony,user",
            "server_domain": server.removeprefix("http://"),
        }
        tokens = exchange(code).json()
        assert ask_with(tokens["access_token"]) is None
        again = exchange(code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")

    def test_a_code_expires_after_half_a_minute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        authentication = Authentication()
        code, late = authentication.issue_code(), time.time() + 31
        monkeypatch.setattr(time, "time", lambda: late)
        with pytest.raises(PortalError, match="invalid_grant"):
            authentication.exchange_code(code)

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"client_id": "wrong"}, "invalid_client"),
            ({"redirect_uri": "https://elsewhere.example/"}, "invalid_request"),
            ({"redirect_uri": None}, "invalid_request"),
        ],
    )
    def test_what_is_refused_stays_on_the_portal(
        self, changed: dict[str, Any], code: str, authorize: Any
    ) -> None:
        answer = authorize(**changed)
        assert (answer.status_code, answer.json()["error"]) == (400, code)

    def test_no_code_for_an_application_that_is_not_installed(
        self, authorize: Any, sandbox: Sandbox
    ) -> None:
        sandbox.uninstall()
        assert authorize().json()["error"] == "invalid_client"


class TestTokens:
    def test_the_new_token_replaces_the_expired_one_and_expires_too(
        self, refresh: Any, ask_with: Any, sandbox: Sandbox
    ) -> None:
        sandbox.expire_tokens()
        assert ask_with("sandboxaccesstoken") == "expired_token"
        token = refresh().json()["access_token"]
        assert ask_with(token) is None
        assert ask_with("sandboxaccesstoken") == "expired_token"
        sandbox.expire_tokens()
        assert ask_with(token) == "expired_token"

    def test_a_refresh_token_is_spent_when_used(self, refresh: Any) -> None:
        second = refresh().json()["refresh_token"]
        answer = refresh()
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert refresh(refresh_token=second).status_code == 200


class TestRefusals:
    @pytest.mark.parametrize(
        ("changed", "status", "code"),
        [
            ({"grant_type": "password"}, 400, "invalid_request"),
            ({"grant_type": None}, 400, "invalid_request"),
            ({"refresh_token": None}, 400, "invalid_request"),
            ({"grant_type": "authorization_code"}, 400, "invalid_request"),
            ({"grant_type": "authorization_code", "code": "wrong"}, 400, "invalid_grant"),
            ({"client_id": "wrong"}, 400, "invalid_client"),
            ({"client_secret": "wrong"}, 400, "invalid_client"),
            ({"client_secret": None}, 400, "invalid_client"),
            ({"refresh_token": "wrong"}, 400, "invalid_grant"),
            ({"scope": "task"}, 403, "invalid_scope"),
        ],
    )
    def test_a_refusal_is_in_the_envelope_and_spends_nothing(
        self, changed: dict[str, Any], status: int, code: str, refresh: Any
    ) -> None:
        answer = refresh(**changed)
        assert answer.status_code == status
        assert answer.json().keys() == {"error", "error_description"}
        assert answer.json()["error"] == code
        assert refresh().status_code == 200

    def test_arguments_are_checked_then_client_refresh_token_and_scope(self, refresh: Any) -> None:
        wrong = {
            "grant_type": "password",
            "client_secret": "wrong",
            "refresh_token": "wrong",
            "scope": "task",
        }
        codes = []
        while wrong:
            codes.append(refresh(**wrong).json()["error"])
            del wrong[next(iter(wrong))]
        assert codes == ["invalid_request", "invalid_client", "invalid_grant", "invalid_scope"]

    def test_other_methods_are_not_allowed(self, http: httpx.Client, sandbox: Sandbox) -> None:
        answer = http.put(f"{sandbox.origin}/oauth/token/", data=REFRESH)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, POST"

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("invalid_request", 400),
            ("invalid_client", 400),
            ("wrong_client", 200),
            ("invalid_grant", 400),
            ("invalid_scope", 403),
            ("PAYMENT_REQUIRED", 401),
        ],
    )
    def test_each_error_on_request(
        self, code: str, status: int, refresh: Any, ask: Any, sandbox: Sandbox
    ) -> None:
        sandbox.fail(code)
        assert ask().status_code == 200, "a fault of refreshes does not affect calls"
        answer = refresh()
        assert (answer.status_code, answer.json()["error"]) == (status, code)
        assert refresh().status_code == 200


class TestAppInfo:
    @pytest.mark.parametrize("ending", ["", "/", ".json"])
    @pytest.mark.parametrize("encoding", ["params", "json"])
    def test_it_identifies_a_token(
        self, ending: str, encoding: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        fields: dict[str, Any] = {encoding: {"auth": "sandboxaccesstoken"}}
        answer = http.post(f"{sandbox.oauth_server_url}app.info{ending}", **fields)
        assert answer.status_code == 200
        assert answer.json().keys() == {"result", "time"}
        result = answer.json()["result"]
        expires = datetime.fromisoformat(result.pop("expires"))
        assert expires.timestamp() == pytest.approx(time.time() + 3600, abs=60)
        assert result == {
            "client_id": "sandboxclientid",
            "scope": "crm,placement,telephony,user",
            "user_id": 1,
            "install": {
                "installed": True,
                "version": 1,
                "status": "L",
                "scope": "crm,placement,telephony,user",
                "domain": sandbox.origin.removeprefix("http://"),
                "uri": sandbox.origin,
                "client_endpoint": f"{sandbox.origin}/rest/",
                "member_id": "5a1d5b0dc4f04a6fb8a0e3f3c24e93d1",
                "member_type": "portal",
            },
        }

    @pytest.mark.parametrize(
        ("auth", "code"),
        [
            ("", "NO_AUTH_FOUND"),
            ("never-issued", "invalid_token"),
            ("sandboxaccesstoken", "expired_token"),
        ],
    )
    def test_it_refuses_an_invalid_token(
        self, auth: str, code: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        sandbox.expire_tokens()
        answer = http.get(f"{sandbox.oauth_server_url}app.info", params={"auth": auth})
        assert (answer.status_code, answer.json()["error"]) == (401, code)
