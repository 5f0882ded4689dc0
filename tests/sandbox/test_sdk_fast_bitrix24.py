"""fast_bitrix24 against the sandbox over HTTPS: with webhook and OAuth, raw and through `batch`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from bitrix24_sandbox.testing import Sandbox

Ask = Callable[..., Any]

by_webhook_and_by_oauth = pytest.mark.parametrize("by", ["webhook", "oauth"])
raw_and_through_batch = pytest.mark.parametrize("raw", [True, False], ids=["raw", "batch"])


@pytest.fixture(scope="module")
def sdk(start_sdk: Callable[[str], Any]) -> Any:
    return start_sdk("ask_with_fast_bitrix24.py")


@pytest.fixture
def ask(sdk: Any, tls_sandbox: Sandbox) -> Ask:
    """Let the library request the call status.

    It returns the whole envelope if raw, else the result under its command's label.
    """

    def ask(by: str, raw: bool) -> Any:
        answer = sdk.ask(by=by, raw=raw, webhook_url=tls_sandbox.webhook_url)
        if returned := answer.get("returned"):
            answer["result"] = returned.get("result" if raw else "order0000000000")
        return answer

    return ask


@raw_and_through_batch
@by_webhook_and_by_oauth
def test_it_gets_the_call(by: str, raw: bool, ask: Ask, held_call: dict[str, Any]) -> None:
    answer = ask(by, raw)
    assert "raised" not in answer, answer
    # Compared as text, because True == 1; with a line for each field.
    assert json.dumps(answer["result"], indent=1) == json.dumps(held_call, indent=1)
    if raw:
        assert answer["returned"].keys() == {"result", "time"}


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


@by_webhook_and_by_oauth
def test_an_error_of_one_call_in_a_batch_is_raised_with_its_code(
    by: str, ask: Ask, tls_sandbox: Sandbox
) -> None:
    tls_sandbox.call = None
    answer = ask(by, raw=False)
    assert answer["raised"] == "ErrorInServerResponseException"
    assert "ERROR_CORE" in answer["text"]
    assert "Call is not found" in answer["text"]
