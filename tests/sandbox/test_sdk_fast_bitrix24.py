"""fast_bitrix24 judges the sandbox over HTTPS: with webhook and OAuth, raw and through `batch`.

What it does with errors is its own affair, and written down here as it is. A permanent 401 by OAuth
is not asked for: it would repeat the call without end.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import ERRORS

Ask = Callable[..., Any]

by_webhook_and_by_oauth = pytest.mark.parametrize("by", ["webhook", "oauth"])
raw_and_through_batch = pytest.mark.parametrize("raw", [True, False], ids=["raw", "batch"])


@pytest.fixture(scope="module")
def judge(start_judge: Callable[[str], Any]) -> Any:
    return start_judge("ask_with_fast_bitrix24.py")


@pytest.fixture
def ask(judge: Any, tls_sandbox: Sandbox) -> Ask:
    """Let the library ask for the call status.

    What it hands over is the whole envelope if raw, else the result under its command's label.
    """

    def ask(by: str, raw: bool, webhook_url: str = tls_sandbox.webhook_url) -> Any:
        answer = judge.ask(by=by, raw=raw, webhook_url=webhook_url)
        if handed := answer.get("handed over"):
            answer["result"] = handed.get("result" if raw else "order0000000000")
        return answer

    return ask


@raw_and_through_batch
@by_webhook_and_by_oauth
def test_it_gets_the_call_that_the_portal_holds(
    by: str, raw: bool, ask: Ask, held_call: dict[str, Any]
) -> None:
    answer = ask(by, raw)
    assert "raised" not in answer, answer
    # As text, true is not 1, and each field has a line of its own to differ in.
    assert json.dumps(answer["result"], indent=1) == json.dumps(held_call, indent=1)


@by_webhook_and_by_oauth
def test_raw_hands_over_the_envelope_as_it_came(by: str, ask: Ask) -> None:
    assert ask(by, raw=True)["handed over"].keys() == {"result", "time"}


@raw_and_through_batch
def test_an_expired_token_is_refreshed_once_and_the_call_retried(
    raw: bool, ask: Ask, tls_sandbox: Sandbox, held_call: dict[str, Any]
) -> None:
    tls_sandbox.expire_tokens()
    answer = ask("oauth", raw)
    assert answer["result"] == held_call
    old, new = answer["tokens"]
    assert old == "sandboxaccesstoken"
    assert new != old


class TestErrors:
    @raw_and_through_batch
    @pytest.mark.parametrize(
        ("code", "status"),
        [(code, status) for code, statuses, _ in ERRORS for status in statuses if status < 500],
    )
    def test_each_documented_4xx_is_raised_with_its_status_and_without_its_code(
        self, code: str, status: int, raw: bool, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.fail(code, status=status)
        answer = ask("webhook", raw)
        assert (answer["raised"], answer["status"]) == ("ClientResponseError", status)
        assert code not in answer["text"]

    @raw_and_through_batch
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("INTERNAL_SERVER_ERROR", 500),
            ("ERROR_UNEXPECTED_ANSWER", 500),
            ("PORTAL_DELETED", 500),
            ("QUERY_LIMIT_EXCEEDED", 503),
            ("OVERLOAD_LIMIT", 503),
        ],
    )
    def test_each_documented_5xx_is_retried_and_not_seen_by_the_caller(
        self,
        code: str,
        status: int,
        raw: bool,
        ask: Ask,
        tls_sandbox: Sandbox,
        held_call: dict[str, Any],
    ) -> None:
        tls_sandbox.fail(code, status=status)
        assert ask("webhook", raw)["result"] == held_call
        assert tls_sandbox.state()["faults"] == []

    @raw_and_through_batch
    def test_a_wrong_webhook_is_a_401(self, raw: bool, ask: Ask, tls_sandbox: Sandbox) -> None:
        answer = ask("webhook", raw, webhook_url=f"{tls_sandbox.origin}/rest/1/wrong/")
        assert (answer["raised"], answer["status"]) == ("ClientResponseError", 401)

    @by_webhook_and_by_oauth
    def test_an_error_of_one_call_in_a_batch_is_raised_with_its_code(
        self, by: str, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.call = None
        answer = ask(by, raw=False)
        assert answer["raised"] == "ErrorInServerResponseException"
        assert "ERROR_CORE" in answer["text"]
        assert "Call is not found" in answer["text"]

    def test_raw_takes_an_error_in_a_200_for_an_answer(
        self, ask: Ask, tls_sandbox: Sandbox
    ) -> None:
        tls_sandbox.fail("error-in-200")
        assert ask("webhook", raw=True)["handed over"]["error"] == "ERROR_UNEXPECTED_ANSWER"
