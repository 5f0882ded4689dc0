"""b24pysdk, the official Python SDK, against the sandbox: over HTTPS, with webhook and OAuth."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import ERRORS
from tests.sandbox.turns import opening_of_widget

Ask = Callable[..., Any]

by_webhook_and_by_oauth = pytest.mark.parametrize("by", ["webhook", "oauth"])

EXCEPTIONS = {
    "INVALID_REQUEST": "BitrixAPIInvalidRequest",
    "ERROR_ARGUMENT": "BitrixAPIBadRequest",
    "ERROR_PLACEMENT_NOT_FOUND": "BitrixAPIBadRequest",
    "ERROR_CORE": "BitrixAPIBadRequest",
    "NO_AUTH_FOUND": "BitrixOAuthNoAuthFound",
    "INVALID_CREDENTIALS": "BitrixAPIInvalidCredentials",
    "invalid_token": "BitrixAPIInvalidToken",
    "expired_token": "BitrixAPIExpiredToken",
    "authorization_error": "BitrixAPIAuthorizationError",
    "WRONG_AUTH_TYPE": "BitrixAPIWrongAuthType",
    "insufficient_scope": "BitrixAPIInsufficientScope",
    "ACCESS_DENIED": "BitrixAPIAccessDenied",
    "user_access_error": "BitrixAPIUserAccessError",
    "ERROR_METHOD_NOT_FOUND": "BitrixAPINotFound",
    "OPERATION_TIME_LIMIT": "BitrixAPIOperationTimeLimit",
    "INTERNAL_SERVER_ERROR": "BitrixAPIInternalServerError",
    "ERROR_UNEXPECTED_ANSWER": "BitrixAPIErrorUnexpectedAnswer",
    "PORTAL_DELETED": "BitrixAPIPortalDeleted",
    "QUERY_LIMIT_EXCEEDED": "BitrixAPIQueryLimitExceeded",
    "OVERLOAD_LIMIT": "BitrixAPIOverloadLimit",
}


@pytest.fixture(scope="module")
def sdk(start_sdk: Callable[[str], Any]) -> Any:
    return start_sdk("ask_with_b24pysdk.py")


@pytest.fixture
def ask(sdk: Any, tls_sandbox: Sandbox) -> Ask:
    """Let the SDK request the call status."""

    def ask(
        by: str,
        attempts: int = 1,
        webhook: str = "1/sandboxwebhook",
        tokens: tuple[str, str] = (tls_sandbox.access_token, "sandboxrefreshtoken"),
    ) -> Any:
        access_token, refresh_token = tokens
        return sdk.ask(
            by=by,
            attempts=attempts,
            webhook=webhook,
            access_token=access_token,
            refresh_token=refresh_token,
        )

    return ask


@by_webhook_and_by_oauth
def test_it_gets_the_call_and_the_whole_time_block(
    by: str, ask: Ask, held_call: dict[str, Any]
) -> None:
    answer = ask(by)
    assert "raised" not in answer, answer
    # Compared as text, because True == 1; with a line for each field.
    assert json.dumps(answer["result"], indent=1) == json.dumps(held_call, indent=1)
    assert answer["time"].keys() == {
        *("start", "finish", "duration", "processing", "date_start", "date_finish"),
        *("operating", "operating_reset_at"),
    }


class TestRefresh:
    def test_an_expired_token_is_refreshed_and_the_call_retried(
        self, ask: Ask, tls_sandbox: Sandbox, held_call: dict[str, Any]
    ) -> None:
        old = ["sandboxaccesstoken", "sandboxrefreshtoken"]
        for _ in range(2):
            tls_sandbox.expire_tokens()
            answer = ask("oauth", tokens=old)
            assert answer["result"] == held_call
            new = answer["tokens"]
            assert not set(new) & set(old)
            assert ask("oauth", tokens=new)["tokens"] == new  # they are valid: no refresh
            old = new

    def test_a_token_that_stays_expired_is_refreshed_only_once(
        self, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.fail("expired_token", times=2)
        assert ask("oauth")["raised"] == "BitrixAPIExpiredToken"
        assert tls_sandbox.state()["faults"] == []

    def test_a_spent_refresh_token_is_an_invalid_grant(
        self, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.expire_tokens()
        ask("oauth")
        assert ask("oauth")["raised"] == "BitrixOAuthInvalidGrant"

    @pytest.mark.parametrize(
        ("code", "status", "exception"),
        [
            ("invalid_request", 400, "BitrixOAuthInvalidRequest"),
            ("invalid_client", 400, "BitrixOAuthInvalidClient"),
            ("invalid_grant", 400, "BitrixOAuthInvalidGrant"),
            ("invalid_scope", 403, "BitrixOAuthInvalidScope"),
            ("PAYMENT_REQUIRED", 401, "BitrixAPIPaymentRequired"),
        ],
    )
    def test_each_error_of_a_refresh_has_its_exception(
        self, code: str, status: int, exception: str, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.expire_tokens()
        tls_sandbox.fail(code)
        answer = ask("oauth")
        assert (answer["raised"], answer["status"]) == (exception, status)
        assert answer["error"] == code


class TestErrors:
    @by_webhook_and_by_oauth
    def test_each_error_has_its_exception_with_each_status(
        self, by: str, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        for code, statuses, _ in ERRORS:
            if (by, code) == ("oauth", "expired_token"):
                continue  # which is refreshed
            for status in statuses:
                tls_sandbox.fail(code, status=status)
                answer = ask(by)
                assert answer["error"] == code
                assert answer["error_description"]
                assert (answer["raised"], answer["status"]) == (EXCEPTIONS[code], status)

    def test_a_wrong_webhook_and_a_wrong_token_have_different_exceptions(self, ask: Ask) -> None:
        assert ask("webhook", webhook="1/wrong")["raised"] == "BitrixAPIInvalidCredentials"
        assert ask("oauth", tokens=("never-issued", ""))["raised"] == "BitrixAPIInvalidToken"

    def test_without_a_call(self, ask: Ask, tls_sandbox: Sandbox) -> None:
        tls_sandbox.call = None
        answer = ask("webhook")
        assert answer["raised"] == "BitrixAPIBadRequest"
        assert answer["error_description"] == "Call is not found"

    @pytest.mark.parametrize(
        ("fault", "exception"),
        [
            ("error-in-200", "BitrixAPIErrorUnexpectedAnswer"),
            ("html-502", "BitrixResponseJSONDecodeError"),
            ("html-520", "BitrixResponseJSONDecodeError"),
            ("truncated-json", "BitrixResponseJSONDecodeError"),
            ("disconnect", "BitrixRequestError"),
        ],
    )
    def test_each_broken_response_has_its_exception(
        self, fault: str, exception: str, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.fail(fault)
        assert ask("webhook")["raised"] == exception

    def test_a_503_is_retried_as_often_as_configured(
        self, ask: Ask, tls_sandbox: Sandbox, held_call: dict[str, Any]
    ) -> None:
        tls_sandbox.fail("QUERY_LIMIT_EXCEEDED", times=2)
        assert ask("webhook", attempts=3)["result"] == held_call


class TestOpeningForm:
    """The SDK's reader of the form that opens a widget, and its verification."""

    @pytest.fixture
    def form(self, tls_sandbox: Sandbox, trusting_http: httpx.Client) -> dict[str, str]:
        """Query and body of the request that opens the widget."""
        opening = opening_of_widget(trusting_http, tls_sandbox.origin)
        query = parse_qsl(urlsplit(opening["action"]).query)
        form: dict[str, str] = dict(query) | opening["fields"]
        return form

    def test_it_is_read_and_trusted(
        self, sdk: Any, form: dict[str, str], tls_sandbox: Sandbox
    ) -> None:
        answer = sdk.ask(form=form)
        assert answer["trusted"] is True, answer
        assert answer["call"]["CALL_ID"] == tls_sandbox.state()["call"]["CALL_ID"]

    @pytest.mark.parametrize(
        ("name", "value"), [("DOMAIN", "another.example"), ("member_id", "another")]
    )
    def test_a_form_of_another_portal_is_not_trusted(
        self, name: str, value: str, sdk: Any, form: dict[str, str]
    ) -> None:
        assert sdk.ask(form=form | {name: value})["raised"] == "ValidationError"
