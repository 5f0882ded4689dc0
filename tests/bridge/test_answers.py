"""What the bridge answers to the question which call is on a user's screen."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest
from bitrix24_bridge.connections import Connection

from tests.bridge.bridges import GET_STATUS, Bridge
from tests.bridge.cards import (
    about,
    ask,
    ask_with,
    card,
    new_sid,
    open_widget,
    opening_form,
    said,
    status,
    until,
)
from tests.bridge.conftest import PATIENT, RunBridge
from tests.bridge.portals import FakePortal, post_form

pytestmark = pytest.mark.anyio

NO_CALL = (400, "ERROR_CORE")
HEARD_OF = (500, "ERROR_UNEXPECTED_ANSWER")


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
        assert said(await ask_with(http, bridge, portal.token(8))) == NO_CALL


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


async def test_a_word_that_is_not_fresh_any_more_is_asked_for(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, fresh=0.05))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"))
        await asyncio.sleep(0.06)  # the age that it is about
        answer = await ask(http, webhook)
        assert about(answer) == {"source": "card", "cards": "1"}
        assert connected.questions >= 2


async def test_with_a_freshness_of_0_each_request_asks(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal) as connected:
        for number in range(5):
            assert about(await ask(http, webhook))["source"] == "card"
            assert connected.questions >= number + 1
        assert connected.questions >= 5


async def test_a_card_that_does_not_answer_in_time_is_remembered_until_its_lease_runs_out(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=0.05, every=0.1, lease=0.6))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"))
        connected.frozen = True
        begun = time.monotonic()
        ages = []
        async with asyncio.timeout(20):
            while said(answer := await ask(http, webhook))[0] == 200:
                if about(answer)["source"] == "memory":
                    ages.append(float(answer.headers["bridge-age"]))
        taken = time.monotonic() - begun

        assert said(answer) == HEARD_OF
        assert answer.json()["error_description"] == (
            "A call was heard of, but no card is connected"
        )
        assert about(answer) == {}
        assert ages
        assert ages == sorted(ages)
        assert max(ages) <= 0.6
        assert taken > 0.5

        connected.frozen = False  # and once it answers again, it counts as connected
        answer = await until(http, webhook, (200, "connected"))


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
    answered = Connection.answered

    async def counted(self: Connection) -> bool:
        nonlocal waiting
        waiting += 1
        return await answered(self)

    monkeypatch.setattr(Connection, "answered", counted)
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

        assert said(answer) == HEARD_OF
        assert time.monotonic() - begun < PATIENT.ask / 4  # long before a question's bound


# --- no card --------------------------------------------------------------------------------------


async def test_of_whom_nothing_was_heard_there_is_no_call(
    webhook: str, http: httpx.AsyncClient
) -> None:
    answer = await ask(http, webhook)
    assert said(answer) == NO_CALL
    assert answer.json() == {"error": "ERROR_CORE", "error_description": "Call is not found"}
    assert about(answer) == {}


async def test_a_card_that_closed_during_a_call_leaves_one_that_was_heard_of_then_none(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, heard=1))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal):
        await until(http, webhook, (200, "connected"))
    answer = await until(http, webhook, HEARD_OF)
    assert answer.json() == {
        "error": "ERROR_UNEXPECTED_ANSWER",
        "error_description": "A call was heard of, but no card is connected",
    }
    await until(http, webhook, NO_CALL)


async def test_a_card_that_closed_idle_leaves_no_call(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    async with card(bridge, portal) as connected:
        await until(http, webhook, (200, "connected"))
        await connected.change(status("idle"))
        await until(http, webhook, (200, "idle"))
    await until(http, webhook, NO_CALL)


async def test_after_a_start_nobody_is_known_to_have_no_call_for_a_time(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, start=1))
    webhook = bridge.webhook(portal.member_id)
    assert said(await ask(http, webhook)) == HEARD_OF
    async with card(bridge, portal, status("idle")):
        assert said(await ask(http, webhook)) == (200, "idle")
    await until(http, webhook, NO_CALL)


# --- the form -------------------------------------------------------------------------------------


async def test_the_form_that_opens_the_widget_is_an_answer_before_any_script_runs(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    form = opening_form(portal, portal.token(), status("connecting"))
    assert (await open_widget(http, bridge, form)).status_code == 200

    answer = await ask(http, webhook)
    assert answer.json()["result"] == status("connecting")
    assert about(answer) == {"source": "memory", "cards": "1"}


async def test_the_form_counts_for_its_time_and_then_the_call_was_heard_of(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, form=0.5))
    webhook = bridge.webhook(portal.member_id)
    await open_widget(http, bridge, opening_form(portal, portal.token()))
    assert said(await ask(http, webhook)) == (200, "connected")
    await until(http, webhook, HEARD_OF)


async def test_a_form_posted_again_replaces_the_connection_and_opens_no_second_card(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient
) -> None:
    token, sid = portal.token(), new_sid()
    form = opening_form(portal, token, query={"APP_SID": sid})
    await open_widget(http, bridge, form)
    async with card(bridge, portal, token=token, app_sid=sid) as connected:
        assert about(await until(http, webhook, (200, "connected")))["cards"] == "1"
        assert (await open_widget(http, bridge, form)).status_code == 200

        assert (await connected.closed())[0] == 4409
        assert about(await ask(http, webhook)) == {"source": "memory", "cards": "1"}
        async with card(bridge, portal, token=token, app_sid=sid):
            assert about(await ask(http, webhook)) == {"source": "card", "cards": "1"}
    assert portal.cloud.times_asked(token) == 1


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
        first = status(state, CALL_ID="first")
        await stack.enter_async_context(card(bridge, portal, first, token=token, app_sid=sid))
        await stack.enter_async_context(card(bridge, portal, status(state, CALL_ID="second")))
        await stack.enter_async_context(card(bridge, portal, first, token=token, app_sid=sid))

        answer = await ask(http, webhook)
        assert answer.json()["result"]["CALL_ID"] == "second"  # to connect again is not to open
        assert about(answer) == {"source": "card", "cards": "2"}


async def test_of_two_cards_one_frozen_the_other_is_the_answer(
    run_bridge: RunBridge, portal: FakePortal, http: httpx.AsyncClient
) -> None:
    bridge = run_bridge(times=replace(PATIENT, ask=0.3))
    webhook = bridge.webhook(portal.member_id)
    async with card(bridge, portal) as frozen, card(bridge, portal, status("idle")) as other:
        while about(answer := await ask(http, webhook))["cards"] != "2":
            pass
        assert said(answer) == (200, "connected")
        frozen.frozen = True

        answer = await until(http, webhook, (200, "idle"))
        assert about(answer) == {"source": "card", "cards": "2"}

        other.frozen = True  # of two that are remembered, the livelier call again
        answer = await until(http, webhook, (200, "connected"))
        assert about(answer) == {"source": "memory", "cards": "2"}


# --- events ---------------------------------------------------------------------------------------


async def post_event(
    http: httpx.AsyncClient, bridge: Bridge, portal: FakePortal, secret: str, kind: str, **data: str
) -> None:
    body = portal.event_form(f"ONVOXIMPLANTCALL{kind}", data)
    answer = await post_form(http, f"{bridge.url}/events/{secret}", body)
    assert (answer.status_code, answer.json()) == (200, {"result": True})


@pytest.fixture
def events(bridge: Bridge, portal: FakePortal) -> str:
    """The secret in the URL of the portal's events."""
    return portal.known_to(bridge)


