"""`batch`: its results, its errors and its two limits."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from bitrix24_sandbox.rest.batch import _resolved
from bitrix24_sandbox.testing import Sandbox

from tests import data

CALL = "placement.call?PLACEMENT=getStatus"
CALL_ID = data.CALL["CALL_ID"]


@pytest.fixture
def batch(http: httpx.Client, webhook_url: str) -> Any:
    """Send commands with a webhook; return the result."""

    def batch(cmd: object, **members: object) -> Any:
        answer = http.post(f"{webhook_url}batch", json={"cmd": cmd, **members})
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"result", "time"}
        return answer.json()["result"]

    return batch


def test_a_map_of_commands_has_a_map_of_results_and_errors(batch: Any) -> None:
    result = batch({"good": CALL, "bad": "placement.call?PLACEMENT=x", "odd": "user.get"})
    assert result["result"].keys() == {"good"}
    assert result["result"]["good"]["CALL_ID"] == CALL_ID
    assert result["result_error"] == {
        "bad": {
            "error": "ERROR_PLACEMENT_NOT_FOUND",
            "error_description": "Placement not found",
        },
        "odd": {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"},
    }
    assert result["result_total"] == result["result_next"] == []
    assert result["result_time"]["good"].keys() >= {"start", "finish", "duration", "operating"}


@pytest.mark.parametrize("name", ["batch", "batch.json"])
@pytest.mark.parametrize(
    "encoding",
    [
        {"json": {"halt": 0, "cmd": {"order0000000000": f"{CALL}&__order=order0000000000&"}}},
        {"json": {"HALT": 0, "CMD": {"a": CALL}}},
        {"json": {"cmd": [CALL]}},
        {"data": {"halt": "0", "cmd[a]": CALL}},
        {"data": {"cmd[]": CALL}},
        {"params": {"cmd[a]": CALL}},
    ],
    ids=str,
)
def test_encodings(name: str, encoding: Any, http: httpx.Client, webhook_url: str) -> None:
    result = http.post(webhook_url + name, **encoding).json()["result"]["result"]
    (call,) = result if isinstance(result, list) else result.values()
    assert call["CALL_ID"] == CALL_ID


def test_a_list_with_a_failure_keeps_the_numbers(batch: Any) -> None:
    result = batch(["unknown", CALL])
    assert result["result"].keys() == {"1"}
    assert [error["error"] for error in result["result_error"]] == ["ERROR_METHOD_NOT_FOUND"]


@pytest.mark.parametrize(
    ("halt", "ran"),
    [
        *((halt, {"a"}) for halt in (1, True, "1")),
        *((halt, {"a", "c"}) for halt in (0, False, "0", "", None)),
    ],
)
def test_with_halt_it_stops_at_the_first_error(halt: object, ran: set[str], batch: Any) -> None:
    result = batch({"a": CALL, "b": "unknown", "c": CALL}, halt=halt)
    assert result["result"].keys() == ran
    assert result["result_error"].keys() == {"b"}


def test_of_more_than_fifty_commands_the_first_fifty_run(batch: Any) -> None:
    result = batch({f"c{number}": CALL for number in range(53)})
    assert list(result["result"]) == [f"c{number}" for number in range(50)]
    assert {label: error["error"] for label, error in result["result_error"].items()} == {
        f"c{number}": "ERROR_BATCH_LENGTH_EXCEEDED" for number in (50, 51, 52)
    }
    result = batch([None] * 49 + [CALL, CALL])
    assert result["result"].keys() == {"49"}
    assert result["result_error"].keys() == {"50"}


@pytest.mark.parametrize("name", ["batch?halt=0", "download", "upload"])
def test_what_no_batch_may_call_is_the_error_of_that_command(name: str, batch: Any) -> None:
    result = batch({"a": CALL, "b": name, "c": CALL})
    assert result["result"].keys() == {"a", "c"}
    assert result["result_error"].keys() == {"b"}
    assert result["result_error"]["b"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


def test_a_batch_in_capitals_runs_inside_a_batch_once(batch: Any) -> None:
    inner = f"BATCH?cmd[a]={quote(CALL)}&cmd[b]={quote('BATCH?cmd[c]=scope')}"
    result = batch({"outer": inner})["result"]["outer"]
    assert result["result"]["a"]["CALL_ID"] == CALL_ID
    assert result["result_error"]["b"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "cmd", [None, "placement.call", 5, [], {}, [1], {"a": None}, {"a": {"b": 1}}]
)
def test_without_a_command_each_map_is_an_empty_list_as_in_php(cmd: object, batch: Any) -> None:
    maps = ("result", "result_error", "result_total", "result_next", "result_time")
    assert batch(cmd) == {name: [] for name in maps}


SO_FAR = {
    "result": {"a": {"NAME": "Nora", "ID": 17, "OPEN": True, "NONE": None, "LIST": [{"X": "y"}]}},
    "error": {"b": {"error": "ERROR_CORE"}},
    "time": {"a": {"start": 1773130778}},
    "next": {},
    "total": {},
}


class TestReferences:
    """`$result[LABEL]` in a query stands for an earlier command's result."""

    @pytest.mark.parametrize(
        ("text", "resolved"),
        [
            ("$result[a][NAME]", "Nora"),
            ("$result[a][ID]", 17),
            ("$result[a][OPEN]", True),
            ("$result[a][LIST][0]", {"X": "y"}),
            ("$result[a][LIST][0][X]", "y"),
            ("Hello, $result[a][NAME] and $result[a][ID] !", "Hello, Nora and 17 !"),
            ("$error[b][error]", "ERROR_CORE"),
            ("$time[a][start]", 1773130778),
            ("$result", "$result"),
            ("$results and $1", "$results and $1"),
            ("a $result[a] $result[a][OPEN] b", "a $result[a] $result[a][OPEN] b"),
            ("a $result[other][NAME] b", "a $result[other][NAME] b"),
            ("$result[a][LIST][1]", [{"X": "y"}]),
            ("$result[a][LIST][0][X][Y]", "y"),
            ("$total[a]", {}),
            ("$RESULT[a]", None),
        ],
    )
    def test_to_a_member_or_to_what_is_missing(self, text: str, resolved: object) -> None:
        assert _resolved({"FIELD": {"a": text}}, SO_FAR) == {"FIELD": {"a": resolved}}

    @pytest.mark.parametrize(
        "cmd",
        [
            {"a": CALL, "b": "placement.call?PLACEMENT=$result[a][LINE_NAME]"},
            {"a": CALL, "b": "placement.call?PLACEMENT=%24result%5Ba%5D[LINE_NAME]"},
            [CALL, "placement.call?PLACEMENT=$result[0][LINE_NAME]"],
        ],
    )
    def test_in_a_command(self, cmd: Any, batch: Any, sandbox: Sandbox) -> None:
        sandbox.call = {**data.CALL, "LINE_NAME": "getStatus"}
        assert len(batch(cmd)["result"]) == 2


def test_it_needs_the_same_authentication(http: httpx.Client, sandbox: Sandbox) -> None:
    body = {"cmd": {"a": CALL}}
    by_oauth = f"{sandbox.oauth_url}/batch"
    assert http.post(by_oauth, json=body).json()["error"] == "NO_AUTH_FOUND"
    assert http.post(by_oauth, json={**body, "auth": sandbox.access_token}).status_code == 200
    assert http.post(f"{sandbox.origin}/rest/1/wrong/batch", json=body).status_code == 401


def test_each_of_its_calls_counts_as_operating_time(batch: Any, ask: Any) -> None:
    first, second = batch([CALL, CALL])["result_time"]
    assert 0 < first["operating"] < second["operating"] < ask().json()["time"]["operating"]
