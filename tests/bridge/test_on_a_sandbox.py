"""The bridge on the sandbox, a portal that knows nothing of it: installation, events, removal."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import Running, running

from tests.bridge.bridges import Bridge, ask, running_bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    said,
)
from tests.bridge.conftest import PATIENT


@pytest.fixture
def sandbox() -> Iterator[Running]:
    """A portal on which only the browser knows the call."""
    with running(Portal("js-only")) as sandbox:
        yield sandbox


@pytest.fixture
def bridge(sandbox: Running, tmp_path: Path) -> Iterator[Bridge]:
    file = tmp_path / "bridge.sqlite3"
    with running_bridge(file, sandbox.oauth_server_url, times=PATIENT) as bridge:
        assert sandbox.install(f"{bridge.url}/install").status == 200
        yield bridge


@pytest.fixture
def webhook(sandbox: Running, bridge: Bridge) -> str:
    return bridge.webhook(urlsplit(sandbox.origin).netloc)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as http:
        yield http


def open_widget(http: httpx.Client, sandbox: Running, bridge: Bridge) -> httpx.Response:
    """Open the widget as the portal's page does."""
    opening = sandbox.widget_opening()
    url = f"{bridge.url}/widget?{urlencode(opening.query)}"
    return http.request(opening.method, url, data=opening.form)


def test_it_is_installed_with_its_widget_and_its_events(
    sandbox: Running, bridge: Bridge, http: httpx.Client
) -> None:
    application = http.get(f"{sandbox.origin}/sandbox/application").json()
    assert application["widgets"] == [f"{bridge.url}/widget"]
    assert [row["event"] for row in application["events"]] == ["ONAPPINSTALL", "ONAPPUNINSTALL"]


def test_it_can_be_installed_again_and_leaves_nothing_behind(
    sandbox: Running, bridge: Bridge, webhook: str, http: httpx.Client
) -> None:
    assert sandbox.install(f"{bridge.url}/install").status == 200
    application = http.get(f"{sandbox.origin}/sandbox/application").json()
    assert application["widgets"] == [f"{bridge.url}/widget"]
    assert len(application["events"]) == 2
    assert said(ask(http, webhook)) == NOT_CONNECTED


def test_once_removed_nothing_of_it_counts(
    sandbox: Running, bridge: Bridge, webhook: str, http: httpx.Client
) -> None:
    token = sandbox.widget_opening().form["AUTH_ID"]
    sandbox.uninstall()
    assert sandbox.deliveries[-1].status == 200
    assert said(ask(http, webhook)) == (401, "INVALID_CREDENTIALS")
    url = f"{bridge.url}/rest/placement.call"
    answer = http.post(url, json={"PLACEMENT": "getStatus", "auth": token})
    assert said(answer) == (401, "invalid_token")
    with bridge.data() as data:
        assert [portal.failed for portal in data.portals()] == ["removed"]
