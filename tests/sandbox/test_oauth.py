"""The OAuth server: refreshing tokens, and saying whose they are."""

import time
from datetime import datetime
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

REFRESH = {
    "grant_type": "refresh_token",
    "client_id": "sandboxclientid",
    "client_secret": "sandboxclientsecret",
    "refresh_token": "sandboxrefreshtoken",
}


@pytest.fixture
def refresh(http: httpx.Client, sandbox: Sandbox) -> Any:
    def refresh(**changed: Any) -> httpx.Response:
        return http.get(f"{sandbox.origin}/oauth/token/", params=REFRESH | changed)

    return refresh


@pytest.fixture
def ask_with(http: httpx.Client, oauth_url: str) -> Any:
    def ask_with(token: str) -> httpx.Response:
        body = {"PLACEMENT": "getStatus", "auth": token}
        return http.post(f"{oauth_url}/placement.call", json=body)

    return ask_with


def test_a_refresh_gives_a_new_pair_of_tokens_and_names_both_servers(
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


@pytest.mark.parametrize("host", ["oauth.bitrix.info", "oauth.bitrix24.tech"])
def test_by_the_name_of_a_real_server_that_server_answers_for_the_portal(
    host: str, http: httpx.Client, sandbox: Sandbox
) -> None:
    answer = http.get(
        f"{sandbox.origin}/oauth/token/", params=REFRESH, headers={"Host": host}
    ).json()
    assert answer["client_endpoint"] == f"{sandbox.origin}/rest/"
    assert answer["server_endpoint"] == f"https://{host}/rest/"
    assert answer["domain"] == host


@pytest.mark.parametrize("path", ["/oauth/token/", "/oauth/token"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_trailing_slash_and_the_method_make_no_difference(
    path: str, method: str, http: httpx.Client, sandbox: Sandbox
) -> None:
    answer = http.request(method, sandbox.origin + path, params=REFRESH)
    assert answer.status_code == 200


def test_an_expired_token_is_replaced_by_the_new_one(
    refresh: Any, ask_with: Any, sandbox: Sandbox
) -> None:
    sandbox.expire_tokens()
    assert ask_with("sandboxaccesstoken").json()["error"] == "expired_token"
    token = refresh().json()["access_token"]
    assert ask_with(token).status_code == 200
    assert ask_with("sandboxaccesstoken").json()["error"] == "expired_token"


def test_a_refresh_token_is_spent_when_used(refresh: Any) -> None:
    second = refresh().json()["refresh_token"]
    answer = refresh()
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert refresh(refresh_token=second).status_code == 200


def test_a_refreshed_token_expires_too(refresh: Any, ask_with: Any, sandbox: Sandbox) -> None:
    token = refresh().json()["access_token"]
    sandbox.expire_tokens()
    assert ask_with(token).json()["error"] == "expired_token"


def test_a_reset_brings_the_first_tokens_back(refresh: Any, sandbox: Sandbox) -> None:
    refresh()
    sandbox.reset()
    assert refresh().status_code == 200


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
def test_a_refusal_comes_in_the_envelope_and_spends_nothing(
    changed: dict[str, Any], status: int, code: str, refresh: Any
) -> None:
    answer = refresh(**changed)
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "error_description"}
    assert answer.json()["error"] == code
    assert refresh().status_code == 200


def test_a_refusal_names_shape_then_client_then_refresh_token_then_scope(refresh: Any) -> None:
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


def test_a_post_is_taken_with_the_arguments_in_its_form(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    assert http.post(f"{sandbox.origin}/oauth/token/", data=REFRESH).status_code == 200


def test_other_methods_are_not_allowed(http: httpx.Client, sandbox: Sandbox) -> None:
    answer = http.put(f"{sandbox.origin}/oauth/token/", data=REFRESH)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_a_body_that_cannot_be_read_is_no_fields(http: httpx.Client, sandbox: Sandbox) -> None:
    answer = http.post(
        f"{sandbox.origin}/oauth/token/",
        content=b"{",
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"


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
def test_each_of_its_errors_can_be_asked_for(
    code: str, status: int, refresh: Any, ask: Any, sandbox: Sandbox
) -> None:
    sandbox.fail(code)
    assert ask().status_code == 200, "a fault of refreshes leaves calls alone"
    answer = refresh()
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert refresh().status_code == 200


class TestAppInfo:
    ADDRESSES = ("/oauth/rest/app.info", "/oauth/rest/app.info/", "/oauth/rest/app.info.json")

    @pytest.mark.parametrize("path", ADDRESSES)
    def test_it_says_whose_the_token_is(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        for answer in (
            http.get(sandbox.origin + path, params={"auth": "sandboxaccesstoken"}),
            http.post(sandbox.origin + path, json={"auth": "sandboxaccesstoken"}),
        ):
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
    def test_by_the_name_of_a_real_server_it_stands_where_that_server_has_it(
        self, path: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        url = f"{sandbox.origin}{path}?auth=sandboxaccesstoken"
        answer = http.get(url, headers={"Host": "oauth.bitrix24.tech"})
        install = answer.json()["result"]["install"]
        assert install["client_endpoint"] == f"{sandbox.origin}/rest/"
        assert "install" not in http.get(url).json()["result"]  # the portal's own is another

    @pytest.mark.parametrize(
        ("auth", "code"), [("", "NO_AUTH_FOUND"), ("never-issued", "invalid_token")]
    )
    def test_it_refuses_a_token_that_is_not_valid(
        self, auth: str, code: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        answer = http.get(f"{sandbox.origin}/oauth/rest/app.info", params={"auth": auth})
        assert answer.status_code == 401
        assert answer.json()["error"] == code

    def test_it_refuses_an_expired_token(self, http: httpx.Client, sandbox: Sandbox) -> None:
        sandbox.expire_tokens()
        url = f"{sandbox.origin}/oauth/rest/app.info?auth=sandboxaccesstoken"
        assert http.get(url).json()["error"] == "expired_token"
