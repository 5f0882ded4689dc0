"""The contract agrees with itself."""

import pytest
from contract.document import Document, count_examples, error_examples, faults_of_document
from openapi_spec_validator import validate

from tests.data import ERRORS


def test_the_contract_is_a_valid_openapi_document(document: Document) -> None:
    validate(document)


def test_every_example_fits_its_schema_and_every_error_code_is_shown(document: Document) -> None:
    assert list(faults_of_document(document)) == []


def test_there_are_examples_of_every_part(document: Document) -> None:
    # 3 requests, 3 calls and 28 errors; the rest are the fields' own.
    assert count_examples(document) >= 34 + 40


def test_every_documented_error_is_shown_under_every_status_that_it_is_known_with(
    document: Document,
) -> None:
    assert sorted(error_examples(document)) == sorted(
        (status, code) for code, statuses, _ in ERRORS for status in statuses
    )


def test_a_request_and_its_response_have_examples_of_the_same_names(document: Document) -> None:
    (operation,) = document["paths"].values()
    requests = operation["post"]["requestBody"]["content"]["application/json"]["examples"]
    current = document["components"]["responses"]["CurrentCall"]
    responses = current["content"]["application/json"]["examples"]
    assert list(requests) == list(responses)


def test_every_secret_is_marked(document: Document) -> None:
    marked = {
        (name, member)
        for name, schema in document["components"]["schemas"].items()
        for member, described in schema.get("properties", {}).items()
        if described.get("format") == "password" or described.get("writeOnly")
    }
    assert marked == {
        ("GetStatusRequest", "auth"),
        ("OpenWidgetQuery", "APP_SID"),
        ("OpenWidgetRequest", "AUTH_ID"),
        ("OpenWidgetRequest", "REFRESH_ID"),
        ("OpenWidgetRequest", "APPLICATION_TOKEN"),
        ("InitData", "AUTH_ID"),
        ("InitData", "REFRESH_ID"),
        ("EventAuth", "application_token"),
        ("EventAuth", "access_token"),
        ("EventAuth", "refresh_token"),
    }


def test_nothing_but_the_operation_has_its_tag(document: Document) -> None:
    # A generator that writes a class for a tag otherwise loses one of two operations.
    tags = [post["post"]["tags"] for post in document["webhooks"].values()]
    assert tags == [["widget"], ["event"], ["event"]]
    (operation,) = document["paths"].values()
    assert operation["post"]["tags"] == ["call_card"]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CrmEntityType", {"CONTACT", "LEAD", "COMPANY", "DEAL"}),
        ("CallDirection", {"incoming", "outgoing", "incomingTransfer", "callback"}),
        ("CallState", {"idle", "connecting", "connected"}),
    ],
)
def test_a_set_of_values_holds_all_that_is_known(
    document: Document, name: str, values: set[str]
) -> None:
    assert set(document["components"]["schemas"][name]["enum"]) == values
