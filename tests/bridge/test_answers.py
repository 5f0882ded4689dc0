"""What the bridge answers to the question which call is on a user's screen."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest
from bitrix24_bridge.connections import Connection

from tests.bridge.bridges import GET_STATUS, Bridge
from tests.bridge.cards import NOT_CONNECTED, about, ask, card, new_sid, said, status, until
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.portals import FakePortal

pytestmark = pytest.mark.anyio


# --- one card -------------------------------------------------------------------------------------


async def test_a_connected_card_is_asked_and_its_answer_is_the_whole_status(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal) as connected:
        answer = await ask(http, webhook)

        assert answer.status_code == 200
        assert answer.json()["result"] == status()
        assert about(answer) == {"source": "card", "cards": "1"}
        assert float(answer.headers["bridge-age"]) >= 0
        assert answer.headers["cache-control"] == "no-store"
        assert connected.questions <= 2
        types = {name: type(value) for name, value in answer.json()["time"].items()}
        # In whole seconds where a portal has them.
        assert (types["start"], types["processing"]) == (int, int)
        assert (types["finish"], types["duration"]) == (float, float)


async def test_of_several_tokens_and_a_secret_the_first_in_the_portals_order_decides(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    seven, of_seven = portal.token(7), (200, "connected")
    eight, of_eight = portal.token(8), (200, "idle")
    oauth, secret = f"{bridge.url}/rest/placement.call", f"{webhook}placement.call"

    async def asked(
        url: str = oauth, bearer: str = "", query: dict[str, str] | None = None, **fields: Any
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        body = {**GET_STATUS, **fields}
        return said(await http.post(url, params=query, json=body, headers=headers))

    async with card(bridge, portal, user_id=7), card(bridge, portal, status("idle"), user_id=8):
        assert await asked(bearer=seven, auth=eight) == of_seven
        assert await asked(secret, bearer=seven) == of_seven
        assert await asked(auth=seven, access_token=eight) == of_seven
        assert await asked(access_token=seven) == of_seven
        assert await asked(query={"auth": eight}, auth=seven) == of_seven
        assert await asked(auth=[], access_token=seven) == of_seven
        assert await asked(secret, query={"auth": eight}) == of_eight
        assert await asked(f"{oauth}.json", query={"auth": eight}) == of_eight
        assert await asked(auth=portal.token(9)) == NOT_CONNECTED
        assert await asked(auth="", access_token=seven) == (401, "NO_AUTH_FOUND")
        assert await asked(secret, auth="-") == (401, "invalid_token")


async def test_a_fresh_word_is_answered_from_memory_and_nobody_is_asked(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, fresh=30))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as connected:
        assert about(await until(http, webhook, (200, "connected")))["cards"] == "1"
        for _ in range(5):
            assert about(await ask(http, webhook)) == {"source": "memory", "cards": "1"}
        await connected.change(status("idle"))
        answer = await until(http, webhook, (200, "idle"))

        assert about(answer) == {"source": "memory", "cards": "1"}
        assert connected.questions == 1  # as it connected


async def test_a_card_that_does_not_answer_in_time_is_remembered_until_its_lease_runs_out(
    run_bridge: RunBridge,
    portal: FakePortal,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def let_pass(seconds: int) -> None:
        now = "bitrix24_bridge.connections._now"
        monkeypatch.setattr(now, lambda: time.monotonic() + seconds)

    bridge = run_bridge(times=replace(PATIENT, ask=0.1, lease=3600))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"), source="card")
        connected.frozen = True
        let_pass(1800)
        answer = await until(http, webhook, (200, "connected"))
        assert about(answer) == {"source": "memory", "cards": "1"}
        assert 1800 <= float(answer.headers["bridge-age"]) <= 3600

        let_pass(3601)
        answer = await ask(http, webhook)
        assert said(answer) == NOT_CONNECTED
        assert answer.json()["error_description"] == (
            "No card of this user is connected, so nothing is known."
        )
        assert about(answer) == {}

        await connected.answer()
        await until(http, webhook, (200, "connected"), NOT_CONNECTED)


@pytest.mark.parametrize("number", ["late", -1, "1", None, {}])
async def test_a_late_answer_or_one_to_no_question_is_remembered_and_answers_nobody(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient, number: object
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=0.3, every=0.05))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"))
        connected.frozen = True
        await connected.asked(connected.questions + 1)
        asking = asyncio.create_task(ask(http, webhook))
        await connected.asked(connected.questions + 2)
        late = connected.number - 1
        answer = {"answer": late if number == "late" else number, "status": status("idle")}
        await connected.send(answer)

        for response in (await asking, await until(http, webhook, (200, "idle"))):
            assert about(response) == {"source": "memory", "cards": "1"}


@pytest.mark.parametrize(
    "says",
    [{}, None, [{"result": "error"}], {"CALL_STATE": "connected", "SINCE_2031": float("nan")}],
)
async def test_a_card_that_says_no_call_stays_connected_and_is_no_answer(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient, says: Any
) -> None:
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"))
        connected.says = says
        assert said(await ask(http, webhook)) == NOT_CONNECTED
        connected.says = status()
        assert said(await ask(http, webhook)) == (200, "connected")
        assert connected.socket.close_code is None


async def test_fifty_requests_at_once_share_one_question(
    bridge: Bridge,
    portal: FakePortal,
    webhook: str,
    http: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting = 0
    asking_one = Connection.ask

    async def counted(self: Connection) -> bool:
        nonlocal waiting
        waiting += 1
        return await asking_one(self)

    monkeypatch.setattr(Connection, "ask", counted)
    async with card(bridge, portal) as connected:
        await ask(http, webhook)
        before, waiting = connected.questions, 0
        connected.frozen = True
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(ask(http, webhook)) for _ in range(50)]
            await connected.asked(before + 1)
            async with asyncio.timeout(20):
                while waiting < 50:
                    await asyncio.sleep(0.005)
            connected.says = status("idle")
            await connected.answer()
        answers = [each.result() for each in asking]

        assert {said(answer) for answer in answers} == {(200, "idle")}
        assert {about(answer)["source"] for answer in answers} == {"card"}
        assert connected.questions == before + 1


async def test_a_card_that_closes_during_the_question_is_not_in_the_answer(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=600))  # longer than a request may take
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"))
        connected.frozen = True
        asking = asyncio.create_task(ask(http, webhook))
        await connected.asked(connected.questions + 1)
        await connected.socket.close()
        assert said(await asking) == NOT_CONNECTED


# --- several cards --------------------------------------------------------------------------------


async def test_the_same_card_connected_again_replaces_its_former_connection_and_is_as_old(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    again: dict[str, Any] = {"app_sid": new_sid(), "age": 60}
    async with (
        card(bridge, portal, **again) as former,
        card(bridge, portal, status(CALL_ID="second")),
        card(bridge, portal, status(CALL_ID="first"), **again),
    ):
        assert await former.closed() == (4409, "the same card has connected again")
        answer = await ask(http, webhook)
        assert answer.json()["result"]["CALL_ID"] == "second"  # to connect again is not to open
        assert about(answer) == {"source": "card", "cards": "2"}


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("connected", "connected", "second"),
        ("connected", "connecting", "first"),
        ("connected", "idle", "first"),
        ("connecting", "connected", "second"),
        ("connecting", "connecting", "second"),
        ("connecting", "idle", "first"),
        ("idle", "connected", "second"),
        ("idle", "connecting", "second"),
        ("idle", "idle", "second"),
    ],
)
async def test_of_two_cards_the_livelier_call_is_the_answer_or_else_the_card_opened_last(
    bridge: Bridge,
    portal: FakePortal,
    webhook: str,
    http: httpx.AsyncClient,
    first: str,
    second: str,
    shown: str,
) -> None:
    async with (
        card(bridge, portal, status(first, CALL_ID="first")),
        card(bridge, portal, status(second, CALL_ID="second")),
    ):
        answer = await ask(http, webhook)
        assert answer.json()["result"]["CALL_ID"] == shown
        assert about(answer) == {"source": "card", "cards": "2"}


async def test_the_last_word_of_a_card_that_does_not_answer_in_time_counts_as_much(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=0.1))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as slow, card(bridge, portal, status("idle")):
        await until(http, webhook, (200, "connected"), (200, "idle"), source="card")
        slow.frozen = True
        for _ in range(3):
            answer = await ask(http, webhook)
            assert said(answer) == (200, "connected")
            assert about(answer) == {"source": "memory", "cards": "2"}


# --- values of a call -----------------------------------------------------------------------------


async def test_values_arrive_as_the_contract_has_them_and_others_as_they_are(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    says = status(
        "on hold",
        LINE_NAME="Приёмная \u2028 \ud83d",
        SINCE_2031={"a": [1, None, "<b>", "\ud83d", 0.5]},
        CRM_ENTITY_TYPE=False,  # as PHP writes an empty value
        CRM_ENTITY_ID=False,
        CRM_ACTIVITY_ID="",
        CRM_BINDINGS=[],
    )
    async with card(bridge, portal, says):
        answer = await ask(http, webhook)
    del says["CRM_ACTIVITY_ID"]
    assert answer.json()["result"] == {**says, "CRM_ENTITY_TYPE": "", "CRM_ENTITY_ID": 0}
