"""The contract may have several operations of one shape."""

import copy
from pathlib import Path

import contract.run
import pytest
from bitrix24_sandbox.server import Running
from contract.changes import Effect, compare
from contract.document import Document, error_examples, faults_of_answer
from contract.properties import Tally
from contract.provoking import provoked
from contract.report import Outcome, coverage

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
    two: Document,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(contract.run, "load", lambda: two)
    report = str(tmp_path / "contract.xml")
    assert contract.run.main(["--cases", "20", "--seed", "7", "--report", report]) == 0
    assert "operations  2 of 2\n" in capsys.readouterr().out


def test_a_report_names_those_that_were_not_asked(two: Document) -> None:
    outcome = Outcome("webhook")
    outcome.tally.operations[f"POST {FIRST}"] += 1
    assert f"  operations  1 of 2; not met: POST {SECOND}" in coverage(two, [outcome])


def test_the_errors_of_each_are_provoked(two: Document, portal: Running) -> None:
    tally = Tally()
    assert list(provoked(two, portal, tally)) == []
    provoked_once = [error for error in error_examples(two) if not error.is_from_a_bridge]
    assert tally.phases["examples"] == 2 * len(provoked_once)


def test_an_answer_is_checked_against_its_own(two: Document) -> None:
    without_429 = copy.deepcopy(two)
    del without_429["paths"][SECOND]["post"]["responses"]["429"]
    body = b'{"error": "OPERATION_TIME_LIMIT"}'

    def faults(path: str) -> list[str]:
        return list(faults_of_answer(without_429, 429, "application/json", body, path))

    assert faults(FIRST) == []
    assert faults(SECOND) == ["the status 429 is not documented"]
