"""The sandbox and the contract's examples describe an error in the same words."""

from typing import Any

import pytest
from bitrix24_sandbox.server import Running
from contract.document import load

from tests.contract.scenario import by_webhook

EXAMPLES: dict[str, Any] = load()["components"]["examples"]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_sandbox_sends_the_error_of_the_example(portal: Running, code: str) -> None:
    portal.fail(code)
    assert by_webhook(portal).json() == EXAMPLES[code]["value"]
