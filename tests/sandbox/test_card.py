"""What the call card does when something happens to its call, and which events that gives."""

import asyncio
import re
from typing import Any

import pytest
from bitrix24_sandbox.card.card import Card, NotNowError, UnknownActionError
from bitrix24_sandbox.card.events import Turn
from bitrix24_sandbox.portal.state import Portal

CHANGED = "CallCard::EntityChanged"
CLOSING = "CallCard::BeforeClose"
STATE = "CallCard::CallStateChanged"


class Watched:
    """A card with everything it has told since the last look."""

    def __init__(self, scenario: str = "external", **options: Any) -> None:
        self.portal = Portal(scenario=scenario)
        self.card = Card(self.portal, **options)
        self._told: list[Turn] = []
        self.card.subscribe(self._told.append)

    def call(self) -> dict[str, Any]:
        assert self.portal.call is not None
        return self.portal.call

    def widget(self) -> str:
        return self.card.widget

    def told(self) -> list[Turn]:
        told = list(self._told)
        self._told.clear()
        return told

    def events(self) -> list[tuple[str, Any]]:
        return [(event.name, event.payload) for turn in self.told() for event in turn.events]


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def ringing(watched: Watched) -> Watched:
    watched.card.act("close")
    watched.card.act("ring")
    watched.told()
    return watched


def test_a_new_sandbox_has_the_card_of_its_call_open(watched: Watched) -> None:
    state = watched.card.state()
    assert state["call"] == watched.portal.call
    assert state["auto_close"] is True
    assert state["closes_in"] is None
    assert state["close_after"] == 65


def test_the_call_that_rings_is_a_new_one_and_opens_the_card(watched: Watched) -> None:
    old = watched.call()["CALL_ID"]
    watched.card.act("close")
    watched.told()
    watched.card.act("ring")
    assert watched.call()["CALL_STATE"] == "connecting"
    assert re.fullmatch(r"[0-9A-F]+\.\d+\.\d+", watched.call()["CALL_ID"])
    assert watched.call()["CALL_ID"] != old
    (turn,) = watched.told()
    assert turn.opened
    assert [event.name for event in turn.events] == [CHANGED]


def test_answering_is_a_change_of_state(ringing: Watched) -> None:
    ringing.card.act("answer")
    assert ringing.call()["CALL_STATE"] == "connected"
    assert ringing.events() == [(STATE, "connected")]


def test_the_same_state_again_is_no_event(ringing: Watched) -> None:
    ringing.portal.set_call({**ringing.call(), "CALL_STATE": "connecting"})
    assert ringing.events() == []


