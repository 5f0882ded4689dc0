"""The methods besides `placement.call`: the result of each, and who may call it."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import httpx
import pytest
from bitrix24_sandbox.rest.methods import METHODS
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL as SHOWN
from tests.data import GET_STATUS
from tests.sandbox.conftest import error_of
from tests.sandbox.turns import opening_of_widget

WIDGET = {"PLACEMENT": "CALL_CARD", "HANDLER": "http://127.0.0.1:3000/widget", "TITLE": "Client"}
OTHER = {**WIDGET, "HANDLER": "http://127.0.0.1:3000/other"}
CALL = {"USER_ID": 1, "PHONE_NUMBER": "+12025550142", "TYPE": 2}
WRONG_AUTH_TYPE = "Current authorization type is denied for this method"

# Valid fields for each method that needs some.
FIELDS: dict[str, dict[str, Any]] = {
    "placement.bind": WIDGET,
    "placement.unbind": {"PLACEMENT": "CALL_CARD"},
    "event.bind": {"event": "ONVOXIMPLANTCALLEND", "handler": "http://127.0.0.1:9/"},
    "event.unbind": {"event": "ONVOXIMPLANTCALLEND", "handler": "http://127.0.0.1:9/"},
    "telephony.externalCall.register": CALL,
    "telephony.externalCall.finish": {"CALL_ID": SHOWN["CALL_ID"], "USER_ID": 1},
    "telephony.externalCall.searchCrmEntities": {"PHONE_NUMBER": "+12025550142"},
    "crm.contact.get": {"id": 17},
    "crm.company.get": {"id": 5},
    "crm.lead.get": {"id": 52},
    "crm.deal.get": {"id": 83},
}
FOR_ADMINISTRATORS = {"placement.bind", "placement.unbind", "placement.get"}
FOR_APPLICATIONS = FOR_ADMINISTRATORS | {
    *("placement.list", "event.bind", "event.unbind", "event.get"),
}


class TestEachMethod:
    @pytest.mark.parametrize("user", ["administrator", "operator"])
    @pytest.mark.parametrize("profile", ["rest", "app-only", "js-only"])
    def test_who_may_call_it(
        self, profile: str, user: str, webhook: Any, oauth: Any, sandbox: Sandbox
    ) -> None:
        sandbox.load({"profile": profile, "user": user})
        for name in [method.name for method in METHODS if method.name != "placement.call"]:
            fields = FIELDS.get(name, {})
            sandbox.play("external")  # so that there is a call to finish
            answer = webhook(name, fields)
            if name in FOR_APPLICATIONS:
                wanted = "" if name.startswith("event.") else " Application context required"
                assert error_of(answer) == (403, "WRONG_AUTH_TYPE", WRONG_AUTH_TYPE + wanted)
            else:
                assert answer.status_code == 200, name
            sandbox.play("external")
            answer = oauth(name, fields)
            if name in FOR_ADMINISTRATORS and user == "operator":
                assert error_of(answer) == (403, "ACCESS_DENIED", "Access denied!"), name
            else:
                assert answer.status_code == 200, name

    def test_any_user_gets_the_call_and_the_widget_that_an_administrator_has_bound(
        self, webhook: Any, oauth: Any, sandbox: Sandbox
    ) -> None:
        handler = "http://127.0.0.1:9/widget"
        oauth("placement.bind", {"PLACEMENT": "CALL_CARD", "HANDLER": handler}).raise_for_status()
        sandbox.user = "operator"
        assert sandbox.user == "operator"
        for ask in (webhook, oauth):
            assert ask("placement.call", GET_STATUS).json()["result"] == SHOWN
        assert sandbox.widget_opening().form["PLACEMENT"] == "CALL_CARD"
        assert webhook("user.current", {}).json()["result"]["ID"] == "2"

    @pytest.mark.parametrize("name", FIELDS)
    def test_its_arguments_may_be_text(
        self, name: str, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        fields = {"auth": sandbox.access_token, **FIELDS[name]}
        answer = http.get(f"{sandbox.oauth_url}/{name}.json?{urlencode(fields)}")
        assert answer.status_code == 200, answer.text

    def test_in_a_batch_it_is_allowed_or_refused_as_alone(self, result: Any, webhook: Any) -> None:
        commands = {"bind": f"placement.bind?{urlencode(WIDGET)}", "who": "profile"}
        answered = result("batch", {"cmd": commands})
        assert (answered["result"]["bind"], answered["result_error"]) == (True, [])
        answered = webhook("batch", {"cmd": commands}).json()["result"]
        assert answered["result_error"]["bind"]["error"] == "WRONG_AUTH_TYPE"
        assert answered["result"].keys() == {"who"}


class TestScopes:
    NEEDED: ClassVar = {
        "placement.call": "telephony",
        "user.current": "user",
        "placement.list": "placement",
        "telephony.externalCall.show": "telephony",
        "crm.deal.get": "crm",
    }

    @pytest.mark.parametrize(("method", "scope"), NEEDED.items())
    def test_a_method_needs_its_scope(
        self, method: str, scope: str, webhook: Any, oauth: Any, sandbox: Sandbox
    ) -> None:
        all_others = [other for other in dict.fromkeys(self.NEEDED.values()) if other != scope]
        sandbox.load({"scopes": {"webhook": all_others, "application": all_others}})
        text = "The request requires higher privileges than provided by the"
        assert error_of(webhook(method)) == (401, "insufficient_scope", f"{text} webhook token")
        assert error_of(oauth(method)) == (401, "insufficient_scope", f"{text} access token")
        errors = oauth("batch", {"cmd": {"a": method}}).json()["result"]["result_error"]
        assert errors["a"] == {"error": "insufficient_scope", "error_description": ""}

    def test_webhook_and_application_each_have_their_own(
        self, webhook: Any, result: Any, sandbox: Sandbox
    ) -> None:
        sandbox.load({"scopes": {"webhook": ["crm"]}})
        assert webhook("scope").json()["result"] == ["crm"]
        assert webhook("app.info").json()["result"]["SCOPE"] == ["crm"]
        assert set(result("scope")) == {"crm", "placement", "telephony", "user"}
        assert set(webhook("scope", {"full": 1}).json()["result"]) == set(result("scope"))
        assert "crm.lead.get" in webhook("methods").json()["result"]
        assert "user.current" not in webhook("methods").json()["result"]
        assert "user.current" in webhook("methods", {"full": 1}).json()["result"]

    def test_the_call_card_and_its_events_need_that_of_the_telephony(
        self, refusal: Any, result: Any, sandbox: Sandbox
    ) -> None:
        sandbox.load({"scopes": {"application": ["placement"]}})
        assert refusal("placement.bind", WIDGET)[1] == "ERROR_PLACEMENT_NOT_FOUND"
        assert refusal("event.bind", FIELDS["event.bind"])[1] == "ERROR_EVENT_NOT_FOUND"
        assert "CALL_CARD" not in result("placement.list")


class TestWhoAndWhat:
    @pytest.mark.parametrize(
        ("user", "user_id", "admin"), [("administrator", "1", True), ("operator", "2", False)]
    )
    def test_the_user_has_an_id_of_digits(
        self, user: str, user_id: str, admin: bool, result: Any, sandbox: Sandbox
    ) -> None:
        sandbox.load({"user": user})
        profile, current = result("profile"), result("user.current")
        assert (profile["ID"], profile["ADMIN"]) == (user_id, admin)
        assert (current["ID"], current["ACTIVE"], current["UF_DEPARTMENT"]) == (user_id, True, [1])
        assert (profile["NAME"], profile["LAST_NAME"]) == (current["NAME"], current["LAST_NAME"])

    def test_the_portal_s_own_app_info(self, result: Any, webhook: Any) -> None:
        info = result("app.info")
        assert info.keys() == {
            *("ID", "CODE", "VERSION", "STATUS", "INSTALLED", "PAYMENT_EXPIRED", "DAYS"),
            *("LANGUAGE_ID", "LICENSE", "LICENSE_TYPE", "LICENSE_FAMILY"),
        }
        assert (info["STATUS"], info["INSTALLED"]) == ("L", True)
        assert webhook("app.info").json()["result"].keys() == {"SCOPE", "LICENSE"}

    def test_methods_are_listed_all_or_by_scope(self, result: Any, sandbox: Sandbox) -> None:
        listed = {"batch", "telephony.externalcall.register", "placement.call"}
        assert listed <= set(result("methods"))
        assert result("methods", {"full": True}) == result("methods")
        assert result("methods", {"scope": "user"}) == ["user.current"]
        assert set(result("methods", {"scope": ""})) >= {"profile", "event.bind"}
        assert "user.current" not in result("methods", {"scope": ""})
        sandbox.profile = "js-only"
        assert "placement.call" not in result("methods")

    @pytest.mark.parametrize(
        ("name", "exists", "available"),
        [
            ("placement.call", False, False),
            ("batch", True, True),
            ("user.current", True, True),
            ("crm.lead.get", True, False),
            ("User.Current", False, False),
            (None, False, False),
        ],
    )
    def test_one_method_can_be_asked_about(
        self, name: str | None, exists: bool, available: bool, webhook: Any, sandbox: Sandbox
    ) -> None:
        sandbox.load({"profile": "js-only", "scopes": {"webhook": ["user"]}})
        answer = webhook("method.get", {"name": name}).json()["result"]
        assert answer == {"isExisting": exists, "isAvailable": available}

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

    def test_they_are_listed_with_their_titles_in_each_language(
        self, result: Any, http: httpx.Client, sandbox: Sandbox
    ) -> None:
        form = {**WIDGET, "LANG_ALL[en][TITLE]": "Client", "LANG_ALL[pl][TITLE]": "Klient"}
        url = f"{sandbox.oauth_url}/placement.bind"
        http.post(url, data={**form, "auth": sandbox.access_token}).raise_for_status()
        result("placement.bind", {**OTHER, "DESCRIPTION": "Who calls"})
        texts = {"DESCRIPTION": "", "GROUP_NAME": ""}
        row = {"id": 1, "placement": "CALL_CARD", "userId": 0, "options": [], "title": "Client"}
        assert result("placement.get") == [
            {
                **row,
                "handler": WIDGET["HANDLER"],
                "description": "",
                "langAll": {
                    "en": {**texts, "TITLE": "Client"},
                    "pl": {**texts, "TITLE": "Klient"},
                },
            },
            {
                **row,
                "id": 2,
                "handler": OTHER["HANDLER"],
                "description": "Who calls",
                "langAll": {"en": {**texts, "TITLE": "Client", "DESCRIPTION": "Who calls"}},
            },
        ]

    def test_the_same_twice_is_refused(self, result: Any, refusal: Any) -> None:
        result("placement.bind", WIDGET)
        status, code, description = refusal("placement.bind", WIDGET)
        assert (status, code) == (400, "ERROR_CORE")
        assert "Handler already binded" in description

    def test_removing_counts_each_twice_as_portals_do(self, result: Any) -> None:
        result("placement.bind", {**WIDGET, "PLACEMENT": "call_card"})
        result("placement.bind", OTHER)
        assert result("placement.unbind", {"PLACEMENT": "LEFT_MENU"}) == {"count": 0}
        assert result("placement.unbind", {"PLACEMENT": "Call_Card"}) == {"count": 4}
        assert result("placement.unbind", {"PLACEMENT": "CALL_CARD"}) == {"count": 0}

    @pytest.mark.parametrize(
        ("changed", "argument"),
        [
            ({"PLACEMENT": None, "HANDLER": ""}, "PLACEMENT"),
            ({"PLACEMENT": ["CALL_CARD"]}, "PLACEMENT"),
            ({"PLACEMENT": "", "HANDLER": ""}, "The placement code is not specified"),
            (
                {"PLACEMENT": "X", "HANDLER": ""},
                "The URL of the placement handler is not specified",
            ),
        ],
    )
    def test_without_a_name_or_a_handler_they_are_refused(
        self, changed: dict[str, Any], argument: str, oauth: Any
    ) -> None:
        answer = oauth("placement.bind", {**WIDGET, **changed})
        empty = f"Argument '{argument}' is null or empty"
        wrong = f"The value of an argument '{argument}' must be of type string"
        text = wrong if argument == "PLACEMENT" else empty
        assert error_of(answer) == (400, "ERROR_ARGUMENT", text)
        assert answer.json()["argument"] == argument

    @pytest.mark.parametrize(
        ("changed", "code", "description"),
        [
            *(
                ({"PLACEMENT": "X", "HANDLER": url}, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
                for url in (
                    "widget",
                    "http://127.0.0.1:99999/",
                    "http://[::1/",
                    "http://x/" + 2000 * "y",
                )
            ),
            (
                {"HANDLER": "ftp://127.0.0.1/"},
                "ERROR_UNSUPPORTED_PROTOCOL",
                "Unsupported handler protocol",
            ),
            (
                {"PLACEMENT": "LEFT_MENU", "USER_ID": 1},
                "ERROR_PLACEMENT_NOT_FOUND",
                "Placement not found",
            ),
            ({"USER_ID": 1}, "ERROR_PLACEMENT_USER_MODE", "User mode is not available."),
        ],
    )
    def test_the_first_check_that_fails_refuses_them(
        self, changed: dict[str, Any], code: str, description: str, refusal: Any, result: Any
    ) -> None:
        assert refusal("placement.bind", {**WIDGET, **changed}) == (400, code, description)
        assert result("placement.get") == []

    def test_the_placements_of_the_portal_are_listed(self, result: Any) -> None:
        in_every_application = {"REST_APP_URI", "PAGE_BACKGROUND_WORKER", "LEFT_MENU"}
        telephony = {"CALL_CARD", "TELEPHONY_ANALYTICS_MENU"}
        assert set(result("placement.list")) == in_every_application | telephony
        assert set(result("placement.list", {"SCOPE": ""})) == in_every_application
        assert set(result("placement.list", {"SCOPE": "telephony"})) == telephony
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
        assert result("event.unbind", one) == {"count": 0}
        assert [row["handler"] for row in result("event.get")] == ["http://127.0.0.1:9/b"]

    def test_the_same_twice_is_refused(self, result: Any, refusal: Any) -> None:
        fields = {"event": self.EVENT, "handler": "http://127.0.0.1:9/"}
        result("event.bind", fields)
        assert refusal("event.bind", fields)[1] == "ERROR_CORE"
        assert "Handler already binded" in refusal("event.bind", fields)[2]

    def test_an_operator_has_only_handlers_of_their_own(
        self, result: Any, refusal: Any, sandbox: Sandbox
    ) -> None:
        sandbox.load({"user": "operator"})
        sandbox.install("http://127.0.0.1:9/")  # as an administrator, whose handler this is
        fields = {"event": self.EVENT, "handler": "http://127.0.0.1:9/"}
        result("event.bind", fields)
        assert [row["auth_type"] for row in result("event.get")] == ["2"]
        for method in ("event.bind", "event.unbind"):
            denied = f"Event {method[6:]}ing with AUTH_TYPE requires administrator access rights"
            refused = refusal(method, {**fields, "auth_type": 1})
            assert refused == (403, "ACCESS_DENIED", f"Access denied! {denied}")
            assert refusal(method, {**fields, "event_type": "offline"})[1] == "ACCESS_DENIED"
        assert result("event.unbind", {**fields, "auth_type": 2}) == {"count": 1}

    def test_an_administrator_may_name_the_user(self, result: Any) -> None:
        fields = {"event": self.EVENT, "handler": "http://127.0.0.1:9/"}
        result("event.bind", {**fields, "auth_type": 2})
        result("event.bind", fields)
        assert [row["auth_type"] for row in result("event.get")] == ["2", "0"]
        assert result("event.unbind", {**fields, "auth_type": 2}) == {"count": 1}
        result("event.bind", {**fields, "auth_type": 2})
        assert result("event.unbind", fields) == {"count": 2}

    @pytest.mark.parametrize(
        ("method", "changed", "code", "argument"),
        [
            ("event.bind", {"event": "ONCRMLEADADD"}, "ERROR_EVENT_NOT_FOUND", None),
            ("event.bind", {"event": ""}, "ERROR_ARGUMENT", "EVENT"),
            ("event.bind", {"event_type": "offline"}, "ERROR_ARGUMENT", None),
            ("event.bind", {"event_type": "later"}, "ERROR_ARGUMENT", "EVENT_TYPE"),
            ("event.unbind", {"handler": None}, "ERROR_ARGUMENT", "HANDLER"),
        ],
    )
    def test_an_invalid_request_is_refused(
        self, method: str, changed: dict[str, Any], code: str, argument: str | None, oauth: Any
    ) -> None:
        fields = {"event": self.EVENT, "handler": "http://127.0.0.1:9/", **changed}
        answer = oauth(method, fields)
        assert (answer.status_code, answer.json()["error"]) == (400, code)
        assert answer.json().get("argument") == argument
