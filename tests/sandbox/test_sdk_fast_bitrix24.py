"""fast_bitrix24 against the sandbox over HTTPS: with webhook and OAuth, raw and through `batch`."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL
from tests.sandbox.sdk_programs import running_sdk

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def sdk(running_tls_sandbox: Sandbox) -> Iterator[Ask]:
    with running_sdk("ask_with_fast_bitrix24.py", running_tls_sandbox) as sdk:
        yield sdk


@pytest.fixture
def ask(sdk: Ask, tls_sandbox: Sandbox) -> Ask:
    """Let the library request the call status."""
    return lambda by, raw: sdk(by=by, raw=raw, webhook_url=tls_sandbox.webhook_url)


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "batch"])
@pytest.mark.parametrize("by", ["webhook", "oauth"])
def test_it_gets_the_call(by: str, raw: bool, ask: Ask) -> None:
    returned = ask(by, raw)["returned"]
    assert returned["result" if raw else "order0000000000"] == CALL


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "batch"])
def test_an_expired_token_is_refreshed_once_and_the_call_retried(
    raw: bool, ask: Ask, tls_sandbox: Sandbox
) -> None:
    tls_sandbox.expire_tokens()
    answer = ask("oauth", raw)
    assert CALL in answer["returned"].values()
    old, new = answer["tokens"]
    assert old == "sandboxaccesstoken"
    assert new != old


@pytest.mark.parametrize("by", ["webhook", "oauth"])
def test_an_error_of_one_call_in_a_batch_is_raised_with_its_code(
    by: str, ask: Ask, tls_sandbox: Sandbox
) -> None:
    tls_sandbox.call = None
    answer = ask(by, raw=False)
    assert answer["raised"] == "ErrorInServerResponseException"
    assert "ERROR_CORE" in answer["text"]
    assert "Call is not found" in answer["text"]