async def test_a_start_is_heard_of_and_its_end_ends_it(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient, events: str
) -> None:
    await post_event(http, bridge, portal, events, "START", CALL_ID="a.1", USER_ID="1")
    assert said(await ask(http, webhook)) == HEARD_OF
    await post_event(http, bridge, portal, events, "END", CALL_ID="a.1", PORTAL_USER_ID="1")
    assert said(await ask(http, webhook)) == NO_CALL


async def test_an_end_wins_over_a_start_that_comes_after_it(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient, events: str
) -> None:
    await post_event(http, bridge, portal, events, "END", CALL_ID="a.1", PORTAL_USER_ID="1")
    await post_event(http, bridge, portal, events, "START", CALL_ID="a.1", USER_ID="1")
    assert said(await ask(http, webhook)) == NO_CALL
    await post_event(http, bridge, portal, events, "START", CALL_ID="a.2", USER_ID="1")
    assert said(await ask(http, webhook)) == HEARD_OF


async def test_a_card_that_is_open_after_the_end_is_still_the_answer_and_says_that_it_ended(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient, events: str
) -> None:
    async with card(bridge, portal, status(CALL_ID="a.1")):
        await until(http, webhook, (200, "connected"))
        await post_event(http, bridge, portal, events, "END", CALL_ID="a.1", PORTAL_USER_ID="1")
        answer = await ask(http, webhook)
        assert said(answer) == (200, "connected")
        assert about(answer) == {"source": "card", "cards": "1", "call-ended": "true"}
    await until(http, webhook, NO_CALL)


async def test_an_end_at_a_transfer_is_that_of_whoever_has_the_call(
    bridge: Bridge, portal: FakePortal, webhook: str, http: httpx.AsyncClient, events: str
) -> None:
    async with card(bridge, portal, status(CALL_ID="a.1")):
        await until(http, webhook, (200, "connected"))
    await until(http, webhook, HEARD_OF)
    await post_event(http, bridge, portal, events, "END", CALL_ID="a.1", PORTAL_USER_ID="2")
    assert said(await ask(http, webhook)) == NO_CALL


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
