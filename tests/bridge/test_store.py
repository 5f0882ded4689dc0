"""What any store of the bridge remembers of cards, calls and requests, and for how long."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from bitrix24_bridge.errors import BridgeError
from bitrix24_bridge.settings import Rate, Times
from bitrix24_bridge.store import Card, TooManyCardsError, User, Word
from bitrix24_call_card.models import CallStatus

from tests.bridge.stores import KNOWING, Tried
from tests.data import CALL

pytestmark = pytest.mark.anyio

ANN = User("portal-a", "1")
BOB = User("portal-a", "2")
ZOE = User("portal-z", "1")

X, Y = "externalCall.x", "externalCall.y"


def word(call_id: str = X, state: str = "connected", **more: Any) -> Word:
    return Word.of(CallStatus.from_dict({**CALL, "CALL_ID": call_id, "CALL_STATE": state, **more}))


def owner_of(card: Card) -> str:
    """Give the owner's name, without where it is."""
    return card.owner.rpartition("/")[2]


async def cards(tried: Tried, user: User = ANN) -> dict[str, Card]:
    return {card.id: card for card in (await tried.store.situation(user)).cards}


async def heard(tried: Tried, user: User = ANN) -> bool:
    return (await tried.store.situation(user)).heard


# --- cards ----------------------------------------------------------------------------------------


async def test_of_nobody_nothing_is_known(tried: Tried) -> None:
    assert await cards(tried) == {}
    assert not await heard(tried)


async def test_a_card_that_has_not_spoken_counts_as_connected_and_its_call_as_heard_of(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "tab", "socket")

    (card,) = (await cards(tried)).values()
    assert (card.id, owner_of(card), card.word, card.ended) == ("tab", "socket", None, False)
    assert await heard(tried)


