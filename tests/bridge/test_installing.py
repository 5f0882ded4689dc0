"""How a portal installs the application and removes it, and which of its forms count."""

import asyncio
import re
import secrets
import threading

import httpx
import pytest

from tests.bridge.bridges import Bridge
from tests.bridge.cards import open_widget, opening_form, said
from tests.bridge.conftest import RunBridge
from tests.bridge.portals import Cloud, FakePortal, known, post_form

pytestmark = pytest.mark.anyio

INVALID_TOKEN = (401, "invalid_token")
INVALID_CREDENTIALS = (401, "INVALID_CREDENTIALS")
NO_EVENT = (400, "ERROR_ARGUMENT")


async def install(
    http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal, token: str = "", **auth: str
) -> httpx.Response:
    """Post `ONAPPINSTALL` with an administrator's token, or another one."""
    body = portal.install_form(token or portal.token(admin=True), **auth)
    return await post_form(http, f"{bridge.url}/install", body)


def failed_step(bridge: Bridge, portal: FakePortal) -> str:
    with bridge.data() as data:
        return data.portal_named(portal.member_id).failed


async def assert_events_count(http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal) -> None:
    assert known(bridge, portal)
    handler, removed = portal.events["ONAPPUNINSTALL"], portal.uninstall_form()
    assert (await post_form(http, handler, removed)).status_code == 200
    assert known(bridge, portal) is None
    assert said(await post_form(http, handler, removed)) == INVALID_CREDENTIALS


# --- installing -----------------------------------------------------------------------------------