class TestFarEndHangsUp:
    def test_the_card_closes_in_one_turn_with_its_events(self, ringing: Watched) -> None:
        ringing.card.act("far-end-hangs-up")
        (turn,) = ringing.told()
        assert turn.closed
        assert [event.name for event in turn.events] == [STATE, CLOSING]
        assert ringing.portal.call is None

    def test_with_auto_close_disabled_the_card_says_so_and_stays(self) -> None:
        async def scenario() -> None:
            watched = Watched("incoming-bound")
            watched.card.disable_auto_close()
            watched.told()
            watched.card.act("far-end-hangs-up")
            turns = watched.told()
            assert not any(turn.closed for turn in turns)
            events = [(event.name, event.payload) for turn in turns for event in turn.events]
            assert events == [(STATE, "idle"), (CLOSING, None)]
            assert watched.call()["CALL_STATE"] == "idle"
            assert 64 < watched.card.state()["closes_in"] <= 65

        asyncio.run(scenario())

    def test_a_comment_being_written_keeps_the_card_open_too(self) -> None:
        async def scenario() -> None:
            watched = Watched("incoming-bound")
            watched.card.act("comment")
            assert watched.card.state()["commenting"] is True
            watched.told()
            watched.card.act("far-end-hangs-up")
            assert watched.events() == [(STATE, "idle"), (CLOSING, None)]
            assert watched.card.state()["closes_in"] > 60
            watched.card.enable_auto_close()
            assert watched.portal.call is None

        asyncio.run(scenario())

    def test_a_comment_that_is_done_lets_the_card_close(self, ringing: Watched) -> None:
        ringing.card.act("comment")
        ringing.card.act("comment")
        ringing.card.act("far-end-hangs-up")
        assert ringing.portal.call is None

    def test_another_call_under_way_stops_the_timer(self) -> None:
        async def scenario() -> None:
            watched = Watched("incoming-bound", close_after=0.02)
            watched.card.disable_auto_close()
            watched.card.act("far-end-hangs-up")
            watched.portal.set_call({**watched.call(), "CALL_STATE": "connecting"})
            assert watched.card.state()["closes_in"] is None

        asyncio.run(scenario())

    def test_the_card_closes_when_the_timer_ends(self) -> None:
        async def scenario() -> None:
            watched = Watched(close_after=0.02)
            closed = asyncio.Event()
            watched.card.subscribe(lambda turn: closed.set() if turn.closed else None)
            watched.card.disable_auto_close()
            watched.card.act("far-end-hangs-up")
            await asyncio.wait_for(closed.wait(), 60)
            assert watched.portal.call is None
            assert watched.card.state()["closes_in"] is None

        asyncio.run(scenario())

    def test_disabling_again_restarts_the_timer(self) -> None:
        async def scenario() -> None:
            watched = Watched(close_after=30)
            watched.card.disable_auto_close()
            watched.card.act("far-end-hangs-up")
            watched.card.close_after = 50
            watched.card.disable_auto_close()
            assert watched.card.state()["closes_in"] > 45

        asyncio.run(scenario())

    def test_enabling_while_the_timer_runs_closes_at_once(self) -> None:
        async def scenario() -> None:
            watched = Watched()
            watched.card.disable_auto_close()
            watched.card.act("far-end-hangs-up")
            watched.card.enable_auto_close()
            assert watched.portal.call is None

        asyncio.run(scenario())

    def test_a_timer_does_not_outlive_its_card(self) -> None:
        async def scenario() -> None:
            watched = Watched(close_after=0.02)
            watched.card.disable_auto_close()
            watched.card.act("far-end-hangs-up")
            watched.card.act("close")
            watched.card.act("ring")
            await asyncio.sleep(0.06)  # the only way to see that nothing happens
            assert watched.portal.call is not None

        asyncio.run(scenario())


def test_enabling_while_no_timer_runs_only_sets_the_flag(watched: Watched) -> None:
    watched.card.disable_auto_close()
    assert watched.card.state()["auto_close"] is False
    watched.card.enable_auto_close()
    assert watched.card.state()["auto_close"] is True
    assert watched.portal.call is not None


@pytest.mark.parametrize("action", ["operator-hangs-up", "close"])
def test_the_operator_closes_at_once_whatever_the_flag(watched: Watched, action: str) -> None:
    watched.card.disable_auto_close()
    watched.told()
    watched.card.act(action)
    (turn,) = watched.told()
    assert turn.closed
    assert watched.portal.call is None


def test_the_next_card_starts_with_auto_close_on(watched: Watched) -> None:
    watched.card.disable_auto_close()
    watched.card.act("close")
    watched.card.act("ring")
    assert watched.card.state()["auto_close"] is True


class TestExternalCall:
    """A call of another telephony is connected from the first, and to the end."""

    @pytest.fixture
    def external(self, watched: Watched) -> Watched:
        watched.card.act("close")
        watched.card.act("external-call")
        watched.told()
        return watched

    def test_it_is_connected_from_the_first(self, external: Watched) -> None:
        assert external.call()["CALL_ID"].startswith("externalCall.")
        assert external.call()["CALL_STATE"] == "connected"
        assert "answer" not in external.card.actions()

    def test_its_end_has_no_event_of_a_state(self, external: Watched) -> None:
        external.card.act("far-end-hangs-up")
        assert external.events() == [(CLOSING, None)]
        assert external.portal.call is None

    def test_it_stays_connected_while_the_card_waits(self) -> None:
        async def scenario() -> None:
            watched = Watched()
            watched.card.disable_auto_close()
            watched.told()
            watched.card.act("far-end-hangs-up")
            assert watched.events() == [(CLOSING, None)]
            assert watched.call()["CALL_STATE"] == "connected"
            assert watched.card.state()["closes_in"] > 60
            assert not {"far-end-hangs-up", "operator-hangs-up"} & set(watched.card.actions())

        asyncio.run(scenario())

    def test_after_it_failed_the_card_stays_without_a_timer(self, external: Watched) -> None:
        external.card.act("call-fails")
        assert external.events() == []
        assert external.portal.call is not None
        assert external.card.state()["closes_in"] is None
        assert "far-end-hangs-up" not in external.card.actions()
        external.card.act("close")
        assert external.portal.call is None

    def test_only_an_external_call_fails_so(self, ringing: Watched) -> None:
        assert "call-fails" not in ringing.card.actions()

    def test_a_second_one_is_ignored_while_a_card_is_open(self, external: Watched) -> None:
        assert "external-call" not in external.card.actions()


