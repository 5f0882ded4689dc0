"""Every documented error can be met in the sandbox, and looks there as documented."""

from typing import Any

import pytest
from bitrix24_sandbox.server import Running
from contract.document import Document, ErrorExample, codes, error_examples, load

from tests.contract.scenario import (
    CALLS,
    SITUATIONS,
    Situation,
    by_oauth,
    by_webhook,
    faults_of_call,
    faults_of_fault,
    faults_of_methods,
    faults_of_situation,
)


@pytest.mark.parametrize(
    "expected", error_examples(load()), ids=lambda example: f"{example.code} {example.status}"
)
def test_a_documented_error_is_answered_as_documented(
    document: Document, portal: Running, expected: ErrorExample
) -> None:
    assert list(faults_of_fault(document, portal, expected)) == []


@pytest.mark.parametrize("code", codes(load()))
def test_an_error_says_in_the_sandbox_what_it_says_in_the_contract(
    document: Document, portal: Running, code: str
) -> None:
    portal.fail(code)
    assert by_webhook(portal).json() == document["components"]["examples"][code]["value"]


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_an_error_that_comes_by_itself_is_answered_as_documented(
    document: Document, portal: Running, situation: Situation
) -> None:
    assert list(faults_of_situation(document, portal, situation)) == []


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_out_of_the_ordinary_is_answered_as_documented(
    document: Document, portal: Running, call: dict[str, Any]
) -> None:
    assert list(faults_of_call(document, portal, call)) == []


def test_where_only_applications_may_ask_an_application_is_answered(portal: Running) -> None:
    portal.profile = "app-only"

    assert by_oauth(portal, auth=portal.access_token).status_code == 200


def test_other_methods_are_refused_with_those_that_a_portal_takes(portal: Running) -> None:
    assert list(faults_of_methods(portal)) == []
