"""The contract agrees with itself."""

import pytest
from contract.document import Document, count_examples, error_examples, faults_of_document
from openapi_spec_validator import validate


def test_the_contract_is_a_valid_openapi_document(document: Document) -> None:
    validate(document)


def test_every_example_fits_its_schema_and_every_error_code_is_shown(document: Document) -> None:
    assert list(faults_of_document(document)) == []


def test_there_are_examples_of_every_part(document: Document) -> None:
    # 3 requests, 2 calls and 19 errors; the rest are the fields' own.
    assert count_examples(document) >= 24 + 25


def test_every_documented_error_is_shown_under_its_status(document: Document) -> None:
    assert sorted(error_examples(document)) == [
        (400, "ERROR_ARGUMENT"),
        (400, "ERROR_CORE"),
        (400, "ERROR_PLACEMENT_NOT_FOUND"),
        (400, "INVALID_REQUEST"),
        (401, "NO_AUTH_FOUND"),
        (401, "expired_token"),
        (401, "invalid_token"),
        (403, "ACCESS_DENIED"),
        (403, "INVALID_CREDENTIALS"),
        (403, "WRONG_AUTH_TYPE"),
        (403, "insufficient_scope"),
        (403, "user_access_error"),
        (404, "ERROR_METHOD_NOT_FOUND"),
        (429, "OPERATION_TIME_LIMIT"),
        (500, "ERROR_UNEXPECTED_ANSWER"),
        (500, "INTERNAL_SERVER_ERROR"),
        (500, "PORTAL_DELETED"),
        (503, "OVERLOAD_LIMIT"),
        (503, "QUERY_LIMIT_EXCEEDED"),
    ]


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
