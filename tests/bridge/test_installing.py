"""How the application is installed on a portal and removed from it, and what a portal may post."""

import asyncio
import re
import secrets
from pathlib import Path

import httpx
import pytest

from tests.bridge.bridges import Bridge, running_bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    ask,
    ask_with,
    open_widget,
    opening_form,
    refused,
    said,
)
from tests.bridge.conftest import PATIENT
from tests.bridge.portals import Cloud, FakePortal, known, post_form

pytestmark = pytest.mark.anyio

INVALID_TOKEN = (401, "invalid_token")
INVALID_CREDENTIALS = (401, "INVALID_CREDENTIALS")


# --- installing -----------------------------------------------------------------------------------


async def install(
    http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal, token: str, **auth: str
) -> httpx.Response:
    return await post_form(http, f"{bridge.url}/install", portal.install_form(token, **auth))


async def test_a_widget_that_is_opened_as_it_is_bound_is_of_a_known_portal(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    opened: list[int] = []

    async def open_at_once() -> None:
        async with httpx.AsyncClient(trust_env=False) as browser:
            form = opening_form(portal, portal.token())
            opened.append((await open_widget(browser, shared_bridge, form)).status_code)

    portal.binding = open_at_once
    answer = await install(http, shared_bridge, portal, portal.token(admin=True))
    assert (answer.status_code, opened) == (200, [200])


async def test_an_administrators_installation_registers_widget_and_events(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    answer = await install(http, shared_bridge, portal, portal.token(admin=True))
    assert (answer.status_code, answer.json()) == (200, {"result": True})

    url = shared_bridge.url
    assert (
        "placement.bind",
        {"PLACEMENT": "CALL_CARD", "HANDLER": f"{url}/widget", "TITLE": "Call"},
    ) in portal.asked
    assert set(portal.events) == {"ONAPPUNINSTALL"}
    (handler,) = set(portal.events.values())
    assert re.fullmatch(rf"{url}/events/[0-9a-f]{{32,}}", handler)
    found = known(shared_bridge, portal)
    assert found
    assert (found.domain, found.failed) == (portal.domain, "")
    await events_count(http, shared_bridge, portal, handler)


async def events_count(
    http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal, handler: str
) -> None:
    assert (await post_form(http, handler, portal.uninstall_form())).status_code == 200
    assert known(bridge, portal) is None


async def test_installing_again_replaces_the_events_and_their_secret(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    await install(http, shared_bridge, portal, portal.token(admin=True))
    (former,) = set(portal.events.values())
    portal.application_token = secrets.token_hex(16)
    await install(http, shared_bridge, portal, portal.token(admin=True))
    (latter,) = set(portal.events.values())

    assert former != latter
    unbound = [fields for method, fields in portal.asked if method == "event.unbind"]
    assert {row["handler"] for row in unbound} == {former}
    assert {row["event"] for row in unbound} == set(portal.events)
    assert said(await post_form(http, former, portal.uninstall_form())) == INVALID_CREDENTIALS
    await events_count(http, shared_bridge, portal, latter)


async def test_an_ordinary_user_installs_nothing_and_replaces_nothing(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    await install(http, shared_bridge, portal, portal.token(admin=True))
    (handler,) = set(portal.events.values())
    before = known(shared_bridge, portal)

    answer = await install(
        http, shared_bridge, portal, portal.token(2), application_token=secrets.token_hex(16)
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "ERROR_CORE")
    assert "placement.unbind: ACCESS_DENIED" in answer.json()["error_description"]
    assert known(shared_bridge, portal) == before
    await events_count(http, shared_bridge, portal, handler)


@pytest.mark.parametrize("step", ["placement.unbind", "placement.bind", "event.get", "event.bind"])
async def test_the_step_that_failed_is_noted_by_its_code_alone(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient, step: str
) -> None:
    portal.refused[step] = "insufficient_scope"
    answer = await install(http, shared_bridge, portal, portal.token(admin=True))
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "ERROR_CORE",
        "error_description": f"{step}: insufficient_scope. Install it again, as an administrator.",
    }
    found = known(shared_bridge, portal)
    assert found
    assert found.failed == f"{step}: insufficient_scope"

    portal.refused.clear()
    await install(http, shared_bridge, portal, portal.token(admin=True))
    found = known(shared_bridge, portal)
    assert found
    assert found.failed == ""


@pytest.mark.parametrize("posted", ["made up", "another application", "another portal", "expired"])
async def test_an_installation_with_a_token_that_does_not_count_is_none(
    shared_bridge: Bridge, portal: FakePortal, cloud: Cloud, http: httpx.AsyncClient, posted: str
) -> None:
    elsewhere = cloud.portal().token(admin=True)
    token = elsewhere if posted == "another portal" else portal.bad_token(posted)
    answer = await install(http, shared_bridge, portal, token)
    assert answer.status_code == 401
    assert known(shared_bridge, portal) is None
    assert portal.asked == []


async def test_a_portal_is_installed_once_at_a_time(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    token, binding, goes_on = portal.token(admin=True), asyncio.Event(), asyncio.Event()

    async def bind() -> None:
        loop.call_soon_threadsafe(binding.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(goes_on.wait(), loop))

    loop = asyncio.get_running_loop()
    portal.binding = bind
    first = asyncio.create_task(install(http, shared_bridge, portal, token))
    await binding.wait()
    answer = await install(http, shared_bridge, portal, token)
    assert said(answer) == (503, "QUERY_LIMIT_EXCEEDED")
    goes_on.set()
    assert (await first).status_code == 200
    assert (await install(http, shared_bridge, portal, token)).status_code == 200


async def test_a_code_of_a_portal_forges_no_line_and_no_colour(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    portal.refused["placement.bind"] = "\x1b[31mNO\n2026-01-01 Installed on bank.example."
    answer = await install(http, shared_bridge, portal, portal.token(admin=True))
    assert said(answer) == (400, "ERROR_CORE")
    step = "placement.bind: ??31mNO?2026-01-01?Installed?on?bank.example."
    assert answer.json()["error_description"].startswith(f"{step}. ")
    with shared_bridge.data() as data:
        assert data.portal_named(portal.domain).failed == step


@pytest.mark.parametrize("auth", [{"application_token": ""}, {"access_token": ""}])
async def test_an_installation_without_its_tokens_is_none(
    shared_bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient, auth: dict[str, str]
) -> None:
    body = portal.install_form(portal.token(admin=True), **auth)
    answer = await post_form(http, f"{shared_bridge.url}/install", body)
    assert said(answer) == (400, "ERROR_ARGUMENT")
    assert known(shared_bridge, portal) is None


async def test_only_portals_that_are_named_may_install(
    cloud: Cloud, tmp_path: Path, http: httpx.AsyncClient
) -> None:
    by_domain, by_id, stranger = cloud.portal(), cloud.portal(), cloud.portal()
    named = frozenset({by_domain.domain, by_id.member_id})
    with running_bridge(
        tmp_path / "bridge.sqlite3", cloud.oauth_server, times=PATIENT, portals=named
    ) as bridge:
        for portal in (by_domain, by_id):
            answer = await install(http, bridge, portal, portal.token(admin=True))
            assert answer.status_code == 200

        token = stranger.token(admin=True)
        answer = await install(http, bridge, stranger, token)
        assert said(answer) == INVALID_TOKEN
        assert "BRIDGE_PORTALS does not name this portal." in answer.text
        assert cloud.times_asked(token) == 0  # before any question

        answer = await install(http, bridge, stranger, token, domain=by_domain.domain)
        assert said(answer) == INVALID_TOKEN  # it named another one
        answer = await install(http, bridge, by_domain, token)
        assert said(answer) == INVALID_TOKEN
        assert known(bridge, stranger) is None
        assert stranger.asked == []


@pytest.mark.parametrize(
    "body",
    ["", "event=ONAPPINSTALL", "event=ONAPPINSTALL&auth=x", "event=X&auth[a]=b", "\xff=\x00"],
)
async def test_what_is_no_installation_is_refused(
    shared_bridge: Bridge, http: httpx.AsyncClient, body: str
) -> None:
    answer = await post_form(http, f"{shared_bridge.url}/install", body)
    assert said(answer) == (400, "ERROR_ARGUMENT")


# --- events ---------------------------------------------------------------------------------------


async def test_the_application_token_and_the_secret_count_together_only(
    bridge: Bridge, portal: FakePortal, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    secret = portal.known_to(bridge)
    other = cloud.portal()
    secret_of_other = other.known_to(bridge)
    right = portal.uninstall_form()

    for url_secret, body, code in (
        (secrets.token_hex(24), right, INVALID_CREDENTIALS),
        (secret, portal.uninstall_form(application_token="0" * 32), INVALID_CREDENTIALS),
        (secret, portal.uninstall_form(application_token=""), (400, "ERROR_ARGUMENT")),
        (secret, other.uninstall_form(), INVALID_CREDENTIALS),
        (secret_of_other, right, INVALID_CREDENTIALS),
        (secret, "", (400, "ERROR_ARGUMENT")),
        (secret, "event=ONAPPUNINSTALL&auth=x", (400, "ERROR_ARGUMENT")),
    ):
        answer = await post_form(http, f"{bridge.url}/events/{url_secret}", body)
        assert said(answer) == code
    assert known(bridge, portal)
    assert known(bridge, other)


async def test_the_portal_of_an_event_is_the_one_of_the_secret(
    bridge: Bridge, portal: FakePortal, cloud: Cloud, http: httpx.AsyncClient
) -> None:
    other = cloud.portal()
    secret = other.known_to(bridge)
    body = other.uninstall_form(member_id=portal.member_id, domain=portal.domain)
    assert (await post_form(http, f"{bridge.url}/events/{secret}", body)).status_code == 200
    assert known(bridge, portal)
    assert known(bridge, other) is None


@pytest.mark.parametrize("event", ["ONVOXIMPLANTCALLSTART", "ONCRMDEALADD", ""])
async def test_an_event_that_was_not_asked_for_changes_nothing(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient, event: str
) -> None:
    secret = portal.known_to(bridge)
    body = portal.event_form(event, {"CALL_ID": "a.1", "USER_ID": "1"})
    answer = await post_form(http, f"{bridge.url}/events/{secret}", body)
    assert said(answer) == (400, "ERROR_ARGUMENT")
    assert known(bridge, portal)


async def test_after_the_uninstallation_nothing_of_the_portal_counts(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    secret = portal.known_to(bridge)
    token = portal.token()
    assert said(await ask_with(http, bridge, token)) == NOT_CONNECTED
    body = portal.uninstall_form()
    assert (await post_form(http, f"{bridge.url}/events/{secret}", body)).status_code == 200

    assert known(bridge, portal) is None
    assert said(await ask(http, webhook)) == INVALID_CREDENTIALS
    assert said(await ask_with(http, bridge, token)) == INVALID_TOKEN
    again = await post_form(http, f"{bridge.url}/events/{secret}", body)
    assert said(again) == INVALID_CREDENTIALS
    assert (await open_widget(http, bridge, opening_form(portal, token))).status_code == 401
    code, _ = await refused(bridge, portal, token)
    assert code == 4403

    portal.known_to(bridge)  # when it comes back, its secrets do not count by themselves
    assert said(await ask(http, webhook)) == INVALID_CREDENTIALS
