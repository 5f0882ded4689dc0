"""b24pysdk, the official Python SDK, judges the sandbox: over HTTPS, with webhook and OAuth."""

import json
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

Ask = Callable[..., Any]

by_webhook_and_by_oauth = pytest.mark.parametrize("by", ["webhook", "oauth"])


@pytest.fixture(scope="module")
def judge(start_judge: Callable[[str], Any]) -> Any:
    return start_judge("ask_with_b24pysdk.py")


@pytest.fixture
def ask(judge: Any, tls_sandbox: Sandbox) -> Ask:
    """Let the SDK ask for the call status: once, unless told to try again."""

    def ask(
        by: str,
        attempts: int = 1,
        webhook: str = "1/sandboxwebhook",
        tokens: tuple[str, str] = (tls_sandbox.access_token, "sandboxrefreshtoken"),
    ) -> Any:
        access_token, refresh_token = tokens
        return judge.ask(
            by=by,
            attempts=attempts,
            webhook=webhook,
            access_token=access_token,
            refresh_token=refresh_token,
        )

    return ask


@by_webhook_and_by_oauth
def test_it_gets_the_call_that_the_portal_holds(
    by: str, ask: Ask, held_call: dict[str, Any]
) -> None:
    answer = ask(by)
    assert "raised" not in answer, answer
    # As text, true is not 1, and each field has a line of its own to differ in.
    assert json.dumps(answer["result"], indent=1) == json.dumps(held_call, indent=1)


