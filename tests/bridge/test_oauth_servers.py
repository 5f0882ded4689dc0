"""What OAuth servers say of access tokens, and for how long it counts."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
from bitrix24_bridge.data import hashed
from bitrix24_bridge.settings import Rate
from starlette.responses import JSONResponse, RedirectResponse

from tests.bridge.bridges import GET_STATUS, Bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    ask_with,
    card,
    open_widget,
    opening_form,
    refused,
    said,
)
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.portals import (
    Cloud,
    Decoy,
    FakePortal,
    deep,
    known,
    page,
    post_form,
    running_cloud,
)

pytestmark = pytest.mark.anyio

INVALID_TOKEN = (401, "invalid_token")


# --- several servers ------------------------------------------------------------------------------


@pytest.fixture
def other() -> Iterator[Cloud]:
    """An OAuth server that does not know the portal."""
    with running_cloud() as running:
        yield running


@pytest.fixture
def bridge_of_two(run_bridge: RunBridge, portal: FakePortal, other: Cloud) -> Bridge:
    """A bridge that believes the other OAuth server, which is asked first, and the portal's."""
    return run_bridge(oauth_servers=(other.oauth_server, portal.cloud.oauth_server))


async def test_a_token_is_of_the_server_that_knows_it_and_counts_once_for_its_address(
    run_bridge: RunBridge, portal: FakePortal, other: Cloud, http: httpx.AsyncClient
) -> None:
    servers = (other.oauth_server, portal.cloud.oauth_server)
    bridge = run_bridge(oauth_servers=servers, tokens=Rate(2, 0.001))
    token, unknown = portal.token(), secrets.token_hex(24)
    for _ in range(2):
        assert said(await ask_with(http, bridge, token)) == NOT_CONNECTED
        assert said(await ask_with(http, bridge, unknown)) == INVALID_TOKEN
    for server in (other, portal.cloud):
        assert (server.times_asked(token), server.times_asked(unknown)) == (1, 1)
    assert said(await ask_with(http, bridge, portal.token())) == (503, "QUERY_LIMIT_EXCEEDED")


async def test_the_oauth_server_that_a_form_names_is_asked_first(
    bridge_of_two: Bridge, portal: FakePortal, other: Cloud, http: httpx.AsyncClient
) -> None:
    for server, times in ((portal.cloud, 0), (other, 1)):
        token, portal.domain = portal.token(), f"renamed-{times}.example"
        form = opening_form(portal, token, SERVER_ENDPOINT=server.oauth_server)
        assert (await open_widget(http, bridge_of_two, form)).status_code == 200
        assert (other.times_asked(token), portal.cloud.times_asked(token)) == (times, 1)


async def test_an_oauth_server_that_is_down_fails_no_token_of_the_other(
    bridge_of_two: Bridge, portal: FakePortal, other: Cloud, http: httpx.AsyncClient
) -> None:
    token, unknown = portal.token(), secrets.token_hex(24)
    for each in (token, unknown):
        other.strange[each] = page()
    assert said(await ask_with(http, bridge_of_two, token)) == NOT_CONNECTED
    # The one that is down may be the one that knows it.
    assert said(await ask_with(http, bridge_of_two, unknown)) == (500, "ERROR_UNEXPECTED_ANSWER")