async def test_a_card_that_closes_before_it_has_spoken_leaves_a_call_that_was_heard_of(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.close(ANN, "tab", "socket")

    assert await cards(tried) == {}
    assert await heard(tried)


async def test_the_word_is_the_last_one_and_its_age_is_in_seconds(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    assert await tried.store.say(ANN, "tab", "socket", word(state="connecting"))
    await tried.later(3)
    assert await tried.store.say(ANN, "tab", "socket", word(state="connected"))
    await tried.later(2)

    card = (await cards(tried))["tab"]
    assert card.word == word(state="connected")
    assert card.age == pytest.approx(2, abs=0.5)


async def test_the_form_makes_a_connected_card_for_its_time_then_the_call_was_heard_of(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "tab", "form", word())
    await tried.later(tried.times.form * 0.8)
    assert (await cards(tried))["tab"].word == word()

    await tried.later(tried.times.form * 0.4)
    assert await cards(tried) == {}
    assert await heard(tried)


async def test_the_socket_takes_the_card_over_from_the_form_with_its_word(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "form", word())
    await tried.store.claim(ANN, "tab", "socket")

    card = (await cards(tried))["tab"]
    assert (owner_of(card), card.word) == ("socket", word())


async def test_a_card_that_is_silent_for_the_lease_is_not_connected_until_it_speaks(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.say(ANN, "tab", "socket", word())
    await tried.later(tried.times.lease * 0.9)
    assert "tab" in await cards(tried)

    await tried.later(tried.times.lease * 0.2)
    assert await cards(tried) == {}
    assert await heard(tried)

    assert await tried.store.say(ANN, "tab", "socket", word())
    assert "tab" in await cards(tried)


async def test_each_word_begins_the_lease_again(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    for _ in range(3):
        await tried.store.say(ANN, "tab", "socket", word())
        await tried.later(tried.times.lease * 0.8)
    assert "tab" in await cards(tried)


async def test_a_former_owner_says_nothing_for_the_card_and_closes_nothing(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "former")
    await tried.store.say(ANN, "tab", "former", word())
    await tried.store.claim(ANN, "tab", "latter")

    assert not await tried.store.say(ANN, "tab", "former", word(state="idle"))
    await tried.store.close(ANN, "tab", "former")

    card = (await cards(tried))["tab"]
    assert (owner_of(card), card.word) == ("latter", word())
    assert await heard(tried)


async def test_a_closed_card_goes_at_once(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.say(ANN, "tab", "socket", word())
    await tried.store.close(ANN, "tab", "socket")
    assert await cards(tried) == {}


async def test_closing_what_is_not_there_does_nothing(tried: Tried) -> None:
    await tried.store.close(ANN, "tab", "socket")
    assert await cards(tried) == {}
    assert not await heard(tried)


async def test_cards_are_numbered_as_they_open_and_keep_the_number_when_they_connect_again(
    tried: Tried,
) -> None:
    await tried.store.claim(ANN, "first", "1")
    await tried.store.claim(ANN, "second", "2")
    await tried.store.claim(ANN, "first", "3")

    found = await cards(tried)
    assert found["first"].opened < found["second"].opened


async def test_cards_are_of_one_user_of_one_portal(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.say(ANN, "tab", "socket", word())
    for other in (BOB, ZOE):
        assert await cards(tried, other) == {}
        assert not await heard(tried, other)
        await tried.store.close(other, "tab", "socket")
    assert "tab" in await cards(tried)


# --- ten cards ------------------------------------------------------------------------------------


async def ten_cards(tried: Tried) -> None:
    for number in range(10):
        await tried.store.claim(ANN, f"tab {number}", f"socket {number}")
        await tried.store.say(ANN, f"tab {number}", f"socket {number}", word())


async def test_an_eleventh_card_is_refused_but_only_to_this_user(tried: Tried) -> None:
    await ten_cards(tried)

    with pytest.raises(TooManyCardsError) as refused:
        await tried.store.claim(ANN, "one more", "socket")
    assert isinstance(refused.value, BridgeError)
    assert refused.value.envelope["error"] == "QUERY_LIMIT_EXCEEDED"
    with pytest.raises(TooManyCardsError):
        await tried.store.claim(ANN, "one more", "form", word())
    with pytest.raises(TooManyCardsError):
        await tried.store.say(ANN, "one more", "socket", word())

    assert len(await cards(tried)) == 10
    await tried.store.claim(BOB, "tab", "socket")


async def test_one_of_ten_cards_may_connect_again(tried: Tried) -> None:
    await ten_cards(tried)
    await tried.store.claim(ANN, "tab 3", "another socket")
    assert owner_of((await cards(tried))["tab 3"]) == "another socket"


async def test_a_card_that_closes_or_is_silent_makes_room(tried: Tried) -> None:
    await ten_cards(tried)
    await tried.store.close(ANN, "tab 3", "socket 3")
    await tried.store.claim(ANN, "one more", "socket")
    await tried.later(tried.times.lease + 1)
    await tried.store.claim(ANN, "another", "socket")
    assert set(await cards(tried)) == {"another"}


# --- calls that were heard of ---------------------------------------------------------------------


async def spoke_and_closed(tried: Tried, *words: Word, user: User = ANN) -> None:
    await tried.store.claim(user, "tab", "socket")
    for each in words:
        assert await tried.store.say(user, "tab", "socket", each)
    await tried.store.close(user, "tab", "socket")


@pytest.mark.parametrize("state", ["connecting", "connected", "on hold"])
async def test_a_card_that_closes_during_a_call_leaves_one_that_was_heard_of_for_its_time(
    tried: Tried, state: str
) -> None:
    await spoke_and_closed(tried, word(state=state))

    await tried.later(tried.times.heard * 0.9)
    assert await heard(tried)
    await tried.later(tried.times.heard * 0.2)
    assert not await heard(tried)


async def test_a_portal_that_says_no_state_means_a_call_under_way(tried: Tried) -> None:
    before_2026 = {name: value for name, value in CALL.items() if name != "CALL_STATE"}
    await spoke_and_closed(tried, Word.of(CallStatus.from_dict(before_2026)))
    assert await heard(tried)


async def test_a_call_has_ended_if_its_card_was_idle_as_it_closed(tried: Tried) -> None:
    await spoke_and_closed(tried, word(), word(state="idle"))
    assert not await heard(tried)

    await tried.store.start_call(ANN, X)
    assert not await heard(tried)  # the event came late


async def test_an_idle_card_that_goes_on_to_another_call_leaves_that_one(tried: Tried) -> None:
    await spoke_and_closed(tried, word(X), word(X, "idle"), word(Y, "connecting"))
    assert await heard(tried)


async def test_that_a_card_was_idle_as_it_closed_counts_for_its_user_alone(tried: Tried) -> None:
    await spoke_and_closed(tried, word(), user=BOB)
    await spoke_and_closed(tried, word(), word(state="idle"))
    assert not await heard(tried)
    assert await heard(tried, BOB)


async def test_of_two_calls_one_may_go_on(tried: Tried) -> None:
    await spoke_and_closed(tried, word(X), word(Y), word(Y, "idle"))
    assert await heard(tried)
    await tried.store.end_call(ANN, X)
    assert not await heard(tried)


async def test_a_call_that_had_no_id_at_first_has_ended_if_its_card_was_idle_as_it_closed(
    tried: Tried,
) -> None:
    await spoke_and_closed(tried, word("", "connecting"), word(X), word(X, "idle"))
    assert not await heard(tried)


async def test_a_call_that_never_had_an_id_has_ended_if_its_card_was_idle_as_it_closed(
    tried: Tried,
) -> None:
    await spoke_and_closed(tried, word("", "connecting"), word("", "idle"))
    assert not await heard(tried)
    await spoke_and_closed(tried, word("", "connecting"))
    assert await heard(tried)  # the next one is another call


async def test_a_call_without_an_id_ends_with_the_next_end_of_its_user(tried: Tried) -> None:
    await spoke_and_closed(tried, word("", "connecting"))
    await tried.store.end_call(BOB, Y)
    assert await heard(tried)

    await tried.store.end_call(ANN, X)
    assert not await heard(tried)


# --- events of the portal's server ----------------------------------------------------------------


async def test_a_start_makes_a_call_that_was_heard_of_for_its_time_and_no_card(
    tried: Tried,
) -> None:
    await tried.store.start_call(ANN, X)
    assert await cards(tried) == {}
    assert not await heard(tried, BOB)

    await tried.later(tried.times.heard * 0.9)
    assert await heard(tried)
    await tried.later(tried.times.heard * 0.2)
    assert not await heard(tried)


async def test_an_end_ends_the_call_for_all_users_of_the_portal_and_of_no_other(
    tried: Tried,
) -> None:
    for user in (ANN, BOB, ZOE):
        await spoke_and_closed(tried, word(), user=user)

    await tried.store.end_call(BOB, X)  # as after a transfer

    assert not await heard(tried, ANN)
    assert not await heard(tried, BOB)
    assert await heard(tried, ZOE)


async def test_an_end_of_another_call_ends_nothing(tried: Tried) -> None:
    await spoke_and_closed(tried, word(X))
    await tried.store.end_call(ANN, Y)
    assert await heard(tried)


async def test_an_end_that_comes_before_its_start_wins_as_long_as_that_would_count(
    tried: Tried,
) -> None:
    await tried.store.end_call(ANN, X)
    await tried.later(tried.times.heard * 0.8)
    await tried.store.start_call(ANN, X)
    assert not await heard(tried)

    await tried.later(tried.times.heard * 0.4)
    assert not await heard(tried)


async def test_a_card_that_is_still_there_after_the_end_says_so(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.say(ANN, "tab", "socket", word())
    assert not (await cards(tried))["tab"].ended

    await tried.store.end_call(ANN, X)
    assert (await cards(tried))["tab"].ended

    for _ in range(3):
        await tried.later(tried.times.heard * 0.5)  # as long as it likes
        await tried.store.say(ANN, "tab", "socket", word())
        assert (await cards(tried))["tab"].ended
    await tried.store.close(ANN, "tab", "socket")
    assert not await heard(tried)


async def test_the_next_call_in_a_card_has_not_ended(tried: Tried) -> None:
    await tried.store.claim(ANN, "tab", "socket")
    await tried.store.say(ANN, "tab", "socket", word(X))
    await tried.store.end_call(ANN, X)
    await tried.store.say(ANN, "tab", "socket", word(Y))
    assert not (await cards(tried))["tab"].ended


# --- after a start --------------------------------------------------------------------------------


async def test_after_a_start_nobody_is_known_to_have_no_call_for_a_time(
    open_store: Callable[[Times], Tried],
) -> None:
    tried = open_store(replace(KNOWING, start=15))
    assert await heard(tried)
    await tried.later(tried.times.start * 0.8)
    assert await heard(tried)

    await tried.later(tried.times.start * 0.4)
    assert not await heard(tried)


# --- requests -------------------------------------------------------------------------------------


async def test_a_bucket_takes_what_fits_at_once_and_then_what_drains(tried: Tried) -> None:
    rate = Rate(burst=3, a_second=2)

    async def take(times: int) -> list[bool]:
        return [await tried.store.take("192.0.2.1", rate, "token") for _ in range(times)]

    assert await take(5) == [True, True, True, False, False]
    await tried.later(1.2)  # what does not fit fills nothing
    assert await take(3) == [True, True, False]
    await tried.later(60)
    assert await take(4) == [True, True, True, False]


async def test_each_address_has_its_buckets_and_each_kind_of_request(tried: Tried) -> None:
    rate = Rate(burst=1, a_second=0.01)
    assert await tried.store.take("192.0.2.1", rate, "token")
    assert await tried.store.take("192.0.2.2", rate, "token")
    assert await tried.store.take("192.0.2.1", rate, "card")
    assert not await tried.store.take("192.0.2.1", rate, "token")


async def test_a_text_is_kept_under_its_key_for_its_time(tried: Tried) -> None:
    assert await tried.store.recall("key") is None
    await tried.store.keep("key", "text", 60)
    await tried.store.keep("another", "other", 600)
    assert await tried.store.recall("key") == "text"

    await tried.store.keep("key", "newer", 60)
    await tried.later(50)
    assert await tried.store.recall("key") == "newer"
    await tried.later(20)
    assert await tried.store.recall("key") is None
    assert await tried.store.recall("another") == "other"


# --- questions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("answered", [True, False])
async def test_a_question_reaches_the_connection_and_its_answer_comes_back(
    tried: Tried, answered: bool
) -> None:
    asked: list[str] = []

    async def ask_here(owner: str) -> bool:
        asked.append(owner)
        return answered

    at_work = asyncio.create_task(tried.store.run(ask_here))
    await asyncio.sleep(0)
    try:
        await tried.store.claim(ANN, "tab", "socket")
        assert await tried.store.ask(ANN, (await cards(tried))["tab"]) is answered
        assert asked == ["socket"]
    finally:
        at_work.cancel()
        with suppress(asyncio.CancelledError):
            await at_work