async def test_a_widget_that_is_opened_as_it_is_bound_is_of_a_known_portal(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    opened: list[int] = []

    async def open_at_once() -> None:
        async with httpx.AsyncClient(trust_env=False) as browser:
            form = opening_form(portal, portal.token())
            opened.append((await open_widget(browser, shared_bridge, form)).status_code)

    portal.binding = open_at_once
    answer = await install(http, shared_bridge, portal)
    assert (answer.status_code, opened) == (200, [200])


async def test_an_administrator_registers_widget_and_events_and_later_replaces_the_events(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    url = shared_bridge.url
    answer = await install(http, shared_bridge, portal)
    assert (answer.status_code, answer.json()) == (200, {"result": True})
    widget = {"PLACEMENT": "CALL_CARD", "HANDLER": f"{url}/widget", "TITLE": "Call"}
    assert ("placement.bind", widget) in portal.asked
    assert portal.events.keys() == {"ONAPPUNINSTALL"}
    former = portal.events["ONAPPUNINSTALL"]
    assert re.fullmatch(rf"{url}/events/[0-9a-f]{{32,}}", former)

    portal.application_token = secrets.token_hex(16)
    await install(http, shared_bridge, portal)
    unbound = [fields for method, fields in portal.asked if method == "event.unbind"]
    assert unbound == [{"event": "ONAPPUNINSTALL", "handler": former}]
    assert said(await post_form(http, former, portal.uninstall_form())) == INVALID_CREDENTIALS
    await assert_events_count(http, shared_bridge, portal)


async def test_an_ordinary_user_installs_nothing_and_replaces_nothing(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    await install(http, shared_bridge, portal)
    before = known(shared_bridge, portal)

    forged = secrets.token_hex(16)
    answer = await install(http, shared_bridge, portal, portal.token(2), application_token=forged)

    assert said(answer) == (400, "ERROR_CORE")
    assert "placement.unbind: ACCESS_DENIED" in answer.json()["error_description"]
    assert known(shared_bridge, portal) == before
    await assert_events_count(http, shared_bridge, portal)


FORGED = "\x1b[31mNO\n2026-01-01 Installed on bank.example."


@pytest.mark.parametrize(
    ("step", "code", "noted"),
    [
        ("placement.unbind", "insufficient_scope", "insufficient_scope"),
        ("placement.bind", "insufficient_scope", "insufficient_scope"),
        ("event.get", "insufficient_scope", "insufficient_scope"),
        ("event.bind", "insufficient_scope", "insufficient_scope"),
        ("placement.bind", FORGED, "??31mNO?2026-01-01?Installed?on?bank.example."),
    ],
)
async def test_the_step_that_failed_is_noted_by_its_code_alone_in_one_word(
    shared_bridge: Bridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
    step: str,
    code: str,
    noted: str,
) -> None:
    portal.refused[step] = code
    answer = await install(http, shared_bridge, portal)
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "ERROR_CORE",
        "error_description": f"{step}: {noted}. Install it again, as an administrator.",
    }
    assert failed_step(shared_bridge, portal) == f"{step}: {noted}"

    portal.refused.clear()
    await install(http, shared_bridge, portal)
    assert failed_step(shared_bridge, portal) == ""


async def test_a_portal_is_installed_once_at_a_time(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    binding, goes_on = threading.Event(), threading.Event()

    async def bind() -> None:
        binding.set()
        await asyncio.to_thread(goes_on.wait, 60)

    portal.binding = bind
    first = asyncio.create_task(install(http, shared_bridge, portal))
    assert await asyncio.to_thread(binding.wait, 60)
    assert said(await install(http, shared_bridge, portal)) == (503, "QUERY_LIMIT_EXCEEDED")
    goes_on.set()
    assert (await first).status_code == 200
    assert (await install(http, shared_bridge, portal)).status_code == 200


async def test_only_portals_that_are_named_may_install(
    run_bridge: RunBridge, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    by_domain, by_id, stranger = cloud.portal(), cloud.portal(), cloud.portal()
    bridge = run_bridge(portals=frozenset({by_domain.domain, by_id.member_id}))
    for portal in (by_domain, by_id):
        assert (await install(http, bridge, portal)).status_code == 200

    token = stranger.token(admin=True)
    answer = await install(http, bridge, stranger, token)
    assert said(answer) == INVALID_TOKEN
    assert "BRIDGE_PORTALS does not name this portal." in answer.text
    assert cloud.times_asked(token) == 0  # before any question

    answer = await install(http, bridge, stranger, token, domain=by_domain.domain)
    assert said(answer) == INVALID_TOKEN  # it named another one
    assert said(await install(http, bridge, by_domain, token)) == INVALID_TOKEN
    assert known(bridge, stranger) is None
    assert stranger.asked == []


async def test_what_is_no_installation_is_refused(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    token = portal.token(admin=True)
    for body in (
        "",
        "event=ONAPPINSTALL",
        "event=ONAPPINSTALL&auth=x",
        "event=X&auth[a]=b",
        "\xff=\x00",
        portal.uninstall_form(access_token=token),
        portal.install_form(token, application_token=""),
        portal.install_form(""),
    ):
        answer = await post_form(http, f"{shared_bridge.url}/install", body)
        assert said(answer) == NO_EVENT, body
    assert known(shared_bridge, portal) is None


# --- events ---------------------------------------------------------------------------------------


async def test_an_event_counts_with_its_secret_and_the_application_token_together_only(
    shared_bridge: Bridge, portal: FakePortal, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    other = cloud.portal()
    secret, secret_of_other = portal.known_to(shared_bridge), other.known_to(shared_bridge)
    right = portal.uninstall_form()
    for url_secret, body, refusal in (
        (secrets.token_hex(24), right, INVALID_CREDENTIALS),
        (secret, portal.uninstall_form(application_token="0" * 32), INVALID_CREDENTIALS),
        (secret, portal.uninstall_form(application_token=""), NO_EVENT),
        (secret, other.uninstall_form(), INVALID_CREDENTIALS),
        (secret_of_other, right, INVALID_CREDENTIALS),
        (secret, portal.event_form("ONVOXIMPLANTCALLSTART", {"CALL_ID": "a.1"}), NO_EVENT),
        (secret, portal.event_form("", {}), NO_EVENT),
        (secret, "event=ONAPPUNINSTALL&auth=x", NO_EVENT),
        (secret, "", NO_EVENT),
    ):
        answer = await post_form(http, f"{shared_bridge.url}/events/{url_secret}", body)
        assert said(answer) == refusal, body
    assert known(shared_bridge, portal)
    assert known(shared_bridge, other)

    # Of whatever portal the form says that it is, it is the secret's.
    body = other.uninstall_form(member_id=portal.member_id, domain=portal.domain)
    url = f"{shared_bridge.url}/events/{secret_of_other}"
    assert (await post_form(http, url, body)).status_code == 200
    assert known(shared_bridge, portal)
    assert known(shared_bridge, other) is None
