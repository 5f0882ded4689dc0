"""What the call card does when something happens to its call, and the events it reports."""

import asyncio
import re
from typing import Any

import pytest
from bitrix24_sandbox.card.card import Card, NotNowError
from bitrix24_sandbox.card.events import Turn
from bitrix24_sandbox.portal.state import Portal

CHANGED = "CallCard::EntityChanged"
CLOSING = "CallCard::BeforeClose"
STATE = "CallCard::CallStateChanged"
OWN_ID = re.compile(r"[0-9A-F]+\.\d+\.\d+")


class Watched:
    """A card, and its turns since the last look."""

    def __init__(self, scenario: str = "external", **options: Any) -> None:
        self.portal = Portal(scenario=scenario)
        self.card = Card(self.portal, **options)
        self._turns: list[Turn] = []
        self.card.subscribe(self._turns.append)

    def act(self, *actions: str) -> None:
        for action in actions:
            self.card.act(action)

    def call(self) -> dict[str, Any]:
        assert self.portal.call is not None
        return self.portal.call

    def widget(self) -> str:
        return self.card.widget

    def change(self, **fields: Any) -> None:
        self.portal.set_call({**self.call(), **fields})

    def turns(self) -> list[Turn]:
        turns = list(self._turns)
        self._turns.clear()
        return turns

    def events(self) -> list[tuple[str, Any]]:
        return [(event.name, event.payload) for turn in self.turns() for event in turn.events]

    def closes_in(self) -> Any:
        return self.card.state()["closes_in"]


def entity(call: dict[str, Any]) -> dict[str, Any]:
    """Return the payload of an event that reports this call's entity."""
    return {name: call[name] for name in ("PHONE_NUMBER", "CRM_ENTITY_TYPE", "CRM_ENTITY_ID")}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def ringing(watched: Watched) -> Watched:
    watched.act("close", "ring")
    watched.turns()
    return watched


def test_a_new_sandbox_has_the_card_of_its_call_open(watched: Watched) -> None:
    state = watched.card.state()
    assert state["call"] == watched.portal.call
    assert state["auto_close"] is True
    assert state["closes_in"] is None
    assert state["close_after"] == 65


def test_ringing_begins_a_new_call_and_opens_the_card(watched: Watched) -> None:
    watched.act("close")
    watched.turns()
    watched.act("ring")
    assert watched.call()["CALL_STATE"] == "connecting"
    assert OWN_ID.fullmatch(watched.call()["CALL_ID"])
    (turn,) = watched.turns()
    assert turn.opened
    assert [event.name for event in turn.events] == [CHANGED]


def test_answering_changes_the_state(ringing: Watched) -> None:
    ringing.change(CALL_STATE="connecting")
    assert ringing.events() == []  # it is the same state
    ringing.act("answer")
    assert ringing.call()["CALL_STATE"] == "connected"
    assert ringing.events() == [(STATE, "connected")]


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("callback", {"CALL_DIRECTION": "callback", "CRM_ENTITY_ID": 17}),
        ("transferred-call", {"CALL_DIRECTION": "incomingTransfer", "CRM_ENTITY_ID": 17}),
        ("unbound-call", {"CALL_DIRECTION": "incoming", "CRM_BINDINGS": []}),
        ("unidentified-call", {"PHONE_NUMBER": None, "CRM_ENTITY_TYPE": ""}),
    ],
)
def test_each_kind_of_call(action: str, fields: dict[str, Any], watched: Watched) -> None:
    watched.act("close", action)
    call = watched.call()
    assert {field: call.get(field) for field in fields} == fields
    assert call["CALL_STATE"] == "connecting"