class TestUnboundOutgoingCall:
    @pytest.fixture
    def dialled(self, watched: Watched) -> Watched:
        watched.card.act("close")
        watched.told()
        watched.card.act("dial")
        return watched

    def test_it_has_no_id_and_is_bound_to_false(self, dialled: Watched) -> None:
        assert dialled.call()["CALL_ID"] == ""
        assert dialled.events() == [
            (
                CHANGED,
                {
                    "PHONE_NUMBER": "+12025550199",
                    "CRM_ENTITY_TYPE": False,
                    "CRM_ENTITY_ID": False,
                },
            )
        ]
        assert dialled.card.state()["items"] == []

    def test_its_id_comes_into_the_same_card(self, dialled: Watched) -> None:
        dialled.told()
        dialled.card.act("answer")
        assert re.fullmatch(r"[0-9A-F]+\.\d+\.\d+", dialled.call()["CALL_ID"])
        turns = dialled.told()
        assert not any(turn.opened or turn.closed for turn in turns)
        events = [(event.name, event.payload) for turn in turns for event in turn.events]
        assert events == [(STATE, "connected")]

    def test_an_entity_that_is_bound_leaves_an_empty_activity(self, dialled: Watched) -> None:
        dialled.card.act("bind")
        assert dialled.call()["CRM_ENTITY_TYPE"] == "LEAD"
        assert dialled.call()["CRM_ACTIVITY_ID"] == ""

    def test_another_number_without_an_id_is_another_card(self, dialled: Watched) -> None:
        dialled.told()
        dialled.portal.set_call({**dialled.call(), "PHONE_NUMBER": "1", "CALL_ID": "x"})
        closed, opened = dialled.told()
        assert closed.closed
        assert opened.opened


class TestWidget:
    """Whether there is a frame for the widget, and if not, why."""

    def test_it_is_open_with_the_card(self, watched: Watched) -> None:
        assert watched.widget() == "open"
        watched.card.act("close")
        assert watched.widget() == "no-call"

    def test_without_a_crm_layout_there_is_none(self) -> None:
        assert Watched("no-widget").widget() == "no-layout"

    def test_a_folded_card_has_none(self, watched: Watched) -> None:
        watched.card.act("fold")
        assert watched.widget() == "folded"
        assert "fold" not in watched.card.actions()
        watched.card.act("unfold")
        assert watched.widget() == "open"
        assert watched.events() == []

    def test_without_auto_close_the_card_cannot_be_folded(self, watched: Watched) -> None:
        watched.card.disable_auto_close()
        assert "fold" not in watched.card.actions()

    def test_after_a_reload_the_card_comes_back_folded(self, watched: Watched) -> None:
        watched.card.disable_auto_close()
        watched.card.come_back()
        assert watched.widget() == "folded"
        assert watched.card.auto_close is True

    def test_a_second_application_takes_the_frame_away(self, watched: Watched) -> None:
        watched.card.act("other-tab")
        assert watched.widget() == "other-tab"
        watched.card.act("widget-tab")
        assert watched.widget() == "open"

    def test_in_a_call_list_another_tab_comes_before_it(self) -> None:
        watched = Watched("call-list")
        assert watched.widget() == "other-tab"
        watched.card.act("widget-tab")
        assert watched.widget() == "open"

    def test_the_next_card_shows_it_again(self, watched: Watched) -> None:
        watched.card.act("other-tab")
        watched.card.act("fold")
        watched.card.act("comment")
        first = watched.card.state()["id"]
        watched.card.act("close")
        watched.card.act("ring")
        assert watched.widget() == "open"
        assert watched.card.state()["commenting"] is False
        assert watched.card.state()["id"] != first


