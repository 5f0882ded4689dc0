"""The bridge on the sandbox, a portal that knows nothing of it: installation, events, removal."""

from pathlib import Path
from urllib.parse import urlsplit

import httpx
from bitrix24_sandbox.portal.state import Portal
from bitrix24_sandbox.server import running

from tests.bridge.bridges import GET_STATUS, ask, running_bridge
from tests.bridge.cards import NOT_CONNECTED, said
from tests.bridge.conftest import PATIENT


def test_secrets_outlive_another_installation_and_end_with_the_removal(tmp_path: Path) -> None:
    with (
        running(Portal("js-only")) as sandbox,
        running_bridge(
            tmp_path / "bridge.sqlite3", sandbox.oauth_server_url, times=PATIENT
        ) as bridge,
        httpx.Client(trust_env=False, timeout=60) as http,
    ):
        assert sandbox.install(f"{bridge.url}/install").status == 200
        webhook = bridge.webhook(urlsplit(sandbox.origin).netloc)
        assert sandbox.install(f"{bridge.url}/install").status == 200
        application = http.get(f"{sandbox.origin}/sandbox/application").json()
        assert application["widgets"] == [f"{bridge.url}/widget"]
        assert [row["event"] for row in application["events"]] == ["ONAPPINSTALL", "ONAPPUNINSTALL"]
        assert said(ask(http, webhook)) == NOT_CONNECTED

        token = sandbox.widget_opening().form["AUTH_ID"]
        sandbox.uninstall()
        assert sandbox.deliveries[-1].status == 200
        assert said(ask(http, webhook)) == (401, "INVALID_CREDENTIALS")
        url = f"{bridge.url}/rest/placement.call"
        answer = http.post(url, json={**GET_STATUS, "auth": token})
        assert said(answer) == (401, "invalid_token")
        with bridge.data() as data:
            assert [portal.failed for portal in data.portals()] == ["removed"]
