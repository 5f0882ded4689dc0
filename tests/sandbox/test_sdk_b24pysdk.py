"""b24pysdk, the official Python SDK, against the sandbox: over HTTPS, with webhook and OAuth."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL
from tests.sandbox.sdk_programs import running_sdk

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def sdk(running_tls_sandbox: Sandbox) -> Iterator[Ask]:
    with running_sdk("ask_with_b24pysdk.py", running_tls_sandbox) as sdk:
        yield sdk


@pytest.fixture
def ask(sdk: Ask, tls_sandbox: Sandbox) -> Ask:
    """Let the SDK request the call status."""
    start = (tls_sandbox.access_token, "sandboxrefreshtoken")
    return lambda by, tokens=start: sdk(by=by, access_token=tokens[0], refresh_token=tokens[1])


@pytest.mark.parametrize("by", ["webhook", "oauth"])
def test_it_gets_the_call_and_the_whole_time_block(by: str, ask: Ask) -> None:
    answer = ask(by)
    assert answer.get("result") == CALL, answer
    assert answer["time"].keys() == {
        *("start", "finish", "duration", "processing", "date_start", "date_finish"),
        *("operating", "operating_reset_at"),
    }


def test_an_expired_token_is_refreshed_and_the_call_retried(ask: Ask, tls_sandbox: Sandbox) -> None:
    old = ["sandboxaccesstoken", "sandboxrefreshtoken"]
    for _ in range(2):
        tls_sandbox.expire_tokens()
        answer = ask("oauth", tokens=old)
        assert answer["result"] == CALL
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


class TestOpeningForm:
    """The SDK's reader of the form that opens a widget, and its verification."""

    @pytest.fixture
    def form(self, tls_sandbox: Sandbox) -> dict[str, str]:
        """Query and body of the request that opens the widget."""
        opening = tls_sandbox.widget_opening()
        return opening.query | opening.form

    def test_it_is_read_and_trusted(self, sdk: Ask, form: dict[str, str]) -> None:
        answer = sdk(form=form)
        assert answer["trusted"] is True, answer
        assert answer["call"]["CALL_ID"] == CALL["CALL_ID"]

    @pytest.mark.parametrize(
        ("name", "value"), [("DOMAIN", "another.example"), ("member_id", "another")]
    )
    def test_a_form_of_another_portal_is_not_trusted(
        self, name: str, value: str, sdk: Ask, form: dict[str, str]
    ) -> None:
        assert sdk(form=form | {name: value})["raised"] == "ValidationError"