class TestCallList:
    def test_it_opens_a_card_with_its_first_client_who_is_not_dialled_yet(
        self, watched: Watched
    ) -> None:
        watched.card.act("close")
        watched.card.act("next-client")
        call = watched.call()
        assert call["CALL_LIST_MODE"] is True
        assert (call["CALL_DIRECTION"], call["CALL_STATE"]) == ("outgoing", "idle")
        assert call["CALL_ID"] == ""
        assert "CRM_ACTIVITY_ID" not in call
        assert watched.card.state()["call_list"] == {"position": 1, "of": 3}

    def test_the_next_client_comes_into_the_same_card(self, watched: Watched) -> None:
        watched.card.act("close")
        watched.card.act("next-client")
        first = watched.call()
        watched.card.act("ring")
        watched.card.act("answer")
        watched.told()
        watched.card.act("next-client")
        second = watched.call()
        assert second["PHONE_NUMBER"] != first["PHONE_NUMBER"]
        turns = watched.told()
        assert not any(turn.opened or turn.closed for turn in turns)
        events = [(event.name, event.payload) for turn in turns for event in turn.events]
        assert events == [
            (STATE, "idle"),
            (
                CHANGED,
                {
                    "PHONE_NUMBER": second["PHONE_NUMBER"],
                    "CRM_ENTITY_TYPE": second["CRM_ENTITY_TYPE"],
                    "CRM_ENTITY_ID": second["CRM_ENTITY_ID"],
                },
            ),
        ]

    def test_dialling_keeps_the_client(self, watched: Watched) -> None:
        watched.card.act("close")
        watched.card.act("next-client")
        client = watched.call()
        watched.told()
        watched.card.act("ring")
        dialled = watched.call()
        assert dialled["CALL_ID"] != ""
        assert dialled == {**client, "CALL_ID": dialled["CALL_ID"], "CALL_STATE": "connecting"}
        assert watched.events() == [(STATE, "connecting")]

    @pytest.mark.parametrize("action", ["far-end-hangs-up", "operator-hangs-up"])
    def test_the_card_stays_when_the_call_ends(self, watched: Watched, action: str) -> None:
        for step in ("close", "next-client", "ring", "answer"):
            watched.card.act(step)
        assert "close" not in watched.card.actions()
        watched.told()
        watched.card.act(action)
        assert watched.events() == [(STATE, "idle")]
        assert watched.card.state()["closes_in"] is None
        assert "close" in watched.card.actions()

    def test_it_has_an_end(self, watched: Watched) -> None:
        watched.card.act("close")
        for _ in range(3):
            watched.card.act("next-client")
        assert "next-client" not in watched.card.actions()
        with pytest.raises(NotNowError):
            watched.card.act("next-client")


