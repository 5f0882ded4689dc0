"""The messages between a widget and the portal page: parsed, carried out or dropped."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from bitrix24_sandbox.card.card import Card
from bitrix24_sandbox.card.events import Event
from bitrix24_sandbox.card.frame import Frame, Place, placement_options
from bitrix24_sandbox.card.messages import DroppedError, Message, page_effects, parse
from bitrix24_sandbox.portal.scenarios import outgoing_unbound_call
from bitrix24_sandbox.portal.state import Portal

from tests.data import CALL

ORIGIN = "http://widget.example:3000"
PLACE = Place("portal.example:8024", secure=False, uri="/?from=test")


class Opened:
    """An open widget, and the card around it."""

    def __init__(
        self,
        place: Place = PLACE,
        handler: str = f"{ORIGIN}/card?tenant=7",
        form: str = "new",
        cards: int = 1,
        portal: Portal | None = None,
    ) -> None:
        self.portal = portal or Portal()
        self.portal.set_form(form)
        self.portal.oauth_port = 8025
        self.card = Card(self.portal)
        self.frame = Frame(self.portal, self.card, CALL, place, handler, cards)

    def say(self, text: str, origin: str = ORIGIN) -> str | None:
        """Send `text` with the SID appended."""
        message = self.frame.accept(f"{text}:{self.frame.sid}", origin)
        return self.frame.obey(message)

    def ask(self, command: str, params: Any = None) -> Any:
        """Send a command, and return the value of its reply."""
        reply = self.say(f"{command}:{'' if params is None else json.dumps(params)}:id1")
        assert reply is not None
        callback, colon, value = reply.partition(":")
        assert (callback, colon) == ("id1", ":")
        return json.loads(value)


@pytest.fixture
def opened() -> Opened:
    return Opened()


OBJECT = {"method": "some:command", "callback": "abc", "appSid": "5ad"}


class TestParsing:
    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ("getInitData:abc:5ad", Message("getInitData", None, "abc", "5ad")),
            ("getInitData::abc:5ad", Message("getInitData", None, "abc", "5ad")),
            ('bind:{"event":"A::B"}:abc:5ad', Message("bind", {"event": "A::B"}, "abc", "5ad")),
            (
                OBJECT | {"params": {"a": 1}, "requestId": None},
                Message("some:command", {"a": 1}, "abc", "5ad"),
            ),
            (OBJECT | {"params": ""}, Message("some:command", None, "abc", "5ad")),
        ],
    )
    def test_messages_are_text_or_objects(self, data: Any, message: Message) -> None:
        assert parse(data) == message

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ("", "not of the form"),
            ("getStatus:5ad", "not of the form"),
            ("getStatus:{:abc:5ad", "not JSON"),
            ("getStatus:NaN:abc:5ad", "not JSON"),
            (f"getStatus:{'[' * 100_000}:abc:5ad", "not JSON"),
            ('getStatus:"\ud800":abc:5ad', "not JSON"),
            ({"method": "getStatus"}, "without the strings"),
            ({"method": 1, "callback": "abc", "appSid": "5ad"}, "without the strings"),
            (None, "neither text nor an object"),
            (7, "neither text nor an object"),
        ],
    )
    def test_anything_else_is_dropped_with_a_reason(self, data: Any, reason: str) -> None:
        with pytest.raises(DroppedError, match=reason):
            parse(data)


class TestOpening:
    @pytest.mark.parametrize("query", ["", "?tenant=7"])
    def test_four_fields_are_appended_to_the_handler_s_query(self, query: str) -> None:
        opened = Opened(handler=f"{ORIGIN}/card{query}")
        action = urlsplit(opened.frame.opening()["action"])
        assert f"{action.scheme}://{action.netloc}{action.path}" == f"{ORIGIN}/card"
        assert parse_qs(action.query) == {
            **({"tenant": ["7"]} if query else {}),
            "DOMAIN": ["portal.example:8024"],
            "PROTOCOL": ["0"],
            "LANG": ["en"],
            "APP_SID": [opened.frame.sid],
        }

    def test_the_new_form(self, opened: Opened) -> None:
        fields = opened.frame.opening()["fields"]
        options = json.loads(fields.pop("PLACEMENT_OPTIONS"))
        assert options["CRM_ENTITY_ID"] == "17"
        assert re.fullmatch("[0-9a-f]{32}", fields.pop("member_id"))
        assert fields == {
            "AUTH_ID": "sandboxaccesstoken",
            "AUTH_EXPIRES": "3600",
            "REFRESH_ID": "sandboxrefreshtoken",
            "SERVER_ENDPOINT": "http://portal.example:8025/rest/",
            "APPLICATION_TOKEN": "sandboxapplicationtoken",
            "APPLICATION_SCOPE": "crm,placement,telephony,user",
            "status": "L",
            "PLACEMENT": "CALL_CARD",
        }

    def test_the_old_form_lacks_three_fields_and_a_static_application_has_only_the_query(
        self,
    ) -> None:
        new, old, static = (Opened(form=form).frame.opening() for form in ("new", "old", "static"))
        assert new["fields"].keys() - old["fields"].keys() == {
            *("SERVER_ENDPOINT", "APPLICATION_TOKEN", "APPLICATION_SCOPE"),
        }
        assert [opening["method"] for opening in (new, old, static)] == ["POST", "POST", "GET"]
        assert static["fields"] == {}
        assert "&APP_SID=" in static["action"]

    def test_the_frame_is_named_after_the_portal_and_the_sid(self, opened: Opened) -> None:
        opening = opened.frame.opening()
        assert opening["name"] == f"portal.example:8024|0|{opened.frame.sid}"
        assert opening["allow"] == "geolocation *; microphone *; camera *; autoplay *;"
        assert re.fullmatch("[0-9a-f]{32}", opened.frame.sid)
        assert opened.frame.sid != Opened().frame.sid

    def test_https_is_protocol_one(self) -> None:
        opened = Opened(Place("portal.example", secure=True, uri="/"))
        assert opened.frame.opening()["name"].startswith("portal.example|1|")
        assert "PROTOCOL=1" in opened.frame.opening()["action"]
        assert opened.ask("getInitData")["PROTOCOL"] == 1


def test_the_page_of_an_installation_finishes_it() -> None:
    portal = Portal()
    portal.install_page(f"{ORIGIN}/install")
    opened = Opened(portal=portal)
    data = opened.ask("getInitData")
    assert (data["INSTALL"], data["PLACEMENT"], data["PLACEMENT_OPTIONS"]) == (True, "DEFAULT", [])
    assert opened.ask("getInterface") == {"command": [], "event": []}
    with pytest.raises(DroppedError, match="no such command"):
        opened.ask("getStatus")
    assert not portal.application.installed
    opened.ask("setInstallFinish", {})
    assert portal.application.installed


class TestPlacementOptions:
    def test_every_scalar_is_a_string(self) -> None:
        assert placement_options(CALL, "/") == {
            **CALL,
            "CRM_ENTITY_ID": "17",
            "CRM_ACTIVITY_ID": "2024",
            "CRM_BINDINGS": [
                {"ENTITY_TYPE": "CONTACT", "ENTITY_ID": "17"},
                {"ENTITY_TYPE": "COMPANY", "ENTITY_ID": "5"},
                {"ENTITY_TYPE": "DEAL", "ENTITY_ID": "83"},
            ],
            "CALL_LIST_MODE": "false",
            "URI": "/",
        }

    @pytest.mark.parametrize(
        ("call", "expected"),
        [
            ({"CRM_BINDINGS": []}, {"PHONE_NUMBER": "undefined", "CRM_ACTIVITY_ID": "undefined"}),
            (
                {"CRM_ENTITY_ID": 0, "CRM_BINDINGS": []},
                {"CRM_ENTITY_ID": "0", "CRM_BINDINGS": None},
            ),
            (outgoing_unbound_call(), {"CRM_ENTITY_TYPE": "false", "CRM_ENTITY_ID": "false"}),
            ({**CALL, "CRM_ACTIVITY_ID": ""}, {"CRM_ACTIVITY_ID": ""}),
        ],
    )
    def test_a_missing_or_empty_value(self, call: Any, expected: dict[str, Any]) -> None:
        options = placement_options(call, "/")
        assert {name: options.get(name) for name in expected} == expected


class TestReplies:
    def test_get_init_data(self, opened: Opened) -> None:
        data = opened.ask("getInitData")
        assert type(data["PROTOCOL"]) is int
        options = data.pop("PLACEMENT_OPTIONS")
        assert options["CALL_LIST_MODE"] == "false"
        assert options["URI"] == "/?from=test"
        assert re.fullmatch("[0-9a-f]{32}", data.pop("MEMBER_ID"))
        assert data == {
            "LANG": "en",
            "DOMAIN": "portal.example:8024",
            "PATH": "/rest",
            "PLACEMENT": "CALL_CARD",
            "PROTOCOL": 0,
            "AUTH_ID": "sandboxaccesstoken",
            "REFRESH_ID": "sandboxrefreshtoken",
            "AUTH_EXPIRES": "3600",
            "FIRST_RUN": False,
            "IS_ADMIN": True,
            "INSTALL": False,
            "USER_OPTIONS": [],
            "APP_OPTIONS": [],
        }

    @pytest.mark.parametrize("params", [None, {}, {"isRawValue": False}])
    def test_get_status_is_the_call_with_its_types(self, opened: Opened, params: Any) -> None:
        assert opened.ask("getStatus", params) == CALL

    @pytest.mark.parametrize("cards", [1, 3])
    def test_get_interface_has_the_events_once_for_each_card_of_the_page(self, cards: int) -> None:
        events = ["CallCard::EntityChanged", "CallCard::BeforeClose", "CallCard::CallStateChanged"]
        assert Opened(cards=cards).ask("getInterface") == {
            "command": ["getStatus", "disableAutoClose", "enableAutoClose"],
            "event": events * cards,
        }

    def test_auto_close_is_disabled_and_enabled(self, opened: Opened) -> None:
        assert opened.ask("disableAutoClose", {}) == []
        assert opened.card.auto_close is False
        assert opened.ask("enableAutoClose", {}) == []
        assert opened.card.auto_close is True

    @pytest.mark.parametrize("command", ["getStatus", "disableAutoClose", "enableAutoClose"])
    def test_after_the_card_is_closed_there_is_no_reply(self, opened: Opened, command: str) -> None:
        opened.card.act("close")
        with pytest.raises(DroppedError, match="the card is closed"):
            opened.ask(command)

    def test_a_user_option_is_echoed_and_in_the_next_init_data(self, opened: Opened) -> None:
        value: list[Any] = [None, True, {}]
        for option in ({"name": "a", "value": 1}, {"name": "b", "value": value}):
            assert opened.ask("setUserOption", option) == option
        assert opened.ask("getInitData")["USER_OPTIONS"] == {"a": "1", "b": ["", True, []]}
        assert opened.ask("getInitData")["APP_OPTIONS"] == []
        opened.portal.reset()
        assert opened.ask("getInitData")["USER_OPTIONS"] == []

    def test_app_options_are_returned_as_the_text_of_a_form(self, opened: Opened) -> None:
        assert opened.ask("setAppOption", {"name": "a", "value": 1}) == {"a": "1"}
        value: dict[str, Any] = {"a": True, "b": None, "c": [1.5, "x"], "d": {}, "e": []}
        expected = {"a": "1", "b": {"a": "true", "c": ["1.5", "x"]}}
        assert opened.ask("setAppOption", {"name": "b", "value": value}) == expected
        assert opened.ask("setAppOption", {"name": "c"}) == {**expected, "c": "undefined"}
        assert opened.ask("setAppOption", {"name": "c", "value": []}) == {**expected, "c": None}
        assert opened.ask("getInitData")["APP_OPTIONS"] == {**expected, "c": ""}

    def test_only_an_administrator_sets_app_options(self, opened: Opened) -> None:
        opened.portal.load({"user": "operator"})
        with pytest.raises(DroppedError, match="the user is not an administrator"):
            opened.ask("setAppOption", {"name": "a", "value": 1})
        data = opened.ask("getInitData")
        assert (data["IS_ADMIN"], data["APP_OPTIONS"]) == (False, [])

    @pytest.mark.parametrize("params", [None, [], {"value": 1}, {"name": 5, "value": 1}])
    def test_an_option_without_a_name_is_not_stored(self, opened: Opened, params: Any) -> None:
        assert opened.ask("setUserOption", params) == ([] if params is None else params)
        assert opened.ask("setAppOption", params) == []
        assert opened.ask("getInitData")["USER_OPTIONS"] == []

    def test_refresh_auth_returns_new_tokens_that_are_valid_for_rest(self, opened: Opened) -> None:
        opened.portal.authentication.expire_tokens()
        new = opened.ask("refreshAuth")
        assert set(new) == {"AUTH_ID", "AUTH_EXPIRES", "REFRESH_ID"}
        assert new["AUTH_EXPIRES"] == "3600"
        assert new["REFRESH_ID"] != "sandboxrefreshtoken"
        opened.portal.authentication.check_token(new["AUTH_ID"])

    def test_a_refresh_that_fails_has_no_reply(self, opened: Opened) -> None:
        opened.portal.faults.add({"fault": "invalid_grant"})
        with pytest.raises(DroppedError, match="a portal shows an alert"):
            opened.ask("refreshAuth")
        assert opened.ask("refreshAuth")["AUTH_ID"] != "sandboxaccesstoken"

    @pytest.mark.parametrize("command", ["setInstall", "setScroll"])
    def test_these_return_their_parameters(self, opened: Opened, command: str) -> None:
        assert opened.ask(command, {"scroll": False}) == {"scroll": False}
        assert opened.ask(command) == []

    def test_without_a_callback_there_is_no_reply(self, opened: Opened) -> None:
        assert opened.say("getStatus::") is None


class TestPageEffects:
    """What the portal's own page script has set and measured for the same messages."""

    @pytest.mark.parametrize(
        ("params", "width", "height"),
        [
            ({"width": "100%", "height": 920}, "100%", "920px"),
            ({"width": 330.7, "height": "720.9px"}, "330px", "720px"),
            ({"width": "50%", "height": "100%"}, "50px", "100px"),
            ({"width": "x", "height": 0}, "100px", None),
            ({"width": True}, "100px", None),
            (None, "100px", None),
        ],
    )
    def test_resize_window_sets_the_size_of_the_frame(
        self, opened: Opened, params: Any, width: str, height: str | None
    ) -> None:
        message = Message("resizeWindow", params, "id1", opened.frame.sid)
        size = {"width": width, "height": height, "callback": "id1"}
        assert page_effects(message) == {"resize": size}
        # The page replies, which alone can measure the frame.
        assert opened.say('resizeWindow:{"width":1}:id1') is None

    @pytest.mark.parametrize(
        ("params", "effect"),
        [
            ({"scroll": "20"}, {"scroll": 20}),
            ({"scroll": 0}, {"scroll": 0}),
            ({"scroll": -1}, {}),
            ({}, {}),
            (None, {}),
        ],
    )
    def test_set_scroll_scrolls_the_page(self, params: Any, effect: dict[str, int]) -> None:
        assert page_effects(Message("setScroll", params, "", "5ad")) == effect

    def test_reload_window_reloads_the_page(self, opened: Opened) -> None:
        assert page_effects(Message("reloadWindow", None, "", "5ad")) == {"reload": True}
        assert opened.say("reloadWindow::id1") is None


