"""The contract is consistent, and has every error and every value that is known."""

import pytest
from contract.document import Document, error_examples

from tests.contract.consistency import faults_of_document
from tests.data import CARD_NOT_CONNECTED, ERRORS


def test_the_contract_does_not_contradict_itself(document: Document) -> None:
    assert list(faults_of_document(document)) == []


def test_each_known_error_has_an_example_for_each_status(document: Document) -> None:
    assert sorted(error[:2] for error in error_examples(document)) == sorted(
        (status, code) for code, statuses, _ in [*ERRORS, CARD_NOT_CONNECTED] for status in statuses
    )


def test_one_error_is_that_of_a_bridge_only(document: Document) -> None:
    of_a_bridge = {error.code for error in error_examples(document) if error.is_from_a_bridge}
    assert of_a_bridge == {CARD_NOT_CONNECTED.code}


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


def test_the_operation_shares_its_tag_with_no_webhook(document: Document) -> None:
    # Generators that write one class per tag would lose one of two operations.
    (operation,) = document["paths"].values()
    (tag,) = operation["post"]["tags"]
    assert not any(tag in webhook["post"]["tags"] for webhook in document["webhooks"].values())


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CrmEntityType", {"CONTACT", "LEAD", "COMPANY", "DEAL"}),
        ("CallDirection", {"incoming", "outgoing", "incomingTransfer", "callback"}),
        ("CallState", {"idle", "connecting", "connected"}),
    ],
)
def test_a_set_of_values_is_complete(document: Document, name: str, values: set[str]) -> None:
    assert set(document["components"]["schemas"][name]["enum"]) == values