async def test_the_oauth_server_that_knows_the_token_is_the_one_of_the_portal(
    bridge_of_two: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    body = portal.install_form(portal.token(admin=True), server_endpoint="")
    assert (await post_form(http, f"{bridge_of_two.url}/install", body)).status_code == 200
    found = known(bridge_of_two, portal)
    assert found
    assert found.oauth_server == portal.cloud.oauth_server


# --- what is remembered ---------------------------------------------------------------------------


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that lets seconds pass for the bridge and for the OAuth server."""
    now, passed = time.time, 0.0

    def let_pass(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        monkeypatch.setattr(time, "time", lambda: now() + passed)

    return let_pass


async def kept(bridge: Bridge, token: str) -> None:
    """Wait until the bridge keeps what was said of a token."""
    with bridge.data() as data:
        async with asyncio.timeout(20):
            while data.verdict(hashed(token)) is None:
                await asyncio.sleep(0.005)


@pytest.mark.parametrize(("hours", "then"), [(1, (401, "expired_token")), (10, NOT_CONNECTED)])
async def test_a_token_is_asked_about_once_until_it_expires_or_an_hour_has_passed(
    bridge: Bridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
    let_pass: Callable[[float], None],
    hours: int,
    then: tuple[int, str],
) -> None:
    token = portal.token(expires=time.time() + 3600 * hours)
    answers = await asyncio.gather(*(ask_with(http, bridge, token) for _ in range(20)))
    assert {said(answer) for answer in answers} == {NOT_CONNECTED}
    await kept(bridge, token)
    let_pass(1800)
    assert said(await ask_with(http, bridge, token)) == NOT_CONNECTED
    assert portal.cloud.times_asked(token) == 1
    let_pass(1800)
    assert said(await ask_with(http, bridge, token)) == then
    assert said(await ask_with(http, bridge, token)) == then
    assert portal.cloud.times_asked(token) == 2


async def test_a_refusal_is_remembered_for_its_time_only(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient, let_pass: Callable[[float], None]
) -> None:
    token = secrets.token_hex(24)
    assert said(await ask_with(http, bridge, token)) == INVALID_TOKEN
    await kept(bridge, token)
    portal.cloud.tokens[token] = portal.cloud.tokens[portal.token()]
    let_pass(PATIENT.refusal / 2)
    assert said(await ask_with(http, bridge, token)) == INVALID_TOKEN
    assert portal.cloud.times_asked(token) == 1
    let_pass(PATIENT.refusal / 2)
    assert said(await ask_with(http, bridge, token)) == NOT_CONNECTED


async def test_what_was_said_survives_a_restart_unless_its_client_id_was_taken_out(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    token, stopped = portal.token(), ExitStack()
    with stopped:
        bridge = run_bridge(stack=stopped)
        assert said(await ask_with(http, bridge, token)) == NOT_CONNECTED
        await kept(bridge, token)
    portal.cloud.strange[token] = None
    again = run_bridge(tokens=Rate(1, 0.001))
    assert said(await ask_with(http, again, token)) == NOT_CONNECTED
    async with card(again, portal, token=token):
        assert said(await ask_with(http, again, token)) == (200, "connected")
    of_another = run_bridge(client_ids=frozenset({"another.application"}))
    assert said(await ask_with(http, of_another, token)) == INVALID_TOKEN
    assert portal.cloud.times_asked(token) == 1


# --- what the OAuth server answers ----------------------------------------------------------------


@pytest.mark.parametrize(
    "strange", ["redirect", "page", "huge", "deep", "list", "no install", "no https", "silent"]
)
async def test_an_oauth_server_without_a_usable_response_is_an_answer_of_the_contract(
    run_bridge: RunBridge, portal: FakePortal, decoy: Decoy, http: httpx.AsyncClient, strange: str
) -> None:
    bridge = run_bridge(times=replace(PATIENT, oauth=0.5 if strange == "silent" else 20))
    token = portal.token()
    result = {"client_id": "sandboxclientid", "user_id": 1, "expires": time.time() + 100}
    install = {"member_id": portal.member_id, "domain": portal.domain}
    insecure = {**install, "client_endpoint": "http://attacker.example/rest/"}
    whole = {**install, "client_endpoint": portal.endpoint}
    responses = {
        "redirect": RedirectResponse(f"{decoy.origin}/rest/app.info"),
        "page": page(),
        "huge": JSONResponse({"result": {**result, "install": whole}, "more": "x" * 100_000}),
        "deep": deep(),
        "list": JSONResponse([]),
        "no install": JSONResponse({"result": result}),
        "no https": JSONResponse({"result": {**result, "install": insecure}}),
        "silent": None,
    }
    portal.cloud.strange[token] = responses[strange]

    unusable = "The OAuth server gave no usable response. Retry later."
    for answer in (
        await ask_with(http, bridge, token),
        await post_form(http, f"{bridge.url}/install", portal.install_form(token)),
    ):
        assert said(answer) == (500, "ERROR_UNEXPECTED_ANSWER")
        assert answer.json()["error_description"] == unusable
    assert await refused(bridge, portal, token) == (4503, unusable)
    assert decoy.connections() == 0

    del portal.cloud.strange[token]
    async with asyncio.timeout(60):  # it was not remembered
        while said(await ask_with(http, bridge, token)) != NOT_CONNECTED:
            pass


# --- OAuth on /rest -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (None, "NO_AUTH_FOUND"),
        ("", "NO_AUTH_FOUND"),
        (0, "NO_AUTH_FOUND"),
        (1, "invalid_token"),
        ({"a": 1}, "NO_AUTH_FOUND"),
        ("short", "invalid_token"),
        ("with-hyphens-and-20-characters", "invalid_token"),
        ("٣" * 20, "invalid_token"),
        ("a" * 20 + "\n", "invalid_token"),
        ("a" * 513, "invalid_token"),
    ],
)
async def test_what_cannot_be_a_token_asks_nobody(
    bridge: Bridge, cloud: Cloud, http: httpx.AsyncClient, token: object, code: str
) -> None:
    before = len(cloud.asked)
    url = f"{bridge.url}/rest/placement.call"
    answer = await http.post(url, json={**GET_STATUS, "auth": token})
    assert said(answer) == (401, code)
    assert len(cloud.asked) == before
