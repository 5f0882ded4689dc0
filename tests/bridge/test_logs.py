"""No phone number, token or secret in what the bridge prints and logs, also at DEBUG."""

import asyncio
import json
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from starlette.responses import JSONResponse

from tests.bridge import commands
from tests.bridge.bridges import GET_STATUS, Bridge
from tests.bridge.cards import (
    PHONE,
    ask,
    card,
    new_sid,
    open_widget,
    opening_form,
    refused,
    said,
    socket,
    status,
)
from tests.bridge.portals import Cloud, FakePortal, deep, page, post_form, running_cloud

pytestmark = pytest.mark.anyio

SID, REFRESH_TOKEN = new_sid(), secrets.token_hex(24)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """An OAuth server of this test's own, all of whose tokens are looked for."""
    with running_cloud() as cloud:
        yield cloud


async def test_nothing_of_a_call_and_no_secret_is_in_any_log(
    portal: FakePortal, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    cloud, output = portal.cloud, tmp_path / "output"
    settings = commands.environment(
        tmp_path, cloud.oauth_server, BRIDGE_TOKENS="1000:1000", BRIDGE_ASK="3"
    )
    with commands.serving(settings, output, "--log-level", "debug") as bridge:
        await be_installed(http, bridge, portal)
        webhook = bridge.webhook(portal.member_id)
        assert said(await ask(http, webhook))[0] in (400, 500)
        await use_cards(http, bridge, portal, webhook)
        await send_events(http, portal)
        await ask_with_tokens(http, bridge, portal)
        await be_hostile(http, bridge, portal)
        await lose_the_data(http, bridge, portal, webhook)

    printed = output.read_text()
    assert f"Installed on {portal.domain}." in printed
    assert "The OAuth server gave no usable response: JSONDecodeError" in printed
    assert "A request failed: OperationalError" in printed
    assert re.search(r"Exception in ASGI application\n(.*\n)+OperationalError\n", printed)
    assert re.search(r"Invalid UTF-8 sequence .*\n(.*\n)+UnicodeDecodeError\n", printed)
    assert printed.count("Invalid UTF-8 sequence") == 1  # strangers cause them
    events = {
        fields["handler"].rpartition("/")[2]
        for each in cloud.portals.values()
        for method, fields in each.asked
        if method == "event.bind"
    }
    tokens = {token for token in {*cloud.tokens, *cloud.asked} if len(token) > 4}
    assert len(events) == 2
    assert len(tokens) > 10
    others = {PHONE, SID, REFRESH_TOKEN, portal.application_token, webhook.split("/")[-2]}
    # Of a long frame, libraries log its beginning and its end.
    assert [secret for secret in others | events | tokens if secret[:12] in printed] == []
    assert "12025550199" not in printed
    assert "Traceback" not in printed
    assert "no such table" not in printed  # the text of an exception


async def be_installed(http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal) -> None:
    failing = portal.cloud.portal()
    failing.refused["event.bind"] = "insufficient_scope"  # with the secret URL beside it
    for each, admin in ((portal, False), (portal, True), (failing, True)):
        body = each.install_form(each.token(admin=admin))
        await post_form(http, f"{bridge.url}/install", body)


async def use_cards(
    http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal, webhook: str
) -> None:
    token = portal.token()
    form = opening_form(portal, token, query={"APP_SID": SID}, REFRESH_ID=REFRESH_TOKEN)
    assert (await open_widget(http, bridge, form)).status_code == 200
    async with card(bridge, portal, token=token, app_sid=SID) as connected:
        assert said(await ask(http, webhook)) == (200, "connected")
        await connected.change(status("idle"))
        assert said(await ask(http, webhook))[0] == 200
        await connected.send(json.dumps({"status": {**status(), "CRM_ENTITY_ID": PHONE * 2}}))
        assert (await connected.closed())[0] == 4400


async def send_events(http: httpx.AsyncClient, portal: FakePortal) -> None:
    (handler,) = set(portal.events.values())
    data = {"CALL_ID": PHONE, "USER_ID": "1", "PORTAL_NUMBER": PHONE, "PHONE_NUMBER": PHONE}
    for event in ("ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND", PHONE):
        await post_form(http, handler, portal.event_form(event, data))
        await post_form(http, handler, portal.event_form(event, data, application_token="no"))
        await post_form(http, f"{handler}x", portal.event_form(event, data))


async def ask_with_tokens(http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal) -> None:
    strange = {
        portal.token(): page(),
        portal.token(): deep(),
        portal.token(): JSONResponse({"result": {"user_id": PHONE}}),
        portal.token(): JSONResponse({"error": PHONE, "error_description": PHONE}, 400),
    }
    portal.cloud.strange |= strange
    for token in (portal.token(), secrets.token_hex(24), *strange):
        url = f"{bridge.url}/rest/placement.call"
        await http.post(url, params={"auth": token}, json=GET_STATUS)
        await http.post(url, json={**GET_STATUS, "auth": token, "PARAMS": {"number": PHONE}})


async def be_hostile(http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal) -> None:
    url = bridge.url
    for text in (PHONE, "\ud800" + PHONE, "x" * 70_000 + PHONE):
        raw = text.encode(errors="surrogatepass")
        for path in ("install", "widget", "events/x", f"rest/{PHONE}/{PHONE}/placement.call"):
            await http.post(f"{url}/{path}", content=raw)
    await http.get(f"{url}/{PHONE}?{PHONE}={PHONE}")
    await open_widget(http, bridge, opening_form(portal, PHONE, PLACEMENT_OPTIONS=PHONE))
    hello = {"token": PHONE, "member_id": portal.member_id, "app_sid": SID}
    no_text = b"\xff" + PHONE.encode()
    hellos = json.dumps(hello), json.dumps({**hello, "member_id": PHONE})
    for message in (PHONE, *hellos, no_text, no_text):
        async with socket(bridge) as opened, asyncio.timeout(20):
            await opened.send(message, text=True)
            await opened.wait_closed()
    with suppress(Exception):
        async with socket(bridge, f"https://{PHONE}.example"):
            pass
    for head in (
        f"POST /widget?APP_SID={SID} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n{PHONE}",
        f"NONSENSE {PHONE}\r\n\r\n",
        f"GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: {PHONE}\r\nConnection: upgrade\r\n\r\n",
    ):
        await broken_off(url, head)


async def broken_off(url: str, head: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def lose_the_data(
    http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal, webhook: str
) -> None:
    """Let every request that needs the data be a fault of the bridge."""
    http.headers["Connection"] = "close"  # after a fault, the bridge does so itself
    with closing(sqlite3.connect(bridge.settings.data)) as database:
        database.executescript("ALTER TABLE portals RENAME TO lost")
    assert said(await ask(http, webhook)) == (500, "INTERNAL_SERVER_ERROR")
    form = opening_form(portal, portal.token())
    assert said(await open_widget(http, bridge, form)) == (500, "INTERNAL_SERVER_ERROR")
    (handler,) = set(portal.events.values())
    body = portal.event_form("ONVOXIMPLANTCALLSTART", {"CALL_ID": PHONE})
    assert said(await post_form(http, handler, body)) == (500, "INTERNAL_SERVER_ERROR")
    assert await refused(bridge, portal, PHONE) == (4503, "a fault of the bridge")