class TestFarEndHangsUp:
    def test_the_card_closes_in_one_turn_with_its_events(self, ringing: Watched) -> None:
        ringing.act("far-end-hangs-up")
        (turn,) = ringing.turns()
        assert turn.closed
        assert [event.name for event in turn.events] == [STATE, CLOSING]
        assert ringing.portal.call is None

    def test_a_finished_comment_lets_the_card_close(self, ringing: Watched) -> None:
        ringing.act("comment", "comment", "far-end-hangs-up")
        assert ringing.portal.call is None

    @pytest.mark.anyio
    @pytest.mark.parametrize("reason", ["auto-close", "comment"])
    async def test_without_auto_close_or_with_a_comment_the_card_stays(self, reason: str) -> None:
        watched = Watched("incoming-bound")
        if reason == "comment":
            watched.act("comment")
            assert watched.card.state()["commenting"] is True
        else:
            watched.card.disable_auto_close()
        watched.turns()
        watched.act("far-end-hangs-up")
        turns = watched.turns()
        assert not any(turn.closed for turn in turns)
        events = [(event.name, event.payload) for turn in turns for event in turn.events]
        assert events == [(STATE, "idle"), (CLOSING, None)]
        assert watched.call()["CALL_STATE"] == "idle"
        assert 64 < watched.closes_in() <= 65
        watched.card.enable_auto_close()
        assert watched.portal.call is None

    @pytest.mark.anyio
    async def test_the_card_closes_when_the_timer_ends(self) -> None:
        watched = Watched(close_after=0.02)
        closed = asyncio.Event()
        watched.card.subscribe(lambda turn: closed.set() if turn.closed else None)
        watched.card.disable_auto_close()
        watched.act("far-end-hangs-up")
        await asyncio.wait_for(closed.wait(), 60)
        assert watched.portal.call is None
        assert watched.closes_in() is None

    @pytest.mark.anyio
    async def test_disabling_auto_close_again_restarts_the_timer(self) -> None:
        watched = Watched(close_after=30)
        watched.card.disable_auto_close()
        watched.act("far-end-hangs-up")
        watched.card.close_after = 50
        watched.card.disable_auto_close()
        assert watched.closes_in() > 45

    @pytest.mark.anyio
    async def test_another_call_in_progress_stops_the_timer(self) -> None:
        watched = Watched("incoming-bound")
        watched.card.disable_auto_close()
        watched.act("far-end-hangs-up")
        watched.change(CALL_STATE="connecting")
        assert watched.closes_in() is None

    @pytest.mark.anyio
    async def test_closing_the_card_stops_the_timer(self) -> None:
        watched = Watched(close_after=0)
        watched.card.disable_auto_close()
        watched.act("far-end-hangs-up", "close", "ring")
        for _ in range(3):
            await asyncio.sleep(0)  # the timer would fire in the next turn of the event loop
        assert watched.portal.call is not None


@pytest.mark.parametrize("action", ["operator-hangs-up", "close"])
def test_the_operator_closes_at_once_even_without_auto_close(watched: Watched, action: str) -> None:
    watched.card.disable_auto_close()
    watched.turns()
    watched.act(action)
    (turn,) = watched.turns()
    assert turn.closed
    assert watched.portal.call is None


def test_auto_close_is_set_for_one_card(watched: Watched) -> None:
    watched.card.disable_auto_close()
    assert watched.card.state()["auto_close"] is False
    watched.card.enable_auto_close()
    assert watched.card.state()["auto_close"] is True
    assert watched.portal.call is not None
    watched.card.disable_auto_close()
    watched.act("close", "ring")
    assert watched.card.state()["auto_close"] is True


class TestExternalCall:
    """A call of another telephony is connected from the start, and to the end."""

    @pytest.fixture
    def external(self, watched: Watched) -> Watched:
        watched.act("close", "external-call")
        watched.turns()
        return watched

    def test_it_is_connected_and_its_end_has_no_event_of_a_state(self, external: Watched) -> None:
        assert external.call()["CALL_ID"].startswith("externalCall.")
        assert external.call()["CALL_STATE"] == "connected"
        assert not {"answer", "external-call"} & set(external.card.actions())
        external.act("far-end-hangs-up")
        assert external.events() == [(CLOSING, None)]
        assert external.portal.call is None

    @pytest.mark.anyio
    async def test_it_stays_connected_while_the_card_waits(self, external: Watched) -> None:
        external.card.disable_auto_close()
        external.turns()
        external.act("far-end-hangs-up")
        assert external.events() == [(CLOSING, None)]
        assert external.call()["CALL_STATE"] == "connected"
        assert external.closes_in() > 60
        assert not {"far-end-hangs-up", "operator-hangs-up"} & set(external.card.actions())

    def test_only_it_can_fail_and_then_the_card_stays_without_a_timer(
        self, external: Watched
    ) -> None:
        external.act("call-fails")
        assert external.events() == []
        assert external.portal.call is not None
        assert external.closes_in() is None
        assert "far-end-hangs-up" not in external.card.actions()
        external.act("close", "ring")
        assert "call-fails" not in external.card.actions()


