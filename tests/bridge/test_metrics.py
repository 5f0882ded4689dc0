"""What can be seen of a bridge: its counts for Prometheus, and one line for each refusal."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.bridge import commands
from tests.bridge.bridges import QUICK, Bridge
from tests.bridge.cards import ask, ask_with, card, open_widget, opening_form, refused, said, socket
from tests.bridge.conftest import RunBridge
from tests.bridge.portals import FakePortal, post_form
from tests.ports import unused_port

pytestmark = pytest.mark.anyio

FORGED = "\x1b[31mred\n2026-01-01 Installed on bank.example."


@dataclass
class Seen:
    """A bridge in a process of its own, what it counts and what it logs."""

    bridge: Bridge
    metrics: str
    output: Path
    before: dict[str, float]

    async def counted(self, name: str, times: int = 1) -> None:
        """Check that the count of this name has grown since the last call."""
        now = await self.scrape()
        assert now.get(name, 0) - self.before.get(name, 0) == times, name
        self.before = now

    async def scrape(self) -> dict[str, float]:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            text = (await http.get(self.metrics)).text
        rows = [line.rpartition(" ") for line in text.splitlines() if line[0] != "#"]
        return {name: float(value) for name, _, value in rows}

    def log(self) -> list[str]:
        return re.findall(r"^\d{4}-\S+ \S+ (.*)$", self.output.read_text(), re.MULTILINE)


@pytest.fixture
def seen(portal: FakePortal, tmp_path: Path) -> Iterator[Seen]:
    address = f"127.0.0.1:{unused_port()}"
    settings = commands.environment(
        tmp_path,
        portal.cloud.oauth_server,
        BRIDGE_PORTALS=portal.member_id,
        BRIDGE_TOKENS="6:0.01",
        BRIDGE_METRICS=address,
        BRIDGE_ASK="3",
    )
    output = tmp_path / "output"
    with commands.serving(settings, output) as bridge:
        yield Seen(bridge, f"http://{address}/metrics", output, {})


async def test_answers_cards_and_questions_are_counted(
    seen: Seen, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    portal.known_to(seen.bridge)
    webhook = seen.bridge.webhook(portal.member_id)
    assert said(await ask(http, webhook)) == (400, "CARD_NOT_CONNECTED")
    await seen.counted('bridge_answers_total{answer="CARD_NOT_CONNECTED"}')
    assert seen.log() == []  # it is no fault
    async with card(seen.bridge, portal):
        assert said(await ask(http, webhook)) == (200, "connected")
        await seen.counted('bridge_answers_total{answer="200"}')
        assert seen.before["bridge_cards"] == 1
    assert seen.before["bridge_store_up"] == 1
    assert "bridge_question_seconds_count" in seen.before
    assert (await http.get(f"{seen.bridge.url}/metrics")).status_code == 404


async def test_each_kind_of_refusal_is_counted_and_has_a_line(
    seen: Seen, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = seen.bridge
    for _ in range(3):
        body = portal.cloud.portal().install_form("a token", domain=FORGED)
        await post_form(http, f"{bridge.url}/install", body)
    await seen.counted('bridge_refusals_total{kind="install"}', 3)
    assert seen.log() == ["Refused (install, ?): BRIDGE_PORTALS does not name this portal."]

    body = portal.install_form(portal.token(client_id="another"))
    await post_form(http, f"{bridge.url}/install", body)
    await seen.counted('bridge_refusals_total{kind="install"}')
    assert seen.log()[-1] == (
        f"Refused (install, {portal.domain}): The access token is not of this application."
    )

    secret = portal.known_to(bridge)
    body = portal.uninstall_form(application_token="stale")
    assert (await post_form(http, f"{bridge.url}/events/{secret}", body)).status_code == 401
    await seen.counted('bridge_refusals_total{kind="events"}')
    assert seen.log()[-1] == f"Refused (events, {portal.domain}): The application token is stale."

    with pytest.raises(InvalidStatus):
        async with socket(bridge, "https://stranger.example"):
            pass
    await seen.counted('bridge_refusals_total{kind="origin"}')
    assert seen.log()[-1] == (
        "Refused (origin, https://stranger.example): BRIDGE_ORIGINS does not name this origin."
    )

    for code, token, member_id in (
        (4401, secrets.token_hex(24), portal.member_id),
        (4403, portal.token(), FORGED),
    ):
        assert (await refused(bridge, replace(portal, member_id=member_id), token))[0] == code
        await seen.counted(f'bridge_refusals_total{{kind="{code}"}}')
        assert seen.log()[-1].startswith(f"Refused ({code}, ")

    other = portal.cloud.portal()
    assert (await open_widget(http, bridge, opening_form(other, other.token()))).status_code == 401
    await seen.counted('bridge_refusals_total{kind="widget"}')

    while said(await ask_with(http, bridge, secrets.token_hex(24)))[0] != 503:
        pass
    await seen.counted('bridge_refusals_total{kind="503"}')
    assert seen.log()[-1] == "Refused (503): Too many access tokens. Retry later."
    assert "\x1b" not in seen.output.read_text()
    assert len(seen.log()) == 8


async def test_it_lives_but_is_not_ready_without_its_data_or_its_redis(
    run_bridge: RunBridge, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(store="unix:///nowhere", times=QUICK)
    assert (await http.get(f"{bridge.url}/healthz")).text == "ok"
    ready = await http.get(f"{bridge.url}/ready")
    assert (ready.status_code, ready.text) == (503, "BRIDGE_STORE cannot be reached")
    bridge.settings.data.unlink()
    ready = await http.get(f"{bridge.url}/ready")
    assert (ready.status_code, ready.text) == (503, "BRIDGE_DATA: DataError")
    assert (await http.get(f"{bridge.url}/healthz")).text == "ok"
