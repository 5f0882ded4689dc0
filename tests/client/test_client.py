"""The two clients: how they are made, shared and closed, and what they show of their secrets."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bitrix24_call_card import AuthenticatedClient, Client, errors
from bitrix24_call_card.api.call_card import get_status

if TYPE_CHECKING:
    from bitrix24_sandbox.remote import Sandbox

    from tests.client.conftest import Ask, Get, Recorder

WEBHOOK = "https://portal.example/rest/1/made-up-secret/"


class TestBaseUrl:
    @pytest.mark.parametrize(
        "base_url",
        [
            "",
            "portal",
            "portal.example/rest/1/made-up-secret",
            "/rest/1/made-up-secret/",
            "//portal.example/rest/1/made-up-secret/",
            "https:///rest/1/made-up-secret/",
            "https://",
            "ftp://portal.example/rest/1/made-up-secret/",
            "file:///rest/1/made-up-secret/",
            "https://portal.example/rest/?auth=made-up-secret",
            "https://portal.example/rest/1/made-up-secret/?",
            "https://portal.example/rest/#made-up-secret",
            "https://user:made-up-secret@portal.example/rest/",
            "https://made-up-secret@portal.example/rest/",
            " https://portal.example/rest/1/made-up-secret/",
            "https://portal.example/rest/1/made-up-secret/\n",
            "https://[portal]/rest/1/made-up-secret/",
            "https://portal.example:port/rest/1/made-up-secret/",
            "https://portal.example:99999/rest/1/made-up-secret/",
        ],
    )
    @pytest.mark.parametrize(
        "make",
        [Client, partial(AuthenticatedClient, token="made-up-secret")],
        ids=["webhook", "OAuth"],
    )
    def test_an_address_that_is_none_is_a_value_error_that_does_not_show_it(
        self, base_url: str, make: Callable[..., Client]
    ) -> None:
        with pytest.raises(ValueError, match=r"^base_url: expected a URL such as") as caught:
            make(base_url=base_url)
        shown = "".join(traceback.format_exception_only(caught.value))
        assert "made-up-secret" not in shown
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None

    @pytest.mark.parametrize(
        "base_url",
        [
            "http://127.0.0.1:8024/rest",
            "HTTPS://PORTAL.EXAMPLE/rest/1/made-up-secret/",
            "https://[::1]:8024/rest/1/made-up-secret/",
            "https://портал.example/rest/",
        ],
    )
    def test_any_web_address_will_do(self, base_url: str) -> None:
        assert "made-up-secret" not in repr(Client(base_url=base_url))


class TestTimeout:
    def test_there_is_a_finite_one_for_each_phase(self, recorder: Recorder) -> None:
        with Client(base_url=recorder.origin) as client:
            timeout = client.get_httpx_client().timeout
        phases = (timeout.connect, timeout.read, timeout.write, timeout.pool)
        assert all(phase is not None and 0 < phase <= 60 for phase in phases)

    @pytest.mark.parametrize("how", ["argument", "with_timeout"])
    def test_the_one_that_is_given_counts(self, how: str, get: Get) -> None:
        timeout = httpx.Timeout(1.5, connect=2.5)
        seen: list[object] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request.extensions["timeout"])
            return httpx.Response(503)

        args = {"transport": httpx.MockTransport(answer)}
        if how == "argument":
            client = Client(base_url=WEBHOOK, timeout=timeout, httpx_args=args)
        else:
            client = Client(base_url=WEBHOOK, httpx_args=args).with_timeout(timeout)
        with pytest.raises(errors.InvalidResponse):
            get(client)
        assert seen == [{"connect": 2.5, "read": 1.5, "write": 1.5, "pool": 1.5}]

    def test_none_is_none(self) -> None:
        with Client(base_url=WEBHOOK, timeout=None) as client:
            assert client.get_httpx_client().timeout == httpx.Timeout(None)


class TestCopies:
    """`with_…` gives a new client; the old one stays as it was, also once it has been used."""

    @staticmethod
    def sent(client: Client, recorder: Recorder) -> dict[str, list[str]]:
        with client:
            get_status.sync(client=client)
        received = recorder.received[-1]
        return {name: received.header(name) for name in ("x-one", "x-two", "cookie")}

    @pytest.fixture(params=["unused", "used"])
    def client(self, request: pytest.FixtureRequest, recorder: Recorder) -> Client:
        client = AuthenticatedClient(
            base_url=f"{recorder.origin}/rest",
            token="made-up-token",
            headers={"X-One": "1"},
            cookies={"one": "1"},
        )
        if request.param == "used":
            self.sent(client, recorder)
        return client

    def test_headers_are_added(self, client: Client, recorder: Recorder) -> None:
        other = client.with_headers({"X-Two": "2"})
        assert type(other) is AuthenticatedClient
        one = {"x-one": ["1"], "x-two": [], "cookie": ["one=1"]}
        assert self.sent(client, recorder) == one
        assert self.sent(other, recorder) == {**one, "x-two": ["2"]}
        assert self.sent(client, recorder) == one

    def test_headers_are_replaced(self, client: Client, recorder: Recorder) -> None:
        other = client.with_headers({"X-One": "other"})
        assert self.sent(other, recorder)["x-one"] == ["other"]
        assert self.sent(client, recorder)["x-one"] == ["1"]

    def test_cookies_are_added(self, client: Client, recorder: Recorder) -> None:
        other = client.with_cookies({"two": "2"})
        assert self.sent(client, recorder)["cookie"] == ["one=1"]
        assert sorted(self.sent(other, recorder)["cookie"][0].split("; ")) == ["one=1", "two=2"]
        assert self.sent(client, recorder)["cookie"] == ["one=1"]

    def test_the_timeout_is_replaced(self, client: Client) -> None:
        before = client.get_httpx_client().timeout
        other = client.with_timeout(httpx.Timeout(1.5))
        with client, other:
            assert other.get_httpx_client().timeout == httpx.Timeout(1.5)
            assert client.get_httpx_client().timeout == before

    def test_the_token_goes_along(self, client: Client, recorder: Recorder) -> None:
        others = [client.with_headers({}), client.with_cookies({}), client.with_timeout(None)]
        for other in others:
            self.sent(other, recorder)
            assert json.loads(recorder.received[-1].body)["auth"] == "made-up-token"

    def test_a_copy_has_a_token_of_its_own(self, recorder: Recorder) -> None:
        client = AuthenticatedClient(base_url=f"{recorder.origin}/rest", token="first-token")
        other = client.with_headers({})
        client.token = "second-token"
        self.sent(other, recorder)
        assert json.loads(recorder.received[-1].body)["auth"] == "first-token"


class TestOwnHttpxClient:
    """An httpx client of the application's own is really the one that is used."""

    @pytest.mark.parametrize("auth_in", ["body", "query"])
    def test_sync(self, auth_in: Any, recorder: Recorder) -> None:
        client = AuthenticatedClient(
            base_url=f"{recorder.origin}/rest", token="first-token", auth_in=auth_in
        )
        with httpx.Client(headers={"X-Own": "yes"}, timeout=1.5) as own:
            assert client.set_httpx_client(own) is client
            assert client.get_httpx_client() is own
            assert get_status.sync(client=client).result.crm_entity_id == 17
            client.token = "second-token"
            assert get_status.sync(client=client).result.crm_entity_id == 17
        self.check(recorder)

    @pytest.mark.parametrize("auth_in", ["body", "query"])
    def test_asyncio(self, auth_in: Any, recorder: Recorder) -> None:
        client = AuthenticatedClient(
            base_url=f"{recorder.origin}/rest", token="first-token", auth_in=auth_in
        )

        async def use() -> None:
            async with httpx.AsyncClient(headers={"X-Own": "yes"}, timeout=1.5) as own:
                assert client.set_async_httpx_client(own) is client
                assert client.get_async_httpx_client() is own
                assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17
                client.token = "second-token"
                assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17

        asyncio.run(use())
        self.check(recorder)

    @staticmethod
    def check(recorder: Recorder) -> None:
        first, second = recorder.received
        assert first.header("x-own") == second.header("x-own") == ["yes"]
        assert first.target.startswith("/rest/placement.call")
        assert first.header("content-type") == ["application/json"]
        assert "first-token" in first.target + first.body.decode()
        assert "second-token" in second.target + second.body.decode()

    def test_it_replaces_one_that_was_used_before(self, recorder: Recorder) -> None:
        client = Client(base_url=recorder.origin)
        with client:
            get_status.sync(client=client)
        with httpx.Client(headers={"X-Own": "yes"}) as own:
            get_status.sync(client=client.set_httpx_client(own))
        assert [r.header("x-own") for r in recorder.received] == [[], ["yes"]]


