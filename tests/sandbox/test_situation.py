"""A whole situation as one JSON document: read from the sandbox, and loaded into one."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.testing import Sandbox

from tests.sandbox.test_process import origin_in, start, started

FAULTS = [
    {"fault": "slow", "times": 2, "seconds": 0.5},
    {"fault": "redirect", "times": 1, "location": "http://x.invalid/", "status": 302},
    {"fault": "OVERLOAD_LIMIT", "times": 3, "status": 503},
    {"fault": "invalid_grant", "times": 1},
]


class TestLoad:
    def test_what_was_read_comes_back_whole(self, sandbox: Sandbox) -> None:
        sandbox.play("outgoing-unbound")
        sandbox.profile = "app-only"
        for fault in FAULTS:
            sandbox.fail(fault["fault"], **{k: v for k, v in fault.items() if k != "fault"})  # type: ignore[arg-type]
        saved = sandbox.state()
        assert saved["faults"] == FAULTS
        sandbox.reset()
        assert sandbox.state() != saved
        assert sandbox.load(saved) == saved
        assert sandbox.state() == saved

    def test_what_it_leaves_out_is_as_at_the_start(self, sandbox: Sandbox) -> None:
        start = sandbox.state()
        sandbox.profile = "js-only"
        sandbox.fail("slow")
        assert sandbox.load({"call": None}) == {**start, "call": None}

    def test_limits_hold_from_then_on_until_a_reset(self, sandbox: Sandbox, ask: Any) -> None:
        sandbox.load({"limits": {"burst": 2, "rate": 0.001}})
        assert [ask().status_code for _ in range(3)] == [200, 200, 503]
        assert sandbox.reset()["limits"] is None
        assert ask().status_code == 200

    def test_tokens_are_valid_again(self, sandbox: Sandbox, http: httpx.Client) -> None:
        saved = sandbox.state()
        sandbox.expire_tokens()
        sandbox.load(saved)
        request = {"PLACEMENT": "getStatus", "auth": sandbox.access_token}
        assert http.post(f"{sandbox.oauth_url}/placement.call", json=request).status_code == 200

    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            ([], "Expected an object, as GET /sandbox/state answers it"),
            ({"calls": None}, "A state has no 'calls': its members are call, widget, form"),
            ({"call": {}}, "CALL_ID is missing"),
            ({"profile": "cloud"}, "profile must be one of: rest, app-only, js-only"),
            ({"profile": ["rest"]}, "profile must be one of: rest, app-only, js-only"),
            ({"widget": 1}, "widget must be true or false"),
            ({"limits": {"burst": 0, "rate": 2}}, "limits must be null, or an object such as"),
            ({"limits": {"burst": 1.5, "rate": 2}}, "limits must be null, or an object such as"),
            ({"limits": {"burst": 1, "rate": 0}}, "limits must be null, or an object such as"),
            ({"limits": {"burst": True, "rate": 1}}, "limits must be null, or an object such as"),
            ({"limits": {"burst": 1}}, "limits must be null, or an object such as"),
            ({"faults": {"fault": "slow"}}, "faults must be a list"),
            ({"faults": [{"fault": "slow"}, {"fault": "fast"}]}, "fault must be one of: "),
        ],
    )
    def test_an_invalid_document_is_refused_and_changes_nothing(
        self, document: object, expected: str, sandbox: Sandbox, http: httpx.Client
    ) -> None:
        before = sandbox.state()
        if isinstance(document, dict):
            document = {"call": None, **document}
        answer = http.put(f"{sandbox.origin}/sandbox/state", json=document)
        assert answer.status_code == 422
        assert answer.json()["error_description"].startswith(expected)
        assert sandbox.state() == before

    def test_the_card_follows(self) -> None:
        portal, heard = Portal(), []
        portal.subscribe(lambda: heard.append(portal.call and portal.call["CALL_DIRECTION"]))
        portal.load({"call": {**portal.situation()["call"], "CALL_DIRECTION": "callback"}})
        assert heard == [None, "callback"]


class TestStateFile:
    def test_the_sandbox_starts_in_it_and_returns_to_it(self, tmp_path: Path) -> None:
        file = tmp_path / "state.json"
        file.write_text(json.dumps({"call": None, "faults": FAULTS}))
        with started("--port", "0", "--quiet", "--state", str(file)) as (_, printed):
            sandbox = Sandbox(origin_in(printed))
            assert sandbox.call is None
            sandbox.load({"faults": []})
            assert sandbox.state()["faults"] == []
            assert sandbox.reset()["faults"] == FAULTS

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("{", "is not valid JSON"),
            ('{"profile": "cloud"}', "profile must be one of: rest, app-only, js-only"),
            (None, "no such file or directory"),
        ],
    )
    def test_a_file_that_is_none_is_one_sentence_and_status_2(
        self, text: str | None, expected: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "state.json"
        if text is not None:
            file.write_text(text)
        with start("--port", "0", "--state", str(file)) as process:
            printed, errors = process.communicate(timeout=60)
        assert (process.returncode, printed) == (2, "")
        assert expected in errors.splitlines()[-1]
        assert str(file) in errors.splitlines()[-1]


class TestFaults:
    def test_they_can_be_forgotten(self, sandbox: Sandbox, ask: Any) -> None:
        sandbox.fail("QUERY_LIMIT_EXCEEDED", times=5)
        sandbox.fail("invalid_grant")
        assert ask().status_code == 503
        assert sandbox.forget_faults()["faults"] == []
        assert ask().status_code == 200

    @pytest.mark.parametrize(
        ("fault", "expected"),
        [
            ({"fault": "redirect", "status": 307.0}, "status must be 301, 302, 303, 307 or 308"),
            ({"fault": "slow", "times": 1_000_001}, "times must be a positive integer, 1000000"),
            ({"fault": "slow", "times": 10**400}, "times must be a positive integer, 1000000"),
        ],
    )
    def test_a_number_of_another_kind_is_refused(
        self, fault: object, expected: str, sandbox: Sandbox, http: httpx.Client
    ) -> None:
        answer = http.post(f"{sandbox.origin}/sandbox/faults", json=fault)
        assert answer.status_code == 422
        assert answer.json()["error_description"].startswith(expected)

    def test_no_more_than_a_thousand_wait(self, sandbox: Sandbox, http: httpx.Client) -> None:
        sandbox.load({"faults": [{"fault": "slow"}] * 999})
        assert len(sandbox.fail("invalid_grant")["faults"]) == 1000
        answer = http.post(f"{sandbox.origin}/sandbox/faults", json={"fault": "slow"})
        assert answer.status_code == 422
        assert "1000 faults wait already" in answer.json()["error_description"]
