"""Whom the bridge believes: what the OAuth server says of a token, and the secrets it has made."""

import asyncio
import secrets
import time

import httpx
import pytest
from bitrix24_bridge.settings import Rate
from websockets.exceptions import InvalidStatus

from tests.bridge.bridges import Bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    ask,
    card,
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

NOT_OF_THIS_PORTAL = "The access token is not of this portal."
NOT_INSTALLED = "The application is not installed on this portal."
ANOTHER_APPLICATION = "The access token is not of this application."


# --- the form that opens a widget -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["made up", "another application", "expired"])
async def test_a_form_of_a_new_domain_whose_token_does_not_count_is_refused(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient, kind: str
) -> None:
    portal.domain = "renamed.example"  # so the form has to prove it
    # The application's token is right in each, which proves nothing.
    form = opening_form(portal, portal.bad_token(kind))
    answer = await open_widget(http, bridge, form)
    assert answer.status_code == 401
    assert kind == "expired" or ANOTHER_APPLICATION in answer.text


async def test_a_form_may_name_the_default_port_of_its_portal(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    form = opening_form(portal, portal.token(), query={"DOMAIN": f"{portal.domain}:443"})
    assert (await open_widget(http, bridge, form)).status_code == 200


async def test_a_form_of_an_unknown_portal_asks_nobody(
    bridge: Bridge, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    stranger = cloud.portal()
    token = stranger.token()
    answer = await open_widget(http, bridge, opening_form(stranger, token))
    assert answer.status_code == 401
    assert NOT_INSTALLED in answer.text
    assert cloud.times_asked(token) == 0


async def test_a_form_with_the_member_id_of_another_portal_is_refused(
    bridge: Bridge, portal: FakePortal, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    other = cloud.portal()
    other.known_to(bridge)
    form = opening_form(portal, other.token(), query={"DOMAIN": other.domain})
    answer = await open_widget(http, bridge, form)
    assert answer.status_code == 401
    assert NOT_OF_THIS_PORTAL in answer.text


async def test_a_form_with_another_domain_is_refused_and_never_in_the_page(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    form = opening_form(portal, portal.token(), query={"DOMAIN": "attacker.example"})
    answer = await open_widget(http, bridge, form)
    assert answer.status_code == 401
    assert "attacker" not in answer.text + str(answer.headers)


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


async def test_the_form_of_an_older_portal_is_as_good(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    form = opening_form(
        portal, portal.token(), SERVER_ENDPOINT="", APPLICATION_TOKEN="", APPLICATION_SCOPE=""
    )
    assert (await open_widget(http, bridge, form)).status_code == 200


async def test_who_the_user_is_says_the_token_and_nothing_in_the_hello(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal, user_id=3, user="1", USER_ID="1"):
        assert said(await ask(http, bridge.webhook(portal.member_id, "1"))) == NOT_CONNECTED
        assert said(await ask(http, bridge.webhook(portal.member_id, "3")))[0] == 200


@pytest.mark.parametrize(
    "body",
    ["", "AUTH_ID=", "PLACEMENT=CALL_CARD", "\x00\xff", "&" * 1000, "AUTH_ID[]=1&member_id[]=2"],
)
async def test_what_is_no_form_of_a_portal_is_refused(
    bridge: Bridge, http: httpx.AsyncClient, body: str
) -> None:
    answer = await open_widget(http, bridge, ("", body))
    assert answer.status_code == 400
    assert "This page is opened by a Bitrix24 portal, in its call card." in answer.text
    assert answer.headers["content-security-policy"] == "default-src 'none'"


@pytest.mark.parametrize(
    "options",
    [
        "",
        "null",
        "x",
        '{"CALL_ID":{}}',
        '{"A":NaN}',
        '{"A":1e999}',
        '{"A":%s}' % ("[" * 9000),
    ],
)
async def test_a_form_with_a_call_that_cannot_be_read_or_written_is_refused(
    bridge: Bridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
    options: str,
) -> None:
    form = opening_form(portal, portal.token(), PLACEMENT_OPTIONS=options)
    answer = await open_widget(http, bridge, form)
    assert answer.status_code == 400


async def test_the_page_of_a_known_domain_comes_whatever_the_oauth_server_does(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(cards=Rate(1, 0.001))
    for _ in range(3):
        token = portal.token()
        assert (await open_widget(http, bridge, opening_form(portal, token))).status_code == 200
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
    with bridge.data() as data:
        assert data.portal_named("renamed.example").member_id == portal.member_id


# --- the socket -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["https://attacker.example", "null", "http://127.0.0.1", None, "https://a.example:8"]
)
async def test_a_socket_of_a_foreign_page_or_of_none_is_not_opened(
    bridge: Bridge, origin: str | None
) -> None:
    with pytest.raises(InvalidStatus) as not_opened:
        async with socket(bridge, origin):
            pass
    assert not_opened.value.response.status_code == 403


async def test_a_socket_of_an_applications_own_page_is_opened(run_bridge: RunBridge) -> None:
    bridge = run_bridge(origins=frozenset({"https://app.example"}))
    async with socket(bridge, "https://app.example") as opened:
        assert opened.close_code is None
    with pytest.raises(InvalidStatus):
        async with socket(bridge, "https://app.example.attacker.example"):
            pass


async def test_a_hello_for_an_unknown_portal_asks_nobody(bridge: Bridge, cloud: Cloud) -> None:
    stranger = cloud.portal()
    token = stranger.token()
    found = await refused(bridge, stranger, token)
    assert found == (4403, "the application is not installed on this portal")
    assert cloud.times_asked(token) == 0


async def test_a_hello_with_a_token_of_another_portal_is_refused(
    bridge: Bridge, portal: FakePortal, cloud: Cloud
) -> None:
    other = cloud.portal()
    other.known_to(bridge)
    found = await refused(bridge, portal, other.token())
    assert found == (4403, "the access token is not of this portal")


@pytest.mark.parametrize("kind", ["made up", "another application", "expired"])
async def test_a_hello_with_a_token_that_does_not_count_asks_for_another_one(
    bridge: Bridge, portal: FakePortal, kind: str
) -> None:
    token = portal.bad_token(kind)
    code, _ = await refused(bridge, portal, token)
    assert code == 4401


async def test_a_card_is_asked_for_another_token_when_its_own_expires(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    token = portal.token(expires=time.time() + 1)
    async with card(bridge, portal, token=token) as connected:
        assert said(await ask(http, webhook)) == (200, "connected")
        assert await connected.closed() == (4401, "the access token has expired")
        assert said(await ask(http, webhook)) == NOT_CONNECTED


@pytest.mark.parametrize(
    "hello",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        '{"token": "t"}',
        '{"token": 1, "member_id": "m", "app_sid": "%s"}' % ("a" * 32),
        '{"token": "t", "member_id": ["m"], "app_sid": "%s"}' % ("a" * 32),
        '{"token": "t", "member_id": "m", "app_sid": "a"}',
        '{"token": "t", "member_id": "m", "app_sid": "%s"}' % ("A" * 32),
        '{"token": "t", "member_id": "m", "app_sid": "%s\\n"}' % ("a" * 32),
        "[" * 4000,
        '{"token": NaN, "member_id": "m", "app_sid": "%s"}' % ("a" * 32),
        '{"token": "\\ud800", "member_id": "m", "app_sid": "%s"}' % ("a" * 32),
        '{"token": "t", "member_id": "\\ud800", "app_sid": "%s"}' % ("a" * 32),
        b'{"token": "t"}',
    ],
)
async def test_a_first_message_that_is_no_hello_closes_the_socket(
    bridge: Bridge, hello: str | bytes
) -> None:
    async with socket(bridge) as opened, asyncio.timeout(20):
        await opened.send(hello)
        await opened.wait_closed()
        assert opened.close_code == 4400


# --- webhooks -------------------------------------------------------------------------------------


async def test_wrong_unknown_and_revoked_secrets_have_the_same_answer(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    secret = webhook.split("/")[-2]
    revoked = bridge.webhook(portal.member_id, name="old")
    assert said(await ask(http, revoked)) == NOT_CONNECTED
    with bridge.data() as data:
        data.revoke_secret(portal.member_id, "1", "old")

    answers = [
        await ask(http, url)
        for url in (
            revoked,
            f"{bridge.url}/rest/1/{secrets.token_hex(24)}/",
            f"{bridge.url}/rest/1/{secret[:-1]}/",
            f"{bridge.url}/rest/1/{secret.upper()}/",
            f"{bridge.url}/rest/1/%00/",
            f"{bridge.url}/rest/1/%ff%ed%a0%80/",
            f"{bridge.url}/rest/2/{secret}/",
            f"{bridge.url}/rest/01/{secret}/",
            f"{bridge.url}/rest/%D9%A1/{secret}/",
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.text for answer in answers} == {
        '{"error": "INVALID_CREDENTIALS", "error_description": "Invalid request credentials"}'
    }
    assert said(await ask(http, webhook)) == NOT_CONNECTED


async def test_a_secret_of_another_portal_shows_that_portal_alone(
    bridge: Bridge, portal: FakePortal, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    other = cloud.portal()
    other.known_to(bridge)
    async with card(bridge, portal):
        assert said(await ask(http, bridge.webhook(other.member_id))) == NOT_CONNECTED
