"""The OAuth server: refreshing tokens, and identifying them."""

import time
from datetime import datetime
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import GET_STATUS, REFRESH

REAL_SERVERS = ["oauth.bitrix.info", "oauth.bitrix24.tech"]


@pytest.fixture
def refresh(http: httpx.Client, sandbox: Sandbox) -> Any:
    def refresh(**changed: Any) -> httpx.Response:
        return http.get(f"{sandbox.origin}/oauth/token/", params=REFRESH | changed)

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
    refresh: Any, sandbox: Sandbox
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
        "server_endpoint": f"{sandbox.origin}/oauth/rest/",
        "domain": sandbox.origin.removeprefix("http://"),
        "member_id": "5a1d5b0dc4f04a6fb8a0e3f3c24e93d1",
        "scope": "crm,placement,telephony,user",
        "status": "L",
        "user_id": 1,
    }


@pytest.mark.parametrize("host", REAL_SERVERS)
def test_with_the_host_name_of_a_real_server_it_names_that_server(
    host: str, http: httpx.Client, sandbox: Sandbox
) -> None:
    url = f"{sandbox.origin}/oauth/token/"
    answer = http.get(url, params=REFRESH, headers={"Host": host}).json()
    assert answer["client_endpoint"] == f"{sandbox.origin}/rest/"
    assert answer["server_endpoint"] == f"https://{host}/rest/"
    assert answer["domain"] == host


@pytest.mark.parametrize("path", ["/oauth/token/", "/oauth/token"])
@pytest.mark.parametrize("encoding", ["params", "data", "json"])
def test_encodings(path: str, encoding: str, http: httpx.Client, sandbox: Sandbox) -> None:
    fields: dict[str, Any] = {encoding: REFRESH}
    assert http.post(sandbox.origin + path, **fields).status_code == 200


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
        answer = http.post(f"{sandbox.origin}/oauth/rest/app.info{ending}", **fields)
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

    @pytest.mark.parametrize("path", ["/rest/app.info", "/rest/app.info/"])
    def test_with_the_host_name_of_a_real_server_it_has_that_server_s_path(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        url = f"{sandbox.origin}{path}?auth=sandboxaccesstoken"
        answer = http.get(url, headers={"Host": REAL_SERVERS[0]})
        install = answer.json()["result"]["install"]
        assert install["client_endpoint"] == f"{sandbox.origin}/rest/"
        assert "install" not in http.get(url).json()["result"]  # the portal's own app.info

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
        answer = http.get(f"{sandbox.origin}/oauth/rest/app.info", params={"auth": auth})
        assert (answer.status_code, answer.json()["error"]) == (401, code)