class TestRedirects:
    """Followed on request, and within the portal only."""

    @pytest.mark.parametrize("status", [307, 308])
    @pytest.mark.parametrize(
        "location",
        ["/rest/1/made-up-secret/elsewhere", "elsewhere", "{origin}/other", "/other?a=b"],
    )
    def test_within_the_portal_the_body_is_sent_again(
        self, status: int, location: str, get: Get, recorder: Recorder
    ) -> None:
        start = "/rest/1/made-up-secret/placement.call"
        location = location.format(origin=recorder.origin)
        recorder.answers[start] = [(status, {"Location": location})]
        client = Client(base_url=f"{recorder.origin}/rest/1/made-up-secret/", follow_redirects=True)
        with client:
            assert get(client).result.crm_entity_id == 17
        first, second = recorder.received
        assert first.target == start
        assert second.target == httpx.URL(recorder.origin + start).join(location).raw_path.decode()
        assert second.method == "POST"
        assert second.body == first.body == b'{"PLACEMENT":"getStatus","PARAMS":{}}'

    @pytest.mark.parametrize("auth_in", ["body", "query"])
    def test_within_the_portal_the_token_goes_along(
        self, auth_in: Any, get: Get, recorder: Recorder
    ) -> None:
        query = "?auth=made-up-token" if auth_in == "query" else ""
        start = f"/rest/placement.call{query}"
        recorder.answers[start] = [(307, {"Location": f"/portal/rest/placement.call{query}"})]
        client = AuthenticatedClient(
            base_url=f"{recorder.origin}/rest",
            token="made-up-token",
            auth_in=auth_in,
            follow_redirects=True,
        )
        with client:
            get(client)
        first, second = recorder.received
        assert second.target == f"/portal/rest/placement.call{query}"
        assert second.body == first.body

    def test_a_redirect_is_unexpected_unless_it_is_to_be_followed(
        self, ask: Ask, recorder: Recorder
    ) -> None:
        start = "/rest/1/made-up-secret/placement.call"
        recorder.answers[start] = [(307, {"Location": "/rest/1/made-up-secret/elsewhere"})]
        client = Client(base_url=f"{recorder.origin}/rest/1/made-up-secret/")
        with client, pytest.raises(errors.UnexpectedStatus) as caught:
            ask(client)
        assert caught.value.status_code == 307
        assert len(recorder.received) == 1

    @pytest.mark.parametrize("follow_redirects", [True, False])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("path", ["/rest/1/made-up-secret/placement.call", "/", ""])
    def test_another_origin_sees_no_connection(
        self,
        path: str,
        status: int,
        follow_redirects: bool,
        recorders: Callable[[], Recorder],
    ) -> None:
        portal, other = recorders(), recorders()  # of another port, so of another origin
        start = "/rest/1/made-up-secret/placement.call"
        portal.answers[start] = [(status, {"Location": f"{other.origin}{path}"})] * 2
        client = Client(
            base_url=f"{portal.origin}/rest/1/made-up-secret/", follow_redirects=follow_redirects
        )

        async def use() -> None:
            async with client:
                await get_status.asyncio(client=client)

        for call in (lambda: get_status.sync(client=client), lambda: asyncio.run(use())):
            with client, pytest.raises(errors.UnexpectedStatus) as caught:
                call()
            assert caught.value.status_code == status
        assert other.connections == 0
        assert other.received == []

    @pytest.mark.parametrize("location", ["https://{netloc}/", "//localhost:{port}/"])
    def test_another_scheme_or_name_is_another_origin(
        self, location: str, get: Get, recorder: Recorder
    ) -> None:
        netloc = recorder.origin.removeprefix("http://")
        location = location.format(netloc=netloc, port=netloc.rpartition(":")[2])
        recorder.answers["/rest/placement.call"] = [(307, {"Location": location})]
        client = AuthenticatedClient(
            base_url=f"{recorder.origin}/rest", token="made-up-token", follow_redirects=True
        )
        with client, pytest.raises(errors.UnexpectedStatus):
            get(client)
        assert len(recorder.received) == recorder.connections == 1

    def test_a_circle_is_left_after_some_rounds(self, get: Get, recorder: Recorder) -> None:
        start = "/rest/1/made-up-secret/placement.call"
        recorder.answers[start] = [(307, {"Location": start})] * 50
        client = Client(base_url=f"{recorder.origin}/rest/1/made-up-secret/", follow_redirects=True)
        with client, pytest.raises(errors.UnexpectedStatus) as caught:
            get(client)
        assert caught.value.status_code == 307
        assert 1 < len(recorder.answers[start]) < 50

    def test_the_target_that_is_followed_no_further_is_not_looked_at(
        self, get: Get, recorder: Recorder
    ) -> None:
        start = "/rest/1/made-up-secret/placement.call"
        circle = [(307, {"Location": start})] * 5
        recorder.answers[start] = [
            *circle,
            (307, {"Location": "http://portal.example:made-up-secret/"}),
        ]
        client = Client(base_url=f"{recorder.origin}/rest/1/made-up-secret/", follow_redirects=True)
        with client, pytest.raises(errors.UnexpectedStatus):
            get(client)
        assert recorder.answers[start] == []


