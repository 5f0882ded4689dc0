"""What the bridge answers to the question which call is on a user's screen."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from bitrix24_bridge.connections import Connection

from tests.bridge.bridges import GET_STATUS, Bridge
from tests.bridge.cards import (
    NOT_CONNECTED,
    about,
    ask,
    ask_with,
    card,
    new_sid,
    said,
    status,
    until,
)
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
        assert 0 <= float(answer.headers["bridge-age"]) < 5
        assert answer.headers["cache-control"] == "no-store"
        assert connected.questions <= 2


async def test_a_backend_asks_with_an_access_token_as_well(
    bridge: Bridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal, user_id=7):
        assert said(await ask_with(http, bridge, portal.token(7))) == (200, "connected")
        query = {"auth": portal.token(7)}
        url = f"{bridge.url}/rest/placement.call.json"
        assert said(await http.post(url, params=query, json=GET_STATUS)) == (200, "connected")
        assert said(await ask_with(http, bridge, portal.token(8))) == NOT_CONNECTED


async def test_of_several_tokens_and_a_secret_the_first_in_the_portals_order_decides(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    seven, eight = portal.token(7), portal.token(8)
    url, params = f"{bridge.url}/rest/placement.call", {"auth": eight}
    async with card(bridge, portal, user_id=7), card(bridge, portal, status("idle"), user_id=8):

        async def asked(**request: Any) -> Any:
            token = request.pop("bearer", None)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            fields = {**GET_STATUS, **request.pop("fields", {})}
            return said(
                await http.post(request.pop("url", url), json=fields, headers=headers, **request)
            )

        assert await asked(bearer=seven, fields={"auth": eight}) == (200, "connected")
        assert await asked(bearer=seven, url=f"{webhook}placement.call") == (200, "connected")
        assert await asked(fields={"auth": seven, "access_token": eight}) == (200, "connected")
        assert await asked(fields={"access_token": seven}) == (200, "connected")
        assert await asked(fields={"auth": seven}, params=params) == (200, "connected")
        assert await asked(fields={"auth": [], "access_token": seven}) == (200, "connected")
        assert await asked(params=params, url=f"{webhook}placement.call") == (200, "idle")
        no_token = (401, "NO_AUTH_FOUND")
        assert await asked(fields={"auth": "", "access_token": seven}) == no_token
        refused = await asked(fields={"auth": "-"}, url=f"{webhook}placement.call")
        assert refused == (401, "invalid_token")


async def test_the_time_of_an_answer_is_in_whole_seconds_where_a_portal_has_them(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal):
        took = (await ask(http, webhook)).json()["time"]
    assert [type(took[name]) for name in ("start", "processing")] == [int, int]
    assert [type(took[name]) for name in ("finish", "duration")] == [float, float]


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
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=0.05, every=0.1, lease=0.6))
    webhook = bridge.webhook(portal.member_id)
    token, sid = portal.token(), new_sid()
    async with card(bridge, portal, token=token, app_sid=sid) as connected:
        await until(http, webhook, (200, "connected"))
        connected.frozen = True
        begun = time.monotonic()
        ages = []
        async with asyncio.timeout(20):
            while said(answer := await ask(http, webhook))[0] == 200:
                if about(answer)["source"] == "memory":
                    ages.append(float(answer.headers["bridge-age"]))
        taken = time.monotonic() - begun

        assert said(answer) == NOT_CONNECTED
        assert answer.json()["error_description"] == (
            "No card of this user is connected, so nothing is known."
        )
        assert about(answer) == {}
        assert ages
        assert ages == sorted(ages)
        assert max(ages) <= 0.6
        assert taken > 0.5
        assert await connected.closed() == (4408, "the page does not answer")
    async with card(bridge, portal, token=token, app_sid=sid):
        await until(http, webhook, (200, "connected"))


async def test_a_late_answer_updates_the_memory_and_answers_nobody(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=0.3, every=0.05))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"))
        connected.frozen = True
        await connected.asked(connected.questions + 1)
        late = connected.number
        await connected.asked(connected.questions + 1)
        connected.says = status("idle")
        await connected.answer(late)

        answer = await until(http, webhook, (200, "idle"))
        assert about(answer)["source"] == "memory"


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


@pytest.mark.parametrize("number", [-1, "1", None, {}])
async def test_a_wrong_number_answers_nobody(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient, number: object
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=0.2))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal, frozen=True) as connected:
        await connected.send({"answer": number, "status": status("idle")})
        answer = await until(http, webhook, (200, "idle"))
        assert about(answer)["source"] == "memory"


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
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"))
        connected.frozen = True
        asking = asyncio.create_task(ask(http, webhook))
        await connected.asked(connected.questions + 1)
        begun = time.monotonic()
        await connected.socket.close()
        answer = await asking

        assert said(answer) == NOT_CONNECTED
        assert time.monotonic() - begun < PATIENT.ask / 4  # long before a question's bound


# --- no card --------------------------------------------------------------------------------------


# --- the form -------------------------------------------------------------------------------------


async def test_the_same_card_connected_again_replaces_its_former_connection(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    token, sid = portal.token(), new_sid()
    async with card(bridge, portal, token=token, app_sid=sid) as former:
        await until(http, webhook, (200, "connected"))
        async with card(bridge, portal, status("idle"), token=token, app_sid=sid):
            assert await former.closed() == (4409, "the same card has connected again")
            answer = await ask(http, webhook)
            assert said(answer) == (200, "idle")
            assert about(answer) == {"source": "card", "cards": "1"}


# --- two cards ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ("connected", "connecting", "connected"),
        ("connecting", "connected", "connected"),
        ("connecting", "idle", "connecting"),
        ("idle", "connecting", "connecting"),
        ("idle", "connected", "connected"),
        ("connected", "idle", "connected"),
    ],
)
async def test_of_two_cards_the_one_with_the_livelier_call_is_the_answer(
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

        assert said(answer) == (200, shown)
        assert about(answer) == {"source": "card", "cards": "2"}


@pytest.mark.parametrize("state", ["connected", "connecting", "idle"])
async def test_of_two_cards_in_the_same_state_the_one_opened_last_is_the_answer(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient, state: str
) -> None:
    token, sid = portal.token(), new_sid()
    async with AsyncExitStack() as stack:
        first = partial(card, bridge, portal, status(state, CALL_ID="first"), token=token)
        await stack.enter_async_context(first(app_sid=sid))
        await stack.enter_async_context(card(bridge, portal, status(state, CALL_ID="second")))
        await stack.enter_async_context(first(app_sid=sid, age=60))

        answer = await ask(http, webhook)
        assert answer.json()["result"]["CALL_ID"] == "second"  # to connect again is not to open
        assert about(answer) == {"source": "card", "cards": "2"}


async def test_the_last_word_of_a_card_that_does_not_answer_in_time_counts_as_much(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=0.1))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as slow, card(bridge, portal, status("idle")):
        answer = await until(http, webhook, (200, "connected"), (200, "idle"))
        slow.frozen = True
        for _ in range(3):
            answer = await ask(http, webhook)
            assert said(answer) == (200, "connected")
            assert about(answer) == {"source": "memory", "cards": "2"}


# --- events ---------------------------------------------------------------------------------------


# --- values of a call -----------------------------------------------------------------------------


async def test_what_php_writes_for_nothing_arrives_as_the_contract_has_it(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    unbound = status(
        CRM_ENTITY_TYPE=False, CRM_ENTITY_ID=False, CRM_ACTIVITY_ID="", CRM_BINDINGS=[]
    )
    async with card(bridge, portal, unbound):
        result = (await ask(http, webhook)).json()["result"]
    assert (result["CRM_ENTITY_TYPE"], result["CRM_ENTITY_ID"]) == ("", 0)
    assert result["CRM_BINDINGS"] == []
    assert "CRM_ACTIVITY_ID" not in result


async def test_members_and_states_that_the_contract_does_not_list_arrive_as_they_are(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    more = {
        "SINCE_2031": {"a": [1, None, "<b>", "\ud83d", 0.5]},
        "LINE_NAME": "Приёмная \u2028 \ud83d",
    }
    says = status("on hold", **more)
    async with card(bridge, portal, says):
        answer = await ask(http, webhook)
    assert answer.json()["result"] == says
