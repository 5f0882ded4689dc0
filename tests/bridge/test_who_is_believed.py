"""Whom the bridge believes: what the OAuth server says of a token, and the secrets it has made."""

import json
import secrets
import time
from math import inf, nan
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.bridge.bridges import Bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    ask,
    ask_with,
    card,
    closing_after,
    open_widget,
    opening_form,
    refused,
    said,
    socket,
)
from tests.bridge.conftest import RunBridge
from tests.bridge.portals import Cloud, Decoy, FakePortal, known, post_form

pytestmark = pytest.mark.anyio

INVALID_CREDENTIALS = (401, "INVALID_CREDENTIALS")

ANOTHER_APPLICATION = "The access token is not of this application."
ANOTHER_PORTAL = "The access token is not of this portal."
EXPIRED = "The access token has expired. Refresh it."


# --- the token of a form or a hello ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "refusal", "closing"),
    [
        ("made up", ANOTHER_APPLICATION, (4401, ANOTHER_APPLICATION)),
        ("another application", ANOTHER_APPLICATION, (4401, ANOTHER_APPLICATION)),
        ("expired", EXPIRED, (4401, EXPIRED)),
        ("another portal", ANOTHER_PORTAL, (4403, "the access token is not of this portal")),
    ],
)
async def test_a_token_that_does_not_count_opens_shows_and_installs_nothing(
    bridge: Bridge,
    portal: FakePortal,
    cloud: Cloud,
    http: httpx.AsyncClient,
    kind: str,
    refusal: str,
    closing: tuple[int, str],
) -> None:
    other, before = cloud.portal(), known(bridge, portal)
    token = {
        "made up": secrets.token_hex(24),
        "another application": portal.token(client_id="another.application"),
        "expired": portal.token(expires=1.0),
        "another portal": other.token(),
    }[kind]
    # The application's token is right in each, which proves nothing.
    form = opening_form(portal, token, query={"DOMAIN": other.domain})
    installation = portal.install_form(token)
    for answer in (
        await open_widget(http, bridge, form),
        await post_form(http, f"{bridge.url}/install", installation),
    ):
        assert answer.status_code == 401
        assert refusal in answer.text
    assert await refused(bridge, portal, token) == closing
    assert said(await ask_with(http, bridge, token))[0] == 401
    assert known(bridge, portal) == before
    assert portal.asked == []