class TestSharing:
    def test_threads_build_one_httpx_client(
        self, monkeypatch: pytest.MonkeyPatch, recorder: Recorder
    ) -> None:
        built: list[httpx.Client] = []
        build = httpx.Client.__init__
        everybody = threading.Barrier(32)

        def counting(self: httpx.Client, *args: Any, **kwargs: Any) -> None:
            built.append(self)
            time.sleep(0.05)  # long enough for every other thread to come and build one, too
            build(self, *args, **kwargs)

        monkeypatch.setattr(httpx.Client, "__init__", counting)

        def call() -> int:
            everybody.wait()
            return get_status.sync(client=client).result.crm_entity_id

        with Client(base_url=recorder.origin) as client, ThreadPoolExecutor(32) as threads:
            results = [future.result() for future in [threads.submit(call) for _ in range(32)]]
        assert results == [17] * 32
        assert len(built) == 1

    def test_threads_do_not_mix_the_tokens_of_their_clients(self, recorder: Recorder) -> None:
        def call(number: int) -> None:
            token = f"token-{number}"
            with AuthenticatedClient(base_url=f"{recorder.origin}/rest", token=token) as client:
                get_status.sync(client=client)
                get_status.sync(client=client)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(call, range(8)))
        sent = sorted(json.loads(received.body)["auth"] for received in recorder.received)
        assert sent == sorted(f"token-{number}" for number in range(8) for _ in range(2))

    def test_tasks_share_a_client(self, recorder: Recorder) -> None:
        async def use() -> list[int]:
            async with Client(base_url=recorder.origin) as client:
                answers = [get_status.asyncio(client=client) for _ in range(20)]
                return [answer.result.crm_entity_id for answer in await asyncio.gather(*answers)]

        assert asyncio.run(use()) == [17] * 20

    def test_sync_calls_keep_their_connection(self, recorder: Recorder) -> None:
        with Client(base_url=recorder.origin) as client:
            for _ in range(5):
                get_status.sync(client=client)
        assert recorder.connections == 1

    def test_async_calls_keep_their_connection(self, recorder: Recorder) -> None:
        async def use() -> None:
            async with Client(base_url=recorder.origin) as client:
                for _ in range(5):
                    await get_status.asyncio(client=client)

        asyncio.run(use())
        assert recorder.connections == 1