class TestData:
    def test_binding_makes_the_item_the_entity_of_the_call(self, watched: Watched) -> None:
        before = watched.call()
        watched.card.act("bind")
        after = watched.call()
        entity = {"ENTITY_TYPE": after["CRM_ENTITY_TYPE"], "ENTITY_ID": after["CRM_ENTITY_ID"]}
        assert after["CRM_BINDINGS"] == [*before["CRM_BINDINGS"], entity]
        assert watched.events() == [
            (
                CHANGED,
                {
                    "PHONE_NUMBER": before["PHONE_NUMBER"],
                    "CRM_ENTITY_TYPE": after["CRM_ENTITY_TYPE"],
                    "CRM_ENTITY_ID": after["CRM_ENTITY_ID"],
                },
            )
        ]

    def test_binding_ends_when_everything_is_bound(self, watched: Watched) -> None:
        for _ in range(10):
            if "bind" in watched.card.actions():
                watched.card.act("bind")
        bound = [(b["ENTITY_TYPE"], b["ENTITY_ID"]) for b in watched.call()["CRM_BINDINGS"]]
        assert len(bound) == len(set(bound)) == 7
        assert "bind" not in watched.card.actions()

    def test_a_binding_from_outside_is_crm_data_as_well(self, watched: Watched) -> None:
        call = watched.call()
        bindings = [*call["CRM_BINDINGS"], {"ENTITY_TYPE": "DEAL", "ENTITY_ID": 90}]
        watched.portal.set_call(call | {"CRM_BINDINGS": bindings})
        assert [name for name, _ in watched.events()] == [CHANGED]

    def test_no_activity_comes_and_goes_without_an_event(self, watched: Watched) -> None:
        watched.card.act("no-activity")
        assert "CRM_ACTIVITY_ID" not in watched.call()
        watched.card.act("no-activity")
        assert isinstance(watched.call()["CRM_ACTIVITY_ID"], int)
        assert watched.events() == []

    def test_a_hidden_number_is_shown_again_by_the_same_action(self, watched: Watched) -> None:
        number = watched.call()["PHONE_NUMBER"]
        watched.card.act("hidden-number")
        assert watched.call()["PHONE_NUMBER"] == "hidden"
        watched.card.act("hidden-number")
        assert watched.call()["PHONE_NUMBER"] == number
        assert watched.events() == []

    def test_an_event_calls_a_missing_number_unknown(self, watched: Watched) -> None:
        call = dict(watched.call())
        del call["PHONE_NUMBER"]
        watched.portal.set_call({**call, "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": 9})
        assert watched.events() == [
            (CHANGED, {"PHONE_NUMBER": "unknown", "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": 9})
        ]


class TestOneState:
    def test_another_call_from_outside_gets_a_card_of_its_own(self, watched: Watched) -> None:
        watched.portal.set_call({**watched.call(), "CALL_ID": "externalCall.other"})
        closed, opened = watched.told()
        assert closed.closed
        assert opened.opened

    def test_the_end_of_the_call_from_outside_closes_the_card(self, watched: Watched) -> None:
        watched.portal.end_call()
        (turn,) = watched.told()
        assert turn.closed
        assert watched.card.state()["call"] is None

    def test_a_reset_opens_a_new_card_even_for_the_same_call(self, watched: Watched) -> None:
        watched.card.disable_auto_close()
        watched.told()
        watched.portal.reset()
        closed, opened = watched.told()
        assert closed.closed
        assert opened.opened
        assert watched.card.state()["auto_close"] is True

    def test_a_listener_that_has_left_is_not_called(self, watched: Watched) -> None:
        told: list[Turn] = []
        leave = watched.card.subscribe(told.append)
        leave()
        watched.card.act("close")
        assert told == []


@pytest.mark.parametrize(
    ("state", "more"),
    [
        ("connecting", {"answer", "far-end-hangs-up", "operator-hangs-up"}),
        ("connected", {"far-end-hangs-up", "operator-hangs-up"}),
        ("idle", set()),
    ],
)
def test_only_what_makes_sense_is_possible(state: str, more: set[str]) -> None:
    watched = Watched("incoming-bound")
    watched.portal.set_call({**watched.call(), "CALL_STATE": state})
    always = {"bind", "close", "comment", "fold", "hidden-number", "no-activity", "other-tab"}
    assert set(watched.card.actions()) == always | more


def test_without_a_call_one_can_only_begin(watched: Watched) -> None:
    watched.card.act("close")
    assert set(watched.card.actions()) == {
        "ring",
        "dial",
        "callback",
        "transferred-call",
        "unbound-call",
        "unidentified-call",
        "external-call",
        "next-client",
    }


def test_what_makes_no_sense_says_what_does(ringing: Watched) -> None:
    with pytest.raises(NotNowError, match=r"'ring' makes no sense now.*answer, bind, close"):
        ringing.card.act("ring")


def test_an_unknown_action_says_which_there_are(watched: Watched) -> None:
    with pytest.raises(UnknownActionError, match="no action 'sing': use ring, dial"):
        watched.card.act("sing")
