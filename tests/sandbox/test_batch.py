"""`batch`: what it gives, and its two limits."""

from typing import Any

import httpx
import pytest
from bitrix24_sandbox.testing import Sandbox

from tests import data

CALL = "placement.call?PLACEMENT=getStatus"
CALL_ID = data.CALL["CALL_ID"]


@pytest.fixture
def batch(http: httpx.Client, webhook_url: str) -> Any:
    def batch(cmd: object, **members: object) -> httpx.Response:
        return http.post(f"{webhook_url}batch", json={"cmd": cmd, **members})

    return batch


def test_a_map_of_commands_gives_a_map_of_results_and_errors(batch: Any) -> None:
    answer = batch({"good": CALL, "bad": "placement.call?PLACEMENT=x", "odd": "user.get"})
    assert answer.status_code == 200
    assert answer.json().keys() == {"result", "time"}
    result = answer.json()["result"]
    assert result["result"].keys() == {"good"}
    assert result["result"]["good"]["CALL_ID"] == CALL_ID
    assert result["result_error"] == {
        "bad": {
            "error": "ERROR_PLACEMENT_NOT_FOUND",
            "error_description": "Placement not found",
        },
        "odd": {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"},
    }
    assert result["result_time"]["good"].keys() >= {"start", "finish", "duration", "operating"}


def test_empty_maps_are_lists_as_in_php(batch: Any) -> None:
    result = batch({"a": CALL}).json()["result"]
    assert result["result_error"] == result["result_total"] == result["result_next"] == []
    assert batch({}).json()["result"] == {
        "result": [],
        "result_error": [],
        "result_total": [],
        "result_next": [],
        "result_time": [],
    }


def test_a_list_of_commands_gives_a_list(batch: Any) -> None:
    result = batch([CALL, CALL]).json()["result"]["result"]
    assert [call["CALL_ID"] for call in result] == [CALL_ID, CALL_ID]


def test_a_list_with_a_failure_keeps_the_numbers(batch: Any) -> None:
    result = batch(["unknown", CALL]).json()["result"]
    assert result["result"].keys() == {"1"}
    assert [error["error"] for error in result["result_error"]] == ["ERROR_METHOD_NOT_FOUND"]


@pytest.mark.parametrize("halt", [1, True, "1"])
def test_halt_stops_at_the_first_error(halt: object, batch: Any) -> None:
    result = batch({"a": CALL, "b": "unknown", "c": CALL}, halt=halt).json()["result"]
    assert result["result"].keys() == {"a"}
    assert result["result_error"].keys() == {"b"}


@pytest.mark.parametrize("halt", [0, False, "0", "", None])
def test_without_halt_it_goes_on(halt: object, batch: Any) -> None:
    result = batch({"a": "unknown", "b": CALL}, halt=halt).json()["result"]
    assert result["result"].keys() == {"b"}


def test_fifty_commands_are_taken(batch: Any) -> None:
    answer = batch({f"c{number}": CALL for number in range(50)})
    assert len(answer.json()["result"]["result"]) == 50


def test_of_more_than_fifty_the_first_fifty_run(batch: Any) -> None:
    answer = batch({f"c{number}": CALL for number in range(53)})
    assert answer.status_code == 200
    result = answer.json()["result"]
    assert list(result["result"]) == [f"c{number}" for number in range(50)]
    assert {label: error["error"] for label, error in result["result_error"].items()} == {
        f"c{number}": "ERROR_BATCH_LENGTH_EXCEEDED" for number in (50, 51, 52)
    }


@pytest.mark.parametrize("inner", ["batch", "BATCH?halt=0"])
def test_a_batch_inside_a_batch_is_the_error_of_that_command(inner: str, batch: Any) -> None:
    answer = batch({"a": CALL, "b": inner, "c": CALL})
    assert answer.status_code == 200
    result = answer.json()["result"]
    assert result["result"].keys() == {"a", "c"}
    assert result["result_error"].keys() == {"b"}
    assert result["result_error"]["b"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("cmd", [None, "placement.call", 5, [], [1], {"a": None}, {"a": {"b": 1}}])
def test_without_a_command_the_maps_are_empty(cmd: object, batch: Any) -> None:
    answer = batch(cmd)
    assert answer.status_code == 200
    assert answer.json()["result"]["result"] == answer.json()["result"]["result_error"] == []


def test_a_command_that_is_no_string_is_passed_over(batch: Any) -> None:
    result = batch({"a": 5, "b": CALL, "c": [CALL]}).json()["result"]
    assert result["result"].keys() == {"b"}
    assert result["result_error"] == []


class TestReferences:
    """`$result[LABEL]` in a query stands for an earlier command's result."""

    @staticmethod
    def understood(batch: Any, sandbox: Sandbox, reference: str, **fields: Any) -> Any:
        """What the second command takes for its PLACEMENT, by the error that names it wrong."""
        sandbox.call = {**sandbox.state()["call"], **fields}
        commands = {"first": CALL, "second": f"placement.call?PLACEMENT={reference}"}
        result = batch(commands).json()["result"]
        error = result["result_error"].get("second") if result["result_error"] else None
        return error["error"] if error else result["result"]["second"]["CALL_ID"]

    @pytest.mark.parametrize(
        "reference",
        [
            "$result[first][LINE_NAME]",
            "%24result%5Bfirst%5D%5BLINE_NAME%5D",
            "$result[first][CRM_BINDINGS][0][ENTITY_TYPE]",
            "get$result[first][LINE_NUMBER]",
        ],
    )
    def test_to_a_field(self, reference: str, batch: Any, sandbox: Sandbox) -> None:
        answer = self.understood(
            batch,
            sandbox,
            reference,
            LINE_NAME="getStatus",
            LINE_NUMBER="Status",
            CRM_BINDINGS=[{"ENTITY_TYPE": "getStatus", "ENTITY_ID": 1}],
        )
        assert answer == CALL_ID

    @pytest.mark.parametrize(
        "reference", ["$result[other]", "$result[first][NONE][X]", "$result[second][CALL_ID]"]
    )
    def test_to_what_is_missing_is_nothing(
        self, reference: str, batch: Any, sandbox: Sandbox
    ) -> None:
        assert self.understood(batch, sandbox, reference) == "ERROR_ARGUMENT"

    def test_to_a_whole_result_hands_it_over(self, batch: Any) -> None:
        second = "placement.call?PLACEMENT=getStatus&PARAMS=$result[first]"
        error = batch({"first": CALL, "second": second}).json()["result"]["result_error"]["second"]
        assert (error["error"], error["argument"]) == ("ERROR_ARGUMENT", "PARAMS")

    def test_by_number_in_a_list_of_commands(self, batch: Any, sandbox: Sandbox) -> None:
        sandbox.call = {**sandbox.state()["call"], "LINE_NAME": "getStatus"}
        result = batch([CALL, "placement.call?PLACEMENT=$result[0][LINE_NAME]"]).json()["result"]
        assert len(result["result"]) == 2


def test_a_form_with_brackets(http: httpx.Client, webhook_url: str) -> None:
    for form in ({"cmd[a]": CALL}, {"halt": "0", "cmd[]": CALL}):
        answer = http.post(f"{webhook_url}batch.json", data=form)
        (label,) = answer.json()["result"]["result_time"] or ["?"]
        assert answer.status_code == 200
        assert label


def test_it_needs_the_same_authentication(http: httpx.Client, sandbox: Sandbox) -> None:
    body = {"cmd": {"a": CALL}}
    by_oauth = f"{sandbox.oauth_url}/batch"
    assert http.post(by_oauth, json=body).json()["error"] == "NO_AUTH_FOUND"
    assert http.post(by_oauth, json={**body, "auth": "sandboxaccesstoken"}).status_code == 200
    assert http.post(f"{sandbox.origin}/rest/1/wrong/batch", json=body).status_code == 401


def test_each_of_its_calls_counts_as_operating_time(batch: Any, ask: Any) -> None:
    times = batch([CALL, CALL]).json()["result"]["result_time"]
    used = ask().json()["time"]
    spent = sum(time["processing"] for time in times)
    assert used["operating"] == pytest.approx(spent + used["processing"])
