"""Renewal of the token at the OAuth server."""

from typing import Any

import httpx
import pytest
from bitrix24_sandbox.remote import Sandbox

RENEWAL = {
    "grant_type": "refresh_token",
    "client_id": "sandboxclientid",
    "client_secret": "sandboxclientsecret",
    "refresh_token": "sandboxrefreshtoken",
}


@pytest.fixture
def renew(http: httpx.Client, sandbox: Sandbox) -> Any:
    def renew(**changed: Any) -> httpx.Response:
        return http.get(f"{sandbox.origin}/oauth/token/", params=RENEWAL | changed)

    return renew


@pytest.fixture
def ask_with(http: httpx.Client, oauth_url: str) -> Any:
    def ask_with(token: str) -> httpx.Response:
        body = {"PLACEMENT": "getStatus", "auth": token}
        return http.post(f"{oauth_url}/placement.call", json=body)

    return ask_with


def test_a_renewal_gives_a_new_pair_of_tokens(renew: Any, sandbox: Sandbox) -> None:
    answer = renew()
    assert answer.status_code == 200
    tokens = answer.json()
    assert tokens.keys() == {
        *("access_token", "refresh_token", "expires", "expires_in", "client_endpoint"),
        *("server_endpoint", "domain", "member_id", "scope", "status", "user_id"),
    }
    assert tokens["expires_in"] == 3600
    assert tokens["client_endpoint"] == f"{sandbox.origin}/rest/"
    assert tokens["access_token"] != "sandboxaccesstoken"
    assert tokens["refresh_token"] != "sandboxrefreshtoken"


def test_an_expired_token_is_replaced_by_the_new_one(
    renew: Any, ask_with: Any, sandbox: Sandbox
) -> None:
    sandbox.expire_tokens()
    assert ask_with("sandboxaccesstoken").json()["error"] == "expired_token"
    token = renew().json()["access_token"]
    assert ask_with(token).status_code == 200
    assert ask_with("sandboxaccesstoken").json()["error"] == "expired_token"


def test_a_refresh_token_is_spent_when_used(renew: Any) -> None:
    second = renew().json()["refresh_token"]
    answer = renew()
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert renew(refresh_token=second).status_code == 200


def test_a_renewed_token_expires_too(renew: Any, ask_with: Any, sandbox: Sandbox) -> None:
    token = renew().json()["access_token"]
    sandbox.expire_tokens()
    assert ask_with(token).json()["error"] == "expired_token"


def test_a_reset_brings_the_first_tokens_back(renew: Any, sandbox: Sandbox) -> None:
    renew()
    sandbox.reset()
    assert renew().status_code == 200


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
        ({"scope": "crm"}, 403, "invalid_scope"),
    ],
)
def test_a_refusal_comes_in_the_envelope_and_spends_nothing(
    changed: dict[str, Any], status: int, code: str, renew: Any
) -> None:
    answer = renew(**changed)
    assert answer.status_code == status
    assert answer.json().keys() == {"error", "error_description"}
    assert answer.json()["error"] == code
    assert renew().status_code == 200


def test_a_post_is_taken_with_the_arguments_in_its_form(
    http: httpx.Client, sandbox: Sandbox
) -> None:
    assert http.post(f"{sandbox.origin}/oauth/token/", data=RENEWAL).status_code == 200


def test_other_methods_are_not_allowed(http: httpx.Client, sandbox: Sandbox) -> None:
    answer = http.put(f"{sandbox.origin}/oauth/token/", data=RENEWAL)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_a_body_that_cannot_be_read_is_an_invalid_request(
    http: httpx.Client, sandbox: Sandbox
) -> None:
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
        ("invalid_grant", 400),
        ("invalid_scope", 403),
        ("PAYMENT_REQUIRED", 401),
    ],
)
def test_each_of_its_errors_can_be_asked_for(
    code: str, status: int, renew: Any, ask: Any, sandbox: Sandbox
) -> None:
    sandbox.fault(code)
    assert ask().status_code == 200, "a fault of renewals leaves calls alone"
    answer = renew()
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    assert renew().status_code == 200