class TestEvents:
    EVENT = Event("CallCard::CallStateChanged", "idle")

    def bind(self, opened: Opened, callback: str) -> None:
        text = f'placementBindEvent:{{"event":"{self.EVENT.name}"}}:{callback}'
        assert opened.say(text) is None, "it is never acknowledged"

    def test_each_event_comes_with_the_callback_it_was_bound_with(self, opened: Opened) -> None:
        self.bind(opened, "cb1")
        self.bind(opened, "cb2")
        for _ in range(2):
            assert opened.frame.event(self.EVENT) == ['cb1:"idle"', 'cb2:"idle"']

    def test_an_event_that_is_not_bound_is_not_sent(self, opened: Opened) -> None:
        self.bind(opened, "cb1")
        opened.say('placementBindEvent:{"event":"CallCard::BeforeClose"}:')
        assert opened.frame.event(Event("CallCard::BeforeClose")) == []

    def test_before_close_has_no_payload(self, opened: Opened) -> None:
        opened.say('placementBindEvent:{"event":"CallCard::BeforeClose"}:cb3')
        assert opened.frame.event(Event("CallCard::BeforeClose")) == ["cb3:"]


class TestDropped:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("setTitle:{}:id1", "setTitle is denied in placements"),
            ("getWeather:{}:id1", "no such command"),
            ("openPath:{}:id1", "does not support this command, but a portal does"),
            ("selectUser:{}:id1", "does not support this command, but a portal does"),
            ("imPhoneTo:{}:id1", "does not support this command, but a portal does"),
            ("__init__:{}:id1", "no such command"),
            ('placementBindEvent:{"event":"CallCard::Other"}:id1', "no such event"),
            ('placementBindEvent:{"event":["x"]}:id1', "no such event"),
            ("placementBindEvent::id1", "no such event"),
        ],
    )
    def test_unknown_and_denied_commands(self, opened: Opened, text: str, reason: str) -> None:
        with pytest.raises(DroppedError, match=reason):
            opened.say(text)

    def test_a_wrong_sid(self, opened: Opened) -> None:
        with pytest.raises(DroppedError, match="SID"):
            opened.frame.accept(f"getStatus::id1:{'0' * 32}", ORIGIN)

    @pytest.mark.parametrize(
        "origin",
        ["http://widget.example", "https://widget.example:3000", "http://evil.example", "null"],
    )
    def test_a_wrong_origin(self, opened: Opened, origin: str) -> None:
        with pytest.raises(DroppedError, match=f"comes from {origin}"):
            opened.say("getStatus::id1", origin)

    @pytest.mark.parametrize(
        ("handler", "origin"),
        [
            ("https://Widget.Example:443/x", "https://widget.example"),
            ("http://widget.example:80", "http://widget.example"),
            ("http://widget.example:443/x", "http://widget.example:443"),
            ("http://[::1]:3000/x", "http://[::1]:3000"),
        ],
    )
    def test_origins_are_compared_as_a_browser_writes_them(self, handler: str, origin: str) -> None:
        opened = Opened(handler=handler)
        opened.say("getStatus::id1", origin)


def test_every_secret_that_a_widget_received_is_masked(opened: Opened) -> None:
    opening = opened.frame.opening()
    opened.ask("refreshAuth")
    again = opened.ask("getInitData")
    secrets = [
        opened.frame.sid,
        opening["fields"]["APPLICATION_TOKEN"],
        "sandboxaccesstoken",
        "sandboxrefreshtoken",
        again["AUTH_ID"],
        again["REFRESH_ID"],
    ]
    masked = opened.frame.mask(json.dumps([opening, again]) + " ".join(secrets))
    assert not any(secret in masked for secret in secrets)
    assert "PLACEMENT_OPTIONS" in masked
