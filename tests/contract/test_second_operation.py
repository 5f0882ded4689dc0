"""The contract may have several operations of one shape."""

import copy
from pathlib import Path

import contract.run
import httpx
import pytest
from bitrix24_sandbox.server import Running
from contract.changes import Effect, compare
from contract.document import Document, error_examples, faults_of_answer
from contract.properties import Tally
from contract.provoking import injected

from tests.contract.consistency import faults_of_document

FIRST, SECOND = "/placement.call", "/placement.call.json"


@pytest.fixture(scope="module")
def two(document: Document) -> Document:
    """The contract with one more operation, which a portal answers in the same way."""
    two = copy.deepcopy(document)
    two["paths"][SECOND] = copy.deepcopy(two["paths"][FIRST])
    two["paths"][SECOND]["post"]["operationId"] = "get_status_as_json"
    return two


def test_it_agrees_with_itself_and_yesterdays_clients_read_it(
    document: Document, two: Document
) -> None:
    assert list(faults_of_document(two)) == []
    assert {change.effect for change in compare(document, two)} == {Effect.COMPATIBLE}


def test_a_run_asks_all_of_them(
    two: Document, portal: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract.run, "load", lambda: two)
    monkeypatch.setenv("BASE_URL", portal.webhook_url)
    report = str(tmp_path / "contract.xml")
    assert contract.run.main(["--cases", "20", "--seed", "7", "--report", report]) == 0
    asked = {request.path.rpartition("***")[2] for request in portal.requests}
    assert asked >= {FIRST, SECOND}


def test_the_errors_of_each_are_injected(two: Document, portal: Running) -> None:
    tally = Tally()
    assert list(injected(two, portal, tally)) == []
    injected_once = [error for error in error_examples(two) if not error.is_from_a_bridge]
    assert tally.phases["examples"] == 2 * len(injected_once)


def test_an_answer_is_checked_against_its_own(two: Document) -> None:
    without_429 = copy.deepcopy(two)
    del without_429["paths"][SECOND]["post"]["responses"]["429"]
    refusal = httpx.Response(429, json={"error": "OPERATION_TIME_LIMIT"})

    def faults(path: str) -> list[str]:
        return list(faults_of_answer(without_429, refusal, path))

    assert faults(FIRST) == []
    assert faults(SECOND) == ["the status 429 is not documented"]
