"""A webhook's path and the tokens are nowhere but on the wire, whatever goes wrong.

The sandbox's own secrets are the markers that the tests look for.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.models import InitData, OpenWidgetRequest
from bitrix24_sandbox.portal.faults import FAULTS, OAUTH_FAULTS
from httpx_retries import Retry, RetryTransport

if TYPE_CHECKING:
    from bitrix24_sandbox.remote import Sandbox

    from tests.client.conftest import Answering, Get, Recorder

SECRETS = ["sandboxwebhook", "sandboxaccesstoken", "sandboxrefreshtoken", "renewed-token"]

IMPATIENT = httpx.Timeout(10, read=0.1)


class Shown:
    """All that a person, a log or a report gets to see, and the secrets in it."""

    def __init__(self, logged: Callable[[], str]) -> None:
        self._logged = logged
        self._leaks: list[str] = []

    def look_at(self, place: str, text: str) -> None:
        """Note the secrets in a text, in any spelling."""
        spelled = text.replace("%2D", "-").lower()
        self._leaks += [f"{secret} in {place}" for secret in SECRETS if secret in spelled]

    def look_at_logs(self, place: str) -> None:
        """Look at what was logged since the last time."""
        self.look_at(f"the logs of {place}", self._logged())

    def look_at_error(self, place: str, error: BaseException) -> None:
        """Look at an exception and all behind it: those that are not printed as well."""
        place = f"{type(error).__name__} of {place}"
        self.look_at(f"traceback of {place}", "".join(traceback.format_exception(error)))
        self.look_at(f"str of {place}", str(error))
        self.look_at(f"repr of {place}", repr(error))
        self.look_at(f"pickle of {place}", pickle.dumps(error).decode("latin-1"))
        if isinstance(error, httpx.RequestError):
            request = error.request
            self.look_at(f"request of {place}", f"{request!r} {request.url} {request.headers}")
            self.look_at(f"request of {place}", f"{request.url!r} {vars(request)}")
            self.look_at(f"content of {place}", request.read().decode())
        for behind in (error.__cause__, error.__context__):
            if behind is not None:
                self.look_at_error(f"what is behind {place}", behind)

    def check(self) -> None:
        """Fail if there was a secret anywhere."""
        assert self._leaks == []


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> Iterator[Shown]:
    """What is shown while everything is logged that can be."""

    def logged() -> str:
        # The portal runs in this process as well, and its server may say what it likes.
        ours = [r for r in caplog.records if r.name.split(".")[0] not in ("uvicorn", "sandbox")]
        text = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
        caplog.clear()
        return text

    with caplog.at_level(logging.DEBUG):
        yield Shown(logged)


def renew() -> str:
    return "renewed-token"


@pytest.fixture(params=["webhook", "token in the body", "token in the query", "renewal"])
def make(request: pytest.FixtureRequest, sandbox: Sandbox) -> Callable[..., Client]:
    """Makes a client of each kind; it does not wait long for an answer."""
    if request.param == "webhook":
        return partial(Client, base_url=sandbox.webhook_url, timeout=IMPATIENT)
    return partial(
        AuthenticatedClient,
        base_url=sandbox.oauth_url,
        token=sandbox.access_token,
        auth_in="query" if request.param == "token in the query" else "body",
        refresh=renew if request.param == "renewal" else None,
        timeout=IMPATIENT,
    )


def meet(client: Client, get: Get, shown: Shown, place: str) -> BaseException | None:
    """Ask, and look at all that comes of it."""
    error: BaseException | None = None
    try:
        with client:
            get(client)
    except Exception as raised:
        error = raised
        shown.look_at_error(place, raised)
    shown.look_at_logs(place)
    shown.look_at(f"client of {place}", f"{client} {client!r}")
    return error


class TestFaults:
    def test_no_fault_of_a_portal_shows_them(
        self, make: Callable[..., Client], get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        client = make()
        for fault in FAULTS:
            sandbox.fault(fault, **({"seconds": 60} if fault == "slow" else {}))
            assert meet(client, get, shown, fault) is not None or fault == "expired_token"
        shown.check()

    def test_a_portal_that_cannot_be_reached_does_not_show_them(
        self, get: Get, shown: Shown
    ) -> None:
        for base_url in (
            "http://127.0.0.1:1/rest/1/sandboxwebhook/",
            "https://127.0.0.1:1/rest/1/sandboxwebhook/",
            "http://portal.invalid/rest/1/sandboxwebhook/",
        ):
            error = meet(Client(base_url=base_url), get, shown, base_url.partition(":")[0])
            assert isinstance(error, httpx.ConnectError)
        shown.check()

    def test_a_portal_that_does_not_speak_http_does_not_show_them(
        self, get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        tls = sandbox.webhook_url.replace("http:", "https:")
        assert isinstance(meet(Client(base_url=tls), get, shown, "TLS"), httpx.ConnectError)
        shown.check()

    @pytest.mark.parametrize("fault", ["QUERY_LIMIT_EXCEEDED", "html-502", "disconnect"])
    def test_repeats_do_not_show_them(
        self, fault: str, make: Callable[..., Client], get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        for times in (1, 9):  # overcome, and given up
            sandbox.reset()
            sandbox.fault(fault, times)
            retry = Retry(total=2, allowed_methods=["POST"])
            repeating = make(httpx_args={"transport": RetryTransport(retry=retry)})
            error = meet(repeating, get, shown, f"{fault}, {times} times")
            assert (error is None) == (times == 1)
        shown.check()

    def test_a_renewal_that_fails_does_not_show_them(
        self, get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        def renew_in_vain() -> str:
            httpx.get(f"{sandbox.origin}/oauth/token/").raise_for_status()
            raise AssertionError

        for fault in OAUTH_FAULTS:
            sandbox.expire_tokens()
            sandbox.fault(fault)
            client = AuthenticatedClient(
                base_url=sandbox.oauth_url, token=sandbox.access_token, refresh=renew_in_vain
            )
            assert isinstance(meet(client, get, shown, fault), httpx.HTTPStatusError)
        shown.check()

    def test_a_body_that_holds_one_is_on_the_exception_and_not_shown_with_it(
        self, get: Get, answering: Answering
    ) -> None:
        # Web servers like to name the address that was asked for.
        page = b'<p>The document has moved to <a href="/rest/1/sandboxwebhook/">here</a>.</p>'
        for status in (200, 301, 404, 502):
            with pytest.raises(errors.Bitrix24Error) as caught:
                get(answering(page, status))
            assert caught.value.content == page  # type: ignore[attr-defined]
            for text in (str(caught.value), repr(caught.value), repr([caught.value])):
                assert "sandboxwebhook" not in text


class TestRedirects:
    @pytest.mark.parametrize("follow_redirects", [False, True])
    @pytest.mark.parametrize(
        "location",
        [
            "{origin}/rest/1/sandboxwebhook/placement.call",
            "{origin}/rest/1/sandboxwebhook/elsewhere",
            "/rest/1/sandboxwebhook/",
            "/rest/1/sandboxwebhook",
            "/rest/1/sandbox%2Dwebhook/placement.call",
            "/REST/1/sandboxwebhook/placement.call",
            "{origin}//rest/1/sandboxwebhook/placement.call",
            "{origin}/portal/rest/1/sandboxwebhook/placement.call",
            "/moved?to=/rest/1/sandboxwebhook/placement.call",
            "/moved#/rest/1/sandboxwebhook/placement.call",
            "http://sandboxwebhook:secret@{host}/moved",
            '/it\'s-"quoted"/rest/1/sandboxwebhook/',
            "http://[sandboxwebhook/",
            "http://{host}:sandboxwebhook/",
            "http://portal.invalid/rest/1/sandboxwebhook/placement.call",
        ],
    )
    def test_a_target_that_holds_the_webhook_does_not_show_it(
        self, location: str, follow_redirects: bool, get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        client = Client(base_url=sandbox.webhook_url, follow_redirects=follow_redirects)
        self.meet_redirect(location, client, get, sandbox, shown)

    @pytest.mark.parametrize("follow_redirects", [False, True])
    @pytest.mark.parametrize(
        "location",
        [
            "{origin}/rest/placement.call?auth=sandboxaccesstoken",
            "/moved?auth=sandboxaccesstoken&again=sandboxaccesstoken",
            "/moved#auth=sandboxaccesstoken",
            "/moved/sandboxaccesstoken",
            "http://portal.invalid/rest/placement.call?auth=sandboxaccesstoken",
        ],
    )
    def test_a_target_that_holds_the_token_does_not_show_it(
        self, location: str, follow_redirects: bool, get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        client = AuthenticatedClient(
            base_url=sandbox.oauth_url,
            token=sandbox.access_token,
            auth_in="query",
            follow_redirects=follow_redirects,
        )
        self.meet_redirect(location, client, get, sandbox, shown)

    @staticmethod
    def meet_redirect(
        location: str, client: Client, get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        """Be redirected, and look at what it shows."""
        host = sandbox.origin.removeprefix("http://")
        sandbox.fault("redirect", location=location.format(origin=sandbox.origin, host=host))
        meet(client, get, shown, location)
        shown.check()

    @pytest.mark.parametrize("follow_redirects", [False, True])
    def test_another_host_gets_nothing_and_the_status_is_unexpected(
        self,
        follow_redirects: bool,
        make: Callable[..., Client],
        get: Get,
        sandbox: Sandbox,
        shown: Shown,
        recorder: Recorder,
    ) -> None:
        location = f"{recorder.origin}/rest/1/sandboxwebhook/placement.call"
        for status in (301, 302, 303, 307, 308):
            sandbox.fault("redirect", location=location, status=status)
            redirected = make(follow_redirects=follow_redirects)
            error = meet(redirected, get, shown, f"a redirect with {status}")
            assert isinstance(error, errors.UnexpectedStatus)
            assert error.status_code == status
        assert recorder.connections == 0
        shown.check()

    @pytest.mark.parametrize("query", ["", "?auth=sandboxaccesstoken"])
    def test_a_circle_does_not_show_them(
        self, query: str, make: Callable[..., Client], get: Get, sandbox: Sandbox, shown: Shown
    ) -> None:
        client = make(follow_redirects=True)
        own = sandbox.oauth_url if isinstance(client, AuthenticatedClient) else sandbox.webhook_url
        sandbox.fault("redirect", 50, location=f"{own.rstrip('/')}/placement.call{query}")
        error = meet(client, get, shown, "a circle")
        assert isinstance(error, errors.UnexpectedStatus)
        shown.check()


class TestModels:
    """Two models hold secrets that a portal gives to a widget."""

    OPENING: dict[str, Any] = {  # noqa: RUF012 - never changed
        "AUTH_ID": "sandboxaccesstoken",
        "AUTH_EXPIRES": "3600",
        "REFRESH_ID": "sandboxrefreshtoken",
        "SERVER_ENDPOINT": "https://oauth.bitrix.info/rest/",
        "APPLICATION_TOKEN": "renewed-token",
        "APPLICATION_SCOPE": "placement,telephony",
        "member_id": "0123456789abcdef0123456789abcdef",
        "status": "L",
        "PLACEMENT": "CALL_CARD",
        "PLACEMENT_OPTIONS": "{}",
    }
    INIT: dict[str, Any] = {  # noqa: RUF012
        "LANG": "en",
        "DOMAIN": "portal.example",
        "PATH": "/rest",
        "PLACEMENT": "CALL_CARD",
        "PROTOCOL": 1,
        "AUTH_ID": "sandboxaccesstoken",
        "REFRESH_ID": "sandboxrefreshtoken",
        "MEMBER_ID": "0123456789abcdef0123456789abcdef",
        "AUTH_EXPIRES": "3600",
        "FIRST_RUN": False,
        "IS_ADMIN": True,
        "INSTALL": False,
        "USER_OPTIONS": [],
        "APP_OPTIONS": {},
        "PLACEMENT_OPTIONS": {
            "CALL_ID": "externalCall.0123456789abcdef0123456789abcdef.1723556778",
            "CRM_ENTITY_TYPE": "CONTACT",
            "CRM_ENTITY_ID": "17",
            "CALL_DIRECTION": "incoming",
            "CALL_LIST_MODE": "false",
        },
    }

    @pytest.fixture(params=["OpenWidgetRequest", "InitData"])
    def told(
        self, request: pytest.FixtureRequest
    ) -> tuple[type[OpenWidgetRequest | InitData], dict[str, Any]]:
        """A model, and what a portal tells it."""
        if request.param == "InitData":
            return InitData, self.INIT
        return OpenWidgetRequest, self.OPENING

    def test_they_do_not_show_them(
        self, told: tuple[type[OpenWidgetRequest | InitData], dict[str, Any]], shown: Shown
    ) -> None:
        kind, data = told
        model = kind.from_dict(data)
        assert model.auth_id == "sandboxaccesstoken"
        assert model.refresh_id == "sandboxrefreshtoken"
        for text in (repr(model), str(model), f"{model}", repr([model]), "%s" % model):  # noqa: UP031
            assert "member_id='0123456789abcdef" in text  # the rest is there
            shown.look_at("the model", text)
        shown.check()

    @pytest.mark.parametrize("wrong", [None, 17, ["sandboxrefreshtoken"], {"sandboxwebhook": 1}])
    def test_one_that_cannot_be_read_does_not_show_them(
        self,
        wrong: object,
        told: tuple[type[OpenWidgetRequest | InitData], dict[str, Any]],
        shown: Shown,
    ) -> None:
        kind, data = told
        failures = 0
        for name in data:
            with contextlib.suppress(errors.InvalidResponse):
                try:
                    kind.from_dict({**data, name: wrong})
                except errors.InvalidResponse as error:
                    failures += 1
                    shown.look_at_error(name, error)
                    raise
        assert failures > len(data) / 2
        shown.check()
