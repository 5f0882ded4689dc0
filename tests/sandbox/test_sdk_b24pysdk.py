"""b24pysdk, the official Python SDK, against the sandbox: over HTTPS, with webhook and OAuth."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.sandbox.turns import opening_of_widget

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def sdk(start_sdk: Callable[[str], Any]) -> Any:
    return start_sdk("ask_with_b24pysdk.py")


@pytest.fixture
def ask(sdk: Any, tls_sandbox: Sandbox) -> Ask:
    """Let the SDK request the call status."""

    def ask(
        by: str,
        webhook: str = "1/sandboxwebhook",
        tokens: tuple[str, str] = (tls_sandbox.access_token, "sandboxrefreshtoken"),
    ) -> Any:
        access_token, refresh_token = tokens
        return sdk.ask(
            by=by,
            webhook=webhook,
            access_token=access_token,
            refresh_token=refresh_token,
        )

    return ask


@pytest.mark.parametrize("by", ["webhook", "oauth"])
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


def test_an_expired_token_is_refreshed_and_the_call_retried(
    ask: Ask, tls_sandbox: Sandbox, held_call: dict[str, Any]
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


class TestErrors:
    @pytest.mark.parametrize(
        ("fault", "status", "exception"),
        [
            ("ERROR_CORE", 400, "BitrixAPIBadRequest"),
            ("insufficient_scope", 401, "BitrixAPIInsufficientScope"),
            ("QUERY_LIMIT_EXCEEDED", 503, "BitrixAPIQueryLimitExceeded"),
            ("error-in-200", 200, "BitrixAPIErrorUnexpectedAnswer"),
            ("html-502", None, "BitrixResponseJSONDecodeError"),
            ("disconnect", None, "BitrixRequestError"),
        ],
    )
    def test_of_a_call(
        self, fault: str, status: int | None, exception: str, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.fail(fault)
        answer = ask("webhook")
        assert (answer["raised"], answer.get("status")) == (exception, status)

    def test_of_a_refresh(self, ask: Ask, tls_sandbox: Sandbox) -> None:
        tls_sandbox.expire_tokens()
        answer = ask("oauth", tokens=("sandboxaccesstoken", "spent"))
        assert (answer["raised"], answer["status"]) == ("BitrixOAuthInvalidGrant", 400)

    def test_of_wrong_credentials(self, ask: Ask) -> None:
        assert ask("webhook", webhook="1/wrong")["raised"] == "BitrixAPIInvalidCredentials"
        assert ask("oauth", tokens=("never-issued", ""))["raised"] == "BitrixAPIInvalidToken"


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
