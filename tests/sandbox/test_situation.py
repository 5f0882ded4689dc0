"""The situation of a portal: scenarios by name, and the whole of it as one JSON document."""

import re
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.call import InvalidCallError
from bitrix24_sandbox.portal.faults import InvalidFaultError
from bitrix24_sandbox.portal.situation import InvalidValueError
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL

SCOPES = {"webhook": ["crm"], "application": ["placement", "telephony"]}
OWN_ID = re.compile(r"[0-9A-F]+\.\d+\.\d+")
FAULTS: list[dict[str, Any]] = [
    {"fault": "slow", "times": 2, "seconds": 0.5},
    {"fault": "redirect", "times": 1, "location": "http://x.invalid/", "status": 302},
    {"fault": "OVERLOAD_LIMIT", "times": 3, "status": 503},
    {"fault": "invalid_grant", "times": 1},
]


class TestScenarios:
    @pytest.mark.parametrize(
        ("name", "fields"),
        [
            ("external", {"CALL_STATE": "connected", "CRM_ENTITY_TYPE": "CONTACT"}),
            ("incoming-bound", {"CALL_DIRECTION": "incoming", "CRM_ENTITY_TYPE": "CONTACT"}),
            (
                "outgoing-unbound",
                {
                    "CALL_ID": "",
                    "CRM_ENTITY_TYPE": False,
                    "CRM_ENTITY_ID": False,
                    "CRM_BINDINGS": [],
                    "CRM_ACTIVITY_ID": None,
                    "CALL_DIRECTION": "outgoing",
                    "CALL_STATE": "connecting",
                },
            ),
            ("call-list", {"CALL_LIST_MODE": True, "CALL_ID": "", "CALL_STATE": "idle"}),
            (
                "hidden-number",
                {"PHONE_NUMBER": "hidden", "CRM_ENTITY_TYPE": "", "CRM_ENTITY_ID": 0},
            ),
            ("transfer", {"CALL_DIRECTION": "incomingTransfer", "CALL_STATE": "connecting"}),
            ("no-widget", {"CALL_STATE": "connected"}),
        ],
    )
    def test_its_call(self, name: str, fields: dict[str, Any], ask: Any, sandbox: Sandbox) -> None:
        state = sandbox.play(name)
        call = ask().json()["result"]
        assert call == state["call"]
        assert {field: call.get(field) for field in fields} == fields
        assert state["widget"] is (name != "no-widget")
        if name in ("external", "no-widget"):
            assert call["CALL_ID"].startswith("externalCall.")
        else:
            assert call["CALL_ID"] == "" or OWN_ID.fullmatch(call["CALL_ID"])


class TestLoad:
    def test_the_situation_can_be_restored(self, sandbox: Sandbox) -> None:
        sandbox.play("outgoing-unbound")
        sandbox.profile = "app-only"
        for fault in FAULTS:
            options = {name: value for name, value in fault.items() if name != "fault"}
            sandbox.fail(fault["fault"], **options)
        sandbox.load({**sandbox.state(), "user": "operator", "scopes": SCOPES})
        saved = sandbox.state()
        assert saved.keys() == {
            *("call", "widget", "form", "profile", "user", "scopes", "limits", "faults"),
        }
        assert (saved["user"], saved["scopes"]) == ("operator", SCOPES)
        assert saved["faults"] == FAULTS
        sandbox.reset()
        assert sandbox.state() != saved
        assert sandbox.load(saved) == saved
        assert sandbox.state() == saved

    def test_members_that_it_lacks_get_their_initial_values(
        self, sandbox: Sandbox, http: httpx.Client
    ) -> None:
        start = sandbox.state()
        sandbox.profile = "js-only"
        sandbox.fail("slow")
        sandbox.expire_tokens()
        assert sandbox.load({"call": None}) == {**start, "call": None}
        auth = {"auth": sandbox.access_token}
        assert http.post(f"{sandbox.oauth_url}/profile", json=auth).status_code == 200

    def test_scopes_of_one_kind_leave_the_other_kind_all(self, sandbox: Sandbox) -> None:
        scopes = sandbox.load({"scopes": {"webhook": []}})["scopes"]
        assert scopes == {"webhook": [], "application": sandbox.reset()["scopes"]["webhook"]}

    def test_a_situation_to_start_in_is_that_of_resets(self) -> None:
        portal = Portal()
        portal.load({"call": None, "faults": FAULTS}, start=True)
        portal.load({"faults": []})
        assert portal.situation()["faults"] == []
        portal.reset()
        assert portal.situation()["faults"] == FAULTS

    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            ([], "Expected an object like the response of GET /sandbox/state"),
            ({"calls": None}, "A state has no member 'calls', only call, widget, form"),
            ({"call": {}}, "CALL_ID is missing"),
            ({"profile": "cloud"}, "profile must be one of: rest, app-only, js-only"),
            ({"widget": 1}, "widget must be true or false"),
            ({"user": 2}, "user must be one of: administrator, operator"),
            ({"scopes": {"webhook": "crm"}}, "scopes must be an object with webhook and"),
            ({"scopes": {"webhook": ["im"]}}, "scopes must be an object with webhook and"),
            ({"scopes": {"token": ["crm"]}}, "scopes must be an object with webhook and"),
            ({"scopes": []}, "scopes must be an object with webhook and"),
            ({"limits": {"burst": 0, "rate": 2}}, "limits must be null, or an object such as"),
            ({"limits": {"burst": 1.5, "rate": 2}}, "limits must be null, or an object such as"),
            ({"limits": {"burst": 1, "rate": 0}}, "limits must be null, or an object such as"),
            ({"limits": {"burst": True, "rate": 1}}, "limits must be null, or an object such as"),
            ({"faults": {"fault": "slow"}}, "faults must be a list"),
            ({"faults": [{"fault": "slow"}, {"fault": "fast"}]}, "fault must be one of: "),
        ],
    )
    def test_an_invalid_document_changes_nothing(self, document: Any, expected: str) -> None:
        portal = Portal()
        if isinstance(document, dict):
            document = {"call": None, **document}
        with pytest.raises(
            (InvalidValueError, InvalidCallError, InvalidFaultError), match=f"^{expected}"
        ):
            portal.load(document)
        assert portal.situation() == Portal().situation()
        assert portal.call == CALL