class TestClosing:
    def test_with_closes_the_connections(self, recorder: Recorder) -> None:
        with Client(base_url=recorder.origin) as client:
            get_status.sync(client=client)
        assert recorder.wait_until_all_is_closed()

    def test_async_with_closes_the_connections(self, recorder: Recorder) -> None:
        async def use() -> None:
            async with Client(base_url=recorder.origin) as client:
                await asyncio.gather(*[get_status.asyncio(client=client) for _ in range(3)])
            # Here, where the loop still runs: its end would close them as well.
            assert await asyncio.to_thread(recorder.wait_until_all_is_closed)

        asyncio.run(use())

    def test_a_client_that_was_not_used_can_be_closed(self, recorder: Recorder) -> None:
        with Client(base_url=recorder.origin):
            pass
        assert recorder.connections == 0

    def test_a_client_works_after_with(self, recorder: Recorder) -> None:
        client = Client(base_url=recorder.origin)
        for _ in range(2):
            with client:
                get_status.sync(client=client)
        assert get_status.sync(client=client).result.crm_entity_id == 17
        client.get_httpx_client().close()
        assert recorder.wait_until_all_is_closed()

    def test_a_client_works_after_async_with(self, recorder: Recorder) -> None:
        client = Client(base_url=recorder.origin)

        async def use() -> None:
            for _ in range(2):
                async with client:
                    await get_status.asyncio(client=client)
            assert (await get_status.asyncio(client=client)).result.crm_entity_id == 17
            await client.get_async_httpx_client().aclose()

        asyncio.run(use())
        assert recorder.wait_until_all_is_closed()

    def test_a_client_crosses_event_loops(self, recorder: Recorder) -> None:
        client = Client(base_url=recorder.origin)

        async def use() -> int:
            async with client:
                return (await get_status.asyncio(client=client)).result.crm_entity_id

        assert [asyncio.run(use()) for _ in range(3)] == [17] * 3

    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    def test_a_client_that_is_left_open_crosses_event_loops(self, recorder: Recorder) -> None:
        client = Client(base_url=recorder.origin)
        for _ in range(3):
            response = asyncio.run(get_status.asyncio(client=client))
            assert response.result.crm_entity_id == 17
        del client
        gc.collect()  # what was left open warns now, and not in another test