async def test_a_portal_without_the_application_is_refused_and_nobody_is_asked(
    bridge: Bridge, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    stranger = cloud.portal()
    token = stranger.token()
    answer = await open_widget(http, bridge, opening_form(stranger, token))
    assert answer.status_code == 401
    assert "The application is not installed on this portal." in answer.text
    closing = (4403, "the application is not installed on this portal")
    assert await refused(bridge, stranger, token) == closing
    assert cloud.times_asked(token) == 0


# --- the form that opens a widget -----------------------------------------------------------------


async def test_a_form_of_the_known_domain_needs_no_question_also_an_older_portals(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    older: dict[str, Any] = {
        "SERVER_ENDPOINT": "",
        "APPLICATION_TOKEN": "",
        "APPLICATION_SCOPE": "",
    }
    for fields in ({}, older):
        token = portal.token()
        form = opening_form(portal, token, query={"DOMAIN": f"{portal.domain}:443"}, **fields)
        assert (await open_widget(http, bridge, form)).status_code == 200
        assert portal.cloud.times_asked(token) == 0


async def test_a_renamed_portal_is_the_same_and_framed_by_its_new_name(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    portal.domain = "renamed.example"
    portal.endpoint = "https://renamed.example/rest/"
    answer = await open_widget(http, bridge, opening_form(portal, portal.token()))

    assert answer.status_code == 200
    assert "frame-ancestors https://renamed.example" in answer.headers["content-security-policy"]
    assert 'data-portal="https://renamed.example"' in answer.text
    found = known(bridge, portal)
    assert found
    assert (found.domain, found.endpoint) == (portal.domain, portal.endpoint)


async def test_another_server_endpoint_is_never_asked(
    bridge: Bridge, portal: FakePortal, decoy: Decoy, http: httpx.AsyncClient
) -> None:
    for endpoint in (f"{decoy.origin}/rest/", f"{portal.cloud.oauth_server}@{decoy.origin}/rest/"):
        token, portal.domain = portal.token(), f"renamed-{len(endpoint)}.example"
        form = opening_form(portal, token, SERVER_ENDPOINT=endpoint)
        assert (await open_widget(http, bridge, form)).status_code == 200
        assert portal.cloud.times_asked(token) == 1

        admin = portal.token(admin=True)
        body = portal.install_form(admin, server_endpoint=endpoint, client_endpoint=endpoint)
        assert (await post_form(http, f"{bridge.url}/install", body)).status_code == 200
        assert portal.cloud.times_asked(admin) == 1
    assert decoy.connections() == 0


async def test_what_is_no_form_of_a_portal_is_refused(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bodies = ("", "AUTH_ID=", "PLACEMENT=CALL_CARD", "\x00\xff", "&" * 1000, "AUTH_ID[]=1")
    calls = ("", "null", "x", '{"CALL_ID":{}}', '{"A":NaN}', '{"A":1e999}', '{"A":' + "[" * 9000)
    for form in (
        *(("", body) for body in bodies),
        *(opening_form(portal, portal.token(), PLACEMENT_OPTIONS=call) for call in calls),
    ):
        answer = await open_widget(http, bridge, form)
        assert answer.status_code == 400, form
        assert "This page is opened by a Bitrix24 portal, in its call card." in answer.text


# --- the socket -----------------------------------------------------------------------------------


async def test_a_socket_is_opened_to_pages_of_the_bridge_and_of_the_origins_that_are_set(
    run_bridge: RunBridge,
) -> None:
    bridge = run_bridge(origins=frozenset({"https://app.example"}))
    for origin in (bridge.url, "https://app.example"):
        async with socket(bridge, origin) as opened:
            assert opened.close_code is None
    for other in ("https://app.example.attacker.example", "null", "http://127.0.0.1", None):
        with pytest.raises(InvalidStatus) as not_opened:
            async with socket(bridge, other):
                pass
        assert not_opened.value.response.status_code == 403


async def test_a_card_is_seen_by_the_user_of_its_token_alone_whatever_its_hello_says(
    bridge: Bridge, portal: FakePortal, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    other = cloud.portal()
    other.known_to(bridge)
    async with card(bridge, portal, user_id=3, user="1", USER_ID="1"):
        assert said(await ask(http, bridge.webhook(portal.member_id, "3"))) == (200, "connected")
        assert said(await ask(http, bridge.webhook(portal.member_id, "1"))) == NOT_CONNECTED
        assert said(await ask(http, bridge.webhook(other.member_id, "3"))) == NOT_CONNECTED


async def test_a_card_is_asked_for_another_token_when_its_own_expires(
    bridge: Bridge, portal: FakePortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)  # however long it takes to connect
    async with card(bridge, portal, token=portal.token(expires=now + 0.2)) as connected:
        assert await connected.closed() == (4401, "the access token has expired")


HELLO = {"token": "t", "member_id": "m", "app_sid": "a" * 32}


@pytest.mark.parametrize(
    "hello",
    [
        "hello",
        "[]",
        "[" * 4000,
        {"token": "t"},
        {**HELLO, "token": 1},
        {**HELLO, "token": nan},
        {**HELLO, "token": "\ud800"},
        {**HELLO, "member_id": ["m"]},
        {**HELLO, "member_id": "\ud800"},
        {**HELLO, "app_sid": "a"},
        {**HELLO, "app_sid": "A" * 32},
        {**HELLO, "app_sid": "a" * 32 + "\n"},
        {**HELLO, "age": -1},
        {**HELLO, "age": inf},
        json.dumps(HELLO).encode(),
    ],
)
async def test_a_message_that_is_no_hello_closes_the_socket(bridge: Bridge, hello: Any) -> None:
    code, reason = await closing_after(bridge, hello)
    expected = "text" if isinstance(hello, bytes) else "token, member_id and app_sid"
    assert (code, reason) == (4400, f"expected {expected}")


# --- webhooks -------------------------------------------------------------------------------------


async def test_wrong_unknown_and_revoked_secrets_have_the_same_answer(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    revoked = bridge.webhook(portal.member_id, name="old")
    assert said(await ask(http, revoked)) == NOT_CONNECTED
    with bridge.data() as data:
        data.revoke_secret(portal.member_id, "1", "old")

    secret = webhook.split("/")[-2]
    answers = [
        await ask(http, f"{bridge.url}/rest/{user_id}/{wrong}/")
        for user_id, wrong in (
            ("1", revoked.split("/")[-2]),
            ("1", secrets.token_hex(24)),
            ("1", secret[:-1]),
            ("1", secret.upper()),
            ("1", "%00"),
            ("1", "%ff%ed%a0%80"),
            ("2", secret),
            ("01", secret),
            ("%D9%A1", secret),  # an Arabic 1
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.text for answer in answers} == {
        '{"error": "INVALID_CREDENTIALS", "error_description": "Invalid request credentials"}'
    }
    assert said(await ask(http, webhook)) == NOT_CONNECTED
