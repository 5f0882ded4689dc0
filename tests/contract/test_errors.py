"""The sandbox answers every documented error as the contract shows it."""

from collections.abc import Callable

import httpx
import pytest
from bitrix24_sandbox.server import Running
from contract.document import Document, ErrorExample, error_examples, load

from tests.contract.scenario import CAUSES, faults_of_error, injected

FROM_A_PORTAL = [error for error in error_examples(load()) if not error.is_from_a_bridge]


@pytest.mark.parametrize("error", FROM_A_PORTAL, ids=lambda e: f"{e.code} {e.status}")
def test_an_injected_error_is_the_example(
    document: Document, portal: Running, error: ErrorExample
) -> None:
    assert list(faults_of_error(document, injected(portal, error), error)) == []


@pytest.mark.parametrize(("error", "cause"), CAUSES.items(), ids=lambda e: getattr(e, "code", ""))
def test_an_error_with_a_cause_is_the_example(
    document: Document,
    portal: Running,
    error: ErrorExample,
    cause: Callable[[Running], httpx.Response],
) -> None:
    assert list(faults_of_error(document, cause(portal), error)) == []
