"""What a widget receives in the browser is as documented, in every scenario of the sandbox."""

import pytest
from bitrix24_sandbox.server import Running
from contract.document import Document

from tests.contract.widget import (
    COMMANDS,
    EVENTS,
    SCENARIOS,
    Received,
    faults_of_received,
    faults_of_servers,
    faults_of_values,
    received_in,
)


@pytest.fixture(scope="module")
def received(running_portal: Running) -> dict[str, Received]:
    """What a widget received in each scenario."""
    return {scenario: received_in(running_portal, scenario) for scenario in SCENARIOS}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_form_query_and_messages_are_as_documented(
    document: Document, received: dict[str, Received], scenario: str
) -> None:
    assert list(faults_of_received(document, received[scenario])) == []


def test_every_command_and_event_has_a_payload(received: dict[str, Received]) -> None:
    names = {name for each in received.values() for name, _ in each.payloads}
    assert names == {*COMMANDS, *EVENTS}


def test_the_sandbox_is_at_the_servers_of_the_contract(document: Document, portal: Running) -> None:
    assert list(faults_of_servers(document, portal)) == []


def test_the_contract_allows_no_call_that_a_portal_never_sends(
    document: Document, portal: Running
) -> None:
    assert list(faults_of_values(document, portal)) == []