class TestUnboundOutgoingCall:
    @pytest.fixture
    def dialled(self, watched: Watched) -> Watched:
        watched.act("close")
        watched.turns()
        watched.act("dial")
        return watched

    def test_it_has_no_id_and_is_bound_to_false(self, dialled: Watched) -> None:
        assert dialled.call()["CALL_ID"] == ""
        payload = {
            "PHONE_NUMBER": "+12025550199",
            "CRM_ENTITY_TYPE": False,
            "CRM_ENTITY_ID": False,
        }
        assert dialled.events() == [(CHANGED, payload)]
        assert dialled.card.state()["items"] == []

    def test_it_gets_its_id_in_the_same_card(self, dialled: Watched) -> None:
        dialled.turns()
        dialled.act("answer")
        assert OWN_ID.fullmatch(dialled.call()["CALL_ID"])
        turns = dialled.turns()
        assert not any(turn.opened or turn.closed for turn in turns)
        events = [(event.name, event.payload) for turn in turns for event in turn.events]
        assert events == [(STATE, "connected")]

    def test_binding_it_leaves_the_activity_empty(self, dialled: Watched) -> None:
        dialled.act("bind")
        assert dialled.call()["CRM_ENTITY_TYPE"] == "LEAD"
        assert dialled.call()["CRM_ACTIVITY_ID"] == ""

    def test_another_number_without_an_id_is_another_card(self, dialled: Watched) -> None:
        dialled.turns()
        dialled.change(PHONE_NUMBER="1", CALL_ID="x")
        closed, opened = dialled.turns()
        assert closed.closed
        assert opened.opened


class TestWidget:
    """Whether the card shows the widget, and if not, why."""

    def test_it_is_open_with_the_card(self, watched: Watched) -> None:
        assert watched.widget() == "open"
        watched.act("close")
        assert watched.widget() == "no-call"

    def test_without_the_crm_module_there_is_none(self) -> None:
        assert Watched("no-widget").widget() == "no-layout"

    @pytest.mark.parametrize(
        ("away", "back", "reason"),
        [("fold", "unfold", "folded"), ("other-tab", "widget-tab", "other-tab")],
    )
    def test_it_is_hidden_and_shown_without_an_event(
        self, away: str, back: str, reason: str, watched: Watched
    ) -> None:
        watched.act(away)
        assert watched.widget() == reason
        assert away not in watched.card.actions()
        watched.act(back)
        assert watched.widget() == "open"
        assert watched.events() == []

    def test_without_auto_close_the_card_cannot_be_folded(self, watched: Watched) -> None:
        watched.card.disable_auto_close()
        assert "fold" not in watched.card.actions()

    def test_after_a_reload_the_card_is_folded_with_auto_close(self, watched: Watched) -> None:
        watched.card.disable_auto_close()
        watched.card.fold_after_reload()
        assert watched.widget() == "folded"
        assert watched.card.auto_close is True

    def test_a_call_list_opens_with_its_own_tab(self) -> None:
        watched = Watched("call-list")
        assert watched.widget() == "other-tab"
        watched.act("widget-tab")
        assert watched.widget() == "open"

    def test_the_next_card_shows_it_again(self, watched: Watched) -> None:
        watched.act("other-tab", "fold", "comment")
        first = watched.card.state()["id"]
        watched.act("close", "ring")
        assert watched.widget() == "open"
        assert watched.card.state()["commenting"] is False
        assert watched.card.state()["id"] != first


class TestCallList:
    @pytest.fixture
    def listed(self, watched: Watched) -> Watched:
        watched.act("close", "next-client")
        watched.turns()
        return watched

    def test_it_opens_a_card_with_its_first_client_who_is_not_dialled_yet(
        self, listed: Watched
    ) -> None:
        call = listed.call()
        assert call["CALL_LIST_MODE"] is True
        assert (call["CALL_DIRECTION"], call["CALL_STATE"]) == ("outgoing", "idle")
        assert call["CALL_ID"] == ""
        assert "CRM_ACTIVITY_ID" not in call
        assert listed.card.state()["call_list"] == {"position": 1, "of": 3}

    def test_dialling_keeps_the_client(self, listed: Watched) -> None:
        client = listed.call()
        listed.act("ring")
        dialled = listed.call()
        assert dialled["CALL_ID"] != ""
        assert dialled == {**client, "CALL_ID": dialled["CALL_ID"], "CALL_STATE": "connecting"}
        assert listed.events() == [(STATE, "connecting")]

    def test_the_next_client_is_loaded_into_the_same_card(self, listed: Watched) -> None:
        first = listed.call()
        listed.act("ring", "answer")
        listed.turns()
        listed.act("next-client")
        second = listed.call()
        assert second["PHONE_NUMBER"] != first["PHONE_NUMBER"]
        turns = listed.turns()
        assert not any(turn.opened or turn.closed for turn in turns)
        events = [(event.name, event.payload) for turn in turns for event in turn.events]
        assert events == [(STATE, "idle"), (CHANGED, entity(second))]

    @pytest.mark.parametrize("action", ["far-end-hangs-up", "operator-hangs-up"])
    def test_the_card_stays_when_the_call_ends(self, listed: Watched, action: str) -> None:
        listed.act("ring", "answer")
        assert "close" not in listed.card.actions()
        listed.turns()
        listed.act(action)
        assert listed.events() == [(STATE, "idle")]
        assert listed.closes_in() is None
        assert "close" in listed.card.actions()

    def test_it_has_an_end(self, listed: Watched) -> None:
        listed.act("next-client", "next-client")
        with pytest.raises(NotNowError):
            listed.act("next-client")


