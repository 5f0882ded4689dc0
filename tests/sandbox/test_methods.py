"""The methods besides `placement.call`: the result of each, and who may call it."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from bitrix24_sandbox.rest.methods import METHODS
from bitrix24_sandbox.testing import Sandbox

from tests.sandbox.turns import opening_of_widget

WIDGET = {"PLACEMENT": "CALL_CARD", "HANDLER": "http://127.0.0.1:3000/widget", "TITLE": "Client"}
OTHER = {**WIDGET, "HANDLER": "http://127.0.0.1:3000/other"}
CALL = {"USER_ID": 1, "PHONE_NUMBER": "+12025550142", "TYPE": 2}

# Valid fields for each method that needs some.
FIELDS: dict[str, dict[str, Any]] = {
    "placement.bind": WIDGET,
    "placement.unbind": {"PLACEMENT": "CALL_CARD"},
    "event.bind": {"event": "ONVOXIMPLANTCALLEND", "handler": "http://127.0.0.1:9/"},
    "event.unbind": {"event": "ONVOXIMPLANTCALLEND"},
    "telephony.externalCall.register": CALL,
    "crm.contact.get": {"id": 17},
    "crm.company.get": {"id": 5},
    "crm.lead.get": {"id": 52},
    "crm.deal.get": {"id": 83},
}
FOR_APPLICATIONS = {
    *("app.info", "placement.bind", "placement.unbind", "placement.get", "placement.list"),
    *("event.bind", "event.unbind", "event.get"),
    *("telephony.externalCall.register", "telephony.externalCall.finish"),
}


class TestEachMethod:
    @pytest.mark.parametrize("profile", ["rest", "app-only", "js-only"])
    def test_who_may_call_it_does_not_depend_on_the_profile(
        self, profile: str, http: httpx.Client, oauth: Any, sandbox: Sandbox
    ) -> None:
        sandbox.profile = profile
        for name in [method.name for method in METHODS if method.name != "placement.call"]:
            fields = FIELDS.get(name, {})
            with_webhook = http.post(sandbox.webhook_url + name, json=fields)
            refused = (with_webhook.status_code, with_webhook.json().get("error"))
            if name == "app.info":
                assert refused == (400, "ACCESS_DENIED")
            elif name in FOR_APPLICATIONS:
                assert refused == (403, "WRONG_AUTH_TYPE"), name
            else:
                assert refused == (200, None), name
            with_token = oauth(name, fields)
            if name == "telephony.externalCall.finish":
                assert with_token.json()["error"] == "INVALID_ARGUMENT"  # without an id
            else:
                assert with_token.status_code == 200, name

    @pytest.mark.parametrize("name", FIELDS)
    def test_its_arguments_may_be_text(
        self, name: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        fields = {"auth": sandbox.access_token, **FIELDS[name]}
        answer = http.get(f"{sandbox.oauth_url}/{name}.json?{urlencode(fields)}")
        assert answer.status_code == 200, answer.text

    def test_it_may_be_a_command_of_a_batch(self, result: Any) -> None:
        commands = {
            "user": "user.current",
            "contact": "crm.contact.get?ID=17",
            "company": "crm.company.get?ID=$result[contact][COMPANY_ID]",
            "bind": f"placement.bind?{urlencode(WIDGET)}",
            "widgets": "placement.get",
        }
        answered = result("batch", {"cmd": commands})
        assert answered["result_error"] == []
        assert answered["result"]["company"]["TITLE"] == "Whitfield & Daughters"
        assert answered["result"]["bind"] is True
        assert answered["result"]["widgets"][0]["handler"] == WIDGET["HANDLER"]

    def test_in_a_batch_with_a_webhook_it_is_refused_as_alone(
        self, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        commands = {"bind": f"placement.bind?{urlencode(WIDGET)}", "who": "profile"}
        answer = http.post(f"{sandbox.webhook_url}batch", json={"cmd": commands}).json()["result"]
        assert answer["result_error"]["bind"]["error"] == "WRONG_AUTH_TYPE"
        assert answer["result"].keys() == {"who"}


class TestWhoAndWhat:
    def test_the_user_is_an_administrator_whose_id_is_text(self, result: Any) -> None:
        profile, user = result("profile"), result("user.current")
        assert (profile["ID"], profile["ADMIN"]) == ("1", True)
        assert (user["ID"], user["ACTIVE"], user["UF_DEPARTMENT"]) == ("1", True, [1])
        assert (profile["NAME"], profile["LAST_NAME"]) == (user["NAME"], user["LAST_NAME"])

    def test_the_portal_s_own_app_info(self, result: Any) -> None:
        info = result("app.info")
        assert info.keys() == {
            *("ID", "CODE", "VERSION", "STATUS", "INSTALLED", "PAYMENT_EXPIRED", "DAYS"),
            *("LANGUAGE_ID", "LICENSE", "LICENSE_TYPE", "LICENSE_FAMILY"),
        }
        assert (info["STATUS"], info["INSTALLED"]) == ("L", True)

    def test_the_scope_has_all_that_the_methods_need(self, result: Any) -> None:
        assert set(result("scope")) == {method.scope for method in METHODS} - {""}

    def test_methods_are_listed_all_or_by_scope(self, result: Any, sandbox: Sandbox) -> None:
        assert {"telephony.externalCall.register", "placement.call"} <= set(result("methods"))
        assert result("methods", {"full": True}) == result("methods")
        assert result("methods", {"scope": "user"}) == ["user.current"]
        assert set(result("methods", {"scope": ""})) >= {"profile", "event.bind"}
        assert "user.current" not in result("methods", {"scope": ""})
        sandbox.profile = "js-only"
        assert "placement.call" not in result("methods")

    def test_the_server_s_time_is_now(self, result: Any) -> None:
        time = datetime.fromisoformat(result("server.time"))
        assert abs(datetime.now(time.tzinfo) - time) < timedelta(minutes=1)


class TestCrmItems:
    @pytest.mark.parametrize("scenario", ["external", "incoming-bound", "call-list", "transfer"])
    def test_each_item_that_a_scenario_is_bound_to_exists(
        self, scenario: str, result: Any, sandbox: Sandbox
    ) -> None:
        sandbox.play(scenario)
        assert sandbox.call
        for binding in sandbox.call["CRM_BINDINGS"]:
            method = f"crm.{binding['ENTITY_TYPE'].lower()}.get"
            item = result(method, {"id": binding["ENTITY_ID"]})
            assert item["ID"] == str(binding["ENTITY_ID"])

    def test_the_call_s_contact_has_its_number(self, result: Any, sandbox: Sandbox) -> None:
        contact = result("crm.contact.get", {"ID": "17"})
        assert sandbox.call
        assert contact["PHONE"][0]["VALUE"] == sandbox.call["PHONE_NUMBER"]
        assert (contact["NAME"], contact["LAST_NAME"]) == ("Nora", "Whitfield")
        assert contact["COMPANY_ID"] == "5"

    def test_a_missing_item_has_an_error_without_a_code(self, refusal: Any) -> None:
        assert refusal("crm.contact.get", {"id": 999}) == (400, "", "Not found")
        assert refusal("crm.deal.get", {"id": 17}) == (400, "", "Not found")

    @pytest.mark.parametrize("item", [None, 0, -1, "x", "", True, [], {}, 1.5, 10**30, "٣"])
    def test_an_invalid_id_is_refused(self, item: Any, refusal: Any) -> None:
        expected = (400, "", "ID is not defined or invalid.")
        assert refusal("crm.lead.get", {"id": item}) == expected


class TestWidgets:
    def test_the_card_opens_the_first_one(
        self, result: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        def opened() -> str:
            action: str = opening_of_widget(http, sandbox.origin)["action"]
            return action.partition("?")[0]

        assert opened() not in (WIDGET["HANDLER"], OTHER["HANDLER"])
        assert result("placement.bind", WIDGET) is True
        assert result("placement.bind", OTHER) is True
        assert opened() == WIDGET["HANDLER"]
        result("placement.unbind", WIDGET)
        assert opened() == OTHER["HANDLER"]

    def test_they_are_listed_with_their_titles(self, result: Any) -> None:
        result("placement.bind", {**WIDGET, "DESCRIPTION": "Who calls"})
        assert result("placement.get") == [
            {
                "placement": "CALL_CARD",
                "userId": 0,
                "handler": WIDGET["HANDLER"],
                "options": [],
                "title": "Client",
                "description": "Who calls",
                "langAll": {
                    "en": {"TITLE": "Client", "DESCRIPTION": "Who calls", "GROUP_NAME": ""}
                },
            }
        ]

    def test_their_titles_may_be_in_several_languages(
        self, result: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        form = {
            "auth": sandbox.access_token,
            **WIDGET,
            "LANG_ALL[en][TITLE]": "Client",
            "LANG_ALL[pl][TITLE]": "Klient",
        }
        assert http.post(f"{sandbox.oauth_url}/placement.bind", data=form).json()["result"]
        languages = result("placement.get")[0]["langAll"]
        assert {name: texts["TITLE"] for name, texts in languages.items()} == {
            "en": "Client",
            "pl": "Klient",
        }

    def test_the_same_twice_is_refused(self, result: Any, refusal: Any) -> None:
        result("placement.bind", WIDGET)
        status, code, description = refusal("placement.bind", WIDGET)
        assert (status, code) == (400, "ERROR_CORE")
        assert "Handler already binded" in description

    def test_removing_counts_each_twice_as_portals_do(self, result: Any) -> None:
        result("placement.bind", WIDGET)
        result("placement.bind", OTHER)
        assert result("placement.unbind", {"PLACEMENT": "CALL_CARD"}) == {"count": 4}
        assert result("placement.unbind", {"PLACEMENT": "CALL_CARD"}) == {"count": 0}

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"PLACEMENT": None}, "ERROR_ARGUMENT"),
            ({"PLACEMENT": ["CALL_CARD"]}, "ERROR_ARGUMENT"),
            ({"HANDLER": ""}, "ERROR_ARGUMENT"),
            ({"PLACEMENT": "CRM_DEAL_DETAIL_TAB"}, "ERROR_PLACEMENT_NOT_FOUND"),
            ({"HANDLER": "widget"}, "ERROR_WRONG_HANDLER_URL"),
            ({"HANDLER": "http://127.0.0.1:99999/"}, "ERROR_WRONG_HANDLER_URL"),
            ({"HANDLER": "http://[::1/"}, "ERROR_WRONG_HANDLER_URL"),
            ({"HANDLER": "http://x/" + "y" * 2000}, "ERROR_WRONG_HANDLER_URL"),
            ({"HANDLER": "ftp://127.0.0.1/"}, "ERROR_UNSUPPORTED_PROTOCOL"),
        ],
    )
    def test_what_cannot_be_registered_is_refused(
        self, changed: dict[str, Any], code: str, oauth: Any, result: Any
    ) -> None:
        answer = oauth("placement.bind", {**WIDGET, **changed})
        assert (answer.status_code, answer.json()["error"]) == (400, code)
        assert result("placement.get") == []
        if code == "ERROR_ARGUMENT":
            assert answer.json()["argument"] == next(iter(changed))

    def test_there_is_one_placement(self, result: Any) -> None:
        assert result("placement.list") == ["CALL_CARD"]
        assert result("placement.list", {"SCOPE": "telephony"}) == ["CALL_CARD"]
        assert result("placement.list", {"SCOPE": "crm"}) == []

    def test_a_hundred_can_be_registered(self, result: Any, oauth: Any) -> None:
        for number in range(100):
            result("placement.bind", {**WIDGET, "HANDLER": f"http://127.0.0.1:3000/{number}"})
        assert oauth("placement.bind", WIDGET).json()["error"] == "ERROR_CORE"
        assert len(result("placement.get")) == 100


class TestEventHandlers:
    EVENT = "ONVOXIMPLANTCALLEND"

    def test_they_are_registered_listed_and_removed(self, result: Any) -> None:
        for path in ("a", "b"):
            fields = {"event": "OnVoximplantCallEnd", "handler": f"http://127.0.0.1:9/{path}"}
            assert result("event.bind", fields) is True
        assert result("event.get") == [
            {"event": self.EVENT, "handler": url, "auth_type": "0", "offline": 0}
            for url in ("http://127.0.0.1:9/a", "http://127.0.0.1:9/b")
        ]
        one = {"event": self.EVENT, "handler": "http://127.0.0.1:9/a"}
        assert result("event.unbind", one) == {"count": 1}
        assert result("event.unbind", {"EVENT": self.EVENT}) == {"count": 1}
        assert result("event.unbind", {"EVENT": self.EVENT}) == {"count": 0}

    def test_the_same_twice_is_refused(self, result: Any, refusal: Any) -> None:
        fields = {"event": self.EVENT, "handler": "http://127.0.0.1:9/"}
        result("event.bind", fields)
        assert refusal("event.bind", fields)[1] == "ERROR_CORE"
        assert "Handler already binded" in refusal("event.bind", fields)[2]

    @pytest.mark.parametrize("changed", [{"event": "ONCRMLEADADD"}, {"event_type": "offline"}])
    def test_an_unknown_event_is_refused(self, changed: dict[str, str], refusal: Any) -> None:
        fields = {"event": self.EVENT, "handler": "http://127.0.0.1:9/", **changed}
        assert refusal("event.bind", fields)[:2] == (400, "ERROR_EVENT_NOT_FOUND")