@by_webhook_and_by_oauth
def test_it_understands_the_whole_time_block(by: str, ask: Ask) -> None:
    time = ask(by)["time"]
    assert time.keys() == {
        "start",
        "finish",
        "duration",
        "processing",
        "date_start",
        "date_finish",
        "operating",
        "operating_reset_at",
    }
    assert time["start"] <= time["finish"] < time["operating_reset_at"]


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
            assert (
                ask("oauth", tokens=new)["tokens"] == new
            )  # good, so there was nothing to refresh
            old = new

    def test_a_token_that_stays_expired_is_refreshed_only_once(
        self, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.fail("expired_token", times=2)
        assert ask("oauth")["raised"] == "BitrixAPIExpiredToken"
        assert tls_sandbox.state()["faults"] == []

    def test_a_refresh_token_that_is_spent_is_an_invalid_grant(
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
    def test_a_refused_refresh_raises_the_exception_of_that_error(
        self, code: str, status: int, exception: str, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.expire_tokens()
        tls_sandbox.fail(code)
        answer = ask("oauth")
        assert (answer["raised"], answer["status"]) == (exception, status)
        assert answer["error"] == code


class TestErrors:
    @by_webhook_and_by_oauth
    @pytest.mark.parametrize(
        ("code", "status", "exception"),
        [
            ("INVALID_REQUEST", 401, "BitrixAPIInvalidRequest"),
            ("INVALID_REQUEST", 400, "BitrixAPIInvalidRequest"),
            ("ERROR_ARGUMENT", 400, "BitrixAPIBadRequest"),
            ("ERROR_PLACEMENT_NOT_FOUND", 400, "BitrixAPIBadRequest"),
            ("ERROR_CORE", 400, "BitrixAPIBadRequest"),
            ("NO_AUTH_FOUND", 401, "BitrixOAuthNoAuthFound"),
            ("invalid_token", 401, "BitrixAPIInvalidToken"),
            ("authorization_error", 401, "BitrixAPIAuthorizationError"),
            ("WRONG_AUTH_TYPE", 403, "BitrixAPIWrongAuthType"),
            ("insufficient_scope", 401, "BitrixAPIInsufficientScope"),
            ("insufficient_scope", 403, "BitrixAPIInsufficientScope"),
            ("INVALID_CREDENTIALS", 401, "BitrixAPIInvalidCredentials"),
            ("INVALID_CREDENTIALS", 403, "BitrixAPIInvalidCredentials"),
            ("ACCESS_DENIED", 401, "BitrixAPIAccessDenied"),
            ("ACCESS_DENIED", 403, "BitrixAPIAccessDenied"),
            ("user_access_error", 401, "BitrixAPIUserAccessError"),
            ("user_access_error", 403, "BitrixAPIUserAccessError"),
            ("ERROR_METHOD_NOT_FOUND", 404, "BitrixAPINotFound"),
            ("OPERATION_TIME_LIMIT", 429, "BitrixAPIOperationTimeLimit"),
            ("INTERNAL_SERVER_ERROR", 500, "BitrixAPIInternalServerError"),
            ("ERROR_UNEXPECTED_ANSWER", 500, "BitrixAPIErrorUnexpectedAnswer"),
            ("PORTAL_DELETED", 403, "BitrixAPIPortalDeleted"),
            ("PORTAL_DELETED", 500, "BitrixAPIPortalDeleted"),
            ("QUERY_LIMIT_EXCEEDED", 503, "BitrixAPIQueryLimitExceeded"),
            ("OVERLOAD_LIMIT", 401, "BitrixAPIOverloadLimit"),
            ("OVERLOAD_LIMIT", 503, "BitrixAPIOverloadLimit"),
        ],
    )
    def test_each_error_raises_its_own_exception_with_either_status(
        self, by: str, code: str, status: int, exception: str, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.fail(code, status=status)
        answer = ask(by)
        assert (answer["raised"], answer["status"]) == (exception, status)
        assert answer["error"] == code
        assert answer["error_description"]

    def test_a_webhook_is_never_refreshed(self, ask: Ask, tls_sandbox: Sandbox) -> None:
        tls_sandbox.fail("expired_token")
        answer = ask("webhook")
        assert (answer["raised"], answer["status"]) == ("BitrixAPIExpiredToken", 401)

    def test_a_wrong_webhook_and_a_wrong_token_are_told_apart(self, ask: Ask) -> None:
        assert ask("webhook", webhook="1/wrong")["raised"] == "BitrixAPIInvalidCredentials"
        assert ask("oauth", tokens=("never-issued", ""))["raised"] == "BitrixAPIInvalidToken"

    def test_without_a_call_it_learns_that_there_is_none(
        self, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.call = None
        answer = ask("webhook")
        assert answer["raised"] == "BitrixAPIBadRequest"
        assert answer["error_description"] == "Call is not found"

    def test_an_error_in_a_200_is_an_error(self, ask: Ask, tls_sandbox: Sandbox) -> None:
        tls_sandbox.fail("error-in-200")
        answer = ask("webhook")
        assert (answer["raised"], answer["status"]) == ("BitrixAPIErrorUnexpectedAnswer", 200)

    @pytest.mark.parametrize(
        ("fault", "exception"),
        [
            ("html-502", "BitrixResponseJSONDecodeError"),
            ("html-520", "BitrixResponseJSONDecodeError"),
            ("truncated-json", "BitrixResponseJSONDecodeError"),
            ("disconnect", "BitrixRequestError"),
        ],
    )
    def test_what_is_no_answer_of_a_portal_is_an_exception_too(
        self, fault: str, exception: str, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.fail(fault)
        assert ask("webhook")["raised"] == exception

    def test_a_503_is_retried_as_often_as_wanted(
        self, ask: Ask, tls_sandbox: Sandbox, held_call: dict[str, Any]
    ) -> None:
        tls_sandbox.fail("QUERY_LIMIT_EXCEEDED", times=2)
        assert ask("webhook", attempts=3)["result"] == held_call


class TestOpeningForm:
    """The SDK's reader of the form that opens a widget, and its check of whom to trust."""

    @pytest.fixture
    def form(self, tls_sandbox: Sandbox) -> dict[str, str]:
        """Query and body of the request that opens the widget."""
        assert tls_sandbox.tls
        trusting = ssl.create_default_context(cafile=tls_sandbox.tls)
        with (
            httpx.Client(verify=trusting, trust_env=False, timeout=60) as http,
            http.stream("GET", f"{tls_sandbox.origin}/sandbox/card/turns") as response,
        ):
            for line in response.iter_lines():
                opening = json.loads(line.removeprefix("data: ") or "{}").get("open")
                if opening:
                    query = parse_qsl(urlsplit(opening["action"]).query)
                    form: dict[str, str] = dict(query) | opening["fields"]
                    return form
        raise AssertionError("the stream ended without a form")

    def test_it_is_read_and_trusted(
        self, judge: Any, form: dict[str, str], tls_sandbox: Sandbox
    ) -> None:
        answer = judge.ask(form=form)
        assert answer["trusted"] is True, answer
        assert answer["call"]["CALL_ID"] == tls_sandbox.state()["call"]["CALL_ID"]

    @pytest.mark.parametrize(
        ("name", "value"), [("DOMAIN", "another.example"), ("member_id", "another")]
    )
    def test_a_form_of_another_portal_is_not_trusted(
        self, name: str, value: str, judge: Any, form: dict[str, str]
    ) -> None:
        assert judge.ask(form=form | {name: value})["raised"] == "ValidationError"
