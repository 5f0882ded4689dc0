"""Installing an application, and the events that its handlers receive."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from bitrix24_sandbox.portal.application import EventHandler, Letter
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.rest.deliveries import MOST_WAITING, Deliveries, is_here
from bitrix24_sandbox.testing import Sandbox

from tests.data import CALL, REFRESH
from tests.sandbox.handlers import Handler, Received, handling

INIT, START, END = (f"ONVOXIMPLANTCALL{what}" for what in ("INIT", "START", "END"))
REGISTER, FINISH = (f"telephony.externalCall.{what}" for what in ("register", "finish"))
EXTERNAL = {"USER_ID": 1, "PHONE_NUMBER": "+12025550142", "TYPE": 2}


@pytest.fixture
def handler() -> Iterator[Handler]:
    with handling() as handler:
        yield handler


@pytest.fixture
def call_method(http: httpx.Client, sandbox: Sandbox) -> Any:
    """Call a method with a token, by default the one of the start; return the result or error."""

    def call_method(method: str, auth: str | None = None, **fields: Any) -> Any:
        query = {"auth": auth or sandbox.access_token}
        answer = http.post(f"{sandbox.oauth_url}/{method}", params=query, json=fields)
        return answer.json().get("result", answer.json())

    return call_method


@pytest.fixture
def telephony(handler: Handler, sandbox: Sandbox, call_method: Any) -> Handler:
    """The handler, bound to the events of the telephony while there is no call."""
    sandbox.call = None
    for event in (INIT, START, END):
        assert call_method("event.bind", event=event, handler=handler.url) is True
    return handler


@pytest.fixture
def act(http: httpx.Client, sandbox: Sandbox) -> Callable[[str], None]:
    """Press a button of the card."""

    def act(action: str) -> None:
        http.post(f"{sandbox.origin}/sandbox/card/{action}").raise_for_status()

    return act


@contextmanager
def holding() -> Iterator[tuple[Handler, threading.Event]]:
    """Run a handler that responds only once it is released."""
    release = threading.Event()

    def hold(_: Received) -> int:
        assert release.wait(60)
        return 200

    with handling(hold) as handler:
        try:
            yield handler, release
        finally:
            release.set()


def state(sandbox: Sandbox) -> Any:
    return httpx.get(f"{sandbox.origin}/sandbox/application", trust_env=False, timeout=60).json()


class TestInstalling:
    def test_the_handler_receives_valid_tokens_in_a_form(
        self, handler: Handler, sandbox: Sandbox, call_method: Any, http: httpx.Client
    ) -> None:
        delivery = sandbox.install(handler.url)
        assert (delivery.event, delivery.status) == ("ONAPPINSTALL", 200)
        received = handler.next()
        assert received.content_type == "application/x-www-form-urlencoded"
        assert received.event == "ONAPPINSTALL"
        assert received.form["ts"].isdecimal()
        assert received.members("data") == {
            "VERSION": "1",
            "ACTIVE": "Y",
            "INSTALLED": "Y",
            "LANGUAGE_ID": "en",
        }
        auth = received.members("auth")
        assert auth["domain"] == sandbox.origin.removeprefix("http://")
        assert auth["client_endpoint"] == f"{sandbox.origin}/rest/"
        assert auth["server_endpoint"] == sandbox.oauth_server_url
        assert (auth["expires_in"], auth["status"]) == ("3600", "L")
        assert set(auth["scope"].split(",")) == {"crm", "placement", "telephony", "user"}
        assert received.form["event_handler_id"].isdecimal()
        assert call_method("app.info", auth["access_token"])["INSTALLED"] is True
        fields = REFRESH | {"refresh_token": auth["refresh_token"]}
        answer = http.post(f"{sandbox.origin}/oauth/token/", data=fields)
        assert answer.json()["member_id"] == auth["member_id"]

    def test_the_card_opens_its_widget_with_the_same_application_token(
        self, handler: Handler, sandbox: Sandbox, http: httpx.Client, call_method: Any
    ) -> None:
        def widget() -> str:
            shown: str = http.get(f"{sandbox.origin}/sandbox/card").json()["widget"]
            return shown

        assert widget() == "open"
        sandbox.install(handler.url)
        assert widget() == "not-registered"
        auth = handler.next().members("auth")
        token = auth["access_token"]
        call_method("placement.bind", token, PLACEMENT="CALL_CARD", HANDLER=handler.url)
        assert widget() == "open"
        form = sandbox.widget_opening().form
        assert form["APPLICATION_TOKEN"] == auth["application_token"]
        assert form["member_id"] == auth["member_id"]
        call_method("placement.unbind", token, PLACEMENT="CALL_CARD")
        assert widget() == "not-registered"

    def test_the_handler_may_call_the_portal_before_it_responds(
        self, sandbox: Sandbox, call_method: Any
    ) -> None:
        def bind(received: Received) -> int:
            token = received.members("auth")["access_token"]
            answered.append(
                call_method("placement.bind", token, PLACEMENT="CALL_CARD", HANDLER=handler.url)
            )
            return 200

        answered: list[Any] = []
        with handling(bind) as handler:
            assert sandbox.install(handler.url).status == 200
            assert answered == [True]
            assert state(sandbox)["widgets"] == [handler.url]

    def test_it_replaces_the_previous_one(self, telephony: Handler, sandbox: Sandbox) -> None:
        assert state(sandbox)["events"] != []
        sandbox.install(telephony.url)
        installed = {"event": "ONAPPINSTALL", "handler": telephony.url}
        assert state(sandbox)["events"] == [installed]
        assert state(sandbox)["handler"] == telephony.url

    @pytest.mark.parametrize("status", [302, 404, 500])
    def test_it_is_installed_whatever_the_handler_responds(
        self, status: int, sandbox: Sandbox
    ) -> None:
        with handling(lambda _: status, Location="/elsewhere") as handler:
            assert sandbox.install(handler.url).status == status
            handler.next()
            assert state(sandbox)["installed"] is True
            assert handler.nothing(), "a redirect is not followed, and an event is not retried"

    def test_a_handler_that_does_not_listen_is_reported(self, sandbox: Sandbox) -> None:
        with handling() as handler:
            pass
        delivery = sandbox.install(handler.url)
        assert delivery.status is None
        assert delivery.problem
        assert "ConnectError" in delivery.problem

    @pytest.mark.parametrize(
        "url",
        [
            *("http://192.0.2.1/", "https://example.com/handler", "http://localhost.example.com/"),
            *("http://127.0.0.1@192.0.2.1/", "", "x", "http://[::1/", "http://0.0.0.0/"),
        ],
    )
    def test_another_machine(self, url: str) -> None:
        assert not is_here(url)

    @pytest.mark.parametrize(
        "body",
        [
            *({"handler": url} for url in ("http://192.0.2.1/", "//127.0.0.1/", 1, None)),
            *({"handler": url} for url in ("ftp://127.0.0.1/", "http://127.0.0.1:99999/")),
            *({"page": url} for url in ("ftp://app.example/", 1)),
        ],
        ids=str,
    )
    def test_an_invalid_handler_or_page_is_refused(
        self, body: Any, sandbox: Sandbox, http: httpx.Client
    ) -> None:
        before = state(sandbox)
        answer = http.put(f"{sandbox.origin}/sandbox/application", json=body)
        assert answer.status_code == 422
        assert state(sandbox) == before


class TestPages:
    """An application with a page, which finishes the installation."""

    def test_the_card_opens_the_page_with_valid_tokens(
        self, sandbox: Sandbox, call_method: Any
    ) -> None:
        opening = sandbox.install_page("https://app.example/install?tenant=7")
        assert opening.query["tenant"] == "7"
        assert opening.form["PLACEMENT"] == "DEFAULT"
        assert opening.form["PLACEMENT_OPTIONS"] == "[]"
        assert call_method("app.info", opening.form["AUTH_ID"])["INSTALLED"] is False

    def test_it_gets_no_event_and_has_no_widget_before_it_finishes(self) -> None:
        portal, posted = Portal(), list[Letter]()
        portal.post = posted.append
        portal.install_page("https://app.example/install")
        for event in ("ONAPPINSTALL", END):
            portal.application.add_event_handler(event, "http://127.0.0.1:3000/")
        portal.end_call()
        assert posted == []
        assert portal.application.first_widget == "https://app.example/install"
        portal.finish_installation()
        assert [letter.to.event for letter in posted] == ["ONAPPINSTALL"]
        assert not portal.application.has_widget


class TestUninstalling:
    def test_only_a_handler_bound_to_it_receives_the_event_and_no_tokens(
        self, handler: Handler, sandbox: Sandbox, call_method: Any
    ) -> None:
        sandbox.install(handler.url)
        sandbox.uninstall()
        assert [made.event for made in sandbox.deliveries] == ["ONAPPINSTALL"]
        handler.next()
        sandbox.install(handler.url)
        installed = handler.next().members("auth")
        token = installed["access_token"]
        call_method("event.bind", token, event="ONAPPUNINSTALL", handler=handler.url)
        sandbox.uninstall()
        received = handler.next()
        assert received.event == "ONAPPUNINSTALL"
        assert received.members("data") == {"LANGUAGE_ID": "en", "CLEAN": "1"}
        auth = received.members("auth")
        assert auth["application_token"] == installed["application_token"]
        assert not auth.keys() & {"access_token", "refresh_token"}

    def test_all_tokens_widgets_and_handlers_are_removed(
        self, telephony: Handler, sandbox: Sandbox, call_method: Any, http: httpx.Client
    ) -> None:
        call_method("placement.bind", PLACEMENT="CALL_CARD", HANDLER=telephony.url)
        sandbox.uninstall()
        shown = state(sandbox)
        assert (shown["installed"], shown["widgets"], shown["events"]) == (False, [], [])
        assert call_method("profile")["error"] == "APPLICATION_NOT_FOUND"
        answer = http.post(f"{sandbox.origin}/oauth/token/", data=REFRESH)
        assert answer.json()["error"] == "invalid_grant"
        assert http.get(f"{sandbox.origin}/sandbox/widget").status_code == 409


class TestTelephonyEvents:
    def test_a_call_of_the_portal_s_own_telephony(
        self, telephony: Handler, sandbox: Sandbox, act: Any
    ) -> None:
        act("ring")
        begun = telephony.next()
        assert begun.event == INIT
        call = sandbox.call
        assert call
        assert begun.members("data") == {
            "CALL_ID": call["CALL_ID"],
            "CALL_TYPE": "2",
            "ACCOUNT_SEARCH_ID": "+12025550100",
            "PHONE_NUMBER": "+12025550100",
            "CALLER_ID": "+12025550142",
        }
        assert telephony.nothing(), "it is not answered yet"
        act("answer")
        answered = telephony.next()
        assert answered.event == START
        assert answered.members("data") == {"CALL_ID": call["CALL_ID"], "USER_ID": "1"}
        act("bind")
        act("far-end-hangs-up")
        ended = telephony.next()
        assert ended.event == END
        data = ended.members("data")
        assert (data["CALL_ID"], data["PORTAL_USER_ID"]) == (call["CALL_ID"], "1")
        assert (data["CALL_FAILED_CODE"], data["PHONE_NUMBER"]) == ("200", "+12025550142")
        assert sandbox.deliveries[-1].event == END

    def test_an_unanswered_call_ends_as_missed(self, telephony: Handler, act: Any) -> None:
        act("ring")
        act("close")
        begun, ended = telephony.next(), telephony.next()
        assert (begun.event, ended.event) == (INIT, END)
        data = ended.members("data")
        assert (data["CALL_FAILED_CODE"], data["CALL_DURATION"]) == ("304", "0")

    def test_an_outgoing_call_begins_when_it_has_an_id(
        self, telephony: Handler, sandbox: Sandbox, act: Any
    ) -> None:
        act("dial")
        assert sandbox.deliveries == []
        act("answer")
        assert (telephony.next().event, telephony.next().event) == (INIT, START)

    def test_a_registered_call_ends_when_it_is_finished_not_with_its_card(
        self, telephony: Handler, sandbox: Sandbox, call_method: Any
    ) -> None:
        call_id = call_method(REGISTER, **EXTERNAL)["CALL_ID"]
        begun, answered = telephony.next(), telephony.next()
        assert (begun.event, answered.event) == (INIT, START)
        assert begun.members("data") == {
            "CALL_ID": call_id,
            "CALL_TYPE": "2",
            "CALLER_ID": "+12025550142",
            "REST_APP_ID": "1",
        }
        sandbox.call = None
        assert len(sandbox.deliveries) == 2
        call_method(FINISH, CALL_ID=call_id, USER_ID=1, DURATION=7)
        ended = telephony.next()
        assert ended.event == END
        data = ended.members("data")
        assert (data["CALL_ID"], data["CALL_DURATION"]) == (call_id, "7")
        assert len(sandbox.deliveries) == 3

    def test_it_is_answered_when_it_is_registered_also_without_a_card(
        self, telephony: Handler, sandbox: Sandbox, call_method: Any
    ) -> None:
        call_id = call_method(REGISTER, **EXTERNAL | {"USER_ID": 2}, SHOW=0)["CALL_ID"]
        assert telephony.next().event == INIT
        started = telephony.next()
        assert started.members("data") == {"CALL_ID": call_id, "USER_ID": "2"}
        assert len(sandbox.deliveries) == 2

    def test_registering_it_again_is_reported_with_an_id_that_no_call_has(
        self, telephony: Handler, sandbox: Sandbox, call_method: Any
    ) -> None:
        call_id = call_method(REGISTER, **EXTERNAL, SHOW=0)["CALL_ID"]
        assert call_method(REGISTER, **EXTERNAL, SHOW=0)["CALL_ID"] == call_id
        assert [made.event for made in sandbox.deliveries] == [INIT, START, INIT]
        reported = [telephony.next().members("data")["CALL_ID"] for _ in range(3)]
        assert reported[:2] == [call_id, call_id]
        assert reported[2] != call_id

    def test_it_may_end_for_another_user_and_is_not_reported_again(
        self, telephony: Handler, sandbox: Sandbox, call_method: Any
    ) -> None:
        call_id = call_method(REGISTER, **EXTERNAL)["CALL_ID"]
        call_method(FINISH, CALL_ID=call_id, USER_ID=2)
        sandbox.profile = "app-only"  # anything that makes the portal look at its card again
        events = [telephony.next() for _ in sandbox.deliveries]
        assert [received.event for received in events] == [INIT, START, END]
        assert events[1].members("data")["USER_ID"] == "1"
        assert events[2].members("data")["PORTAL_USER_ID"] == "2"
        sandbox.call = None
        assert len(sandbox.deliveries) == 3

    def test_a_webhook_s_call_names_no_application(
        self, telephony: Handler, sandbox: Sandbox, http: httpx.Client
    ) -> None:
        http.post(sandbox.webhook_url + REGISTER, json=EXTERNAL | {"SHOW": 0})
        assert telephony.next().members("data").keys() == {"CALL_ID", "CALL_TYPE", "CALLER_ID"}

    def test_a_scenario_s_external_call_ends_once_when_it_is_finished(
        self, telephony: Handler, sandbox: Sandbox, call_method: Any
    ) -> None:
        call_id = sandbox.play("external")["call"]["CALL_ID"]
        finish = {"CALL_ID": call_id, "USER_ID": 1, "DURATION": 8}
        assert call_method(FINISH, **finish)["CRM_ACTIVITY_ID"] == 2024
        assert sandbox.call is None
        _, _, ended = [telephony.next() for _ in range(3)]
        assert ended.members("data")["CALL_DURATION"] == "8"
        assert [made.event for made in sandbox.deliveries] == [INIT, START, END]

    def test_an_external_call_s_event_carries_an_access_token_and_no_refresh_token(
        self, telephony: Handler, sandbox: Sandbox
    ) -> None:
        sandbox.play("external")
        received = telephony.next()
        auth = received.members("auth")
        assert received.form["event_handler_id"] == "1"
        assert auth["application_token"] == "sandboxapplicationtoken"
        assert auth["access_token"] == sandbox.access_token
        assert "refresh_token" not in auth

    def test_an_event_of_the_portal_s_own_telephony_carries_no_token(
        self, telephony: Handler, sandbox: Sandbox, call_method: Any
    ) -> None:
        sandbox.play("incoming-bound")
        assert "access_token" not in telephony.next().members("auth")
        assert telephony.next().event == START
        call_method("event.bind", event=END, handler=telephony.url, auth_type=1)
        sandbox.call = None
        tokens = [telephony.next().members("auth").get("access_token") for _ in range(2)]
        assert tokens == [None, sandbox.access_token]

    @pytest.mark.parametrize("restart", [Portal.reset, lambda portal: portal.load({})])
    def test_a_restart_of_the_portal_is_not_an_event(
        self, restart: Callable[[Portal], None]
    ) -> None:
        portal, posted = Portal(), list[Letter]()
        portal.post = posted.append
        portal.application.add_event_handler(END, "http://127.0.0.1:9/")
        restart(portal)
        assert posted == []
        portal.application.add_event_handler(END, "http://127.0.0.1:9/")
        portal.end_call()
        assert [letter.to.event for letter in posted] == [END]


class TestDeliveries:
    def test_the_portal_does_not_wait_for_a_handler(
        self, sandbox: Sandbox, call_method: Any
    ) -> None:
        with holding() as (handler, release):
            call_method("event.bind", event=END, handler=handler.url)
            sandbox.call = None
            handler.next()
            assert call_method("profile")["ID"] == "1"
            release.set()
            assert [made.status for made in sandbox.deliveries] == [200]

    def test_a_handler_has_a_timeout(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bitrix24_sandbox.rest.deliveries.TIMEOUT", 0.05)
        deliveries = Deliveries("http://portal.invalid")
        with holding() as (handler, _):
            deliveries.add(Letter(EventHandler(1, END, handler.url, "0"), {}))
            asyncio.run(deliveries.posted())
        (delivery,) = deliveries.newest()
        assert (delivery.status, delivery.problem) == (None, "ReadTimeout: timed out")

    def test_a_handler_on_another_machine_receives_nothing(
        self, sandbox: Sandbox, call_method: Any
    ) -> None:
        url = "http://192.0.2.1/events"
        assert call_method("event.bind", event=END, handler=url) is True
        sandbox.call = None
        (delivery,) = sandbox.deliveries
        assert (delivery.handler, delivery.status) == (url, None)
        assert delivery.problem == "it is not on this machine, and nothing is sent to others"

    def test_a_hundred_events_are_queued(self) -> None:
        deliveries = Deliveries("http://portal.invalid")
        with holding() as (handler, _):
            letter = Letter(EventHandler(1, END, handler.url, "0"), {})
            deliveries.add(letter)
            handler.next()  # it is being posted, so it is not in the queue any more
            for _ in range(MOST_WAITING):
                deliveries.add(letter)
            assert deliveries.newest() == []
            deliveries.add(letter)
            assert [made.problem for made in deliveries.newest()] == [
                "too many events were waiting"
            ]
            deliveries.clear()

    def test_a_reset_empties_the_queue(self, sandbox: Sandbox, call_method: Any) -> None:
        with holding() as (handler, release):
            call_method("event.bind", event=START, handler=handler.url)
            for number in range(3):
                sandbox.call = {**CALL, "CALL_ID": f"externalCall.{number}"}
            handler.next()
            sandbox.reset()
            release.set()
            assert sandbox.deliveries == []
            assert handler.nothing()

    @pytest.mark.usefixtures("telephony")
    def test_a_call_that_no_form_can_contain_does_not_stop_the_queue(
        self, sandbox: Sandbox
    ) -> None:
        sandbox.call = {**CALL, "CALL_ID": "a lone surrogate: \ud83d"}
        sandbox.call = None
        sandbox.play("external")
        events = [made.event for made in sandbox.deliveries if made.status == 200]
        assert events[-2:] == [INIT, START]