class TestData:
    def test_binding_makes_the_item_the_call_s_entity(self, watched: Watched) -> None:
        before = watched.call()
        watched.act("bind")
        after = watched.call()
        bound = {"ENTITY_TYPE": after["CRM_ENTITY_TYPE"], "ENTITY_ID": after["CRM_ENTITY_ID"]}
        assert after["CRM_BINDINGS"] == [*before["CRM_BINDINGS"], bound]
        assert watched.events() == [(CHANGED, entity(after))]

    def test_binding_ends_when_every_item_is_bound(self, watched: Watched) -> None:
        for _ in range(10):
            if "bind" in watched.card.actions():
                watched.act("bind")
        bound = [(b["ENTITY_TYPE"], b["ENTITY_ID"]) for b in watched.call()["CRM_BINDINGS"]]
        assert len(bound) == len(set(bound)) == 7
        assert "bind" not in watched.card.actions()

    def test_a_binding_alone_is_crm_data_as_well(self, watched: Watched) -> None:
        bindings = [*watched.call()["CRM_BINDINGS"], {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 90}]
        watched.change(CRM_BINDINGS=bindings)
        assert [name for name, _ in watched.events()] == [CHANGED]

    def test_the_activity_and_the_number_are_switched_without_an_event(
        self, watched: Watched
    ) -> None:
        before = watched.call()
        watched.act("no-activity", "hidden-number")
        assert "CRM_ACTIVITY_ID" not in watched.call()
        assert watched.call()["PHONE_NUMBER"] == "hidden"
        watched.act("no-activity", "hidden-number")
        assert watched.call() == before
        assert watched.events() == []

    def test_an_event_reports_a_missing_number_as_unknown(self, watched: Watched) -> None:
        call = dict(watched.call())
        del call["PHONE_NUMBER"]
        watched.portal.set_call({**call, "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": 9})
        payload = {"PHONE_NUMBER": "unknown", "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": 9}
        assert watched.events() == [(CHANGED, payload)]


class TestOneState:
    """The card follows the portal's call, whatever changes it."""

    def test_another_call_has_another_card(self, watched: Watched) -> None:
        watched.change(CALL_ID="externalCall.other")
        closed, opened = watched.turns()
        assert closed.closed
        assert opened.opened

    def test_the_end_of_the_call_closes_the_card(self, watched: Watched) -> None:
        watched.portal.end_call()
        (turn,) = watched.turns()
        assert turn.closed
        assert watched.card.state()["call"] is None

    def test_a_reset_opens_a_new_card_even_for_the_same_call(self, watched: Watched) -> None:
        watched.card.disable_auto_close()
        watched.turns()
        watched.portal.reset()
        closed, opened = watched.turns()
        assert closed.closed
        assert opened.opened
        assert watched.card.state()["auto_close"] is True


class TestActions:
    @pytest.mark.parametrize(
        ("state", "more"),
        [
            ("connecting", {"answer", "far-end-hangs-up", "operator-hangs-up"}),
            ("connected", {"far-end-hangs-up", "operator-hangs-up"}),
            ("idle", set()),
        ],
    )
    def test_the_possible_ones(self, state: str, more: set[str]) -> None:
        watched = Watched("incoming-bound")
        watched.change(CALL_STATE=state)
        always = {"bind", "close", "comment", "fold", "hidden-number", "no-activity", "other-tab"}
        assert set(watched.card.actions()) == always | more

    def test_without_a_call_only_a_new_one_is_possible(self, watched: Watched) -> None:
        watched.act("close")
        assert set(watched.card.actions()) == {
            *("ring", "dial", "callback", "transferred-call", "unbound-call"),
            *("unidentified-call", "external-call", "next-client"),
        }