def portal_aside(caplog: pytest.LogCaptureFixture) -> list[str]:
    """All that was logged, except by the portal, which is in the same process."""
    return [
        f"{record.name} {record.getMessage()} {vars(record)}"
        for record in caplog.records
        if not record.name.startswith("uvicorn")
    ]


class TestSecrets:
    @pytest.fixture(params=["webhook", "body", "query"])
    def client(self, request: pytest.FixtureRequest, sandbox: Sandbox) -> Client:
        if request.param == "webhook":
            return Client(base_url=sandbox.webhook_url)
        return AuthenticatedClient(
            base_url=sandbox.oauth_url, token=sandbox.access_token, auth_in=request.param
        )

    @staticmethod
    def check(shown: str) -> None:
        assert "sandboxwebhook" not in shown
        assert "sandboxaccesstoken" not in shown

    def test_a_client_shows_its_host_and_nothing_else(
        self, client: Client, sandbox: Sandbox
    ) -> None:
        for shown in (repr(client), str(client), f"{client}", f"{[client]}"):
            self.check(shown)
            assert "/rest" not in shown
            assert sandbox.origin in shown
            assert type(client).__name__ in shown

    def test_a_wrong_use_does_not_show_them_either(self, client: Client) -> None:
        with pytest.raises((AttributeError, TypeError)) as caught:
            client.no_such_member  # type: ignore[attr-defined]  # noqa: B018
        self.check(str(caught.value))

    @pytest.mark.parametrize("fault", [None, "expired_token", "html-502", "truncated-json"])
    def test_logs_do_not_show_them(
        self,
        fault: str | None,
        client: Client,
        ask: Ask,
        sandbox: Sandbox,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        if fault:
            sandbox.fault(fault)
        with caplog.at_level(logging.DEBUG), client:
            try:
                ask(client)
            except errors.Bitrix24Error as error:
                self.check("".join(traceback.format_exception(error)))
        logged = portal_aside(caplog)
        assert any(text.startswith("httpx HTTP Request: POST http://127.") for text in logged)
        assert any(text.startswith("httpcore") for text in logged)
        self.check("\n".join(logged))

    @pytest.mark.parametrize(("fault", "members"), [("slow", {"seconds": 60}), ("disconnect", {})])
    def test_an_exception_of_httpx_does_not_show_them(
        self,
        fault: str,
        members: dict[str, Any],
        client: Client,
        ask: Ask,
        sandbox: Sandbox,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        sandbox.fault(fault, **members)
        client = client.with_timeout(httpx.Timeout(10, read=0.1))
        with caplog.at_level(logging.DEBUG), client, pytest.raises(httpx.HTTPError) as caught:
            ask(client)
        error = caught.value
        self.check(f"{error.request.url} {error.request.headers} {error.request!r}")
        self.check("".join(traceback.format_exception(error)))
        self.check("\n".join(portal_aside(caplog)))

    def test_a_followed_redirect_does_not_show_them(
        self, client: Client, ask: Ask, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        target = f"{sandbox.webhook_url}placement.call"
        following = Client(base_url=sandbox.webhook_url, follow_redirects=True)
        if isinstance(client, AuthenticatedClient):
            target = f"{sandbox.oauth_url}/placement.call?auth={sandbox.access_token}"
            following = AuthenticatedClient(
                base_url=sandbox.oauth_url,
                token=sandbox.access_token,
                auth_in=client.auth_in,
                follow_redirects=True,
            )
        sandbox.fault("redirect", location=target)
        with caplog.at_level(logging.DEBUG), following:
            ask(following)
        logged = portal_aside(caplog)
        assert any("b'Temporary Redirect'" in line for line in logged)
        self.check("\n".join(logged))
